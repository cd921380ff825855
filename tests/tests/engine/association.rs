//! A pair of SAs as the tests choose them, for the model and in the words of the registers.

use std::net::IpAddr;

use espalier_driver::xfrm::Direction;
use espalier_reference_model::lifetime::{Lifetime, Limits};
use espalier_reference_model::policy::{Policy, PortMatch, Prefix, Selector};
use espalier_reference_model::replay::ReplayWindow;
use espalier_reference_model::rfc4106::{IcvLength, Rfc4106};
use espalier_reference_model::sa::{Encap, Endpoints, RxSa, SaKey, Tunnel, TxSa};
use espalier_regs::cam;
use espalier_regs::mailbox::{limits, policy, rx_sa, selector, tx_sa};

use crate::card::Words;

/// A pair of associations, one out and one in. `index` sets it apart from the others: addresses, SPIs and SA numbers follow from it.
#[derive(Debug, Clone)]
pub struct Association {
    /// Tells associations apart.
    pub index: u8,
    /// Number of the inbound SA; that of the outbound one is `index`.
    pub rx: u16,
    /// AES key and salt.
    pub key_and_salt: Vec<u8>,
    pub icv: IcvLength,
    /// Extended sequence numbers.
    pub esn: bool,
    /// Crypto offload, both ways.
    pub crypto: bool,
    /// Family of the packets inside.
    pub v6: bool,
    /// Tunnel mode, and the family outside.
    pub tunnel: Option<bool>,
    /// Inside UDP.
    pub encap: bool,
    /// Replay window of the receiving end.
    pub window: u32,
    /// The sequence number before the first.
    pub last_seq: u64,
    pub dont_encap_dscp: bool,
    /// At either end.
    pub no_ecn: bool,
    pub no_pmtu_disc: bool,
    pub decap_dscp: bool,
    /// May carry IPv4, IPv6 (the receiving end).
    pub carries: [bool; 2],
    pub max_payload: Option<u16>,
    /// Of the sending and the receiving end.
    pub limits: [Limits; 2],
    /// What the receiving end may carry.
    pub selects: Selects,
    /// Which inbound policies it fits: bit i for policy i.
    pub accepts: u64,
}

/// What an inbound SA may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selects {
    /// Anything.
    Any,
    /// Its own hosts' packets.
    Hosts,
    /// Its own hosts' packets of a protocol.
    Protocol(u8),
    /// Packets to a port of any host of its family.
    Port(u16),
}

impl Association {
    /// In tunnel mode over IPv4 or IPv6, or in transport mode, with nothing special.
    pub fn plain(index: u8, v6: bool, tunnel: Option<bool>) -> Self {
        Self {
            index,
            rx: u16::from(index) + 5,
            key_and_salt: (0..36).collect(),
            icv: IcvLength::Sixteen,
            esn: true,
            crypto: false,
            v6,
            tunnel,
            encap: false,
            window: 4096,
            last_seq: 0,
            dont_encap_dscp: false,
            no_ecn: false,
            no_pmtu_disc: false,
            decap_dscp: false,
            carries: [true; 2],
            max_payload: None,
            limits: [Limits::NONE; 2],
            selects: Selects::Any,
            accepts: u64::MAX,
        }
    }

    /// Number of the outbound SA.
    pub fn tx(&self) -> u16 {
        self.index.into()
    }

    /// The hosts inside: (source, destination).
    pub fn inside(&self, flow: Direction) -> (IpAddr, IpAddr) {
        hosts(self.index, self.v6, if flow == Direction::Out { 1 } else { 2 })
    }

    /// The gateways outside, or in transport mode the hosts themselves.
    pub fn outside(&self, flow: Direction) -> (IpAddr, IpAddr) {
        match self.tunnel {
            Some(v6) => hosts(self.index, v6, if flow == Direction::Out { 3 } else { 4 }),
            None => self.inside(flow),
        }
    }

    fn spi(&self, flow: Direction) -> u32 {
        let base = if flow == Direction::Out { 0xC000_0100 } else { 0xC000_0200 };
        base + u32::from(self.index)
    }

    fn cipher(&self) -> Rfc4106 {
        Rfc4106::new(&self.key_and_salt, self.icv).expect("a key of a right length")
    }

