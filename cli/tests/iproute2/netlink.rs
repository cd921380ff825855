//! Messages as the kernel lays them out (linux/xfrm.h), for a little-endian machine with 64 bits: what `ip xfrm monitor
//! file FILE` reads. Devices are the loopback, whose index is 1 everywhere.

use std::net::IpAddr;

use espalier_driver::Key;
use espalier_driver::policy::{Action, Level, PolicyType};
use espalier_driver::sa::{EncapKind, SaFlags};
use espalier_driver::xfrm::info::{Lifetime, PolicyInfo, Replay, Share, StateInfo, TemplateInfo};
use espalier_driver::xfrm::message::Message;
use espalier_driver::xfrm::{Direction, Family, Limits, Mark, Mode, OffloadMode, PolicyDirection, SaId, Selector};

/// The device of every offload and selector that is encoded.
pub const DEVICE: &str = "lo";
const DEVICE_INDEX: u32 = 1;

/// Bytes of a message, laid out as a C compiler does.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn align(&mut self, to: usize) {
        self.0.resize(self.0.len().next_multiple_of(to), 0);
    }
    fn u8(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }
    fn u16(&mut self, value: u16) -> &mut Self {
        self.align(2);
        self.0.extend(value.to_le_bytes());
        self
    }
    fn be16(&mut self, value: u16) -> &mut Self {
        self.u16(value.to_be())
    }
    fn u32(&mut self, value: u32) -> &mut Self {
        self.align(4);
        self.0.extend(value.to_le_bytes());
        self
    }
    fn u64(&mut self, value: u64) -> &mut Self {
        self.align(8);
        self.0.extend(value.to_le_bytes());
        self
    }
    /// xfrm_address_t
    fn address(&mut self, address: IpAddr) -> &mut Self {
        self.align(4);
        let end = self.0.len() + 16;
        match address {
            IpAddr::V4(address) => self.0.extend(address.octets()),
            IpAddr::V6(address) => self.0.extend(address.octets()),
        }
        self.0.resize(end, 0);
        self
    }
    /// struct xfrm_id
    fn id(&mut self, id: &SaId) -> &mut Self {
        self.address(id.daddr).u32(id.spi.to_be()).u8(id.proto).align(4);
        self
    }
    /// struct xfrm_usersa_id
    fn usersa_id(&mut self, id: &SaId) -> &mut Self {
        self.address(id.daddr).u32(id.spi.to_be()).u16(family(id.daddr)).u8(id.proto).align(4);
        self
    }
    /// struct xfrm_selector
    fn selector(&mut self, selector: Option<&Selector>) -> &mut Self {
        let Some(Selector { src, dst, proto, sport, dport, dev, user }) = selector else {
            self.0.extend([0; 56]);
            return self;
        };
        self.address(dst.addr()).address(src.addr());
        self.be16(dport.value).be16(dport.mask).be16(sport.value).be16(sport.mask);
        self.u16(family(dst.addr())).u8(dst.prefix_len()).u8(src.prefix_len()).u8(*proto);
        self.u32(if dev.is_some() { DEVICE_INDEX } else { 0 }).u32(*user)
    }
    /// struct xfrm_lifetime_cfg and struct xfrm_lifetime_cur
    fn lifetimes(&mut self, limits: &Limits, current: &Lifetime) -> &mut Self {
        self.u64(limits.soft_bytes).u64(limits.hard_bytes).u64(limits.soft_packets).u64(limits.hard_packets);
        self.u64(limits.soft_add_seconds).u64(limits.hard_add_seconds).u64(limits.soft_use_seconds).u64(limits.hard_use_seconds);
        self.u64(current.bytes).u64(current.packets).u64(current.add_time).u64(current.use_time)
    }
    /// struct xfrm_usersa_info
    fn state(&mut self, info: &StateInfo) -> &mut Self {
        self.selector(info.selector.as_ref()).id(&info.id).address(info.saddr).lifetimes(&info.limits, &info.current);
        self.u32(info.stats.replay_window).u32(info.stats.replay).u32(info.stats.integrity_failed);
        self.u32(info.seq).u32(info.reqid).u16(family(info.id.daddr)).u8(mode(info.mode)).u8(info.replay_window);
        self.u8(state_flags(&info.flags)).align(8);
        self
    }
    /// struct xfrm_userpolicy_info
    fn policy(&mut self, info: &PolicyInfo) -> &mut Self {
        const XFRM_POLICY_MAX: u8 = 3;
        let direction = match info.direction {
            PolicyDirection::In => 0,
            PolicyDirection::Out => 1,
            PolicyDirection::Fwd => 2,
        };
        self.selector(Some(&info.selector)).lifetimes(&info.limits, &info.current).u32(info.priority).u32(info.index);
        self.u8(direction + if info.socket { XFRM_POLICY_MAX } else { 0 }).u8(u8::from(info.action == Action::Block));
        self.u8(u8::from(info.localok) | (u8::from(info.icmp) << 1)).u8(share(info.share)).align(8);
        self
    }
    /// struct xfrm_user_tmpl
    fn template(&mut self, info: &TemplateInfo) {
        let template = &info.template;
        self.id(&template.id).u16(family(template.id.daddr)).address(template.saddr).u32(template.reqid);
        self.u8(mode(template.mode)).u8(share(info.share)).u8(u8::from(template.level == Level::Use));
        self.u32(info.aalgos).u32(info.ealgos).u32(info.calgos);
    }
    /// struct rtattr and its data
    fn attribute(&mut self, kind: u16, data: impl FnOnce(&mut Bytes)) {
        let mut content = Bytes::default();
        data(&mut content);
        self.align(4);
        self.u16(4 + content.0.len() as u16).u16(kind).0.extend(content.0);
    }
    /// struct xfrm_algo, xfrm_algo_auth or xfrm_algo_aead
    fn algorithm(&mut self, kind: u16, name: &str, key: &Key, bits: Option<u32>) {
        self.attribute(kind, |data| {
            data.0.extend(name.as_bytes());
            data.0.resize(64, 0);
            data.u32(key.bits() as u32);
            if let Some(bits) = bits {
                data.u32(bits);
            }
            data.0.extend(key.expose());
        });
    }
    fn u32_unless_0(&mut self, kind: u16, value: u32) {
        if value != 0 {
            self.attribute(kind, |data| _ = data.u32(value));
        }
    }
    fn mark(&mut self, mark: Mark) {
        if mark != Mark::default() {
            self.attribute(21, |data| _ = data.u32(mark.value).u32(mark.mask));
        }
    }
    fn security_context(&mut self, context: Option<&String>) {
        if let Some(context) = context {
            let length = context.len() as u16 + 1;
            self.attribute(8, |data| {
                data.u16(8 + length).u16(8).u8(1).u8(1).u16(length).0.extend(context.as_bytes());
                data.u8(0);
            });
        }
    }

    /// copy_to_user_state_extra
    fn state_attributes(&mut self, info: &StateInfo) {
        if let Some(auth) = &info.auth {
            self.algorithm(1, &auth.name, &auth.key, None);
            if auth.trunc_bits.is_some() {
                self.algorithm(20, &auth.name, &auth.key, auth.trunc_bits);
            }
        }
        if let Some(aead) = &info.aead {
            self.algorithm(18, &aead.name, &aead.key, Some(aead.icv_bits));
        }
        if let Some(enc) = &info.enc {
            self.algorithm(2, &enc.name, &enc.key, None);
        }
        if let Some(comp) = &info.comp {
            self.algorithm(3, &comp.name, &comp.key, None);
        }
        if let Some(encap) = &info.encap {
            let kind = match encap.kind {
                EncapKind::EspInUdpNonIke => 1,
                EncapKind::EspInUdp => 2,
                EncapKind::EspInTcp => 7,
            };
            self.attribute(4, |data| _ = data.u16(kind).be16(encap.sport).be16(encap.dport).address(encap.oaddr));
        }
        if let Some(address) = info.coaddr {
            self.attribute(14, |data| _ = data.address(address));
        }
        if info.lastused != 0 {
            self.attribute(15, |data| _ = data.u64(info.lastused));
        }
        match &info.replay {
            Replay::Legacy { oseq, seq, bitmap } => self.attribute(10, |data| _ = data.u32(*oseq).u32(*seq).u32(*bitmap)),
            Replay::Esn { state, replay_window, bitmap } => self.attribute(23, |data| {
                data.u32(bitmap.len() as u32).u32(state.oseq).u32(state.seq).u32(state.oseq_hi).u32(state.seq_hi).u32(*replay_window);
                for word in bitmap {
                    data.u32(*word);
                }
            }),
        }
        if let Some(offload) = &info.offload {
            let flags = u8::from(offload.direction == Direction::In) << 1 | u8::from(offload.mode == OffloadMode::Packet) << 2;
            self.attribute(28, |data| data.u32(DEVICE_INDEX).u8(flags).align(4));
        }
        self.mark(info.mark);
        if info.output_mark != Mark::default() {
            self.attribute(29, |data| _ = data.u32(info.output_mark.value));
            self.attribute(30, |data| _ = data.u32(info.output_mark.mask));
        }
        self.u32_unless_0(31, info.if_id);
        self.u32_unless_0(22, info.tfcpad);
        self.u32_unless_0(24, u32::from(info.flags.dont_encap_dscp) | u32::from(info.flags.oseq_may_wrap) << 1);
        if let Some(direction) = info.dir {
            self.attribute(33, |data| _ = data.u8(if direction == Direction::In { 1 } else { 2 }));
        }
        self.security_context(info.security_context.as_ref());
    }

    fn policy_attributes(&mut self, info: &PolicyInfo) {
        if !info.templates.is_empty() {
            self.attribute(5, |data| info.templates.iter().for_each(|template| data.template(template)));
        }
        self.policy_type(info.ptype);
        self.mark(info.mark);
        self.u32_unless_0(31, info.if_id);
        if info.offload.is_some() {
            self.attribute(28, |data| data.u32(DEVICE_INDEX).u8(4).align(4));
        }
        self.security_context(info.security_context.as_ref());
    }

    /// struct xfrm_userpolicy_type
    fn policy_type(&mut self, ptype: Option<PolicyType>) {
        if let Some(ptype) = ptype {
            self.attribute(16, |data| data.u8(u8::from(ptype == PolicyType::Sub)).align(8));
        }
    }
}

