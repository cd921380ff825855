//! What is measured: every combination of these is a row.

use std::fmt;

use serde::{Serialize, Serializer};

/// Bytes of the frame check sequence, which a frame's size counts and the engine's streams do not carry (IEEE 802.3 clause 3.2.9).
pub const FCS: usize = 4;
/// What a frame costs on the wire beside itself: preamble, start delimiter and the shortest gap (IEEE 802.3 clauses 3.2.1, 4.4.2).
pub const PREAMBLE_AND_GAP: usize = 20;

/// Policies of every build, in each direction.
pub const POLICIES: usize = 64;

/// Sizes of the frames on the host's side, FCS included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Size {
    /// All alike.
    Bytes(usize),
    /// Seven of 64, four of 594, one of 1518.
    Imix,
}

/// Seven to four to one, spread out.
const IMIX: [usize; 12] = [64, 594, 64, 64, 594, 64, 1518, 64, 594, 64, 594, 64];

impl Size {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Bytes(64),
        Self::Bytes(65),
        Self::Bytes(66),
        Self::Bytes(67),
        Self::Bytes(128),
        Self::Bytes(256),
        Self::Bytes(512),
        Self::Bytes(1024),
        Self::Bytes(1280),
        Self::Bytes(1418),
        Self::Bytes(1518),
        Self::Bytes(9018),
        Self::Imix,
    ];

    /// Of the frame number `index`.
    pub fn of(self, index: usize) -> usize {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Imix => IMIX[index % IMIX.len()],
        }
    }

    /// Frames after which the sizes come again.
    pub const fn period(self) -> usize {
        match self {
            Self::Bytes(_) => 1,
            Self::Imix => IMIX.len(),
        }
    }

    /// The longest.
    pub fn longest(self) -> usize {
        (0..self.period()).map(|index| self.of(index)).max().unwrap_or(0)
    }

    /// The mean.
    pub fn mean(self) -> f64 {
        (0..self.period()).map(|index| self.of(index)).sum::<usize>() as f64 / self.period() as f64
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{bytes}"),
            Self::Imix => f.write_str("IMIX"),
        }
    }
}

/// How frames are put into ESP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Tunnel mode.
    Tunnel,
    /// Transport mode.
    Transport,
    /// Tunnel mode in UDP (RFC 3948).
    NatT,
}

impl Mode {
    /// With the family outside; inside it is the same.
    pub const ALL: [(Self, Family); 4] =
        [(Self::Tunnel, Family::V4), (Self::Tunnel, Family::V6), (Self::Transport, Family::V4), (Self::NatT, Family::V4)];
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tunnel => "tunnel",
            Self::Transport => "transport",
            Self::NatT => "NAT-T",
        })
    }
}

/// Address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(if *self == Self::V4 { "v4" } else { "v6" })
    }
}

/// Which way the traffic flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Load {
    /// From the host to the wire.
    Tx,
    /// From the wire to the host.
    Rx,
    /// Both at once, each at full load.
    Both,
}

impl Load {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tx, Self::Rx, Self::Both];

    /// Whether it has traffic from the host, and from the wire.
    pub const fn ways(self) -> [bool; 2] {
        [!matches!(self, Self::Rx), !matches!(self, Self::Tx)]
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tx => "TX",
            Self::Rx => "RX",
            Self::Both => "both",
        })
    }
}

/// Which SA each frame belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pattern {
    /// The only one.
    One,
    /// Each in turn.
    RoundRobin,
    /// Any.
    Random,
}

impl Pattern {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::One, Self::RoundRobin, Self::Random];
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::One => "one",
            Self::RoundRobin => "round robin",
            Self::Random => "random",
        })
    }
}

/// What the engine is programmed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Setup {
    /// Mode.
    pub mode: Mode,
    /// Of all addresses.
    pub family: Family,
    /// AES key: 128, 192 or 256.
    pub key_bits: u16,
    /// SAs in each direction; as many policies, but no more than [`POLICIES`]: then several SAs are between the same hosts, and an outbound policy
    /// uses one of them.
    pub sas: usize,
}

/// What is sent through it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Traffic {
    /// Of the frames.
    pub size: Size,
    /// Direction.
    pub load: Load,
    /// SAs.
    pub pattern: Pattern,
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} AES-{}, {} SAs", self.mode, self.family, self.key_bits, self.sas)
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes, {}, {}", self.size, self.load, self.pattern)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