    /// The sending end, for the model: ours, or that of the peer who sends to us.
    pub fn tx_sa(&self, flow: Direction) -> TxSa {
        let tunnel = self.tunnel.map(|_| Tunnel {
            dont_encap_dscp: self.dont_encap_dscp,
            no_ecn: self.no_ecn,
            no_pmtu_disc: self.no_pmtu_disc,
            ..Tunnel::new(match self.outside(flow) {
                (IpAddr::V4(src), IpAddr::V4(dst)) => Endpoints::V4 { src, dst },
                (IpAddr::V6(src), IpAddr::V6(dst)) => Endpoints::V6 { src, dst },
                _ => unreachable!("one family outside"),
            })
        });
        TxSa {
            esn: self.esn,
            tunnel,
            encap: self.encap.then_some(ENCAP),
            last_seq: self.last_seq,
            crypto: self.crypto,
            max_payload: self.max_payload,
            lifetime: Lifetime::new(self.limits[0]),
            ..TxSa::new(self.spi(flow), self.cipher())
        }
    }

    /// What packets find the receiving end by.
    pub fn sa_key(&self) -> SaKey {
        SaKey { dst: self.outside(Direction::In).1, spi: self.spi(Direction::In), encap: self.encap }
    }

    /// The receiving end, for the model; it fits no policy yet.
    pub fn rx_sa(&self) -> RxSa {
        let replay = ReplayWindow::starting_at(self.window, self.esn, self.last_seq).expect("a window where there is ESN");
        let [inner_v4, inner_v6] = self.carries;
        RxSa {
            tunnel: self.tunnel.is_some(),
            crypto: self.crypto,
            inner_v4,
            inner_v6,
            no_ecn: self.no_ecn,
            decap_dscp: self.decap_dscp,
            selectors: self.selector().map_or(Selector::ALL.to_vec(), |selector| vec![selector]),
            lifetime: Lifetime::new(self.limits[1]),
            ..RxSa::new(self.rx, self.cipher(), replay)
        }
    }

    fn selector(&self) -> Option<Selector> {
        let (src, dst) = self.inside(Direction::In);
        let hosts = Selector::between(Prefix::host(src), Prefix::host(dst));
        let family = Selector::ALL[usize::from(self.v6)];
        match self.selects {
            Selects::Any => None,
            Selects::Hosts => Some(hosts),
            Selects::Protocol(protocol) => Some(Selector { protocol: Some(protocol), ..hosts }),
            Selects::Port(port) => Some(Selector { dport: PortMatch::exactly(port), ..family }),
        }
    }

    /// Operands of TX_SA_WRITE.
    pub fn tx_words(&self, keep: bool) -> Words {
        let (key, salt) = self.key_and_salt.split_at(self.key_and_salt.len() - 4);
        let mut words = Words::new();
        words.put_bytes(tx_sa::KEY, key).put_bytes(tx_sa::SALT, salt).put(tx_sa::KEY_SIZE, key_size(key)).put(tx_sa::ICV, icv(self.icv));
        words.put(tx_sa::SEQ, self.last_seq).put(tx_sa::ESN, self.esn).put(tx_sa::CRYPTO, self.crypto).put(tx_sa::KEEP, keep);
        words.put(tx_sa::SPI, self.spi(Direction::Out)).put(tx_sa::MAX_PAYLOAD, self.max_payload.unwrap_or(0xFFFF));
        words.put(tx_sa::DONT_ENCAP_DSCP, self.dont_encap_dscp).put(tx_sa::NO_ECN, self.no_ecn);
        words.put(tx_sa::NO_PMTU_DISC, self.no_pmtu_disc);
        if let Some(v6) = self.tunnel {
            let (src, dst) = self.outside(Direction::Out);
            words.put(tx_sa::TUNNEL, true).put(tx_sa::OUTER_V6, v6).put(tx_sa::TTL, 64u8);
            words.put(tx_sa::SRC, bits(src)).put(tx_sa::DST, bits(dst));
        }
        if self.encap {
            words.put(tx_sa::ENCAP, true).put(tx_sa::ENCAP_SPORT, ENCAP.sport).put(tx_sa::ENCAP_DPORT, ENCAP.dport);
        }
        words
    }

