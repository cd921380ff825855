//! What the words of each command, and of each answer, hold.

use super::{Layout, MailField};

/// Declares layouts: a const for each, a module of consts for its fields, and a table of all.
///
/// `TABLE { NAME: module { FIELD: word, bit, width; } }`
macro_rules! layouts {
    ($(#[doc = $table_doc:literal])+ $table:ident { $(
        $(#[doc = $doc:literal])+
        $name:ident: $module:ident
        { $( $(#[doc = $field_doc:literal])+ $field:ident: $word:literal, $bit:literal, $width:literal; )+ }
    )+ }) => {
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

        $(#[doc = $table_doc])+
        pub const $table: &[Layout] = &[$($name),+];
    };
}

// The engine takes KEY, SEQ, KEY_SIZE, ESN and ICV of both kinds of SA from the same bits.
layouts! {
    /// Every layout of MAIL words.
    LAYOUTS {
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
}

layouts! {
    /// Every layout of RESULT words.
    ANSWERS {
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
    }
}
