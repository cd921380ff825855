//! The ESP engine in rust-hdl, emitted as Verilog.
//!
//! Modules stand in the order in which a packet meets them; docs/engine.md has the picture.

// What everything is made of.
pub mod constant;
pub mod events;
pub mod fifo;
pub mod eager;
pub mod lut_ram;
pub mod many;
pub mod queue;
pub mod ram;
pub mod records;
pub mod shift;
pub mod slice;
pub mod stream;

// The engine and its edge.
pub mod engine;
pub mod shell;

pub mod control;

// Between the engine and the host's memory.
pub mod card;
pub mod dma;

// Between the engine and a serial line.
pub mod uart;

// From the host to the core.
pub mod tx_path;
pub mod parse;
pub mod policy;
pub mod lifetime;
pub mod tx_sa;
pub mod encap;
pub mod lead;
pub mod gather;

pub mod gcm;

// From the core to the wire.
pub mod append;
pub mod header_builder;
pub mod prepend;

// From the wire to the core, and on to the host.
pub mod rx_path;
pub mod sa_cam;
pub mod rx_sa;
pub mod replay;
pub mod rx_check;
pub mod hold;
pub mod rx_failures;
pub mod decap;
pub mod inner_header;
pub mod admit;
