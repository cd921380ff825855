//! Everything that happens in a run: frames, and changes of the tables between them and under them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use espalier_driver::xfrm::Direction;
use espalier_reference_model::lifetime::Limits;
use espalier_reference_model::nic::Offload;
use espalier_reference_model::sa::TxSa;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::association::{Association, hosts};
use crate::choices::limits;
use crate::packet::{Bytes, Packet, packets};
use crate::stack::{Flaw, build, flaws};
use crate::wire::{Fate, fates, receive};

/// A frame that reaches the card, or a pause until nothing is under way.
#[derive(Debug, Clone)]
pub enum Shot {
    /// From the host.
    Host {
        frame: Vec<u8>,
        offload: Offload,
        error: bool,
    },
    /// From the wire.
    Wire {
        frame: Vec<u8>,
        error: bool,
    },
    Rest,
}

/// Who is at the other end of an association, and what builds ESP at this end where the card does not.
pub struct Peer {
    pub association: Association,
    /// The peer's own sending end.
    pub sa: TxSa,
    /// Numbers of the stack, for crypto offload.
    pub stack: TxSa,
}

impl Peer {
    pub fn new(association: &Association) -> Self {
        let (sa, stack) = (association.tx_sa(Direction::In), association.tx_sa(Direction::Out));
        Self { association: association.clone(), sa, stack }
    }
}

/// Between whom a packet that is not ESP comes from the wire.
#[derive(Debug, Clone)]
pub enum Between {
    /// The hosts of an association, which should have protected it, or not.
    Inside(Index),
    /// Strangers.
    Strangers(bool),
    /// A stranger and everybody.
    Everybody(bool),
}

/// Something that happens.
#[derive(Debug, Clone)]
pub enum Event {
    /// From the host: through an association, or (none) by no policy.
    Send(Option<Index>, Packet),
    /// As `Send`, marked as to be protected.
    Protect(Option<Index>, Packet),
    /// From the host: ESP of the stack.
    Encrypt(Index, Packet, Flaw),
    /// From the wire: ESP of an association.
    Receive(Index, Packet, Fate),
    /// From the wire: not ESP.
    Plain(Between, Packet),
    /// From the host or the wire: bytes.
    Noise(bool, Bytes),
    /// From the host: a frame with another value in this byte.
    Bent(Index, Packet, Index, u8),
    /// From the host: marked as damaged.
    Damaged(Index, Packet),
    /// The tables change.
    Change(Change),
}

/// A change of the tables. Those that change what becomes of packets wait until none is under way.
#[derive(Debug, Clone)]
pub enum Change {
    /// An outbound SA is written again as it is (TX_SA.KEEP), under traffic.
    Keep(Index),
    /// Selector, accepted policies and all inbound policies are written again as they are, under traffic.
    Again(Index),
    /// An outbound SA gets another MAX_PAYLOAD (TX_SA.KEEP).
    MaxPayload(Index, Option<u16>),
    /// Other limits, at either end.
    Limits(Index, Direction, Limits),
    /// It fits other policies.
    Accepts(Index, u64),
    /// RX_PASS_UNKNOWN.
    PassUnknown(bool),
    /// The same association with another key.
    Rekey(Index),
    /// An association comes, or goes if it is there: under traffic of others.
    Visit,
}

impl Event {
    /// The frames, and where to pause.
    pub fn shots(&self, peers: &mut [Peer]) -> Vec<Shot> {
        let host = |frame, error| vec![Shot::Host { frame, offload: Offload::None, error }];
        let out = |which: &Index, packet: &Packet, peers: &[Peer]| {
            let at = pick(which, packet, false, peers);
            packet.frame(at.map_or(hosts(200, false, 3), |at| peers[at].association.inside(Direction::Out)))
        };
        match self {
            Self::Send(Some(which), packet) => host(out(which, packet, peers), false),
            Self::Send(None, packet) => host(packet.frame(hosts(200, false, 3)), false),
            Self::Protect(which, packet) => {
                let frame = match which {
                    Some(which) => out(which, packet, peers),
                    None => packet.frame(hosts(200, false, 3)),
                };
                vec![Shot::Host { frame, offload: Offload::Packet, error: false }]
            }
            Self::Damaged(which, packet) => host(out(which, packet, peers), true),
            Self::Bent(which, packet, at, value) => {
                let mut frame = out(which, packet, peers);
                let at = at.index(frame.len());
                frame[at] ^= value;
                host(frame, false)
            }
            Self::Encrypt(which, packet, flaw) => {
                let Some(at) = pick(which, packet, true, peers) else { return Vec::new() };
                let Peer { association, stack, .. } = &mut peers[at];
                build(association, stack, packet, flaw)
            }
            Self::Receive(which, packet, fate) => {
                let at = which.index(peers.len());
                let Peer { association, sa, .. } = &mut peers[at];
                receive(association, sa, packet, fate)
            }
            Self::Plain(between, packet) => vec![Shot::Wire { frame: packet.frame(ends(between, peers)), error: false }],
            Self::Noise(true, bytes) => vec![Shot::Wire { frame: bytes.0.clone(), error: false }],
            Self::Noise(false, bytes) => host(bytes.0.clone(), false),
            Self::Change(Change::Keep(_) | Change::Again(_) | Change::Visit) => Vec::new(),
            Self::Change(_) => vec![Shot::Rest],
        }
    }
}

