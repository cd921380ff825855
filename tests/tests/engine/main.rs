//! The whole Verilated engine, through its registers and streams.

mod clocks;
mod random;
mod reuse;
mod rig;
mod traffic;
