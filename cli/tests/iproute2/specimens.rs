//! Messages to print: a few by hand, for the records, and any at random.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use espalier_driver::policy::{Action, Level, PolicyType, Template};
use espalier_driver::sa::{Aead, Algorithm, Encap, EncapKind, ReplayState, SaFlags};
use espalier_driver::xfrm::info::{Auth, Lifetime, PolicyInfo, Replay, Share, StateInfo, StateOffload, Stats, TemplateInfo};
use espalier_driver::xfrm::message::{Acquire, AsyncEvent, Message};
use espalier_driver::xfrm::{Direction, Family, Limits, Mark, Mode, OffloadMode, PolicyDirection, PortMatch, SaId, Selector, protocol};
use espalier_driver::{IpNet, Key};
use proptest::option;
use proptest::prelude::*;

use crate::netlink::DEVICE;

const NOON: u64 = 1_704_110_400;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

/// The SAs of the kernel's netdevsim self-test, in packet mode, and what may be said of an SA beyond that.
pub fn states() -> Vec<Message> {
    let key = || Key::new(b"123456789012345dcba\x01".to_vec());
    let id = SaId { daddr: address("192.168.123.4"), spi: 9, proto: protocol::ESP };
    let mut plain = StateInfo::new(id, address("192.168.123.3"), Mode::Transport);
    plain.reqid = 42;
    plain.replay_window = 32;
    plain.aead = Some(Aead { name: "rfc4106(gcm(aes))".to_owned(), key: key(), icv_bits: 128 });
    plain.current.add_time = NOON;
    plain.offload = Some(StateOffload { dev: DEVICE.to_owned(), direction: Direction::Out, mode: OffloadMode::Packet });

    let mut esn = plain.clone();
    esn.id.daddr = address("2001:db8::4");
    esn.saddr = address("2001:db8::3");
    esn.mode = Mode::Tunnel;
    esn.replay_window = 0;
    esn.flags = SaFlags { esn: true, noecn: true, oseq_may_wrap: true, dont_encap_dscp: true, ..SaFlags::default() };
    esn.selector = Some(Selector {
        proto: protocol::TCP,
        sport: PortMatch::exactly(80),
        dport: PortMatch::exactly(443),
        dev: Some(DEVICE.to_owned()),
        user: 7,
        ..Selector::between(net("10.1.0.0/16"), net("10.2.0.0/16"))
    });
    esn.replay = Replay::Esn {
        state: ReplayState { seq: 0xFFFF_FFF0, seq_hi: 1, oseq: 3, oseq_hi: 0 },
        replay_window: 288,
        bitmap: (1..=9).map(|word| word * 0x0101_0101).collect(),
    };
    esn.limits = Limits { soft_bytes: 1, hard_bytes: 1 << 40, hard_packets: 3, soft_use_seconds: 5, ..Limits::NONE };
    esn.current = Lifetime { bytes: 1 << 33, packets: 70_000, add_time: NOON, use_time: NOON + 86_399 };
    esn.stats = Stats { replay_window: 1, replay: 2, integrity_failed: 3 };
    esn.lastused = NOON + 100_000;
    esn.mark = Mark { value: 0, mask: 0xFF };
    esn.output_mark = Mark { value: 6, mask: 0xAB };
    esn.if_id = 10;
    esn.tfcpad = 1400;
    esn.security_context = Some("system_u:object_r:ipsec_spd_t:s0".to_owned());

    let mut separate = StateInfo::new(SaId { spi: 0, ..id }, id.daddr, Mode::Beet);
    separate.selector = None;
    separate.flags.af_unspec = true;
    separate.seq = 7_u32.to_be();
    separate.enc = Some(Algorithm { name: "ecb(cipher_null)".to_owned(), key: Key::new(Vec::new()) });
    separate.auth = Some(Auth { name: "hmac(sha256)".to_owned(), key: key(), trunc_bits: Some(96) });
    separate.encap = Some(Encap { kind: EncapKind::EspInUdp, sport: 4500, dport: 4501, oaddr: address("0.0.0.0") });
    separate.coaddr = Some(address("10.0.0.9"));

    let mut comp = StateInfo::new(SaId { proto: protocol::COMP, ..id }, id.daddr, Mode::Transport);
    comp.comp = Some(Algorithm { name: "deflate".to_owned(), key: Key::new(Vec::new()) });
    [plain, esn, separate, comp].map(|state| Message::NewState(Box::new(state))).into()
}

