//! What the stages of the TX queue tell each other.

use rust_hdl::prelude::*;

/// What one read brings, or, with `bad`, a segment that is not read.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Piece {
    /// What is read; with `bad`, nothing.
    pub address: Bits<64>,
    /// The frame begins with it, or ends with it.
    pub first: bool,
    pub last: bool,
    /// With `last`: bytes of the last beat that do not count.
    pub unused: Bits<4>,
    /// `m_axis_host_tuser` of the frame's first beat.
    pub user: Bits<16>,
    /// The descriptor is refused for `cause`: the frame ends here, without more data.
    pub bad: bool,
    /// One of `espalier_regs::dma::Fault`, or 0.
    pub cause: Bits<4>,
    /// Index behind its descriptor.
    pub index: Bits<16>,
}

/// A beat of a frame, or, with `silent`, a frame of which nothing leaves.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Item {
    /// The bytes, in the lanes of AXI.
    pub data: Bits<128>,
    /// Bytes that do not count; 0 in every beat but the last.
    pub unused: Bits<4>,
    /// The frame's first beat, its last.
    pub first: bool,
    pub last: bool,
    /// `m_axis_host_tuser`.
    pub user: Bits<16>,
    /// No beat: only an outcome.
    pub silent: bool,
    /// What is to be completed, with `last` or `silent`.
    pub cause: Bits<4>,
    pub index: Bits<16>,
}

/// A frame that has its end, and is to be completed.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Ended {
    /// The engine has it: its status comes.
    pub given: bool,
    /// As in [`Piece`].
    pub cause: Bits<4>,
    pub index: Bits<16>,
}