/// A message with its struct nlmsghdr, padded to where the next one begins.
pub fn encode(message: &Message) -> Vec<u8> {
    let mut bytes = Bytes::default();
    let kind = body(message, &mut bytes);
    bytes.align(4);
    let mut whole = Bytes::default();
    whole.u32(16 + bytes.0.len() as u32).u16(kind).u16(0).u32(0).u32(0).0.extend(bytes.0);
    whole.0
}

/// The type of a message (XFRM_MSG_*); its body goes to `bytes`.
fn body(message: &Message, bytes: &mut Bytes) -> u16 {
    match message {
        Message::NewState(state) | Message::UpdatedState(state) => {
            bytes.state(state).state_attributes(state);
            if matches!(message, Message::NewState(_)) { 0x10 } else { 0x1A }
        }
        Message::DeletedState(state) => {
            bytes.usersa_id(&state.id).attribute(6, |data| _ = data.state(state));
            bytes.state_attributes(state);
            0x11
        }
        Message::ExpiredState { state, hard } => {
            bytes.state(state).u8(u8::from(*hard)).align(8);
            bytes.state_attributes(state);
            0x18
        }
        Message::NewPolicy(policy) | Message::UpdatedPolicy(policy) => {
            bytes.policy(policy).policy_attributes(policy);
            if matches!(message, Message::NewPolicy(_)) { 0x13 } else { 0x19 }
        }
        Message::DeletedPolicy(policy) => {
            bytes.selector(Some(&policy.selector)).u32(policy.index).u8(0).align(4);
            bytes.attribute(7, |data| _ = data.policy(policy));
            bytes.policy_attributes(policy);
            0x14
        }
        Message::ExpiredPolicy { policy, hard } => {
            bytes.policy(policy).u8(u8::from(*hard)).align(8);
            bytes.policy_attributes(policy);
            0x1B
        }
        Message::Acquire(acquire) => {
            bytes.id(&acquire.id).address(acquire.saddr).selector(Some(&acquire.selector)).align(8);
            bytes.policy(&acquire.policy).u32(acquire.aalgos).u32(acquire.ealgos).u32(acquire.calgos).u32(acquire.seq);
            bytes.policy_attributes(&acquire.policy);
            0x17
        }
        Message::FlushedStates { proto } => {
            bytes.u8(*proto).align(4);
            0x1C
        }
        Message::FlushedPolicies { ptype } => {
            bytes.policy_type(*ptype);
            0x1D
        }
        Message::AsyncEvent(event) => {
            bytes.usersa_id(&event.id).address(event.saddr).u32(event.flags).u32(event.reqid);
            0x1E
        }
        Message::Report { proto, selector } => {
            bytes.u8(*proto).align(4);
            bytes.selector(Some(selector));
            0x20
        }
        Message::Mapping { id, reqid, old, new } => {
            bytes.usersa_id(id).u32(*reqid).address(old.ip()).address(new.ip()).be16(old.port()).be16(new.port());
            0x26
        }
    }
}

fn family(address: IpAddr) -> u16 {
    match Family::of(address) {
        Family::V4 => 2,
        Family::V6 => 10,
    }
}

fn mode(mode: Mode) -> u8 {
    match mode {
        Mode::Transport => 0,
        Mode::Tunnel => 1,
        Mode::RouteOptimization => 2,
        Mode::InTrigger => 3,
        Mode::Beet => 4,
        Mode::Iptfs => 5,
    }
}

fn share(share: Share) -> u8 {
    match share {
        Share::Any => 0,
        Share::Session => 1,
        Share::User => 2,
        Share::Unique => 3,
    }
}

fn state_flags(flags: &SaFlags) -> u8 {
    let set = [flags.noecn, flags.decap_dscp, flags.nopmtudisc, flags.wildrecv, flags.icmp, flags.af_unspec, flags.align4, flags.esn];
    set.iter().enumerate().fold(0, |bits, (place, set)| bits | (u8::from(*set) << place))
}
