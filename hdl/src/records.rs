//! What the stages tell each other about a packet: the records that run beside the streams.
//!
//! An IPv4 address stands in the low 32 bits of a 128-bit address field, the rest zero. Multi-byte fields have their
//! numeric value. Byte strings are left aligned: the first byte in the most significant bits.

use rust_hdl::prelude::*;

use crate::stream::Beat;

/// Number of an SA; wide enough for the largest build (1024 SAs in each direction).
pub type SaIndex = Bits<10>;

/// AES key sizes as the engine spells them.
pub mod key_size {
    /// AES-128: 10 rounds.
    pub const AES_128: u64 = 0;
    /// AES-192: 12 rounds.
    pub const AES_192: u64 = 1;
    /// AES-256: 14 rounds.
    pub const AES_256: u64 = 2;
}

/// Bytes of ICV as the engine spells them (RFC 4106 section 6).
pub mod icv_size {
    /// 16 bytes.
    pub const ICV_16: u64 = 0;
    /// 12 bytes.
    pub const ICV_12: u64 = 1;
    /// 8 bytes.
    pub const ICV_8: u64 = 2;
}

/// What runs beside a frame (AXI4-Stream `tuser`): `espalier_regs::tuser`.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Meta {
    /// Crypto offload. TX: the frame is ESP of `sa`, to be encrypted in place. RX: the headers stay.
    pub crypto: bool,
    /// TX: packet offload; the host knows that the frame must not leave unprotected.
    pub must_protect: bool,
    /// RX: packet offload; the frame is what was inside.
    pub is_protected: bool,
    /// RX: ESP that is left to the host.
    pub unsupported: bool,
    /// RX: `crypto_status` of include/net/xfrm.h.
    pub status: Bits<8>,
    /// Number of the SA.
    pub sa: SaIndex,
    /// RX: its generation: see [`crate::rx_sa`].
    pub generation: Bits<16>,
}

/// What the parser found in the first bytes of a frame, besides its [`Endpoints`]. The header's own bytes are not kept here: whoever mends them
/// takes them from the frame (see [`Lead`]).
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Headers {
    /// Length of the Ethernet header with its VLAN tags, in bytes: 14, 18 or 22.
    pub l2_length: Bits<5>,
    /// An IPv4 packet (EtherType 0x0800, version 4).
    pub is_v4: bool,
    /// An IPv6 packet (EtherType 0x86DD, version 6).
    pub is_v6: bool,
    /// EtherType says IP, but the header contradicts itself (version, IHL under 5, total length under the header's,
    /// frame ends inside the header, bad IPv4 header checksum) or, where the parser stores and forwards, the frame is
    /// shorter than the IP length. (RX can't know that yet: ESP cut short ends as [`Gathered::error`], other traffic passes.)
    pub malformed: bool,
    /// The frame's last beat carried `error` (only where the parser stores and forwards).
    pub error: bool,
    /// IPv4 options (IHL over 5) or an IPv6 extension header (hop-by-hop 0, routing 43, fragment 44, destination
    /// options 60, mobility 135) directly behind the fixed header.
    pub has_options: bool,
    /// A fragment: IPv4 MF or offset not zero.
    pub is_fragment: bool,
    /// IPv4 flag DF.
    pub dont_fragment: bool,
    /// IPv4 TOS, IPv6 traffic class.
    pub tos: Bits<8>,
    /// IPv6 flow label.
    pub flow_label: Bits<20>,
    /// IP header length in bytes, IPv4 options included: 20 to 60.
    pub l3_length: Bits<6>,
    /// Length of the IP packet, header included (IPv4 total length; IPv6 payload length + 40).
    pub ip_length: Bits<16>,
    /// IPv4 protocol or IPv6 next header.
    pub protocol: Bits<8>,
    /// IPv4 header checksum.
    pub checksum: Bits<16>,
    /// An ESP header follows the IP header, or a UDP header with port 4500 on either side and a marker that is not zero
    /// (RFC 3948 section 2.2), and the IP length and the frame hold the 8 bytes of it (the one byte of a keep-alive is none,
    /// whatever the Ethernet padding behind it). Never for options or fragments, nor with `malformed`.
    pub is_esp: bool,
    /// With `is_esp`: inside UDP (RFC 3948).
    pub is_encap: bool,
    /// ESP: security parameters index.
    pub spi: Bits<32>,
    /// ESP: low half of the sequence number.
    pub seq: Bits<32>,
    /// ESP: the 8 bytes of IV behind it (RFC 4106 section 3.1); so the parser looks at 96 bytes (6 beats): 22 + 40 + 8 + 8 + 8.
    /// Meaningless when the frame ends before (such a frame is too short for ESP and dropped as malformed).
    pub iv: Bits<64>,
    /// What came beside the frame.
    pub meta: Meta,
}

