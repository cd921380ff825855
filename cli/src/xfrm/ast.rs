//! What the commands say, typed: nothing is looked up or left out yet.

use std::fmt;
use std::net::IpAddr;

use zeroize::Zeroizing;

pub use super::ask::*;
use super::error::Position;
pub use super::words::*;

/// One command of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Where it begins.
    pub at: Position,
    /// `-n NAME`: the network namespace, and so the host, that the command is for.
    pub netns: Option<String>,
    /// What ip's own options say of the output.
    pub output: Output,
    /// What to do.
    pub action: Action,
}

/// Options of `ip` that change what is printed. (Others, as `-d` or `-j`, change nothing of what `ip xfrm` prints.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// How many `-s` there are.
    pub stats: u8,
    /// `-o`
    pub oneline: bool,
    /// `-t` or `-ts`: when each message of `monitor` came.
    pub timestamp: Option<Stamp>,
}

/// How the time of a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// `-t`: in a line of its own.
    Long,
    /// `-ts`: before the message.
    Short,
}

/// What a command does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// `state add`
    AddState(Box<State>),
    /// `state update`
    UpdateState(Box<State>),
    /// `state allocspi`
    AllocSpi(AllocSpi),
    /// `state delete`
    DeleteState(StateName),
    /// `state get`
    GetState(StateName),
    /// `state deleteall`
    DeleteAllStates(Box<StateFilter>),
    /// `state list`
    ListStates(Box<StateFilter>),
    /// `state flush [proto XFRM-PROTO]`
    FlushStates(Option<Proto>),
    /// `state count`
    CountStates,
    /// `policy add`
    AddPolicy(Box<Policy>),
    /// `policy update`
    UpdatePolicy(Box<Policy>),
    /// `policy delete`
    DeletePolicy(Box<PolicyName>),
    /// `policy get`
    GetPolicy(Box<PolicyName>),
    /// `policy deleteall`
    DeleteAllPolicies(Box<PolicyFilter>),
    /// `policy list`
    ListPolicies(Box<PolicyFilter>),
    /// `policy flush [ptype PTYPE]`
    FlushPolicies(Option<PolicyType>),
    /// `policy count`
    CountPolicies,
    /// `monitor`
    Monitor(Monitor),
}

impl Action {
    /// Its words, in full: `state deleteall`.
    pub const fn words(&self) -> &'static str {
        match self {
            Self::AddState(_) => "state add",
            Self::UpdateState(_) => "state update",
            Self::AllocSpi(_) => "state allocspi",
            Self::DeleteState(_) => "state delete",
            Self::GetState(_) => "state get",
            Self::DeleteAllStates(_) => "state deleteall",
            Self::ListStates(_) => "state list",
            Self::FlushStates(_) => "state flush",
            Self::CountStates => "state count",
            Self::AddPolicy(_) => "policy add",
            Self::UpdatePolicy(_) => "policy update",
            Self::DeletePolicy(_) => "policy delete",
            Self::GetPolicy(_) => "policy get",
            Self::DeleteAllPolicies(_) => "policy deleteall",
            Self::ListPolicies(_) => "policy list",
            Self::FlushPolicies(_) => "policy flush",
            Self::CountPolicies => "policy count",
            Self::Monitor(_) => "monitor",
        }
    }
}

/// `state add|update`: a security association.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// `[src ADDR] [dst ADDR] [proto XFRM-PROTO] [spi SPI]`
    pub id: Id,
    /// `aead`, `enc`, `auth`, `auth-trunc`, `comp`, in the order given.
    pub algorithms: Vec<Algorithm>,
    /// `mode`; transport unless said.
    pub mode: Mode,
    /// `mark V [mask M]`
    pub mark: Option<Mark>,
    /// `reqid`; 0 unless said.
    pub reqid: u32,
    /// `dir`
    pub direction: Option<SaDirection>,
    /// `seq`: the acquire sequence, not the packets'.
    pub seq: u32,
    /// `replay-window`; 0 unless said.
    pub replay_window: u32,
    /// `replay-seq`, `replay-seq-hi`, `replay-oseq`, `replay-oseq-hi`
    pub replay: ReplayState,
    /// `flag`
    pub flags: StateFlags,
    /// `extra-flag`
    pub extra_flags: ExtraFlags,
    /// `sel`
    pub selector: Option<Selector>,
    /// `limit`
    pub limits: Limits,
    /// `encap`
    pub encap: Option<Encap>,
    /// `coa`
    pub care_of: Option<IpAddr>,
    /// `ctx`
    pub security_context: Option<String>,
    /// `offload`
    pub offload: Option<StateOffload>,
    /// `output-mark V [mask M]`
    pub output_mark: Option<Mark>,
    /// `if_id`
    pub if_id: Option<u32>,
    /// `tfcpad`; 0 unless said.
    pub tfcpad: u32,
}

impl Default for State {
    /// What an SA is whose line says nothing of it.
    fn default() -> Self {
        Self {
            id: Id::default(),
            algorithms: Vec::new(),
            mode: Mode::Transport,
            mark: None,
            reqid: 0,
            direction: None,
            seq: 0,
            replay_window: 0,
            replay: ReplayState::default(),
            flags: StateFlags::default(),
            extra_flags: ExtraFlags::default(),
            selector: None,
            limits: Limits::default(),
            encap: None,
            care_of: None,
            security_context: None,
            offload: None,
            output_mark: None,
            if_id: None,
            tfcpad: 0,
        }
    }
}