/// Protect, block and bypass; IKE; templates of both levels.
pub fn policies() -> Vec<Message> {
    let mut protect = PolicyInfo::new(Selector::between(net("10.1.0.0/16"), net("10.2.0.0/16")), PolicyDirection::Out);
    let id = SaId { daddr: address("192.0.2.2"), spi: 0, proto: protocol::ESP };
    let template = Template { id, saddr: address("192.0.2.1"), mode: Mode::Tunnel, reqid: 1, level: Level::Required };
    protect.templates =
        vec![template.into(), Template { id: SaId { spi: 9, proto: protocol::AH, ..id }, level: Level::Use, ..template }.into()];
    protect.index = 1;
    protect.priority = 100;
    protect.offload = Some(DEVICE.to_owned());
    protect.current.add_time = NOON;

    let icmp = Selector {
        proto: protocol::ICMPV6,
        sport: PortMatch::exactly(128),
        dport: PortMatch::exactly(0),
        ..Selector::between(net("fd00:1::/64"), net("fd00:2::/64"))
    };
    let mut block = PolicyInfo::new(icmp, PolicyDirection::Fwd);
    block.action = Action::Block;
    block.localok = true;
    block.icmp = true;
    block.ptype = Some(PolicyType::Sub);
    block.mark = Mark { value: 1, mask: 2 };
    block.if_id = 9;

    let mut ike = PolicyInfo::new(Selector { proto: protocol::UDP, ..Selector::any(Family::V4) }, PolicyDirection::In);
    ike.socket = true;
    ike.ptype = None;
    [protect, block, ike].map(|policy| Message::NewPolicy(Box::new(policy))).into()
}

/// One of every other kind.
pub fn others() -> Vec<Message> {
    let (states, policies) = (states(), policies());
    let (Message::NewState(state), Message::NewPolicy(policy)) = (&states[0], &policies[0]) else { unreachable!("as made above") };
    let acquire = Acquire {
        id: SaId { spi: 0, ..state.id },
        saddr: state.saddr,
        selector: Selector {
            proto: protocol::ICMP,
            sport: PortMatch::exactly(8),
            ..Selector::between(net("10.1.0.1/32"), net("10.2.0.1/32"))
        },
        policy: (**policy).clone(),
        seq: 5,
        ealgos: u32::MAX,
        aalgos: 0xF,
        calgos: 0,
    };
    vec![
        Message::UpdatedState(state.clone()),
        Message::DeletedState(state.clone()),
        Message::ExpiredState { state: state.clone(), hard: false },
        Message::UpdatedPolicy(policy.clone()),
        Message::DeletedPolicy(policy.clone()),
        Message::ExpiredPolicy { policy: policy.clone(), hard: true },
        Message::Acquire(Box::new(acquire)),
        Message::FlushedStates { proto: 255 },
        Message::FlushedStates { proto: 0 },
        Message::FlushedPolicies { ptype: Some(PolicyType::Main) },
        Message::FlushedPolicies { ptype: None },
        Message::AsyncEvent(AsyncEvent { id: state.id, saddr: state.saddr, reqid: 42, flags: AsyncEvent::REPLAY | AsyncEvent::POLICY }),
        Message::Mapping { id: state.id, reqid: 42, old: ([10, 0, 0, 1], 4500).into(), new: ([10, 0, 0, 2], 1024).into() },
        Message::Report { proto: protocol::ROUTING, selector: policy.selector.clone() },
    ]
}

