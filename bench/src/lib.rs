//! What the Verilated engine takes, in clocks: no wall time, so the same figures on every machine.
//!
//! - [`case`]: what is measured; [`association`]: the SAs and policies of it
//! - [`card`]: an engine under load, every frame compared with the reference model
//! - [`mod@measure`]: clocks a packet, latency; [`row`]: what they mean against 10GbE; [`suite`]: all of them
//! - [`control`]: what SAs and policies cost to install; [`disturbance`]: what that costs the traffic
//! - [`scale`]: builds with more SAs; [`pace`]: latency at the pace of the wire
//! - [`speed`]: the simulation itself, in wall time
//! - [`picture`]: the rows as an SVG

pub mod association;
pub mod card;
pub mod case;
pub mod control;
pub mod disturbance;
mod error;
pub mod measure;
pub mod pace;
pub mod picture;
pub mod row;
pub mod scale;
pub mod speed;
pub mod suite;

pub use error::Error;
pub use row::Row;
