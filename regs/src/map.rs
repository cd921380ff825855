//! The registers: 32 bits each, in a 16-bit address space, little end first where a value needs two.

use crate::event::Event;
use crate::mailbox::{MAIL_WORDS, RESULT_WORDS};
use crate::types::{default_or, registers};

/// Size of the address space in bytes.
pub const SPACE: u32 = 1 << 16;

/// Version of this map: a driver and a device that differ in it do not fit together.
pub const MAJOR: u16 = 0;
/// Version of this map within [`MAJOR`]; until major 1, each minor version stands alone.
pub const MINOR: u16 = 3;

registers! {
    /// "ESPA" in ASCII: here is an Espalier engine.
    MAGIC: magic, 0x0000, Ro, 0x4553_5041 => {}

    /// Version of the register map.
    VERSION: version, 0x0004, Ro, ((MAJOR as u32) << 16) | MINOR as u32 => {
        /// Within the major version.
        MINOR: 0, 16;
        /// Major version.
        MAJOR: 16, 16;
    }

    /// What this build does.
    CAP_FEATURES: cap_features, 0x0010, Ro, 0 => {
        /// ESP transport mode.
        TRANSPORT: 0, 1;
        /// ESP tunnel mode.
        TUNNEL: 1, 1;
        /// IPv4, inside and outside.
        IPV4: 2, 1;
        /// IPv6, inside and outside.
        IPV6: 3, 1;
        /// Extended sequence numbers (RFC 4303 section 2.2.1).
        ESN: 4, 1;
        /// UDP encapsulation (RFC 3948) in transport mode.
        NAT_T_TRANSPORT: 5, 1;
        /// UDP encapsulation (RFC 3948) in tunnel mode.
        NAT_T_TUNNEL: 6, 1;
        /// AES-GCM (RFC 4106) with 128-bit keys.
        AES_128: 8, 1;
        /// AES-GCM with 192-bit keys.
        AES_192: 9, 1;
        /// AES-GCM with 256-bit keys.
        AES_256: 10, 1;
        /// ICV of 8 bytes.
        ICV_8: 16, 1;
        /// ICV of 12 bytes.
        ICV_12: 17, 1;
        /// ICV of 16 bytes.
        ICV_16: 18, 1;
        /// Packet offload: whole packets are encapsulated and decapsulated, and policies decide.
        PACKET_OFFLOAD: 20, 1;
        /// Crypto offload: ESP headers and trailers stay the host's.
        CRYPTO_OFFLOAD: 21, 1;
        /// Limits in packets and bytes, soft and hard.
        LIFETIMES: 22, 1;
        /// The selectors of inbound SAs are compared with what they carry.
        RX_SELECTORS: 23, 1;
        /// Inner DSCP and ECN of received packets (RFC 4301 section 5.1.2).
        DECAP_DSCP_ECN: 24, 1;
        /// Outbound UDP encapsulation over IPv6, with the checksum that RFC 8200 section 8.1 asks for.
        NAT_T_IPV6_OUT: 25, 1;
    }

    /// Size of the SA tables.
    CAP_SAS: cap_sas, 0x0014, Ro, 0 => {
        /// Outbound SAs.
        TX: 0, 16;
        /// Inbound SAs.
        RX: 16, 16;
    }

    /// Size of the policy tables.
    CAP_POLICIES: cap_policies, 0x0018, Ro, 0 => {
        /// Outbound policies.
        TX: 0, 16;
        /// Inbound and forward policies, together.
        RX: 16, 16;
    }

    /// Shape of the SA CAM; it holds WAYS << ROW_BITS entries.
    CAP_CAM: cap_cam, 0x001c, Ro, 0 => {
        /// Places in a row.
        WAYS: 0, 8;
        /// Bits of the row number.
        ROW_BITS: 8, 8;
    }

    /// Anti-replay.
    CAP_REPLAY: cap_replay, 0x0020, Ro, 0 => {
        /// Largest replay window, in packets.
        MAX_WINDOW: 0, 16;
    }

    /// Frames.
    CAP_FRAME: cap_frame, 0x0024, Ro, 0 => {
        /// Longest frame, in bytes from the destination MAC address, FCS left out.
        MAX_BYTES: 0, 16;
    }

    /// Other tables.
    CAP_TABLES: cap_tables, 0x0028, Ro, 0 => {
        /// Local addresses.
        LOCAL: 0, 8;
        /// Events that the queue holds, besides the one that EVENT shows.
        EVENTS: 8, 8;
    }

    /// What the engine may do.
    CONTROL: control, 0x0100, Rw, 0 => {
        /// Frames from the host are taken; while 0 they are held back.
        TX_ENABLE: 0, 1;
        /// Frames from the wire are taken; while 0 they are held back.
        RX_ENABLE: 1, 1;
        /// ESP packets of an SPI without an SA go to the host untouched; while 0 they are dropped and counted.
        RX_PASS_UNKNOWN: 2, 1;
    }

    /// Clears counters.
    COUNTER_CLEAR: counter_clear, 0x0104, Wo, 0 => {
        /// Writing 1 sets every counter to 0, all at the same clock.
        ALL: 0, 1;
    }

    /// Starts a command on the words in MAIL.
    COMMAND: command, 0x0200, Wo, 0 => {
        /// One of the operations of the mailbox.
        OP: 0, 8;
        /// SA or policy number, or CAM row.
        INDEX: 8, 16;
        /// CAM way.
        WAY: 24, 4;
    }

    /// How the last command goes.
    STATUS: status, 0x0204, Ro, 0 => {
        /// The command runs; MAIL and COMMAND must not be written.
        BUSY: 0, 1;
        /// The command has ended, well if ERROR is 0. Cleared by the next command.
        DONE: 1, 1;
        /// Why it failed. A failed command has changed nothing.
        ERROR: 8, 4;
    }

    /// Writes that came while a command ran, and were refused.
    REFUSED: refused, 0x0208, W1c, 0 => {
        /// A write of COMMAND.
        COMMAND: 0, 1;
        /// A write of a MAIL word.
        MAIL: 1, 1;
    }

    /// Answer of the last reading command, low word first; 0 after any other.
    RESULT: result, 0x0210 [RESULT_WORDS as u16; by 4], Ro, 0 => {}

    /// Words of the next command; all zero again when a command has ended. Keys pass through here: there is no way to read them.
    MAIL: mail, 0x0280 [MAIL_WORDS as u16; by 4], Wo, 0 => {}

    /// Oldest event of the queue; 0 when it is empty. Reading it changes nothing.
    EVENT: event, 0x0300, Ro, 0 => {
        /// What happened: one of the events.
        KIND: 0, 4;
        /// Number of the SA.
        SA: 8, 10;
        /// An outbound SA, else an inbound one.
        TX: 30, 1;
        /// There is an event.
        VALID: 31, 1;
    }

    /// Takes the oldest event off the queue.
    EVENT_POP: event_pop, 0x0304, Wo, 0 => {
        /// Writing 1 takes it off; nothing happens to an empty queue.
        POP: 0, 1;
    }

    /// Events that found the queue full.
    EVENT_LOST: event_lost, 0x0308, W1c, 0 => {
        /// At least one event found the queue full and is gone: what it told stands in the SAs (RESULT of READ_TX_SA and READ_RX_SA).
        LOST: 0, 1;
    }

    /// Low half of a counter, in the order of the events. Reading it latches the high half of the same counter.
    COUNTER_LO: counter_lo, 0x0400 [Event::ALL.len() as u16; by 8], Ro, 0 => {}

    /// High half latched by the last read of a COUNTER_LO.
    COUNTER_HI: counter_hi, 0x0404 [Event::ALL.len() as u16; by 8], Ro, 0 => {}
}

/// Addresses are kept for this many counters.
pub const COUNTER_ROOM: usize = 64;
