//! What goes between the hosts, and is checked byte for byte.

pub mod ping;
pub mod tcp;
