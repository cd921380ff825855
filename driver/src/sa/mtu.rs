//! The longest packet that an outbound SA takes: `xfrm_state_mtu` (net/xfrm/xfrm_state.c).

use super::{Offload, SaParams};
use crate::xfrm::{Direction, Family, OffloadMode};

/// No limit, as MAX_PAYLOAD has it.
pub const NO_LIMIT: u16 = u16::MAX;

/// ESP header and IV (RFC 4303 section 2, RFC 4106 section 3).
const ESP_AND_IV: u16 = 8 + 8;
/// Pad length and next header (RFC 4303 section 2.4, 2.6): the trailer without padding.
const TRAILER: u16 = 2;

/// Bytes around the payload and its trailer in an ESP packet of this SA, IP header included: in tunnel mode that is the outer
/// one, in transport mode the packet's own (`net_adj` there), without options.
fn overhead(params: &SaParams) -> u16 {
    let ip = match params.family() {
        Family::V4 => 20,
        Family::V6 => 40,
    };
    let udp = if params.encap.is_some() { 8 } else { 0 };
    let icv = params.aead.as_ref().map_or(0, |aead| aead.icv_bits / 8);
    ip + udp + ESP_AND_IV + icv as u16
}

/// The longest ESP payload, without trailer, that gives an IP packet of at most `room` bytes. Payload and trailer together are
/// a multiple of 4 bytes (RFC 4303 section 2.4).
pub fn longest_payload(params: &SaParams, room: u16) -> u16 {
    (room.saturating_sub(overhead(params)) & !3).saturating_sub(TRAILER)
}

/// MAX_PAYLOAD of an SA. Where the stack makes the ESP packet it sees to the length itself.
pub fn max_payload(params: &SaParams, mtu: u16) -> u16 {
    let makes_esp = params.offload == Offload { mode: OffloadMode::Packet, direction: Direction::Out };
    if makes_esp { longest_payload(params, mtu) } else { NO_LIMIT }
}
