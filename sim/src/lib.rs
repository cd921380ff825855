//! The Verilated engine, with wires, stalls and faults around it.
//!
//! [`Model`] is any rust-hdl block, or any Verilog text, translated by Verilator, compiled and loaded into this process:
//!
//! ```no_run
//! # fn main() -> Result<(), espalier_sim::Error> {
//! # use rust_hdl::prelude::*;
//! # #[derive(LogicBlock, Default)] struct Counter { clock: Signal<In, Clock> }
//! # impl Logic for Counter { fn update(&mut self) {} }
//! use espalier_sim::Model;
//!
//! let mut model = Model::build::<Counter>("counter")?;
//! model.set("enable", true); // by name: fine for most tests
//! model.settle(); // combinational outputs now answer to the inputs
//! assert!(model.get_bool("ready"));
//! model.clock(); // one whole cycle
//! assert_eq!(model.get_u64("count"), 1);
//!
//! let count = model.output("count")?; // by handle: for loops that run millions of clocks
//! let enable = model.input("enable")?;
//! model.write(enable, false);
//! model.clock();
//! assert_eq!(model.read_u64(count), 1);
//! # Ok(()) }
//! ```
//!
//! **A cycle.** Set the inputs, [`Model::settle`] (clock low), sample any output, [`Model::rise`] (clock high: registers
//! take their new values). [`Model::clock`] is `settle` and `rise` in one. Outputs that depend on inputs without a register
//! between them (a `ready`, say) belong to the cycle only between `settle` and `rise`; registered outputs may also be read
//! after `rise`, when they already show the next cycle.
//!
//! **Records.** A rust-hdl struct is a wide port: [`Model::set_record`] writes one, [`record`] gives its bits, [`field`] reads a part
//! of such a value (the derive's `get_my_offset_x()` and `get_my_width_x()` say where).
//!
//! **Streams.** [`stream`] has sources and sinks with random stalls and a protocol checker.
//!
//! **The engine.** [`Nic`] is the engine with a host and a MAC around it (and the driver's `Bus`), [`Pair`] two of them on a wire.
//!
//! **The card as a PCI function.** [`Card`] is the engine with its host interface: [`axi::AxiHost`] takes its accesses to memory, late and out
//! of order if it is told to, and others answer them. [`Host`] answers them from memory of this process, behind an IOMMU, with faults on
//! demand; the driver runs on it as on hardware.
//!
//! **A serial line** at two pins of a model: [`uart::Pins`], the transport of the driver's bus for boards.
//!
//! **Builds** are cached in the workspace's `target/verilated` by content and shared by all test processes; the tools are
//! installed into `target/tools` at first use ([`tools`]).
//!
//! **Traces.** [`Model::trace`] before the first cycle, or `ESPALIER_TRACE=DIRECTORY` in the environment for every model.

pub mod axi;
mod build;
pub mod card;
pub mod chip;
pub mod elaborate;
mod error;
pub mod host;
mod model;
pub mod nic;
pub mod pci;
mod shim;
pub mod stream;
pub mod tools;
pub mod uart;
mod value;
pub mod vfio_user;

pub use card::{Card, CardOptions};
pub use error::Error;
pub use host::Host;
pub use model::{Input, Model, Output};
pub use nic::{Nic, NicStalls, Pair};
pub use value::{Value, field, record};