/// Anything that can be told.
pub fn message() -> impl Strategy<Value = Message> {
    let sa = || state().prop_map(Box::new);
    let sp = || policy().prop_map(Box::new);
    let ports = (any::<u16>(), any::<u16>());
    prop_oneof![
        6 => sa().prop_map(Message::NewState),
        1 => sa().prop_map(Message::UpdatedState),
        1 => sa().prop_map(Message::DeletedState),
        1 => (sa(), any::<bool>()).prop_map(|(state, hard)| Message::ExpiredState { state, hard }),
        6 => sp().prop_map(Message::NewPolicy),
        1 => sp().prop_map(Message::UpdatedPolicy),
        1 => sp().prop_map(Message::DeletedPolicy),
        1 => (sp(), any::<bool>()).prop_map(|(policy, hard)| Message::ExpiredPolicy { policy, hard }),
        2 => (pair(), policy(), selector(), number(), any::<[u32; 3]>()).prop_map(|((id, saddr), policy, selector, seq, [ealgos, aalgos, calgos])| {
            Message::Acquire(Box::new(Acquire { id, saddr, selector, policy, seq, ealgos, aalgos, calgos }))
        }),
        1 => any::<u8>().prop_map(|proto| Message::FlushedStates { proto }),
        1 => option::of(ptype()).prop_map(|ptype| Message::FlushedPolicies { ptype }),
        1 => (pair(), number(), number()).prop_map(|((id, saddr), reqid, flags)| Message::AsyncEvent(AsyncEvent { id, saddr, reqid, flags })),
        1 => (pair(), number(), ports).prop_map(|((id, saddr), reqid, (old, new))| Message::Mapping {
            id, reqid, old: SocketAddr::new(saddr, old), new: SocketAddr::new(id.daddr, new)
        }),
        1 => (any::<u8>(), selector()).prop_map(|(proto, selector)| Message::Report { proto, selector }),
    ]
}

fn number() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), Just(1), Just(u32::MAX), any::<u32>()]
}

fn time() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 1_u64..8_000_000_000]
}

/// Addresses with zeros in every place.
fn of_family(family: Family) -> BoxedStrategy<IpAddr> {
    match family {
        Family::V4 => any::<[u8; 4]>().prop_map(|octets| Ipv4Addr::from(octets).into()).boxed(),
        Family::V6 => any::<([u16; 8], u8)>()
            .prop_map(|(mut groups, zero)| {
                (0..8).filter(|place| zero & (1 << place) != 0).for_each(|place| groups[place] = 0);
                Ipv6Addr::from(groups).into()
            })
            .boxed(),
    }
}

fn family() -> impl Strategy<Value = Family> {
    prop_oneof![Just(Family::V4), Just(Family::V6)]
}

/// An SA's name and its source.
fn pair() -> impl Strategy<Value = (SaId, IpAddr)> {
    let proto = prop_oneof![4 => Just(protocol::ESP), 1 => any::<u8>()];
    (family().prop_flat_map(|family| (of_family(family), of_family(family))), number(), proto)
        .prop_map(|((daddr, saddr), spi, proto)| (SaId { daddr, spi, proto }, saddr))
}

fn selector() -> impl Strategy<Value = Selector> {
    let net = |family: Family| {
        let bits: u8 = if family == Family::V4 { 32 } else { 128 };
        (of_family(family), 0..=bits).prop_map(|(address, length)| IpNet::new(address, length).unwrap())
    };
    let port = || (any::<u16>(), prop_oneof![Just(0), Just(0xFFFF_u16), any::<u16>()]).prop_map(|(value, mask)| PortMatch { value, mask });
    let proto = prop_oneof![Just(protocol::ICMP), Just(protocol::ICMPV6), Just(protocol::GRE), Just(protocol::MH), any::<u8>()];
    let dev = option::of(Just(DEVICE.to_owned()));
    (family().prop_flat_map(move |family| (net(family), net(family))), proto, port(), port(), dev, number())
        .prop_map(|((src, dst), proto, sport, dport, dev, user)| Selector { src, dst, proto, sport, dport, dev, user })
}

