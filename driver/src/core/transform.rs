//! ESP in software: an SA as the reference model takes it (esp_init_state).

use espalier_reference_model::esp::{self, DecapError, EncapError, Opened, SealedPacket};
use espalier_reference_model::headers::Headers;
use espalier_reference_model::replay::ReplayWindow;
use espalier_reference_model::rfc4106::{IV_LENGTH, IcvLength, Rfc4106};
use espalier_reference_model::sa::{Encap as ModelEncap, Endpoints, RxSa, Tunnel, TxSa};
use std::net::IpAddr;

use crate::sa::{EncapKind, RFC4106_GCM_AES, SaParams, longest_payload};
use crate::xfrm::{Family, Mark, Mode, protocol};

use super::error::TransformError;

/// Bytes of ESP header and IV.
const HEADER_LENGTH: usize = esp::HEADER_LENGTH + IV_LENGTH;

/// What software needs of an SA.
#[derive(Debug)]
pub(super) struct Transform {
    /// Both directions: an SA that does not say `dir` has both. Numbers, windows, limits and counts are the core's, not these.
    tx: TxSa,
    rx: RxSa,
}

impl Transform {
    /// Takes the key material over.
    pub fn new(params: &SaParams) -> Result<Self, TransformError> {
        if params.id.proto != protocol::ESP {
            return Err(TransformError::Protocol(params.id.proto));
        }
        if params.id.spi == 0 {
            return Err(TransformError::Spi);
        }
        if params.enc.is_some() || params.auth.is_some() || params.comp.is_some() {
            return Err(TransformError::Algorithm);
        }
        let aead = params.aead.as_ref().ok_or(TransformError::Algorithm)?;
        if aead.name != RFC4106_GCM_AES {
            return Err(TransformError::Aead(aead.name.clone()));
        }
        // RFC 4106 section 3.1: a nonce never repeats under a key.
        let flags = [(params.flags.oseq_may_wrap, "oseq-may-wrap"), (params.flags.wildrecv, "wildrecv"), (params.flags.icmp, "icmp")];
        if let Some((_, flag)) = flags.iter().find(|(set, _)| *set) {
            return Err(TransformError::Flag(flag));
        }
        if params.output_mark != Mark::default() {
            return Err(TransformError::OutputMark);
        }
        if params.tfcpad != 0 {
            return Err(TransformError::TfcPadding);
        }
        let icv_length = icv_length(aead.icv_bits).ok_or(TransformError::IcvLength(aead.icv_bits))?;
        let cipher = || Rfc4106::new(aead.key.expose(), icv_length);
        let window = ReplayWindow::new(0, false).map_err(|_| TransformError::Algorithm)?;
        let encap = match params.encap {
            Some(encap) if encap.kind != EncapKind::EspInUdp => return Err(TransformError::Encap),
            encap => encap.map(|encap| ModelEncap { sport: encap.sport, dport: encap.dport }),
        };
        let tunnel = tunnel(params)?;
        let rx = RxSa {
            tunnel: tunnel.is_some(),
            inner_v4: carries(params, Family::V4),
            inner_v6: carries(params, Family::V6),
            no_ecn: params.flags.noecn,
            decap_dscp: params.flags.decap_dscp,
            ..RxSa::new(0, cipher()?, window)
        };
        let tx = TxSa { esn: params.flags.esn, tunnel, encap, ..TxSa::new(params.id.spi, cipher()?) };
        Ok(Self { tx, rx })
    }

    /// Other UDP ports.
    pub fn set_encap(&mut self, sport: u16, dport: u16) {
        self.tx.encap = Some(ModelEncap { sport, dport });
    }

    /// The frame that carries the packet of `frame`. UDP over IPv6 has its checksum, which the model leaves out
    /// (esp6_output_encap_csum; RFC 8200 section 8.1).
    pub fn encapsulate(&self, frame: &[u8], seq: u64) -> Result<Vec<u8>, EncapError> {
        let mut sealed = esp::encapsulate(frame, &self.tx, seq)?;
        if self.tx.encap.is_some() {
            write_udp6_checksum(&mut sealed);
        }
        Ok(sealed)
    }

    /// The same without its encryption, for a device that does that (esp_xmit with `hw_offload`): ESP header, IV, plaintext,
    /// trailer, and zeros where the ICV belongs.
    pub fn prepare(&self, frame: &[u8], seq: u64) -> Result<Vec<u8>, EncapError> {
        esp::prepare(frame, &self.tx, seq)
    }

