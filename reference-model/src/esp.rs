//! ESP (RFC 4303) with AES-GCM (RFC 4106) on whole Ethernet frames: the rules that the engine follows to the byte.
//!
//! There are two modes, by SA. *Packet offload*: the engine puts packets into ESP and takes them out, and policies decide.
//! *Crypto offload*: the stack builds the ESP packet, and the engine encrypts or decrypts it in place.
//!
//! # Sending
//! Checks in this order; the first that fails decides, and is what is counted:
//!
//! 1. The frame is damaged, or longer than the longest: error. Malformed or truncated IP packet: malformed.
//! 2. The outbound policies ([`crate::policy`]); not asked for a frame that is marked for crypto offload, nor for one that
//!    is not IP, which passes. No policy, or one that says bypass: passes. Block: policy block.
//! 3. The policy's SA, or that of the frame's mark: no SA if there is none, or if it is of the other mode, or if a marked
//!    frame has another SPI.
//! 4. Unsupported: in transport mode IPv4 options, IPv6 extension headers, fragments ([`EncapError`]); a marked frame that
//!    is not ESP.
//! 5. A marked frame: ESP length as in step 3 of receiving, and the low half of the IV equal to the sequence number. Else
//!    malformed.
//! 6. Packet offload: a payload of more than `max_payload` bytes, which would not fit the MTU: too big. The host answers
//!    with ICMP (RFC 4301 section 8.2.1).
//! 7. Packet offload: a hard limit is reached ([`crate::lifetime`]): expired. (Linux `xfrm_output_one`: before the sequence
//!    number.)
//! 8. Packet offload: the sequence numbers are used up (RFC 4303 section 3.3.3): seq overflow. The host is told when the
//!    last one is taken.
//!
//! Then the packet is sent, and counted for the SA.
//!
//! ## Crypto offload
//! The frame stays as it is, with these exceptions: what lies between IV and ICV is encrypted, trailer and all; the ICV is
//! written where there was room for it; the IPv4 header checksum is computed; a UDP checksum becomes 0; Ethernet padding is
//! dropped. Nonce: salt and the IV of the frame. AAD with ESN: the high half of the IV is that of the sequence number, as
//! Linux' seqiv has it. No number is allocated. Limits are the stack's; packets and bytes (trailer included) are counted.
//!
//! ## Packet offload
//! The Ethernet header stays, VLAN tags and all; its EtherType becomes that of the outer IP header. Behind it stand the
//! outer IP header, UDP if the SA has it, ESP header, IV, ciphertext, ICV. Ethernet padding of the frame that came is
//! dropped, and none is added.
//!
//! *Payload* (RFC 4303 section 3.1). Tunnel: the IP packet, `ip_length` bytes from its header on, with options,
//! extension headers and fragments as they are; next header 4 or 41. Transport: what follows the IP header (nothing is
//! allowed); next header is the packet's protocol. [`EncapError`] in transport mode: IPv4 options, IPv6 extension
//! headers, fragments (section 3.3.4); in either mode: a packet that would be longer than IP can say.
//!
//! *Trailer* (sections 2.4 to 2.6): padding 1, 2, 3 .. of the fewest bytes (0 to 3) so that payload, padding, pad
//! length and next header are a multiple of 4.
//!
//! *ESP header*: SPI, low half of the sequence number. *IV*: the 64-bit sequence number, high half 0 without ESN
//! ([`crate::rfc4106::seqiv`]). *ICV* over SPI and sequence number (with ESN all 64 bits) and ciphertext: the first 16, 12
//! or 8 bytes of the tag (RFC 4106 section 6), by SA.
//!
//! *UDP* (RFC 3948 section 2.1): the SA's ports, length, checksum 0. On IPv4 that is what the RFC asks for. On IPv6
//! too, as RFC 6935 allows for tunnels: the sum would have to be in front of a ciphertext that is not there yet. (Linux
//! computes it there, in `esp6_output_encap_csum`, and its UDP receiver drops a zero one by default.) Checksums inside
//! the payload are left to the receiver (section 3.1.2).
//!
//! *Outer IPv4 header, tunnel* (RFC 4301 section 5.1.2.1; Linux `xfrm4_tunnel_encap_add`):
//!
//! | field | |
//! |---|---|
//! | version, IHL | 4, 5: no options |
//! | DSCP | inner DSCP; 0 with `dont_encap_dscp` |
//! | ECN | inner ECN, but ECT(0) for CE (RFC 3168 section 9.1.1, Linux `INET_ECN_encapsulate`); 0 with `no_ecn` |
//! | total length | of all from here to the ICV |
//! | identification | DF set: 0. Else the low 16 bits of the sequence number (RFC 6864 section 4.1) |
//! | flags | reserved and MF 0. DF: inner IPv4: its DF; inner IPv6: 1; 0 with `no_pmtu_disc`. Offset 0 |
//! | TTL | the SA's (the inner TTL is not touched: the host has routed the packet) |
//! | protocol | 50, or 17 with UDP |
//! | header checksum | computed |
//! | addresses | the SA's |
//!
//! (Linux leaves DF out for an inner IPv6 packet of up to 1280 bytes too.)
//!
//! *Outer IPv6 header, tunnel* (RFC 4301 section 5.1.2.2; Linux `xfrm6_tunnel_encap_add`): traffic class by the rules
//! of DSCP and ECN above; flow label of an inner IPv6, 0 for an inner IPv4; payload length; next header 50 or 17; hop
//! limit and addresses the SA's.
//!
//! *IP header, transport* (RFC 4303 section 3.1.1): the packet's own, with total or payload length, protocol (50 or 17)
//! and header checksum made right. Nothing else changes.
//!
//! # Receiving
//! Checks in this order; the first that fails decides, and is what is counted:
//!
//! 1. Not IP: passes. Malformed IP header: dropped, malformed. Protocol 50 without options, not a fragment, but too
//!    short for an ESP header: dropped, malformed. IPv4 with options or a fragment, of protocol 50: passes, unsupported
//!    (the host's to put together, section 3.4.1). Other traffic than ESP passes.
//! 2. SA by destination, SPI, UDP or not (section 3.4.2). Else no SA; or passes, where the engine is set to pass what
//!    it does not know.
//! 3. ESP length, from ESP header to the end of the IP packet (the UDP length does not count): header, IV, the SA's ICV and
//!    ciphertext of a multiple of 4, at least 4 ([`SealedPacket::new`]). Else malformed.
//! 4. Replay check (section 3.4.3, [`crate::replay`]): sequence number 0, left of the window, duplicate. Crypto offload:
//!    only the high half is inferred; the stack checks.
//! 5. The frame is damaged or shorter than the IP packet: error. (It may still be arriving when 1 to 4 are decided.)
//! 6. ICV, with the sequence number that the check inferred (section 3.4.4.2, [`SealedPacket::plaintext`]). Crypto offload:
//!    see below.
//! 7. Packet offload: trailer. `pad_length + 2` must not be more than the plaintext has; equal is a payload of nothing. The
//!    bytes of the padding are not looked at: section 2.4 has that (SHOULD) for want of other integrity, and the ICV is one.
//! 8. Packet offload: a hard limit is reached ([`crate::lifetime`]): expired.
//! 9. Replay recheck and advance: two packets of one SA may have been in flight. A bad trailer, which only the peer
//!    itself can send, does not move the window, as in Linux (`esp_remove_trailer` comes before `xfrm_replay_recheck`).
//!    Crypto offload: the window advances if it can, and refuses nothing.
//! 10. Packet offload. Next header 59: a dummy packet (section 2.6), discarded; it has used its number. Then the mode: in
//!     tunnel mode next header 4 or 41, a payload that begins with the nibble 4 or 6 accordingly, and an SA that may carry
//!     that family; else dropped, mode. In transport mode anything else is good.
//! 11. The packet is counted for the SA: what was dropped before is not, dummy packets neither.
//! 12. Packet offload, and traffic that is not ESP: the SA's selectors and the inbound policies ([`crate::admit`]).
//!
//! An SA that went, or whose number went to another, while its packets were between 2 and 12: no SA, in the place of 8 or
//! of 12. (In this model nothing is ever in between.)
//!
//! The SA counts what it refuses itself: duplicates, what is left of the window (or is when the ICV has been verified), ICV
//! that do not fit ([`crate::sa::Failures`]). In crypto offload the stack counts that.
//!
//! *Result of crypto offload*: the frame as it came, decrypted in place, trailer and all, without ICV and Ethernet padding;
//! no header changes, lengths still count the ICV. Of a packet whose ICV does not fit: the headers up to and with the IV,
//! with a status of TRANSPORT_ESP_AUTH_FAILED or TUNNEL_ESP_AUTH_FAILED.
//!
//! *Result of packet offload, tunnel*: the Ethernet header, tags and all, with the EtherType of the inner packet, then the
//! payload. What the inner packet does not cover at its end is TFC padding (section 2.7), and passes as Ethernet padding
//! does. The inner header changes in these fields only (RFC 4301 section 5.1.2; Linux `ipip_ecn_decapsulate`,
//! `xfrm4_remove_tunnel_encap`); an IPv4 checksum is mended by RFC 1624:
//!
//! | field | |
//! |---|---|
//! | DSCP | the outer one with `decap_dscp`, else its own |
//! | ECN | CE when the outer is CE and the inner is not Not-ECT; never with `no_ecn` |
//!
//! *Transport*: Ethernet header, the packet's own IP header with protocol, length and checksum restored, payload.

mod decap;
mod encap;
mod inline;
mod marks;

pub use decap::{DecapError, Opened, SealedPacket};
pub(crate) use encap::check;
pub use encap::{EncapError, encapsulate, prepare};
pub use inline::{InlineError, decrypt_in_place, encrypt_in_place};
pub use marks::decapsulated_tos;

/// Bytes of the ESP header: SPI and sequence number (RFC 4303 sections 2.1 and 2.2).
pub const HEADER_LENGTH: usize = 8;
/// Bytes of pad length and next header (sections 2.5 and 2.6).
pub const TRAILER_LENGTH: usize = 2;
/// What payload, padding and trailer are a multiple of (section 2.4).
pub const ALIGNMENT: usize = 4;