/// Between whom a packet goes.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Endpoints {
    /// Source address.
    pub src: Bits<128>,
    /// Destination address.
    pub dst: Bits<128>,
    /// Source port, where there is one (TCP, UDP, SCTP, DCCP, UDP-Lite; no fragment, no options); else zero.
    pub sport: Bits<16>,
    /// Destination port, likewise.
    pub dport: Bits<16>,
}

/// A beat of the front of a frame, for whoever builds the headers of the packet that it becomes.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Lead {
    /// As in [`Beat`].
    pub data: Bits<128>,
    /// The last of this frame.
    pub last: bool,
}

/// Everything the GCM core needs to know of the packet whose slots it is given.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct CryptoContext {
    /// AES key, left aligned.
    pub key: Bits<256>,
    /// One of [`key_size`].
    pub key_size: Bits<2>,
    /// salt || IV (RFC 4106 section 4).
    pub nonce: Bits<96>,
    /// SPI || seq (8 bytes) or, with ESN, SPI || seq-hi || seq (12 bytes), left aligned (RFC 4106 section 5).
    pub aad: Bits<96>,
    /// Bytes of `aad`: 8, or 12 with ESN (0 where the AAD comes in slots of its own).
    pub aad_bytes: Bits<4>,
    /// Payload is ciphertext.
    pub decrypt: bool,
    /// Hash subkey H.
    pub h: Bits<128>,
    /// H^3.
    pub h3: Bits<128>,
}

/// What the gatherer is to do with the next frame.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Job {
    /// Swallow the frame; nothing else below counts, and nothing is given to the core.
    pub discard: bool,
    /// Pass the whole frame through unencrypted; nothing else below counts.
    pub bypass: bool,
    /// Bytes to leave out at the front: L2 (tunnel) or L2 + L3 (transport) on TX; all up to and with the IV on RX.
    pub skip: Bits<7>,
    /// Bytes to take after that: plaintext on TX, ciphertext without ICV on RX. 0 is allowed on TX.
    pub length: Bits<16>,
    /// Append the ESP trailer (TX, RFC 4303 sections 2.4 to 2.6): pad bytes 1, 2, 3 .., pad length, next header.
    pub trailer: bool,
    /// Pad length, 0 to 3.
    pub pad_length: Bits<2>,
    /// Next header of the trailer.
    pub next_header: Bits<8>,
    /// The bytes after `length` are an ICV: RX, and TX of crypto offload, where they are only room for it.
    pub icv: bool,
    /// One of [`icv_size`]: of that ICV.
    pub icv_size: Bits<2>,
}

/// One slot of the GCM core: a block of a packet, or the slot in front of it.
///
/// A protected packet is `first`, then its further AAD blocks (ESP has none: its AAD fits the `first` slot), then its
/// payload blocks; the core has been given its [`CryptoContext`]. A bypassing frame is only blocks.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Slot {
    /// The slot in front of a protected packet: E(J0) in AES, `crypto.aad` in GHASH. Of `beat` only `last` counts:
    /// the packet has no payload and no further AAD.
    pub first: bool,
    /// A block of further AAD: hashed, neither encrypted nor given out.
    pub aad: bool,
    /// A block of a frame that passes unencrypted.
    pub bypass: bool,
    /// How many slots of this packet follow this one: 0, 1, 2, or 3 for three and more.
    pub remaining: Bits<2>,
    /// The block; `last` on the last slot of the packet.
    pub beat: Beat,
}

/// What a frame ends with at the gatherer: sent once for each job that was not discarded, when its last beat was taken.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Gathered {
    /// The frame ended before `skip + length` (+ ICV) bytes, or its last beat carried `error`.
    pub error: bool,
    /// The ICV (RX, job.icv), first byte in the most significant bits; what follows a short one is undefined.
    pub icv: Bits<128>,
    /// One of [`icv_size`], from the job.
    pub icv_size: Bits<2>,
}

