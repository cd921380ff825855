//! Sending: see the rules in [`super`].

use etherparse::{IpDscp, IpEcn, IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6Header, UdpHeader};

use super::{ALIGNMENT, TRAILER_LENGTH};
use crate::headers::{Headers, ether_type, internet_checksum, protocol};
use crate::rfc4106::{Header, IV_LENGTH, seqiv};
use crate::sa::{Endpoints, Tunnel, TxSa};

/// CE of the ECN field, and ECT(0) (RFC 3168 section 5).
const CE: u8 = 0b11;
const ECT_0: u8 = 0b10;
/// DF of the IPv4 flags, in the upper byte of the field (RFC 791 section 3.1).
const DF: u8 = 0x40;

/// Why a packet can't be protected by this SA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncapError {
    /// Not a well-formed and whole IP packet.
    #[error("not a whole IP packet")]
    Malformed,
    /// Transport mode: IPv4 options or an IPv6 extension header.
    #[error("IPv4 options and IPv6 extension headers have no place in transport mode")]
    Options,
    /// Transport mode: a fragment.
    #[error("a fragment can't be sent in transport mode")]
    Fragment,
    /// Longer than an IP header can say.
    #[error("{0} bytes after the IP header are more than an IP packet holds")]
    TooLong(usize),
}

/// The frame that carries the IP packet of `frame` under `sa` with sequence number `seq`.
pub fn encapsulate(frame: &[u8], sa: &TxSa, seq: u64) -> Result<Vec<u8>, EncapError> {
    let header = Header { spi: sa.spi, seq, esn: sa.esn };
    build(frame, sa, seq, |iv, plaintext| sa.cipher.seal(&header, iv, &plaintext))
}

/// The same before it is encrypted, as a stack gives it to a device that does crypto offload (Linux `esp_xmit` with
/// `hw_offload`): zeros where the ICV belongs. [`super::encrypt_in_place`] makes the other of it.
pub fn prepare(frame: &[u8], sa: &TxSa, seq: u64) -> Result<Vec<u8>, EncapError> {
    let icv = vec![0; sa.cipher.icv_length()];
    build(frame, sa, seq, |_, plaintext| [plaintext, icv].concat())
}

/// `seal` is given IV and plaintext, and gives what stands behind the IV.
fn build(frame: &[u8], sa: &TxSa, seq: u64, seal: impl FnOnce(&[u8; IV_LENGTH], Vec<u8>) -> Vec<u8>) -> Result<Vec<u8>, EncapError> {
    let headers = &Headers::parse(frame);
    check(headers, sa)?;
    let packet = &frame[headers.l2_length..][..headers.ip_length];
    let (payload, next_header) = match sa.tunnel {
        Some(_) if headers.is_v4 => (packet, protocol::IPV4),
        Some(_) => (packet, protocol::IPV6),
        None => (&packet[headers.l3_length..], headers.protocol),
    };
    let iv = seqiv(seq);
    let sealed = seal(&iv, plaintext(payload, next_header));
    let esp = [&sa.spi.to_be_bytes()[..], &(seq as u32).to_be_bytes(), &iv, &sealed].concat();
    let (udp, protocol) = match sa.encap {
        // RFC 3948 section 2.1: checksum zero.
        Some(encap) => {
            let (source_port, destination_port) = (encap.sport, encap.dport);
            let length = u16::try_from(8 + esp.len()).map_err(|_| EncapError::TooLong(8 + esp.len()))?;
            (UdpHeader { source_port, destination_port, length, checksum: 0 }.to_bytes().to_vec(), protocol::UDP)
        }
        None => (Vec::new(), protocol::ESP),
    };
    let length = udp.len() + esp.len();
    let (ether_type, ip) = match &sa.tunnel {
        Some(tunnel) => outer_header(tunnel, headers, packet, protocol, length, seq)?,
        None => transport_header(headers, packet, protocol, length)?,
    };
    Ok([headers.l2_with(frame, ether_type), ip, udp, esp].concat())
}

/// What the headers alone rule out.
pub fn check(headers: &Headers, sa: &TxSa) -> Result<(), EncapError> {
    if !headers.is_ip() || headers.malformed || headers.truncated {
        return Err(EncapError::Malformed);
    }
    if sa.tunnel.is_none() && headers.has_options {
        return Err(EncapError::Options);
    }
    if sa.tunnel.is_none() && headers.is_fragment {
        return Err(EncapError::Fragment);
    }
    Ok(())
}

