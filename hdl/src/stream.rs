//! The stream that carries a frame between the stages of the engine.
//!
//! Inside the engine a beat holds up to 16 bytes *in network order*: the first byte on the wire is
//! `data[127:120]`, so a header field is one contiguous slice with its own numeric value. The AXI4-Stream
//! lanes (`tdata[7:0]` first) exist only at the top shell, which swaps them.
//!
//! A stream is three signals named `NAME_beat`, `NAME_valid`, `NAME_ready` with the AXI4-Stream rules: a beat moves
//! on a clock edge where `valid` and `ready` are both high, and `valid`, once high, stays with the same beat until then.

use rust_hdl::prelude::*;

/// Bytes in a full beat.
pub const BEAT_BYTES: usize = 16;

/// One beat of a frame or of a payload.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Beat {
    /// The bytes, the first in `data[127:120]`. Bytes past `bytes` are undefined.
    pub data: Bits<128>,
    /// How many bytes count: 16 in every beat but the last, 1 to 16 in the last.
    pub bytes: Bits<5>,
    /// The last beat of the frame.
    pub last: bool,
    /// With `last`: the frame is damaged (MAC error, cut short, too long) and must not be forwarded.
    pub error: bool,
}
