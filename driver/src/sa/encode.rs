//! An SA in the words of the mailbox. What gets here was checked.

use espalier_regs::mailbox::{limits, rx_sa, selector, tx_sa};

use super::{Sa, SaParams};
use crate::key::Key;
use crate::regs::Words;
use crate::selector::{Pattern, bits};
use crate::xfrm::{Family, Limits, Mode, OffloadMode};

/// TTL or hop limit of outer headers: the default of Linux (net.ipv4.ip_default_ttl) and of RFC 1700.
const TTL: u8 = 64;

/// AES key and salt (RFC 4106 section 8.1: the salt is the last 4 bytes).
pub fn salted_key(key: &Key) -> Option<(&[u8], u32)> {
    let (key, salt) = key.expose().split_last_chunk::<4>()?;
    Some((key, u32::from_be_bytes(*salt)))
}

/// Operands of TX_SA_WRITE. `keep` is for an SA that is there already: sequence number, counts and limits stay.
pub fn tx_words(params: &SaParams, max_payload: u16, keep: bool) -> Words {
    let mut words = Words::new();
    if let Some((key, salt)) = key_of(params) {
        words.put_bytes(tx_sa::KEY, key).put(tx_sa::KEY_SIZE, key_size(key)).put(tx_sa::SALT, salt);
    }
    let tunnel = params.mode == Mode::Tunnel;
    words
        .put(tx_sa::SEQ, sequence(params.replay.oseq_hi, params.replay.oseq))
        .put(tx_sa::ESN, params.flags.esn)
        .put(tx_sa::TUNNEL, tunnel)
        .put(tx_sa::DONT_ENCAP_DSCP, params.flags.dont_encap_dscp)
        .put(tx_sa::NO_ECN, params.flags.noecn)
        .put(tx_sa::NO_PMTU_DISC, params.flags.nopmtudisc)
        .put(tx_sa::ICV, icv_code(params))
        .put(tx_sa::CRYPTO, params.offload.mode == OffloadMode::Crypto)
        .put(tx_sa::KEEP, keep)
        .put(tx_sa::SPI, params.id.spi)
        .put(tx_sa::MAX_PAYLOAD, max_payload);
    if tunnel {
        words
            .put(tx_sa::OUTER_V6, params.family() == Family::V6)
            .put(tx_sa::TTL, TTL)
            .put(tx_sa::SRC, bits(params.saddr))
            .put(tx_sa::DST, bits(params.id.daddr));
    }
    if let Some(encap) = params.encap {
        words.put(tx_sa::ENCAP, true).put(tx_sa::ENCAP_SPORT, encap.sport).put(tx_sa::ENCAP_DPORT, encap.dport);
    }
    words
}

/// Operands of RX_SA_WRITE.
pub fn rx_words(params: &SaParams) -> Words {
    let mut words = Words::new();
    if let Some((key, salt)) = key_of(params) {
        words.put_bytes(rx_sa::KEY, key).put(rx_sa::KEY_SIZE, key_size(key)).put(rx_sa::SALT, salt);
    }
    words
        .put(rx_sa::SEQ, sequence(params.replay.seq_hi, params.replay.seq))
        .put(rx_sa::ESN, params.flags.esn)
        .put(rx_sa::TUNNEL, params.mode == Mode::Tunnel)
        .put(rx_sa::ICV, icv_code(params))
        .put(rx_sa::CRYPTO, params.offload.mode == OffloadMode::Crypto)
        .put(rx_sa::REPLAY_WINDOW, params.replay_window)
        .put(rx_sa::INNER_V4, carries(params, Family::V4))
        .put(rx_sa::INNER_V6, carries(params, Family::V6))
        .put(rx_sa::NO_ECN, params.flags.noecn)
        .put(rx_sa::DECAP_DSCP, params.flags.decap_dscp);
    words
}

/// As __xfrm_init_state chooses the inner mode: the selector's family; without a selector the SA's, or with `af-unspec` both.
fn carries(params: &SaParams, family: Family) -> bool {
    match &params.selector {
        Some(selector) => selector.family() == family,
        None => params.flags.af_unspec || params.family() == family,
    }
}

/// Operands of TX_LIMITS_WRITE and RX_LIMITS_WRITE. XFRM_INF is all ones, and so is none in the device. In crypto mode the core
/// counts and compares, so the device has none.
pub fn limit_words(given: &Limits, mode: OffloadMode) -> Words {
    let given = if mode == OffloadMode::Packet { given } else { &Limits::NONE };
    let mut words = Words::new();
    words
        .put(limits::SOFT_PACKETS, given.soft_packets)
        .put(limits::HARD_PACKETS, given.hard_packets)
        .put(limits::SOFT_BYTES, given.soft_bytes)
        .put(limits::HARD_BYTES, given.hard_bytes);
    words
}

/// Operands of RX_SELECTOR_WRITE: the SA's own selector (`x->sel`), which the kernel compares in __xfrm_policy_check. The SA's
/// addresses do not count here.
pub fn selector_words(sa: &Sa) -> Words {
    let pattern = match &sa.selector {
        Some(given) => Pattern::from(given),
        None => Pattern::any(Family::of(sa.id.daddr)),
    };
    let mut words = Words::new();
    pattern.put(&mut words);
    words.put(selector::ANY_FAMILY, sa.selector.is_none() && sa.flags.af_unspec);
    words
}

fn key_of(params: &SaParams) -> Option<(&[u8], u32)> {
    salted_key(&params.aead.as_ref()?.key)
}

/// 0, 1, 2 for AES-128, -192, -256.
const fn key_size(key: &[u8]) -> u8 {
    match key.len() {
        16 => 0,
        24 => 1,
        _ => 2,
    }
}

/// Bytes of ICV: 0: 16, 1: 12, 2: 8.
fn icv_code(params: &SaParams) -> u8 {
    match params.aead.as_ref().map(|aead| aead.icv_bits) {
        Some(96) => 1,
        Some(64) => 2,
        _ => 0,
    }
}

fn sequence(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}
