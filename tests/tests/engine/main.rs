//! The whole Verilated engine, through its registers and streams.

mod clocks;
mod random;
mod rig;
mod traffic;