/// One of the peers of crypto or of packet offload, if there is one; now and then any.
fn pick(which: &Index, packet: &Packet, crypto: bool, peers: &[Peer]) -> Option<usize> {
    let any = packet.ttl.is_multiple_of(16);
    let peers: Vec<usize> = (0..peers.len()).filter(|at| any || peers[*at].association.crypto == crypto).collect();
    if peers.is_empty() { None } else { Some(*which.get(&peers)) }
}

fn ends(between: &Between, peers: &[Peer]) -> (IpAddr, IpAddr) {
    let everybody =
        |v6: bool| if v6 { IpAddr::from(Ipv6Addr::new(0xFF02, 0, 0, 0, 0, 0, 0, 1)) } else { Ipv4Addr::new(224, 0, 0, 1).into() };
    match between {
        Between::Inside(which) => which.get(peers).association.inside(Direction::In),
        Between::Strangers(v6) => hosts(200, *v6, 3),
        Between::Everybody(v6) => (hosts(200, *v6, 3).0, everybody(*v6)),
    }
}

fn changes() -> impl Strategy<Value = Change> {
    let sizes = prop::option::of(prop_oneof![40..1600u16, Just(0xFFFE)]);
    let directions = prop_oneof![Just(Direction::In), Just(Direction::Out)];
    prop_oneof![
        4 => any::<Index>().prop_map(Change::Keep),
        3 => any::<Index>().prop_map(Change::Again),
        2 => (any::<Index>(), sizes).prop_map(|(which, size)| Change::MaxPayload(which, size)),
        3 => (any::<Index>(), directions, limits()).prop_map(|(which, direction, limits)| Change::Limits(which, direction, limits)),
        1 => (any::<Index>(), any::<u64>()).prop_map(|(which, accepts)| Change::Accepts(which, accepts)),
        1 => any::<bool>().prop_map(Change::PassUnknown),
        1 => any::<Index>().prop_map(Change::Rekey),
        3 => Just(Change::Visit),
    ]
}

pub fn events() -> impl Strategy<Value = Event> {
    let betweens = prop_oneof![
        4 => any::<Index>().prop_map(Between::Inside),
        2 => any::<bool>().prop_map(Between::Strangers),
        1 => any::<bool>().prop_map(Between::Everybody),
    ];
    prop_oneof![
        16 => (prop::option::weighted(0.9, any::<Index>()), packets()).prop_map(|(which, packet)| Event::Send(which, packet)),
        4 => (prop::option::weighted(0.8, any::<Index>()), packets()).prop_map(|(which, packet)| Event::Protect(which, packet)),
        12 => (any::<Index>(), packets(), flaws()).prop_map(|(which, packet, flaw)| Event::Encrypt(which, packet, flaw)),
        24 => (any::<Index>(), packets(), fates()).prop_map(|(which, packet, fate)| Event::Receive(which, packet, fate)),
        4 => (betweens, packets()).prop_map(|(between, packet)| Event::Plain(between, packet)),
        1 => (any::<bool>(), prop::collection::vec(any::<u8>(), 1..200)).prop_map(|(wire, bytes)| Event::Noise(wire, Bytes(bytes))),
        2 => (any::<Index>(), packets(), any::<Index>(), 1..=255u8).prop_map(|(which, packet, at, by)| Event::Bent(which, packet, at, by)),
        1 => (any::<Index>(), packets()).prop_map(|(which, packet)| Event::Damaged(which, packet)),
        4 => changes().prop_map(Event::Change),
    ]
}
