//! What the engine counts: one event, one counter, one cause.

/// Where Linux counts the same thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Xfrm {
    /// Counter of /proc/net/xfrm_stat.
    pub mib: &'static str,
    /// Field of the SA's `xfrm_stats`, where it has one.
    pub sa_stat: Option<&'static str>,
}

macro_rules! mib {
    ($mib:literal) => {
        Some(Xfrm { mib: $mib, sa_stat: None })
    };
    ($mib:literal, $stat:literal) => {
        Some(Xfrm { mib: $mib, sa_stat: Some($stat) })
    };
    () => {
        None
    };
}

/// Declares the enum in the order of the bits, with each event's name, documentation and XFRM counter.
macro_rules! events {
    ($( $(#[doc = $doc:literal])+ $variant:ident $name:literal $(=> $mib:literal $(, $stat:literal)?)? ; )+) => {
        /// An event; its value is its bit in the engine's `events` vector and its place among the counters.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Event {
            $( $(#[doc = $doc])+ $variant, )+
        }

        impl Event {
            /// Every event, in the order of the counters.
            pub const ALL: &'static [Event] = &[$(Event::$variant),+];

            /// The counter's name.
            pub const fn name(self) -> &'static str {
                match self { $(Event::$variant => $name),+ }
            }

            /// One line of documentation.
            pub const fn doc(self) -> &'static str {
                match self { $(Event::$variant => concat!($($doc),+).trim_ascii()),+ }
            }

            /// Where Linux counts the same.
            pub const fn xfrm(self) -> Option<Xfrm> {
                match self { $(Event::$variant => mib!($($mib $(, $stat)?)?)),+ }
            }
        }
    };
}

events! {
    /// Frames taken from the host.
    TxFrames "tx_frames";
    /// Frames sent as they came: no policy, or one that says bypass.
    TxBypassed "tx_bypassed";
    /// Packets sent as ESP.
    TxProtected "tx_protected";
    /// Blocked by policy.
    TxDropPolicyBlock "tx_drop_policy_block" => "XfrmOutPolBlock";
    /// A policy says protect, but there is no SA.
    TxDropNoSa "tx_drop_no_sa" => "XfrmOutNoStates";
    /// The sequence numbers of the SA are used up (RFC 4303 section 3.3.3).
    TxDropSeqOverflow "tx_drop_seq_overflow" => "XfrmOutStateSeqError";
    /// The IP header contradicts itself or the frame.
    TxDropMalformed "tx_drop_malformed";
    /// To be protected, but with IPv4 options, an extension header, or a fragment in transport mode.
    TxDropUnsupported "tx_drop_unsupported" => "XfrmOutError";
    /// The frame came damaged, or is longer than the longest.
    TxDropError "tx_drop_error";
    /// Packets encrypted for crypto offload.
    TxCrypto "tx_crypto";
    /// The packet would be longer than the SA allows (its MTU).
    TxDropTooBig "tx_drop_too_big" => "XfrmOutError";
    /// The SA has reached its hard limit.
    TxDropExpired "tx_drop_expired" => "XfrmOutStateExpired";
    /// Frames taken from the wire.
    RxFrames "rx_frames";
    /// Frames given to the host as they came: not ESP.
    RxBypassed "rx_bypassed";
    /// ESP packets verified, decrypted and given to the host.
    RxDecrypted "rx_decrypted";
    /// ESP given to the host as it came: with IPv4 options, an extension header, or a fragment.
    RxUnsupported "rx_unsupported";
    /// No SA for this destination and SPI.
    RxDropNoSa "rx_drop_no_sa" => "XfrmInNoStates";
    /// Replay: a duplicate.
    RxDropReplay "rx_drop_replay" => "XfrmInStateSeqError", "replay";
    /// Replay: left of the window.
    RxDropReplayWindow "rx_drop_replay_window" => "XfrmInStateSeqError", "replay_window";
    /// Sequence number 0.
    RxDropSeqZero "rx_drop_seq_zero" => "XfrmInStateSeqError";
    /// The ICV does not fit.
    RxDropIcv "rx_drop_icv" => "XfrmInStateProtoError", "integrity_failed";
    /// The ESP trailer contradicts the payload (RFC 4303 section 2.4).
    RxDropTrailer "rx_drop_trailer" => "XfrmInHdrError";
    /// The IP or ESP header contradicts itself or the frame.
    RxDropMalformed "rx_drop_malformed" => "XfrmInHdrError";
    /// The next header does not fit the mode of the SA.
    RxDropMode "rx_drop_mode" => "XfrmInStateModeError";
    /// Dummy packets (RFC 4303 section 2.6): verified, then discarded.
    RxDummy "rx_dummy";
    /// The frame came damaged or cut short, is longer than the longest, or found no room.
    RxDropError "rx_drop_error";
    /// Packets verified and decrypted for crypto offload; their headers stay.
    RxCrypto "rx_crypto";
    /// Crypto offload: the ICV does not fit; the headers go to the host with the status that says so.
    RxCryptoFailed "rx_crypto_failed";
    /// The SA has reached its hard limit.
    RxDropExpired "rx_drop_expired" => "XfrmInStateExpired";
    /// The selector of the SA does not allow what it carried.
    RxDropSelector "rx_drop_selector" => "XfrmInStateMismatch";
    /// Blocked by policy.
    RxDropPolicyBlock "rx_drop_policy_block" => "XfrmInPolBlock";
    /// The policy asks for another protection than the packet had, or for one where there was none.
    RxDropTemplate "rx_drop_template" => "XfrmInTmplMismatch";
    /// Out of a tunnel, and no policy allows it.
    RxDropNoPolicy "rx_drop_no_policy" => "XfrmInNoPols";
    /// The host had no room for the frame: it gave no buffer in time.
    RxDropNoBuffer "rx_drop_no_buffer";
    /// The frame could not be written to the host's memory.
    RxDropHostFault "rx_drop_host_fault";
}

impl Event {
    /// Bit in the engine's `events` vector, and number of the counter.
    pub const fn index(self) -> u16 {
        self as u16
    }

    /// Byte address of the counter's low half; the high half follows it.
    pub const fn offset(self) -> u16 {
        crate::map::COUNTER_LO.offset + self.index() * crate::map::COUNTER_LO.stride
    }
}
