//! The mailbox: what its commands are, what their words hold, how they fail.
//!
//! A command takes its operands from the MAIL words, so: write the words that the command's layout uses (the rest is zero), write
//! COMMAND, poll STATUS until DONE, look at ERROR. All MAIL words are zero again when DONE is set.

use crate::map::{command, status};

/// Words of the staging window.
pub const MAIL_WORDS: usize = 32;

/// Words of the answer of a reading command.
pub const RESULT_WORDS: usize = 10;

/// The staging window before anything is put in.
pub const EMPTY: [u32; MAIL_WORDS] = [0; MAIL_WORDS];

/// A bit range of the MAIL words. Bit 0 is bit 0 of word 0, bit 32 is bit 0 of word 1, and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailField {
    /// Name: that of the record's field in the engine, upper case.
    pub name: &'static str,
    /// Lowest bit.
    pub lsb: u16,
    /// Number of bits: up to 32, or a multiple of 16.
    pub width: u16,
    /// One line of documentation.
    pub doc: &'static str,
}

impl MailField {
    /// The largest value that fits, for fields of up to 128 bits.
    pub const fn max(self) -> u128 {
        if self.width >= 128 { u128::MAX } else { (1 << self.width) - 1 }
    }

    /// Replaces the field by `value`; bits beyond the field are dropped.
    pub const fn put(self, words: &mut [u32; MAIL_WORDS], value: u128) {
        let mut bit = 0;
        while bit < self.width {
            put_bit(words, self.lsb + bit, bit < 128 && (value >> bit) & 1 != 0);
            bit += 1;
        }
    }

    /// Replaces the field by a byte string, left aligned: the first byte in the most significant bits, zero behind the last.
    /// Bytes beyond the field are dropped.
    pub const fn put_bytes(self, words: &mut [u32; MAIL_WORDS], bytes: &[u8]) {
        let mut bit = 0;
        while bit < self.width {
            let from_left = (self.width - 1 - bit) as usize;
            let value = from_left / 8 < bytes.len() && (bytes[from_left / 8] >> (7 - from_left % 8)) & 1 != 0;
            put_bit(words, self.lsb + bit, value);
            bit += 1;
        }
    }

    /// The field's value, or its low 128 bits.
    pub const fn get(self, words: &[u32; MAIL_WORDS]) -> u128 {
        let mut value = 0;
        let mut bit = 0;
        while bit < self.width && bit < 128 {
            let at = self.lsb + bit;
            value |= ((words[at as usize / 32] >> (at % 32)) as u128 & 1) << bit;
            bit += 1;
        }
        value
    }
}

const fn put_bit(words: &mut [u32; MAIL_WORDS], at: u16, value: bool) {
    let mask = 1 << (at % 32);
    let word = &mut words[at as usize / 32];
    *word = if value { *word | mask } else { *word & !mask };
}

/// What the MAIL words of a command hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Name, upper case.
    pub name: &'static str,
    /// Its fields, by position.
    pub fields: &'static [MailField],
    /// One line of documentation.
    pub doc: &'static str,
}

impl Layout {
    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<MailField> {
        self.fields.iter().copied().find(|field| field.name == name)
    }

    /// How many words, from the first, a command of this layout uses.
    pub const fn words(&self) -> usize {
        let last = self.fields[self.fields.len() - 1];
        (last.lsb + last.width).div_ceil(32) as usize
    }
}