/// A beat of the headers to put in front of a payload: at most L2 22 + L3 40 + UDP 8 + ESP 8 + IV 8 bytes, in 6 beats.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Prefix {
    /// The bytes, left aligned.
    pub data: Bits<128>,
    /// How many: 16 in every beat but the last, an even number in that. 0, in the only one: the payload passes as it is.
    pub bytes: Bits<5>,
    /// The last beat of this packet's headers.
    pub last: bool,
    /// With `last`: no payload follows: these bytes are the whole frame (an IP packet without payload, out of transport mode). No beat of
    /// `s` is taken for it.
    pub alone: bool,
    /// Runs beside the frame (RX).
    pub meta: Meta,
}

/// An outbound SA.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct TxSa {
    /// The entry is in use.
    pub valid: bool,
    /// AES key, left aligned.
    pub key: Bits<256>,
    /// One of [`key_size`].
    pub key_size: Bits<2>,
    /// RFC 4106 salt.
    pub salt: Bits<32>,
    /// Hash subkey; computed by the engine.
    pub h: Bits<128>,
    /// H^3; computed by the engine.
    pub h3: Bits<128>,
    /// Security parameters index.
    pub spi: Bits<32>,
    /// Extended sequence numbers.
    pub esn: bool,
    /// Tunnel mode; else transport.
    pub tunnel: bool,
    /// Tunnel mode: the outer header is IPv6.
    pub outer_v6: bool,
    /// Outer source.
    pub src: Bits<128>,
    /// Outer destination.
    pub dst: Bits<128>,
    /// UDP encapsulation (RFC 3948).
    pub encap: bool,
    /// Its source port.
    pub encap_sport: Bits<16>,
    /// Its destination port.
    pub encap_dport: Bits<16>,
    /// Outer TTL or hop limit.
    pub ttl: Bits<8>,
    /// Do not copy the inner DSCP to the outer header (XFRM_SA_XFLAG_DONT_ENCAP_DSCP).
    pub dont_encap_dscp: bool,
    /// Do not copy the inner ECN field (XFRM_STATE_NOECN).
    pub no_ecn: bool,
    /// Never set DF on the outer header (XFRM_STATE_NOPMTUDISC); else DF is copied from an IPv4 inside and set for an IPv6 one.
    pub no_pmtu_disc: bool,
    /// One of [`icv_size`].
    pub icv: Bits<2>,
    /// Crypto offload; else packet offload.
    pub crypto: bool,
    /// Packet offload: longest ESP payload in bytes, without trailer.
    pub max_payload: Bits<16>,
}

/// An inbound SA.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct RxSa {
    /// The entry is in use.
    pub valid: bool,
    /// AES key, left aligned.
    pub key: Bits<256>,
    /// One of [`key_size`].
    pub key_size: Bits<2>,
    /// RFC 4106 salt.
    pub salt: Bits<32>,
    /// Hash subkey; computed by the engine.
    pub h: Bits<128>,
    /// H^3; computed by the engine.
    pub h3: Bits<128>,
    /// Extended sequence numbers.
    pub esn: bool,
    /// Tunnel mode; else transport.
    pub tunnel: bool,
    /// Replay window in packets, 0 (no check) to 4096.
    pub replay_window: Bits<13>,
    /// One of [`icv_size`].
    pub icv: Bits<2>,
    /// Crypto offload; else packet offload.
    pub crypto: bool,
    /// Tunnel mode: may carry IPv4.
    pub inner_v4: bool,
    /// Tunnel mode: may carry IPv6.
    pub inner_v6: bool,
    /// Tunnel mode: do not hand congestion marks inwards (XFRM_STATE_NOECN).
    pub no_ecn: bool,
    /// Tunnel mode: copy the outer DSCP inwards (XFRM_STATE_DECAP_DSCP).
    pub decap_dscp: bool,
}

/// Limits of an SA; all ones: none (XFRM_INF).
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Limits {
    /// Packets: the host is told when so many have passed.
    pub soft_packets: Bits<64>,
    /// Packets: no more than these pass.
    pub hard_packets: Bits<64>,
    /// Bytes of ESP payload: the host is told when so many have passed.
    pub soft_bytes: Bits<64>,
    /// Bytes of ESP payload: nothing passes once these have.
    pub hard_bytes: Bits<64>,
}

/// What an SA has carried (struct xfrm_lifetime_cur).
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Life {
    /// Packets that passed.
    pub packets: Bits<64>,
    /// Their bytes of ESP payload, without trailer.
    pub bytes: Bits<64>,
    /// The soft limit was reached.
    pub soft: bool,
    /// The hard limit was reached.
    pub hard: bool,
}

