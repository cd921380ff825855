//! The host interface: frames from and to rings in host memory.
//!
//! `espalier_regs::dma` says what the host sees: registers, descriptors, completions. Everything here is in the lanes of AXI: the byte of
//! the lowest address in `data[7:0]`. A *beat* is 16 bytes at an address that is a multiple of 16.
//!
//! ```text
//! m_axi (AR, R) <── read <── tx ring fetch ──descriptor──> tx queue ──frames──> engine ──> wire
//!                       <── rx ring fetch ──descriptor──> rx queue <──frames── rx buffer <── engine <── wire
//! m_axi (AW, W, B) <── write <── rx queue (frames), completion rings, MSI-X messages
//! ```

pub mod axil_split;
pub mod completion_ring;
pub mod control;
pub mod outstanding;
pub mod read;
pub mod records;
pub mod ring_fetch;
pub mod rx;
pub mod tx;
pub mod write;
