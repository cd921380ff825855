//! What the blocks of the host interface tell each other.

use rust_hdl::prelude::*;

/// A read of host memory.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct ReadRequest {
    /// Where it begins, a multiple of 16.
    pub address: Bits<64>,
    /// Beats, 1 to 16. It does not cross a multiple of 256 bytes, so neither one of 4 KiB (AXI4 section A3.4.1).
    pub beats: Bits<5>,
}

/// A beat of what was read.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct ReadBeat {
    /// The bytes.
    pub data: Bits<128>,
    /// The last one of its request.
    pub last: bool,
    /// The host's memory answered with an error; `data` is zero then.
    pub error: bool,
}

/// A write of host memory. Its beats follow in a stream of [`WriteBeat`].
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct WriteRequest {
    /// Where it begins, a multiple of 16.
    pub address: Bits<64>,
    /// Beats, 1 to 16. It does not cross a multiple of 256 bytes.
    pub beats: Bits<5>,
}

/// A beat to be written.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct WriteBeat {
    /// The bytes.
    pub data: Bits<128>,
    /// Which of them are written.
    pub strobes: Bits<16>,
}

/// A descriptor, in the ring's order.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Descriptor {
    /// Words 0 and 1.
    pub address: Bits<64>,
    /// Word 2.
    pub control: Bits<32>,
    /// Word 3.
    pub user: Bits<32>,
    /// Its phase is not that of its index: `espalier_regs::dma::Fault::Phase`. It is the last one then.
    pub wrong_phase: bool,
}

/// A completion; its phase is put in where it is written.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Completion {
    /// Word 0: `m_axis_txstatus_tdata` or `m_axis_host_tuser`.
    pub word: Bits<32>,
    /// Word 1: INDEX.
    pub index: Bits<16>,
    /// Word 2.
    pub control: Bits<32>,
    /// Word 3: CAUSE.
    pub cause: Bits<4>,
}

/// Why a queue stops, beside a one-clock pulse `fault_valid`.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Fault {
    /// One of `espalier_regs::dma::Fault`.
    pub cause: Bits<4>,
    /// Address of the access that failed, or of the buffer that a descriptor names; 0 where there is none.
    pub address: Bits<64>,
}
