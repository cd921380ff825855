//! An SA in the words of the mailbox. What gets here was checked.

use espalier_regs::mailbox::{rx_sa, tx_sa};

use super::SaParams;
use crate::key::Key;
use crate::regs::Words;
use crate::selector::bits;
use crate::xfrm::{Family, Mode};

/// TTL or hop limit of outer headers: the default of Linux (net.ipv4.ip_default_ttl) and of RFC 1700.
const TTL: u8 = 64;

/// AES key and salt (RFC 4106 section 8.1: the salt is the last 4 bytes).
pub fn salted_key(key: &Key) -> Option<(&[u8], u32)> {
    let (key, salt) = key.expose().split_last_chunk::<4>()?;
    Some((key, u32::from_be_bytes(*salt)))
}

/// Operands of TX_SA_WRITE.
pub fn tx_words(params: &SaParams) -> Words {
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
        .put(tx_sa::SPI, params.id.spi);
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
        .put(rx_sa::REPLAY_WINDOW, params.replay_window);
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

fn sequence(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}
