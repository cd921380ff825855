//! What runs beside a frame in AXI4-Stream `tuser`, and the word that tells what became of a frame that was to be sent.

use crate::Field;

/// Declares a row of fields.
macro_rules! fields {
    ($( $(#[doc = $doc:literal])+ $name:ident: $lsb:literal, $width:literal; )+) => {
        $(
            $(#[doc = $doc])+
            pub const $name: Field = Field { name: stringify!($name), lsb: $lsb, width: $width, doc: concat!($($doc),+).trim_ascii() };
        )+
        /// All of them, from the lowest bit.
        pub const FIELDS: &[Field] = &[$($name),+];
    };
}

/// One of these words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// Name of the port.
    pub name: &'static str,
    /// Number of bits.
    pub width: u8,
    /// Bit ranges; other bits are 0.
    pub fields: &'static [Field],
    /// One line of documentation.
    pub doc: &'static str,
}

/// All of them.
pub const WORDS: &[Word] = &[
    Word { name: "s_axis_host_tuser", width: 16, fields: tx::FIELDS, doc: "Beside a frame from the host." },
    Word { name: "m_axis_host_tuser", width: 32, fields: rx::FIELDS, doc: "Beside a received frame, the same on each of its beats." },
    Word {
        name: "m_axis_txstatus_tdata",
        width: 32,
        fields: tx_status::FIELDS,
        doc: "What became of a frame from the host: one for each, in order.",
    },
];

/// `s_axis_host_tuser`, 16 bits: a frame from the host.
pub mod tx {
    use super::Field;
    fields! {
        /// With `tlast`: the frame is damaged.
        ERROR: 0, 1;
        /// On the first beat. Crypto offload: the frame is ESP of SA; it is encrypted, and its ICV written, in place.
        CRYPTO: 1, 1;
        /// On the first beat, with CRYPTO: number of the outbound SA.
        SA: 2, 10;
        /// On the first beat, without CRYPTO: the host has found a policy that says protect. If the engine finds none (any more), the
        /// frame is dropped, and counted as without an SA.
        PROTECT: 12, 1;
    }
}

/// `m_axis_host_tuser`, 32 bits, the same on every beat of a frame: a received frame.
pub mod rx {
    use super::Field;
    fields! {
        /// `crypto_status` of include/net/xfrm.h; 0 when the engine did no cryptography.
        STATUS: 0, 8;
        /// Number of the inbound SA, with CRYPTO_DONE.
        SA: 8, 10;
        /// The engine has verified and decrypted (XFRM's CRYPTO_DONE), or has tried to: STATUS tells.
        CRYPTO_DONE: 18, 1;
        /// Crypto offload: the headers stay.
        CRYPTO: 19, 1;
        /// Packet offload: the frame is what was inside.
        PROTECTED: 20, 1;
    }
}

/// `m_axis_txstatus`, 32 bits, one for each frame from the host, in order.
pub mod tx_status {
    use super::Field;
    fields! {
        /// What became of the frame: number of an [`Event`](crate::Event).
        EVENT: 0, 8;
        /// Number of the outbound SA, where one was found.
        SA: 8, 10;
    }
}

/// `crypto_status` of include/net/xfrm.h.
pub mod crypto_status {
    /// Verified.
    pub const SUCCESS: u32 = 1;
    /// The ICV does not fit; the SA is in transport mode.
    pub const TRANSPORT_ESP_AUTH_FAILED: u32 = 8;
    /// The ICV does not fit; the SA is in tunnel mode.
    pub const TUNNEL_ESP_AUTH_FAILED: u32 = 32;
}
