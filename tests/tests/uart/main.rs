//! The engine behind a serial line, over nothing but the bits at its pins.
#![allow(clippy::unwrap_used)]

mod blocks;
mod bridge;
mod line;
mod rig;