/// `policy add|update`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Which packets.
    pub selector: Selector,
    /// `dir`
    pub direction: PolicyDirection,
    /// `mark V [mask M]`
    pub mark: Option<Mark>,
    /// `index`
    pub index: u32,
    /// `ptype`
    pub ptype: PolicyType,
    /// `action`; allow unless said.
    pub action: PolicyAction,
    /// `priority`; the lower the number the sooner it is asked; 0 unless said.
    pub priority: u32,
    /// `flag`
    pub flags: PolicyFlags,
    /// `if_id`
    pub if_id: Option<u32>,
    /// `ctx`
    pub security_context: Option<String>,
    /// `limit`
    pub limits: Limits,
    /// `tmpl`: what a packet must be protected with.
    pub templates: Vec<Template>,
    /// `offload packet dev DEV`
    pub offload_device: Option<String>,
}

/// `tmpl`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Which SAs.
    pub id: Id,
    /// `mode`; transport unless said.
    pub mode: Mode,
    /// `reqid`; 0 unless said.
    pub reqid: u32,
    /// `level use`: the template may be left out.
    pub optional: bool,
}

/// Names an SA.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Id {
    /// `src`
    pub source: Option<IpAddr>,
    /// `dst`
    pub destination: Option<IpAddr>,
    /// `proto`; nothing only in a template that names no SA.
    pub proto: Option<Proto>,
    /// `spi`
    pub spi: Option<u32>,
}

/// Which packets: nothing said about a field means any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// Of the addresses, or of `-4`/`-6` in a policy.
    pub family: Option<Family>,
    /// `src`
    pub source: Option<Prefix>,
    /// `dst`
    pub destination: Option<Prefix>,
    /// `dev`
    pub device: Option<String>,
    /// `dev none`: of a filter, only policies of no device.
    pub no_device: bool,
    /// `proto`; `any` is 0.
    pub protocol: Option<u8>,
    /// `sport`, `dport`, `type`, `code`, `key`
    pub upper: Upper,
}

/// What a selector asks of the upper protocol's header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Upper {
    /// `sport`; 0 is any.
    pub sport: Option<u16>,
    /// `dport`; 0 is any.
    pub dport: Option<u16>,
    /// `type` of ICMP or Mobile IPv6.
    pub icmp_type: Option<u8>,
    /// `code`
    pub icmp_code: Option<u8>,
    /// `key` of GRE.
    pub gre_key: Option<u32>,
}

/// An address and how many of its leading bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// Address, as written: bits beyond `length` may be set.
    pub address: IpAddr,
    /// Bits that count.
    pub length: u8,
}

impl Id {
    /// Family of the addresses.
    pub fn family(&self) -> Option<Family> {
        self.destination.or(self.source).map(Family::of)
    }
}

impl Family {
    /// Family of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::Inet } else { Self::Inet6 }
    }
}

/// `mark V [mask M]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Value.
    pub value: u32,
    /// Bits that count.
    pub mask: u32,
}

/// Where a replay window stands at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayState {
    /// Highest sequence number received, low half.
    pub seq: u32,
    /// High half.
    pub seq_hi: u32,
    /// Last sequence number sent, low half.
    pub oseq: u32,
    /// High half.
    pub oseq_hi: u32,
}

/// `limit`; nothing is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// `time-soft`, seconds since it was added.
    pub time_soft: Option<u64>,
    /// `time-hard`
    pub time_hard: Option<u64>,
    /// `time-use-soft`, seconds since its first use.
    pub time_use_soft: Option<u64>,
    /// `time-use-hard`
    pub time_use_hard: Option<u64>,
    /// `byte-soft`
    pub byte_soft: Option<u64>,
    /// `byte-hard`
    pub byte_hard: Option<u64>,
    /// `packet-soft`
    pub packet_soft: Option<u64>,
    /// `packet-hard`
    pub packet_hard: Option<u64>,
}

/// `encap TYPE SPORT DPORT OADDR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encap {
    /// Type.
    pub kind: EncapKind,
    /// Source port.
    pub sport: u16,
    /// Destination port.
    pub dport: u16,
    /// Original address.
    pub original: IpAddr,
}

/// `offload [crypto|packet] dev DEV dir in|out` of a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateOffload {
    /// Crypto unless said.
    pub mode: OffloadMode,
    /// `dev`
    pub device: String,
    /// `dir`
    pub direction: SaDirection,
}

/// An algorithm and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Algorithm {
    /// `aead` ...
    pub kind: AlgorithmKind,
    /// The kernel's name for it.
    pub name: String,
    /// Empty for `comp`.
    pub key: Key,
    /// ICV or truncation length in bits, of `aead` and `auth-trunc`.
    pub icv_bits: Option<u32>,
    /// Where its key stands.
    pub at: Position,
}

/// Key material: never printed, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(pub Zeroizing<Vec<u8>>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} bytes)", self.0.len())
    }
}