    /// Operands of RX_SA_WRITE.
    pub fn rx_words(&self) -> Words {
        let (key, salt) = self.key_and_salt.split_at(self.key_and_salt.len() - 4);
        let [v4, v6] = self.carries;
        let mut words = Words::new();
        words.put_bytes(rx_sa::KEY, key).put_bytes(rx_sa::SALT, salt).put(rx_sa::KEY_SIZE, key_size(key)).put(rx_sa::ICV, icv(self.icv));
        words.put(rx_sa::SEQ, self.last_seq).put(rx_sa::ESN, self.esn).put(rx_sa::CRYPTO, self.crypto);
        words.put(rx_sa::TUNNEL, self.tunnel.is_some()).put(rx_sa::REPLAY_WINDOW, self.window);
        words.put(rx_sa::INNER_V4, v4).put(rx_sa::INNER_V6, v6).put(rx_sa::NO_ECN, self.no_ecn).put(rx_sa::DECAP_DSCP, self.decap_dscp);
        words
    }

    /// Operands of RX_SELECTOR_WRITE.
    pub fn selector_words(&self) -> Words {
        let mut words = Words::new();
        match self.selector() {
            None => words.put(selector::ANY_FAMILY, true),
            Some(selector) => put_selector(&mut words, &selector),
        };
        words
    }

    /// What the CAM finds the inbound SA by.
    pub fn cam_key(&self) -> cam::Key {
        let SaKey { dst, spi, encap } = self.sa_key();
        cam::Key { dst: bits(dst), spi, v6: dst.is_ipv6(), encap }
    }
}

/// The ports of every UDP encapsulation here.
const ENCAP: Encap = Encap { sport: 4500, dport: 4500 };

/// Two hosts of an association in a network of their own.
pub fn hosts(index: u8, v6: bool, net: u8) -> (IpAddr, IpAddr) {
    let host = |last: u8| -> IpAddr {
        if v6 {
            IpAddr::from([0x20, 1, 0xD, 0xB8, 0, net, 0, index, 0, 0, 0, 0, 0, 0, 0, last])
        } else {
            IpAddr::from([10, net, index, last])
        }
    };
    (host(1), host(2))
}

/// An address as the registers have it.
pub fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// Operands of TX_LIMITS_WRITE and RX_LIMITS_WRITE.
pub fn limit_words(given: &Limits) -> Words {
    let mut words = Words::new();
    words.put(limits::SOFT_PACKETS, given.soft_packets).put(limits::HARD_PACKETS, given.hard_packets);
    words.put(limits::SOFT_BYTES, given.soft_bytes).put(limits::HARD_BYTES, given.hard_bytes);
    words
}

/// Operands of TX_POLICY_WRITE and RX_POLICY_WRITE, but for what the policy does. `order` stands above its priority's equals.
pub fn policy_words<A>(given: &Policy<A>, order: u16) -> Words {
    let mut words = Words::new();
    put_selector(&mut words, &given.selector);
    words.put(policy::ORDER, u64::from(given.priority) << 16 | u64::from(order)).put(policy::VALUE_FORWARD, given.forward);
    words
}

/// The fields that POLICY and SELECTOR have in common, at the same bits.
fn put_selector<'a>(words: &'a mut Words, given: &Selector) -> &'a mut Words {
    let prefix = |prefix: &Prefix| {
        let all = if prefix.address().is_ipv4() { 32 } else { 128 };
        let ones = u128::MAX >> (128 - all);
        let mask = ones & !ones.checked_shr(prefix.length().into()).unwrap_or(0);
        (bits(prefix.address()) & mask, mask)
    };
    let ((src, src_mask), (dst, dst_mask)) = (prefix(&given.src), prefix(&given.dst));
    words.put(policy::VALUE_SRC, src).put(policy::MASK_SRC, src_mask).put(policy::VALUE_DST, dst).put(policy::MASK_DST, dst_mask);
    words.put(policy::VALUE_V6, given.src.address().is_ipv6());
    words.put(policy::VALUE_SPORT, given.sport.value).put(policy::MASK_SPORT, given.sport.mask);
    words.put(policy::VALUE_DPORT, given.dport.value).put(policy::MASK_DPORT, given.dport.mask);
    words.put(policy::VALUE_PROTOCOL, given.protocol.unwrap_or(0)).put(policy::MASK_PROTOCOL, given.protocol.map_or(0, |_| 0xFFu8))
}

fn key_size(key: &[u8]) -> u8 {
    (key.len() / 8 - 2) as u8
}

fn icv(length: IcvLength) -> u8 {
    match length {
        IcvLength::Sixteen => 0,
        IcvLength::Twelve => 1,
        IcvLength::Eight => 2,
    }
}