/// An event for the host's queue: `espalier_regs::notice`.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Notice {
    /// One of `espalier_regs::notice::Kind`.
    pub kind: Bits<4>,
    /// Number of the SA.
    pub sa: SaIndex,
}

/// What the surroundings of the engine have to tell the host: `s_axis_event_tdata`, as EVENT shows it.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct HostNotice {
    /// One of `espalier_regs::notice::Kind`.
    pub kind: Bits<4>,
    /// Number of what it is about.
    pub number: Bits<10>,
    /// It is about what is sent.
    pub tx: bool,
}

/// What became of a frame from the host: `espalier_regs::tuser::tx_status`.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct TxStatus {
    /// Number of an event.
    pub event: Bits<8>,
    /// Number of the SA, where one was found.
    pub sa: SaIndex,
}

/// What received packets of an SA failed at (struct xfrm_stats).
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct RxFailures {
    /// Duplicates.
    pub replay: Bits<32>,
    /// Left of the window.
    pub replay_window: Bits<32>,
    /// ICV that did not fit.
    pub integrity_failed: Bits<32>,
}

/// What an inbound SA may carry.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct SaSelector {
    /// Matches when `(value & mask) == (packet & mask)` in every field and the family is the same.
    pub value: Selector,
    /// Mask of each field; `v6` and `forward` do not count.
    pub mask: Selector,
    /// The family is not compared.
    pub any_family: bool,
}

/// Which inbound policies an inbound SA satisfies: bit i for policy i.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Accept {
    /// By number of the policy.
    pub policies: Bits<64>,
}

/// An address of this host.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct LocalAddress {
    /// In use.
    pub valid: bool,
    /// It is IPv6.
    pub v6: bool,
    /// The address.
    pub address: Bits<128>,
}

/// Key of the SA CAM: what an inbound ESP packet is looked up by (RFC 4301 section 4.1).
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct CamKey {
    /// Destination address.
    pub dst: Bits<128>,
    /// Security parameters index.
    pub spi: Bits<32>,
    /// Destination is IPv6.
    pub v6: bool,
    /// Inside UDP.
    pub encap: bool,
}

/// An entry of the SA CAM.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct CamEntry {
    /// In use.
    pub valid: bool,
    /// Compared in full.
    pub key: CamKey,
    /// The SA it stands for.
    pub sa: SaIndex,
}

/// What a policy compares with.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Selector {
    /// IPv6, else IPv4.
    pub v6: bool,
    /// Inbound: the packet is not for this host (XFRM_POLICY_FWD). Outbound: 0.
    pub forward: bool,
    /// Source address.
    pub src: Bits<128>,
    /// Destination address.
    pub dst: Bits<128>,
    /// Upper protocol.
    pub protocol: Bits<8>,
    /// Source port (or zero).
    pub sport: Bits<16>,
    /// Destination port (or zero).
    pub dport: Bits<16>,
}

/// Actions of a policy.
pub mod action {
    /// Let the packet pass as it is (XFRM allow without a template).
    pub const BYPASS: u64 = 0;
    /// Drop it (XFRM block).
    pub const BLOCK: u64 = 1;
    /// Protect it by the SA named (XFRM allow with a template).
    pub const PROTECT: u64 = 2;
}

/// A policy (XFRM selector and its consequence).
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Policy {
    /// In use.
    pub valid: bool,
    /// Matches when `(value & mask) == (packet & mask)` in every field, and family and `forward` are the same.
    pub value: Selector,
    /// Mask of each field; `v6` and `forward` do not count.
    pub mask: Selector,
    /// The lowest of all that match wins: XFRM priority << 16 | order of insertion.
    pub order: Bits<48>,
    /// One of [`action`].
    pub action: Bits<2>,
    /// Outbound, PROTECT: there is an SA. Without one the packet is dropped (XfrmOutNoStates).
    pub sa_valid: bool,
    /// Inbound, PROTECT: packets without protection pass too (template level `use`).
    pub optional: bool,
    /// With PROTECT: the outbound SA.
    pub sa: SaIndex,
}

/// What the policies say of a packet.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Verdict {
    /// A policy matched. Without one the packet passes.
    pub hit: bool,
    /// One of [`action`]; BYPASS without a hit.
    pub action: Bits<2>,
    /// As in [`Policy`].
    pub sa_valid: bool,
    /// As in [`Policy`].
    pub optional: bool,
    /// Number of the policy.
    pub index: Bits<10>,
    /// As in [`Policy`].
    pub sa: SaIndex,
}