/// Payload, padding, pad length and next header (RFC 4303 sections 2.3 to 2.6).
fn plaintext(payload: &[u8], next_header: u8) -> Vec<u8> {
    let pad_length = (payload.len() + TRAILER_LENGTH).wrapping_neg() % ALIGNMENT;
    let mut plaintext = payload.to_vec();
    plaintext.extend(1..=pad_length as u8);
    plaintext.extend([pad_length as u8, next_header]);
    plaintext
}

/// The outer header of a tunnel (RFC 4301 section 5.1.2) and its EtherType.
fn outer_header(
    tunnel: &Tunnel,
    headers: &Headers,
    packet: &[u8],
    protocol: u8,
    length: usize,
    seq: u64,
) -> Result<(u16, Vec<u8>), EncapError> {
    let tos = outer_tos(tunnel, super::marks::tos(packet, headers.is_v4));
    match tunnel.endpoints {
        Endpoints::V4 { src, dst } => {
            let total = Ipv4Header::MIN_LEN + length;
            let dont_fragment = !tunnel.no_pmtu_disc && (headers.is_v6 || packet[6] & DF != 0);
            let mut header = Ipv4Header {
                dscp: IpDscp::try_new(tos >> 2).unwrap_or_default(),
                ecn: IpEcn::try_new(tos & CE).unwrap_or_default(),
                total_len: u16::try_from(total).map_err(|_| EncapError::TooLong(length))?,
                // RFC 6864 section 4.1: without DF it tells fragments of packets apart.
                identification: if dont_fragment { 0 } else { seq as u16 },
                dont_fragment,
                time_to_live: tunnel.ttl,
                protocol: IpNumber(protocol),
                source: src.octets(),
                destination: dst.octets(),
                ..Ipv4Header::default()
            };
            header.header_checksum = header.calc_header_checksum();
            Ok((ether_type::IPV4, header.to_bytes().to_vec()))
        }
        Endpoints::V6 { src, dst } => {
            let flow_label = if headers.is_v6 { u32::from_be_bytes([0, packet[1] & 0x0F, packet[2], packet[3]]) } else { 0 };
            let header = Ipv6Header {
                traffic_class: tos,
                flow_label: Ipv6FlowLabel::try_new(flow_label).unwrap_or_default(),
                payload_length: u16::try_from(length).map_err(|_| EncapError::TooLong(length))?,
                next_header: IpNumber(protocol),
                hop_limit: tunnel.ttl,
                source: src.octets(),
                destination: dst.octets(),
            };
            Ok((ether_type::IPV6, header.to_bytes().to_vec()))
        }
    }
}

/// TOS or traffic class outside: DSCP copied (RFC 4301 section 5.1.2), ECN copied but CE as ECT(0) (RFC 3168 section
/// 9.1.1).
fn outer_tos(tunnel: &Tunnel, inner: u8) -> u8 {
    let dscp = if tunnel.dont_encap_dscp { 0 } else { inner & !CE };
    let ecn = match inner & CE {
        _ if tunnel.no_ecn => 0,
        CE => ECT_0,
        ecn => ecn,
    };
    dscp | ecn
}

/// The packet's own header with another protocol and another length behind it (RFC 4303 section 3.1.1), and its
/// EtherType.
pub(super) fn transport_header(headers: &Headers, packet: &[u8], protocol: u8, length: usize) -> Result<(u16, Vec<u8>), EncapError> {
    let mut ip = packet[..headers.l3_length].to_vec();
    let say = |length| u16::try_from(length).map(u16::to_be_bytes).map_err(|_| EncapError::TooLong(length));
    if headers.is_v4 {
        ip[2..4].copy_from_slice(&say(headers.l3_length + length)?);
        ip[9] = protocol;
        ip[10..12].fill(0);
        let checksum = internet_checksum(&ip);
        ip[10..12].copy_from_slice(&checksum.to_be_bytes());
        Ok((ether_type::IPV4, ip))
    } else {
        ip[4..6].copy_from_slice(&say(length)?);
        ip[6] = protocol;
        Ok((ether_type::IPV6, ip))
    }
}
