//! Words of which one, or several, may be chosen: each set with the spelling that iproute2 gives it.

use std::fmt;

/// Declares a set of words with the iproute2 spelling of each.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every word, in the order in which iproute2 tries them.
            pub const ALL: &[(&str, $name)] = &[$(($word, $name::$variant),)*];
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $word,)* })
            }
        }
    };
}

words!(
    /// Address family, as `-family` names it.
    Family {
        /// IPv4.
        Inet = "inet",
        /// IPv6.
        Inet6 = "inet6",
    }
);
words!(
    /// `XFRM-PROTO`.
    Proto {
        /// Encapsulating Security Payload.
        Esp = "esp",
        /// Authentication Header.
        Ah = "ah",
        /// IPComp.
        Comp = "comp",
        /// Mobile IPv6 routing header.
        Route2 = "route2",
        /// Mobile IPv6 home address option.
        Hao = "hao",
        /// Any of the IPsec protocols.
        IpsecAny = "ipsec-any",
    }
);
impl Proto {
    /// The protocol's number in the kernel.
    pub const fn number(self) -> u8 {
        use espalier_driver::xfrm::protocol;
        match self {
            Self::Esp => protocol::ESP,
            Self::Ah => protocol::AH,
            Self::Comp => protocol::COMP,
            Self::Route2 => protocol::ROUTING,
            Self::Hao => protocol::DSTOPTS,
            // IPSEC_PROTO_ANY.
            Self::IpsecAny => 255,
        }
    }
}
words!(
    /// `MODE`: the one word that may be abbreviated after the verbs.
    Mode {
        /// ESP between the IP header and the upper protocol.
        Transport = "transport",
        /// A whole packet inside another.
        Tunnel = "tunnel",
        /// Mobile IPv6 route optimisation.
        RouteOptimization = "ro",
        /// Mobile IPv6.
        InTrigger = "in_trigger",
        /// Bound end-to-end tunnel.
        Beet = "beet",
        /// RFC 9347.
        Iptfs = "iptfs",
    }
);
words!(
    /// Direction of an SA.
    SaDirection {
        /// Received packets.
        In = "in",
        /// Sent packets.
        Out = "out",
    }
);
words!(
    /// Direction of a policy.
    PolicyDirection {
        /// Received packets.
        In = "in",
        /// Sent packets.
        Out = "out",
        /// Forwarded packets.
        Fwd = "fwd",
    }
);
words!(
    /// `PTYPE`.
    PolicyType {
        /// The usual one.
        Main = "main",
        /// Mobile IPv6.
        Sub = "sub",
    }
);
words!(
    /// `ACTION`.
    PolicyAction {
        /// Let through, protected if there is a template.
        Allow = "allow",
        /// Drop.
        Block = "block",
    }
);
words!(
    /// Kind of an algorithm.
    AlgorithmKind {
        /// Cipher.
        Enc = "enc",
        /// Authentication.
        Auth = "auth",
        /// Compression.
        Comp = "comp",
        /// Both in one: AES-GCM.
        Aead = "aead",
        /// Authentication with a truncated ICV.
        AuthTrunc = "auth-trunc",
    }
);
words!(
    /// Kind of encapsulation.
    EncapKind {
        /// RFC 3948.
        EspInUdp = "espinudp",
        /// The draft's form before it.
        EspInUdpNonIke = "espinudp-nonike",
        /// RFC 8229.
        EspInTcp = "espintcp",
    }
);
words!(
    /// Who does what.
    OffloadMode {
        /// The device encrypts and decrypts.
        Crypto = "crypto",
        /// The device does everything.
        Packet = "packet",
    }
);

/// Declares a set of flags, a `bool` each, with their words and bits.
macro_rules! flags {
    ($(#[$doc:meta])* $name:ident: $bits:ty { $($(#[$fdoc:meta])* $field:ident = $word:literal, $bit:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name { $($(#[$fdoc])* pub $field: bool,)* }

        impl $name {
            /// The words.
            pub const WORDS: &[&str] = &[$($word,)*];

            /// Sets the flag called `word`; false if there is none.
            pub fn set(&mut self, word: &str) -> bool {
                match word { $($word => self.$field = true,)* _ => return false }
                true
            }

            /// The flags that `bits` has, or nothing if it has one that is not among them.
            pub fn from_bits(bits: $bits) -> Option<Self> {
                let known: $bits = $($bit)|*;
                (bits & !known == 0).then_some(Self { $($field: bits & $bit != 0,)* })
            }

            /// The words of those that are set.
            pub fn words(&self) -> Vec<&'static str> {
                let mut words = Vec::new();
                $(if self.$field { words.push($word); })*
                words
            }
        }
    };
}

flags!(
    /// `FLAG` of a state (XFRM_STATE_*).
    StateFlags: u8 {
        /// Don't copy ECN.
        noecn = "noecn", 1;
        /// Copy DSCP inwards.
        decap_dscp = "decap-dscp", 2;
        /// Don't set DF.
        nopmtudisc = "nopmtudisc", 4;
        /// Receive from any source.
        wildrecv = "wildrecv", 8;
        /// Take ICMP errors.
        icmp = "icmp", 16;
        /// Any inner family.
        af_unspec = "af-unspec", 32;
        /// Align to 4.
        align4 = "align4", 64;
        /// 64-bit sequence numbers.
        esn = "esn", 128;
    }
);
flags!(
    /// `EXTRA-FLAG` of a state (XFRM_SA_XFLAG_*).
    ExtraFlags: u32 {
        /// Don't copy DSCP outwards.
        dont_encap_dscp = "dont-encap-dscp", 1;
        /// Let the sequence number wrap.
        oseq_may_wrap = "oseq-may-wrap", 2;
    }
);
flags!(
    /// `FLAG` of a policy (XFRM_POLICY_*).
    PolicyFlags: u8 {
        /// A socket may override it.
        localok = "localok", 1;
        /// Take ICMP errors.
        icmp = "icmp", 2;
    }
);
