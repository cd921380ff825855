//! What a scenario says, line by line.

use std::net::IpAddr;
use std::path::PathBuf;

use crate::run::sides::Side;
use crate::xfrm::Command;

/// A scenario: what is done and what must come of it, in order.
#[derive(Debug)]
pub struct Scenario {
    /// What it is about.
    pub title: String,
    /// In the order of the file.
    pub steps: Vec<Step>,
}

/// One step, and the line it stands on (from 1).
#[derive(Debug)]
pub struct Step {
    /// The line.
    pub line: usize,
    /// What.
    pub what: What,
}

/// What a step does.
#[derive(Debug)]
pub enum What {
    /// `HOST address ADDR...`: the host's own addresses.
    Address(Side, Vec<IpAddr>),
    /// An `ip xfrm` command.
    Command(Box<Issued>),
    /// `HOST device DEV CHANGE`.
    Device(Side, String, DeviceChange),
    /// `time SECONDS`: both hosts' clocks go on.
    Time(u64),
    /// `HOST ping|udp|tcp ...` and `HOST send FILE`: packets go down the host's stack.
    Send(Side, Traffic),
    /// `wire HOST ...`: what happens to what the host puts on the wire.
    Wire(Side, WireFault),
    /// `expect ...`.
    Expect(Expectation),
}

/// A command and what must come of it.
#[derive(Debug)]
pub struct Issued {
    /// Whose; the first host's where the command names none.
    pub host: Side,
    /// The command.
    pub command: Command,
    /// It must be refused so, without a register being written.
    pub refused: Option<Refused>,
    /// It must print exactly these lines; `None`: whatever it prints is right.
    pub output: Option<Vec<String>>,
}

/// `refused ERRNO "MESSAGE"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The error number, as errno.h names it.
    pub errno: String,
    /// What the message must hold.
    pub message: String,
}

/// What becomes of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceChange {
    /// `up`.
    Up,
    /// `down`.
    Down,
    /// `unregister`.
    Unregister,
    /// `mtu BYTES`.
    Mtu(u32),
}

/// Packets that a host's stack sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// Made up.
    Made(Made),
    /// `send FILE`: those of a capture; the path is taken from the scenario's folder.
    Capture(PathBuf),
}

/// `ping SRC DST`, `udp SRC SPORT DST DPORT`, `tcp SRC SPORT DST DPORT`, each with `count N`, `size BYTES`, `tos N`, `df`, `options`, `fragment`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// What is in the IP packet.
    pub upper: Upper,
    /// Source.
    pub src: IpAddr,
    /// Destination.
    pub dst: IpAddr,
    /// How many.
    pub count: u32,
    /// Bytes of payload behind the upper header.
    pub size: usize,
    /// TOS, traffic class.
    pub tos: u8,
    /// IPv4: don't fragment.
    pub df: bool,
    /// With IPv4 options, or with an IPv6 extension header.
    pub options: bool,
    /// A first fragment.
    pub fragment: bool,
}

/// An upper protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upper {
    /// ICMP or ICMPv6 echo request.
    Ping,
    /// UDP with ports.
    Udp(u16, u16),
    /// TCP with ports.
    Tcp(u16, u16),
}

/// What happens on the wire to frames of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireFault {
    /// `damage BYTE`: one bit of that byte of the next frame flips; negative: from the end.
    Damage(i64),
    /// `lose`: the next frame is lost.
    Lose,
    /// `ce`: the next frame's IP header gets the congestion mark, as a router on the way would.
    CongestionMark,
    /// `again N`: frame N (from 1) of those that the host has put on the wire comes once more.
    Again(usize),
    /// `forge N KIND`: a packet of the SA of frame N comes, with the right ICV and the number after the last.
    Forge(usize, Forgery),
}

/// What is wrong with a forged packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// Nothing: a dummy packet.
    Dummy,
    /// The trailer contradicts the payload.
    Trailer,
    /// The next header does not fit a tunnel.
    Mode,
}

/// What must be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// `HOST received N`: the host's stack got so many packets since the last such line (or the beginning), each as it was sent.
    Received(Side, usize),
    /// `HOST counter NAME N`: a counter of the device.
    Counter(Side, String, u64),
    /// `HOST mib NAME N`: a counter of /proc/net/xfrm_stat.
    Mib(Side, String, u64),
    /// `HOST sa SPI FIELD N`: a number of an SA.
    Sa(Side, u32, SaField, u64),
    /// `HOST offload SPI packet|crypto|software`.
    Offload(Side, u32, Offloaded),
    /// `HOST event "TEXT"...`: an event of the monitor, after that of the last such line, holds all these texts.
    Event(Side, Vec<String>),
    /// `HOST marked N`: of the packets received since the last such line, so many came with the congestion mark that they were not sent with.
    Marked(Side, usize),
    /// `HOST states N`.
    States(Side, usize),
    /// `HOST policies N`.
    Policies(Side, usize),
}

/// A number of an SA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaField {
    /// Packets that passed.
    Packets,
    /// Their bytes.
    Bytes,
    /// Last sequence number sent, 64 bits.
    Oseq,
    /// Highest sequence number received, 64 bits.
    Seq,
    /// Duplicates.
    Replay,
    /// Packets left of the window.
    ReplayWindow,
    /// ICVs that did not fit.
    Failed,
}

/// Who does the cryptography of an SA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offloaded {
    /// Packet offload.
    Packet,
    /// Crypto offload.
    Crypto,
    /// Software.
    Software,
}