/// Declares layouts: a const for each, and a module of consts for its fields. `NAME: module { FIELD: word.bit, width; }`
macro_rules! layouts {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident: $module:ident
        { $( $(#[doc = $field_doc:literal])+ $field:ident: $word:literal, $bit:literal, $width:literal; )+ }
    )+) => {
        $(
            $(#[doc = $doc])+
            pub const $name: Layout = Layout {
                name: stringify!($name),
                fields: &[$($module::$field),+],
                doc: concat!($($doc),+).trim_ascii(),
            };

            #[doc = concat!("Fields of [`", stringify!($name), "`].")]
            pub mod $module {
                $(
                    $(#[doc = $field_doc])+
                    pub const $field: super::MailField = super::MailField {
                        name: stringify!($field),
                        lsb: $word * 32 + $bit,
                        width: $width,
                        doc: concat!($($field_doc),+).trim_ascii(),
                    };
                )+
            }
        )+

        /// Every layout.
        pub const LAYOUTS: &[Layout] = &[$($name),+];
    };
}

// The engine takes KEY, KEY_SIZE, ESN and SEQ of both kinds of SA from the same bits.
layouts! {
    /// An outbound SA.
    TX_SA: tx_sa {
        /// AES key, left aligned.
        KEY: 0, 0, 256;
        /// Salt (RFC 4106 section 4).
        SALT: 8, 0, 32;
        /// Sequence number used last; 0 for a new SA.
        SEQ: 9, 0, 64;
        /// 0: AES-128, 1: AES-192, 2: AES-256.
        KEY_SIZE: 11, 0, 2;
        /// Extended sequence numbers.
        ESN: 11, 2, 1;
        /// Tunnel mode, else transport.
        TUNNEL: 11, 3, 1;
        /// Tunnel mode: the outer header is IPv6.
        OUTER_V6: 11, 4, 1;
        /// UDP encapsulation (RFC 3948).
        ENCAP: 11, 5, 1;
        /// Do not copy the inner DSCP to the outer header.
        DONT_ENCAP_DSCP: 11, 6, 1;
        /// Do not copy the inner ECN field to the outer header.
        NO_ECN: 11, 7, 1;
        /// Never set DF on the outer header.
        NO_PMTU_DISC: 11, 8, 1;
        /// Bytes of ICV: 0: 16, 1: 12, 2: 8.
        ICV: 11, 9, 2;
        /// Crypto offload, else packet offload.
        CRYPTO: 11, 11, 1;
        /// The SA is there already: its sequence number, counts and limits stay, and SEQ is not looked at.
        KEEP: 11, 12, 1;
        /// Tunnel mode: outer TTL or hop limit.
        TTL: 11, 16, 8;
        /// Security parameters index.
        SPI: 12, 0, 32;
        /// Tunnel mode: outer source address; an IPv4 address in the low 32 bits.
        SRC: 13, 0, 128;
        /// Tunnel mode: outer destination address.
        DST: 17, 0, 128;
        /// UDP encapsulation: source port.
        ENCAP_SPORT: 21, 0, 16;
        /// UDP encapsulation: destination port.
        ENCAP_DPORT: 21, 16, 16;
        /// Packet offload: longest ESP payload in bytes, without trailer; a longer one is refused. 0xFFFF: no limit.
        MAX_PAYLOAD: 22, 0, 16;
    }

    /// An inbound SA.
    RX_SA: rx_sa {
        /// AES key, left aligned.
        KEY: 0, 0, 256;
        /// Salt (RFC 4106 section 4).
        SALT: 8, 0, 32;
        /// Highest sequence number received; 0 for a new SA.
        SEQ: 9, 0, 64;
        /// 0: AES-128, 1: AES-192, 2: AES-256.
        KEY_SIZE: 11, 0, 2;
        /// Extended sequence numbers.
        ESN: 11, 2, 1;
        /// Tunnel mode, else transport.
        TUNNEL: 11, 3, 1;
        /// Bytes of ICV: 0: 16, 1: 12, 2: 8.
        ICV: 11, 9, 2;
        /// Crypto offload, else packet offload.
        CRYPTO: 11, 11, 1;
        /// Replay window in packets; 0: no check.
        REPLAY_WINDOW: 11, 16, 13;
        /// Tunnel mode: may carry IPv4.
        INNER_V4: 12, 0, 1;
        /// Tunnel mode: may carry IPv6.
        INNER_V6: 12, 1, 1;
        /// Tunnel mode: do not hand congestion marks inwards.
        NO_ECN: 12, 2, 1;
        /// Tunnel mode: copy the outer DSCP inwards.
        DECAP_DSCP: 12, 3, 1;
    }

    /// Limits of an SA; all ones: none.
    LIMITS: limits {
        /// Packets: the host is told when so many have passed.
        SOFT_PACKETS: 0, 0, 64;
        /// Packets: no more than these pass.
        HARD_PACKETS: 2, 0, 64;
        /// Bytes of ESP payload, without trailer: the host is told when so many have passed.
        SOFT_BYTES: 4, 0, 64;
        /// Bytes of ESP payload, without trailer: nothing passes once these have.
        HARD_BYTES: 6, 0, 64;
    }

    /// What an inbound SA may carry: (VALUE & MASK) equals (packet & MASK) in every field, and the family is the same.
    SELECTOR: selector {
        /// Source address; an IPv4 address in the low 32 bits.
        VALUE_SRC: 0, 0, 128;
        /// Destination address.
        VALUE_DST: 4, 0, 128;
        /// Source port.
        VALUE_SPORT: 8, 0, 16;
        /// Destination port.
        VALUE_DPORT: 8, 16, 16;
        /// Upper protocol.
        VALUE_PROTOCOL: 9, 0, 8;
        /// IPv6, else IPv4.
        VALUE_V6: 9, 8, 1;
        /// The family is not compared.
        ANY_FAMILY: 9, 9, 1;
        /// Mask of the source address.
        MASK_SRC: 10, 0, 128;
        /// Mask of the destination address.
        MASK_DST: 14, 0, 128;
        /// Mask of the source port.
        MASK_SPORT: 18, 0, 16;
        /// Mask of the destination port.
        MASK_DPORT: 18, 16, 16;
        /// Mask of the protocol.
        MASK_PROTOCOL: 19, 0, 8;
    }

    /// Which inbound policies an inbound SA satisfies.
    ACCEPT: accept {
        /// Bit i: the template of inbound policy i fits the SA.
        POLICIES: 0, 0, 64;
    }

    /// An address of this host: packets for it are judged by `in` policies, others by `fwd` ones. Multicast and broadcast count as local, and so does
    /// everything while there is no entry.
    LOCAL: local {
        /// The address; an IPv4 address in the low 32 bits.
        ADDRESS: 0, 0, 128;
        /// It is IPv6.
        V6: 4, 0, 1;
    }

    /// What READ_TX_SA and READ_RX_SA answer: words of RESULT.
    SA_STATE: sa_state {
        /// Sequence number that the SA used last (outbound), or the highest it has accepted (inbound).
        SEQ: 0, 0, 64;
        /// Packets that passed.
        PACKETS: 2, 0, 64;
        /// Their bytes of ESP payload, without trailer.
        BYTES: 4, 0, 64;
        /// The soft limit was reached.
        SOFT: 6, 0, 1;
        /// The hard limit was reached.
        HARD: 6, 1, 1;
        /// Inbound: duplicates.
        REPLAY: 7, 0, 32;
        /// Inbound: packets left of the window.
        REPLAY_WINDOW: 8, 0, 32;
        /// Inbound: packets whose ICV did not fit.
        INTEGRITY_FAILED: 9, 0, 32;
    }

    /// An entry of the SA CAM: what an inbound ESP packet is looked up by (RFC 4301 section 4.1).
    CAM: cam {
        /// Destination address; an IPv4 address in the low 32 bits.
        KEY_DST: 0, 0, 128;
        /// Security parameters index.
        KEY_SPI: 4, 0, 32;
        /// The inbound SA it stands for.
        SA: 5, 0, 10;
        /// Destination is IPv6.
        KEY_V6: 5, 16, 1;
        /// Inside UDP (RFC 3948).
        KEY_ENCAP: 5, 17, 1;
    }

    /// A policy: it matches when (VALUE & MASK) equals (packet & MASK) in every field and the family is the same.
    POLICY: policy {
        /// Source address; an IPv4 address in the low 32 bits.
        VALUE_SRC: 0, 0, 128;
        /// Destination address.
        VALUE_DST: 4, 0, 128;
        /// Source port.
        VALUE_SPORT: 8, 0, 16;
        /// Destination port.
        VALUE_DPORT: 8, 16, 16;
        /// Upper protocol.
        VALUE_PROTOCOL: 9, 0, 8;
        /// IPv6, else IPv4; always compared.
        VALUE_V6: 9, 8, 1;
        /// Inbound table: a `fwd` policy, else an `in` one; always compared. 0 in the outbound table.
        VALUE_FORWARD: 9, 9, 1;
        /// Mask of the source address.
        MASK_SRC: 10, 0, 128;
        /// Mask of the destination address.
        MASK_DST: 14, 0, 128;
        /// Mask of the source port.
        MASK_SPORT: 18, 0, 16;
        /// Mask of the destination port.
        MASK_DPORT: 18, 16, 16;
        /// Mask of the protocol.
        MASK_PROTOCOL: 19, 0, 8;
        /// The lowest of all that match wins: the XFRM priority, above 16 bits for the order of insertion.
        ORDER: 20, 0, 48;
        /// 0: bypass, 1: block, 2: protect.
        ACTION: 22, 0, 2;
        /// Outbound, protect: there is an SA. Without one the packet is dropped.
        SA_VALID: 22, 2, 1;
        /// Inbound, protect: packets without protection pass too (template level `use`).
        OPTIONAL: 22, 3, 1;
        /// Outbound, protect: the SA.
        SA: 22, 16, 10;
    }
}

/// Declares an enum of numbered codes with a name and a documentation line each.
macro_rules! codes {
    ($(#[doc = $enum_doc:literal])+ $enum:ident { $( $(#[doc = $doc:literal])+ $variant:ident = $value:literal $name:literal; )+ }) => {
        $(#[doc = $enum_doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $enum {
            $( $(#[doc = $doc])+ $variant = $value, )+
        }

        impl $enum {
            /// All of them, by value.
            pub const ALL: &'static [$enum] = &[$($enum::$variant),+];

            /// The one of this value.
            pub const fn decode(value: u32) -> Option<$enum> {
                match value { $($value => Some($enum::$variant),)+ _ => None }
            }

            /// Its value.
            pub const fn code(self) -> u32 {
                self as u32
            }

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self { $($enum::$variant => $name),+ }
            }

            /// One line of documentation.
            pub const fn doc(self) -> &'static str {
                match self { $($enum::$variant => concat!($($doc),+).trim_ascii()),+ }
            }
        }
    };
}

codes! {
    /// What a command does.
    Op {
        /// Install outbound SA INDEX, or replace it. The engine computes the hash subkey first.
        TxSaWrite = 1 "TX_SA_WRITE";
        /// Remove outbound SA INDEX; key and everything else in its place become zero.
        TxSaClear = 2 "TX_SA_CLEAR";
        /// Install inbound SA INDEX, or replace it; the place has no valid SA while its replay window is prepared.
        RxSaWrite = 3 "RX_SA_WRITE";
        /// Remove inbound SA INDEX; key and everything else in its place become zero.
        RxSaClear = 4 "RX_SA_CLEAR";
        /// Fill the CAM entry at row INDEX, way WAY.
        CamWrite = 5 "CAM_WRITE";
        /// Empty the CAM entry at row INDEX, way WAY.
        CamClear = 6 "CAM_CLEAR";
        /// Install outbound policy INDEX, or replace it.
        TxPolicyWrite = 7 "TX_POLICY_WRITE";
        /// Remove outbound policy INDEX.
        TxPolicyClear = 8 "TX_POLICY_CLEAR";
        /// RESULT: the state of outbound SA INDEX, as SA_STATE.
        ReadTxSa = 9 "READ_TX_SA";
        /// RESULT: the state of inbound SA INDEX, as SA_STATE.
        ReadRxSa = 10 "READ_RX_SA";
        /// Set the limits of outbound SA INDEX; its counts stay. TX_SA_WRITE without KEEP sets none.
        TxLimitsWrite = 11 "TX_LIMITS_WRITE";
        /// Set the limits of inbound SA INDEX; its counts stay. RX_SA_WRITE sets none.
        RxLimitsWrite = 12 "RX_LIMITS_WRITE";
        /// Set what inbound SA INDEX may carry.
        RxSelectorWrite = 13 "RX_SELECTOR_WRITE";
        /// Set which inbound policies inbound SA INDEX satisfies.
        RxAcceptWrite = 14 "RX_ACCEPT_WRITE";
        /// Install inbound policy INDEX, or replace it.
        RxPolicyWrite = 15 "RX_POLICY_WRITE";
        /// Remove inbound policy INDEX.
        RxPolicyClear = 16 "RX_POLICY_CLEAR";
        /// Set local address INDEX.
        LocalWrite = 17 "LOCAL_WRITE";
        /// Remove local address INDEX.
        LocalClear = 18 "LOCAL_CLEAR";
    }
}

impl Op {
    /// What its MAIL words hold; `None` if it uses none.
    pub const fn layout(self) -> Option<&'static Layout> {
        match self {
            Op::TxSaWrite => Some(&TX_SA),
            Op::RxSaWrite => Some(&RX_SA),
            Op::CamWrite => Some(&CAM),
            Op::TxPolicyWrite | Op::RxPolicyWrite => Some(&POLICY),
            Op::TxLimitsWrite | Op::RxLimitsWrite => Some(&LIMITS),
            Op::RxSelectorWrite => Some(&SELECTOR),
            Op::RxAcceptWrite => Some(&ACCEPT),
            Op::LocalWrite => Some(&LOCAL),
            Op::TxSaClear
            | Op::RxSaClear
            | Op::CamClear
            | Op::TxPolicyClear
            | Op::RxPolicyClear
            | Op::LocalClear
            | Op::ReadTxSa
            | Op::ReadRxSa => None,
        }
    }
}

codes! {
    /// Why a command failed: what STATUS.ERROR says; 0 is no error.
    Error {
        /// No such operation.
        Op = 1 "OP";
        /// INDEX is past the end of the table.
        Index = 2 "INDEX";
        /// WAY is past the end of the row.
        Way = 3 "WAY";
        /// KEY_SIZE is none of the three.
        KeySize = 4 "KEY_SIZE";
        /// SEQ needs more than 32 bits, but ESN is not set.
        Seq = 5 "SEQ";
        /// REPLAY_WINDOW is larger than CAP_REPLAY.MAX_WINDOW.
        ReplayWindow = 6 "REPLAY_WINDOW";
        /// ACTION is none of the three.
        Action = 7 "ACTION";
        /// SA is past the end of the SA table.
        Sa = 8 "SA";
        /// ICV is none of the three.
        Icv = 9 "ICV";
    }
}

/// The value of COMMAND.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// What to do.
    pub op: Op,
    /// SA or policy number, or CAM row.
    pub index: u16,
    /// CAM way, at most 15; 0 for anything else.
    pub way: u8,
}

impl Command {
    /// The word to write.
    pub const fn encode(self) -> u32 {
        let word = command::OP.set(0, self.op.code());
        let word = command::INDEX.set(word, self.index as u32);
        command::WAY.set(word, self.way as u32)
    }
}

/// The value of STATUS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// No command since reset.
    Idle,
    /// The command runs.
    Busy,
    /// The command has ended well.
    Done,
    /// The command has failed; `None` is a code that this map does not know.
    Failed(Option<Error>),
}

impl Status {
    /// From the word read.
    pub const fn decode(word: u32) -> Status {
        if status::BUSY.is_set(word) {
            Status::Busy
        } else if !status::DONE.is_set(word) {
            Status::Idle
        } else {
            match status::ERROR.get(word) {
                0 => Status::Done,
                code => Status::Failed(Error::decode(code)),
            }
        }
    }
}
