//! The admission stage on the Verilated block, against its rules written straight down.
#![allow(clippy::unwrap_used)]

mod bench;
mod block;
mod clocks;
mod frames;
mod model;
mod random;
mod rules;
mod shell;
