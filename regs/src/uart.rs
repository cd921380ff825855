//! The engine behind a serial line: what a host and `espalier_uart` say to each other.
//!
//! The line is 8N1. Messages stand between bytes [`END`], with `END` and [`ESC`] inside them replaced as RFC 1055 has it; an empty message is none. Behind each
//! message is its CRC-32 (IEEE 802.3, as an FCS: lowest byte first). All other numbers are in network order.
//!
//! - A request: KIND, TAG, HALF (2 bytes), and what the kind has: [`Request`]. TAG is the host's, and comes back.
//! - An answer, one for each request, in order for requests of registers, in order for frames: KIND | [`DONE`], TAG, WORD (4 bytes); or KIND | [`FAILED`], TAG, the code of
//!   AXI4 in WORD.
//! - What the device tells unasked: KIND, 0, WORD: [`Notice`].
//! - A frame: KIND, 0, LENGTH (2), USER (4), FIRST (4), LAST (4), then its bytes: [`Frame`]. FIRST and LAST are the low words of the clock count
//!   when its first beat was offered and its last one taken.
//!
//! The host has at most [`WINDOW`] requests without an answer, and frames of at most [`STORE_BEATS`] beats among them, each counted as [`beats`]: that is all the flow control
//! there is towards the device. It must be ready to read at any time; what it does not read waits in the device, and holds the engine's streams back.

use crate::types::{codes, default_or, registers};

/// Ends a message (RFC 1055).
pub const END: u8 = 0xC0;
/// Stands before [`ESC_END`] or [`ESC_ESC`].
pub const ESC: u8 = 0xDB;
/// Behind [`ESC`]: an [`END`] of the message.
pub const ESC_END: u8 = 0xDC;
/// Behind [`ESC`]: an [`ESC`] of the message.
pub const ESC_ESC: u8 = 0xDD;

/// The generator of the CRC, lowest coefficient in the top bit.
pub const CRC_POLYNOMIAL: u32 = 0xEDB8_8320;
/// What a CRC register holds, before it is inverted, when a message and its CRC have gone through.
pub const CRC_RESIDUE: u32 = 0xDEBB_20E3;

/// In the kind of an answer: it is done.
pub const DONE: u8 = 0x80;
/// In the kind of an answer: it failed.
pub const FAILED: u8 = 0xC0;

/// Requests without an answer.
pub const WINDOW: usize = 16;
/// Beats that frames without an answer may take in the device.
pub const STORE_BEATS: usize = 1000;
/// Bytes in front of a message's data: KIND, TAG, HALF.
pub const REQUEST_HEAD: usize = 4;
/// Bytes in front of a frame that the device tells.
pub const FRAME_HEAD: usize = 16;

/// What a frame takes of [`STORE_BEATS`].
pub const fn beats(bytes: usize) -> usize {
    1 + bytes.div_ceil(16)
}

codes! {
    /// What the host asks for.
    Request {
        /// Register HALF of the engine is read; the answer has its value.
        Read = 1 "READ";
        /// Register HALF of the engine is written: 4 bytes of data.
        Write = 2 "WRITE";
        /// A word of the bridge itself is read: HALF is its offset.
        Look = 3 "LOOK";
        /// Engine and bridge are reset, and everything in them is lost; answers to earlier requests, too.
        Reset = 4 "RESET";
        /// A frame to be sent: s_axis_host, with HALF as its tuser. It is answered when the engine has taken it whole: WORD is the clock count at its first beat.
        HostFrame = 5 "HOST_FRAME";
        /// A frame as from the wire: s_axis_wire, HALF 1 if it is damaged. The answer as for HOST_FRAME.
        WireFrame = 6 "WIRE_FRAME";
    }
}

codes! {
    /// What the device tells unasked, in a word.
    Notice {
        /// m_axis_txstatus: WORD is what became of a frame to be sent.
        TxStatus = 0x13 "TX_STATUS";
        /// The interrupt has changed to WORD.
        Interrupt = 0x14 "INTERRUPT";
        /// Messages were thrown away since the last such notice; the bits of WORD say why.
        Refused = 0x15 "REFUSED";
    }
}

codes! {
    /// Frames that the device tells.
    Frame {
        /// m_axis_host, a received frame; USER is its tuser.
        Host = 0x11 "HOST";
        /// m_axis_wire, a frame sent.
        Wire = 0x12 "WIRE";
    }
}

codes! {
    /// Why messages were thrown away: bit numbers of REFUSED.
    Refusal {
        /// The CRC or a stop bit is wrong, or the message has no whole CRC.
        Damaged = 0 "DAMAGED";
        /// No such kind, or not the length that it has.
        Unknown = 1 "UNKNOWN";
        /// A frame for which there was no room.
        NoRoom = 2 "NO_ROOM";
        /// A request before others were answered, more than there may be.
        Busy = 3 "BUSY";
    }
}

registers! {
    /// Says that this is the bridge.
    MAGIC: magic, 0x0000, Ro, 0x4553_5055 => {}

    /// Version of the messages: a device of another one is refused.
    VERSION: version, 0x0004, Ro, 1 => {}

    /// The engine's clock, in Hz.
    CLOCK: clock, 0x0008, Ro, 0 => {}

    /// Clocks a bit of the line.
    DIVIDER: divider, 0x000c, Ro, 0 => {}

    /// Clocks since the last reset, low half. Reading it latches the high half.
    COUNT_LO: count_lo, 0x0010, Ro, 0 => {}

    /// High half latched by the last read of COUNT_LO.
    COUNT_HI: count_hi, 0x0014, Ro, 0 => {}
}