fn limits() -> impl Strategy<Value = Limits> {
    let count = || prop_oneof![Just(Limits::INF), any::<u64>()];
    ((count(), count(), count(), count()), any::<[u64; 4]>()).prop_map(
        |(
            (soft_bytes, hard_bytes, soft_packets, hard_packets),
            [soft_add_seconds, hard_add_seconds, soft_use_seconds, hard_use_seconds],
        )| {
            Limits {
                soft_bytes,
                hard_bytes,
                soft_packets,
                hard_packets,
                soft_add_seconds,
                hard_add_seconds,
                soft_use_seconds,
                hard_use_seconds,
            }
        },
    )
}

fn lifetime() -> impl Strategy<Value = Lifetime> {
    (any::<u64>(), any::<u64>(), time(), time()).prop_map(|(bytes, packets, add_time, use_time)| Lifetime {
        bytes,
        packets,
        add_time,
        use_time,
    })
}

fn mark() -> impl Strategy<Value = Mark> {
    (number(), number()).prop_map(|(value, mask)| Mark { value, mask })
}

/// Not iptfs, for which older iproute2 has a number only.
fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Transport), Just(Mode::Tunnel), Just(Mode::RouteOptimization), Just(Mode::InTrigger), Just(Mode::Beet)]
}

fn ptype() -> impl Strategy<Value = PolicyType> {
    prop_oneof![Just(PolicyType::Main), Just(PolicyType::Sub)]
}

fn share() -> impl Strategy<Value = Share> {
    prop_oneof![Just(Share::Any), Just(Share::Session), Just(Share::User), Just(Share::Unique)]
}

fn name() -> impl Strategy<Value = String> {
    "[a-z0-9()-]{1,63}"
}

fn key() -> impl Strategy<Value = Key> {
    proptest::collection::vec(any::<u8>(), 0..68).prop_map(Key::new)
}

fn flags() -> impl Strategy<Value = SaFlags> {
    any::<[bool; 10]>().prop_map(
        |[noecn, decap_dscp, nopmtudisc, wildrecv, icmp, af_unspec, align4, esn, dont_encap_dscp, oseq_may_wrap]| SaFlags {
            noecn,
            decap_dscp,
            nopmtudisc,
            wildrecv,
            icmp,
            af_unspec,
            align4,
            esn,
            dont_encap_dscp,
            oseq_may_wrap,
        },
    )
}

fn replay() -> impl Strategy<Value = Replay> {
    let esn = (any::<[u32; 5]>(), proptest::collection::vec(any::<u32>(), 0..129)).prop_map(
        |([seq, seq_hi, oseq, oseq_hi, replay_window], bitmap)| Replay::Esn {
            state: ReplayState { seq, seq_hi, oseq, oseq_hi },
            replay_window,
            bitmap,
        },
    );
    prop_oneof![any::<[u32; 3]>().prop_map(|[oseq, seq, bitmap]| Replay::Legacy { oseq, seq, bitmap }), esn]
}

fn encap() -> impl Strategy<Value = Encap> {
    let kind = prop_oneof![Just(EncapKind::EspInUdp), Just(EncapKind::EspInUdpNonIke), Just(EncapKind::EspInTcp)];
    (kind, any::<u16>(), any::<u16>(), family().prop_flat_map(of_family)).prop_map(|(kind, sport, dport, oaddr)| Encap {
        kind,
        sport,
        dport,
        oaddr,
    })
}