    /// A received frame, looked at as ESP.
    pub fn sealed<'a>(&self, frame: &'a [u8]) -> Result<SealedPacket<'a>, DecapError> {
        SealedPacket::new(frame, &self.rx.cipher)
    }

    /// Verifies and decrypts with the number that the replay check inferred.
    pub fn open(&self, sealed: &SealedPacket<'_>, seq: u64) -> Result<Opened, DecapError> {
        sealed.open(&self.rx.cipher, self.tx.esn, seq)
    }

    /// What a device has decrypted in place and cut the ICV off (esp_input_tail): without header and IV, the trailer taken off.
    pub fn strip(&self, frame: &[u8], sealed: &SealedPacket<'_>) -> Result<Opened, DecapError> {
        let esp = sealed.esp();
        let from = esp.offset + HEADER_LENGTH;
        let to = (esp.offset + esp.length).saturating_sub(self.tx.cipher.icv_length());
        let mut payload = frame.get(from..to).ok_or(DecapError::Truncated)?.to_vec();
        let [pad_length, next_header] = *payload.last_chunk::<{ esp::TRAILER_LENGTH }>().ok_or(DecapError::Trailer(0))?;
        let length = payload.len().checked_sub(esp::TRAILER_LENGTH + usize::from(pad_length));
        payload.truncate(length.ok_or(DecapError::Trailer(pad_length))?);
        Ok(Opened { payload, next_header })
    }

    /// The frame for the host.
    pub fn decapsulate(&self, sealed: &SealedPacket<'_>, opened: &Opened) -> Result<Vec<u8>, DecapError> {
        sealed.decapsulate(opened, &self.rx)
    }
}

/// RFC 4106 section 6.
const fn icv_length(bits: u32) -> Option<IcvLength> {
    match bits {
        64 => Some(IcvLength::Eight),
        96 => Some(IcvLength::Twelve),
        128 => Some(IcvLength::Sixteen),
        _ => None,
    }
}

/// Whether an SA carries packets of a family: that of its selector, else its own, with `af-unspec` both (xfrm_init_state,
/// xfrm_inner_mode_encap_remove).
fn carries(params: &SaParams, family: Family) -> bool {
    match &params.selector {
        Some(selector) => selector.family() == family,
        None => params.flags.af_unspec || params.family() == family,
    }
}

fn tunnel(params: &SaParams) -> Result<Option<Tunnel>, TransformError> {
    let endpoints = match (params.saddr, params.id.daddr) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => Endpoints::V4 { src, dst },
        (IpAddr::V6(src), IpAddr::V6(dst)) => Endpoints::V6 { src, dst },
        _ => return Err(TransformError::Family),
    };
    match params.mode {
        Mode::Transport => Ok(None),
        Mode::Tunnel => Ok(Some(Tunnel {
            dont_encap_dscp: params.flags.dont_encap_dscp,
            no_ecn: params.flags.noecn,
            no_pmtu_disc: params.flags.nopmtudisc,
            ..Tunnel::new(endpoints)
        })),
        mode => Err(TransformError::Mode(mode)),
    }
}

/// Over pseudo-header, UDP header and payload (RFC 8200 section 8.1). Not for IPv4, where RFC 3948 section 2.1 wants zero.
fn write_udp6_checksum(frame: &mut [u8]) {
    let headers = Headers::parse(frame);
    let Some(esp) = headers.esp.filter(|_| headers.is_v6) else { return };
    let (addresses, udp) = (headers.l2_length + 8, esp.offset - 8);
    let words = |bytes: &[u8]| -> u64 {
        let pairs = bytes.chunks(2).map(|pair| u64::from(pair[0]) << 8 | u64::from(pair.get(1).copied().unwrap_or(0)));
        pairs.sum()
    };
    let length = esp.length as u64 + 8;
    let mut sum = words(&frame[addresses..addresses + 32]) + length + u64::from(protocol::UDP) + words(&frame[udp..]);
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    // A sum of zero would say that there is none.
    let checksum = if sum == 0xFFFF { 0xFFFF } else { !(sum as u16) };
    frame[esp.offset - 2..esp.offset].copy_from_slice(&checksum.to_be_bytes());
}

/// xfrm_state_mtu: the longest IP packet that fits `mtu` once it is protected.
pub(super) fn state_mtu(params: &SaParams, mtu: u32) -> u32 {
    let payload = longest_payload(params, u16::try_from(mtu).unwrap_or(u16::MAX)).into();
    match (params.mode, params.family()) {
        (Mode::Tunnel, Family::V4) => payload,
        // IPV6_MIN_MTU
        (Mode::Tunnel, Family::V6) => payload.max(1280),
        // The packet's own IP header stays.
        (_, Family::V4) => payload + 20,
        (_, Family::V6) => (payload + 40).max(1280),
    }
}
