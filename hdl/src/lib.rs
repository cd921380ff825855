//! The ESP engine in rust-hdl, emitted as Verilog.
//!
//! Modules stand in the order in which a packet meets them; docs/engine.md has the picture.

pub mod constant;
pub mod stream;
pub mod records;
pub mod fifo;
pub mod parse;
pub mod events;
pub mod policy;
pub mod tx_sa;
pub mod encap;
pub mod header_builder;
pub mod shift;
pub mod gather;
pub mod append;
pub mod prepend;
pub mod hold;
pub mod sa_cam;
pub mod rx_sa;
pub mod replay;
pub mod gcm;