fn offload() -> impl Strategy<Value = StateOffload> {
    (any::<bool>(), any::<bool>()).prop_map(|(inbound, packet)| StateOffload {
        dev: DEVICE.to_owned(),
        direction: if inbound { Direction::In } else { Direction::Out },
        mode: if packet { OffloadMode::Packet } else { OffloadMode::Crypto },
    })
}

fn context() -> impl Strategy<Value = Option<String>> {
    option::weighted(0.2, "[a-z_:0-9]{1,40}".prop_map(String::from))
}

fn state() -> impl Strategy<Value = StateInfo> {
    let algorithm = || (name(), key()).prop_map(|(name, key)| Algorithm { name, key });
    let algorithms = (
        option::of((name(), key(), number()).prop_map(|(name, key, icv_bits)| Aead { name, key, icv_bits: icv_bits >> 1 })),
        option::of(algorithm()),
        option::of((name(), key(), option::of(0..4096_u32)).prop_map(|(name, key, trunc_bits)| Auth { name, key, trunc_bits })),
        option::of(algorithm()),
    );
    let address = pair().prop_flat_map(|(id, saddr)| (Just(id), Just(saddr), option::of(of_family(Family::of(id.daddr)))));
    let attributes = (option::of(encap()), time(), replay(), option::of(offload()), mark(), mark(), number(), number(), context());
    let direction = option::of(prop_oneof![Just(Direction::In), Just(Direction::Out)]);
    let head = (option::of(selector()), limits(), lifetime(), any::<[u32; 5]>(), mode(), any::<u8>(), flags(), direction);
    (address, head, algorithms, attributes).prop_map(|((id, saddr, coaddr), head, (aead, enc, auth, comp), attributes)| {
        let (selector, limits, current, [replay_window, replay, integrity_failed, seq, reqid], mode, window, flags, dir) = head;
        let stats = Stats { replay_window, replay, integrity_failed };
        let (encap, lastused, replay, offload, mark, output_mark, if_id, tfcpad, security_context) = attributes;
        StateInfo {
            selector,
            id,
            saddr,
            limits,
            current,
            stats,
            seq,
            reqid,
            mode,
            replay_window: window,
            flags,
            aead,
            enc,
            auth,
            comp,
            encap,
            coaddr,
            lastused,
            replay,
            offload,
            mark,
            output_mark,
            if_id,
            tfcpad,
            dir,
            security_context,
        }
    })
}

fn template() -> impl Strategy<Value = TemplateInfo> {
    (pair(), mode(), number(), any::<bool>(), share(), any::<[u32; 3]>()).prop_map(
        |((id, saddr), mode, reqid, optional, share, [ealgos, aalgos, calgos])| {
            let level = if optional { Level::Use } else { Level::Required };
            TemplateInfo { template: Template { id, saddr, mode, reqid, level }, share, ealgos, aalgos, calgos }
        },
    )
}

fn policy() -> impl Strategy<Value = PolicyInfo> {
    let direction = prop_oneof![Just(PolicyDirection::In), Just(PolicyDirection::Out), Just(PolicyDirection::Fwd)];
    let offload = option::of(Just(DEVICE.to_owned()));
    let templates = proptest::collection::vec(template(), 0..6);
    let head = (selector(), limits(), lifetime(), number(), number(), direction, any::<[bool; 4]>(), share());
    (head, option::of(ptype()), templates, mark(), number(), offload, context()).prop_map(
        |(head, ptype, templates, mark, if_id, offload, security_context)| {
            let (selector, limits, current, priority, index, direction, [socket, block, localok, icmp], share) = head;
            let action = if block { Action::Block } else { Action::Allow };
            let given = PolicyInfo::new(selector, direction);
            PolicyInfo {
                limits,
                current,
                priority,
                index,
                socket,
                action,
                localok,
                icmp,
                share,
                ptype,
                templates,
                mark,
                if_id,
                offload,
                security_context,
                ..given
            }
        },
    )
}
