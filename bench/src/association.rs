//! Pairs of SAs with their policies, for the driver and for the reference model.

use std::net::IpAddr;

use espalier_driver::policy::{Level, Template};
use espalier_driver::sa::{Aead, Encap, EncapKind, Offload, RFC4106_GCM_AES};
use espalier_driver::xfrm::{Direction, Mode as XfrmMode, OffloadMode, PolicyDirection, SaId, Selector, protocol};
use espalier_driver::{IpNet, Key, PolicyParams, SaParams};
use espalier_reference_model::rfc4106::{IcvLength, Rfc4106};
use espalier_reference_model::sa::{self as model, Endpoints, TxSa};
use etherparse::{IpNumber, Ipv4Header, Ipv6Header};

use crate::Error;
use crate::case::{FCS, Family, Mode, Setup};

/// Port of ESP in UDP (RFC 3948 section 2.1).
const PORT: u16 = 4500;
/// "Use for experimentation and testing" (RFC 3692).
const PROTOCOL: u8 = 253;
/// Replay window of the receiving end.
const WINDOW: u32 = 64;

/// One of the pairs: which one says everything about its addresses, SPIs and keys.
#[derive(Debug, Clone, Copy)]
pub struct Association {
    setup: Setup,
    index: u8,
    /// How often it has been re-keyed.
    generation: u8,
}

impl Association {
    /// Number `index` of a set-up.
    pub fn new(setup: Setup, index: u8) -> Self {
        Self { setup, index, generation: 0 }
    }

    /// The next one between the same ends: other key, other SPI.
    pub fn rekeyed(self) -> Self {
        Self { generation: self.generation + 1, ..self }
    }

    /// How often it has been re-keyed.
    pub const fn generation(self) -> usize {
        self.generation as usize
    }

    /// Source and destination in network `net`, which `flow` turns round.
    fn between(&self, net: u8, flow: Direction) -> (IpAddr, IpAddr) {
        let host = |last: u8| -> IpAddr {
            match self.setup.family {
                Family::V4 => [10, net, self.index, last].into(),
                Family::V6 => [0x2001, 0xDB8, net.into(), self.index.into(), 0, 0, 0, last.into()].into(),
            }
        };
        match flow {
            Direction::Out => (host(1), host(2)),
            Direction::In => (host(2), host(1)),
        }
    }

    fn inside(&self, flow: Direction) -> (IpAddr, IpAddr) {
        self.between(1, flow)
    }

    fn outside(&self, flow: Direction) -> (IpAddr, IpAddr) {
        self.between(if self.setup.mode == Mode::Transport { 1 } else { 2 }, flow)
    }

    fn spi(&self, flow: Direction) -> u32 {
        let base = if flow == Direction::Out { 0xC000_0000 } else { 0xD000_0000 };
        base + u32::from(self.generation) * 0x100 + u32::from(self.index)
    }

    /// Key and salt.
    fn key(&self) -> Vec<u8> {
        let bytes = u8::try_from(self.setup.key_bits / 8 + 4).unwrap_or(u8::MAX);
        let which = [self.index, self.generation];
        (0..bytes).map(|byte| byte.wrapping_mul(7) ^ which[usize::from(byte % 2)]).collect()
    }

    const fn mode(&self) -> XfrmMode {
        match self.setup.mode {
            Mode::Transport => XfrmMode::Transport,
            Mode::Tunnel | Mode::NatT => XfrmMode::Tunnel,
        }
    }

    /// The SA of a direction as the driver is given it.
    pub fn sa(&self, flow: Direction) -> SaParams {
        let (saddr, daddr) = self.outside(flow);
        let id = SaId { daddr, spi: self.spi(flow), proto: protocol::ESP };
        let aead = Aead { name: RFC4106_GCM_AES.to_owned(), key: Key::new(self.key()), icv_bits: 128 };
        let offload = Offload { mode: OffloadMode::Packet, direction: flow };
        let mut sa = SaParams::new(id, saddr, self.mode(), offload, aead);
        sa.reqid = u32::from(self.index) + 1;
        sa.flags.esn = true;
        if flow == Direction::In {
            sa.replay_window = WINDOW;
        }
        if self.setup.mode == Mode::NatT {
            sa.encap = Some(Encap { kind: EncapKind::EspInUdp, sport: PORT, dport: PORT, oaddr: [0, 0, 0, 0].into() });
        }
        sa
    }

    /// The policy that has its hosts' packets protected by it.
    pub fn policy(&self, flow: Direction) -> PolicyParams {
        let (src, dst) = self.inside(flow);
        let (saddr, daddr) = self.outside(flow);
        let direction = if flow == Direction::Out { PolicyDirection::Out } else { PolicyDirection::In };
        let mut policy = PolicyParams::new(Selector::between(IpNet::from(src), IpNet::from(dst)), direction);
        let id = SaId { daddr, spi: 0, proto: protocol::ESP };
        policy.templates = vec![Template { id, saddr, mode: self.mode(), reqid: u32::from(self.index) + 1, level: Level::Required }];
        policy
    }

    /// The sending end, for the reference model: ours, or that of the peer who sends to us.
    pub fn sender(&self, flow: Direction) -> Result<TxSa, Error> {
        let cipher = Rfc4106::new(&self.key(), IcvLength::Sixteen).map_err(|error| Error::wrong(self.setup, error.to_string()))?;
        let endpoints = match self.outside(flow) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => Some(Endpoints::V4 { src, dst }),
            (IpAddr::V6(src), IpAddr::V6(dst)) => Some(Endpoints::V6 { src, dst }),
            _ => None,
        };
        Ok(TxSa {
            esn: true,
            tunnel: endpoints.filter(|_| self.setup.mode != Mode::Transport).map(model::Tunnel::new),
            encap: (self.setup.mode == Mode::NatT).then_some(model::Encap { sport: PORT, dport: PORT }),
            ..TxSa::new(self.spi(flow), cipher)
        })
    }

    /// A plain frame between its hosts of `bytes` bytes with FCS; the FCS itself is not there.
    pub fn frame(&self, flow: Direction, bytes: usize) -> Vec<u8> {
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
        let (header, ether_type) = match self.inside(flow) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                let payload = bytes.saturating_sub(14 + 20 + FCS);
                let mut header = Ipv4Header {
                    total_len: (20 + payload) as u16,
                    dont_fragment: true,
                    time_to_live: 64,
                    protocol: IpNumber(PROTOCOL),
                    source: src.octets(),
                    destination: dst.octets(),
                    ..Ipv4Header::default()
                };
                header.header_checksum = header.calc_header_checksum();
                (header.to_bytes().to_vec(), [0x08, 0x00])
            }
            (src, dst) => {
                let octets = |address: IpAddr| if let IpAddr::V6(address) = address { address.octets() } else { [0; 16] };
                let header = Ipv6Header {
                    payload_length: bytes.saturating_sub(14 + 40 + FCS) as u16,
                    next_header: IpNumber(PROTOCOL),
                    hop_limit: 64,
                    source: octets(src),
                    destination: octets(dst),
                    ..Ipv6Header::default()
                };
                (header.to_bytes().to_vec(), [0x86, 0xDD])
            }
        };
        frame.extend(ether_type);
        frame.extend(header);
        frame.resize(bytes.saturating_sub(FCS), 0xA5);
        frame
    }
}
