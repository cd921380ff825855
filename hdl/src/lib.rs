//! The ESP engine in rust-hdl, emitted as Verilog.
//!
//! Modules stand in the order in which a packet meets them; docs/engine.md has the picture.

pub mod stream;
pub mod records;
