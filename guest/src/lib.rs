//! What the guest's tests tell the world outside.

pub mod report;
