//! A PCI device for a virtual machine: serves a [`PciFunction`] over the vfio-user protocol (QEMU, docs/interop/vfio-user.rst).
//!
//! One client at a time, by a UNIX socket. Everything goes by message: register and configuration accesses of the client, and memory
//! accesses of the function (DMA_READ, DMA_WRITE), several at a time, which the client translates and checks as an IOMMU does. The
//! client's accesses are answered whatever accesses of the function are outstanding: a client may well be unable to answer one before.
//!
//! [`Server`] is the loop; it clocks the function while something goes on, and sleeps when the function is at rest. [`message`] is the
//! protocol's messages as types, without any input or output.

mod card;
mod connection;
mod device;
mod function;
mod irqs;
mod maps;
pub mod message;
mod server;
mod socket;
mod transfer;
mod version;

pub use connection::ConnectionError;
pub use function::{Link, LinkError, PciFunction};
pub use server::{Server, ServerError, Settings};
pub use socket::Socket;
pub use version::VersionError;
