//! Lifetimes in packets and bytes (RFC 4301 section 4.4.2.1; Linux struct xfrm_lifetime_cfg and xfrm_lifetime_cur).
//!
//! # Rules
//! - A packet that passes counts as one, with the bytes of its ESP payload and no trailer: in tunnel mode the inner IP
//!   packet, in transport mode what follows the IP header. (Linux counts `skb->len` at the same place.)
//! - A hard limit is looked at *before* a packet: when packets or bytes have reached it, the SA has expired and the packet
//!   is dropped. So of N packets exactly N pass, and the packet that steps over a limit of bytes is the last.
//! - The notice comes with the packet that reaches the limit: hard once; else soft once. A packet that reaches both tells
//!   hard only. A limit that is reached without a packet (it was lowered, or is 0) is told with the first one dropped.
//! - A limit of 2^64 - 1 is none (XFRM_INF). Of new limits nothing has been told; the counts stay.
//! - In crypto offload the stack's core compares, so nothing expires and nothing is told; the counts run.

use espalier_regs::notice::Kind;

/// Limits of an SA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Packets: the host is told.
    pub soft_packets: u64,
    /// Packets: no more pass.
    pub hard_packets: u64,
    /// Bytes: the host is told.
    pub soft_bytes: u64,
    /// Bytes: no more pass.
    pub hard_bytes: u64,
}

impl Limits {
    /// XFRM_INF.
    pub const INF: u64 = u64::MAX;
    /// No limits.
    pub const NONE: Self = Self { soft_packets: Self::INF, hard_packets: Self::INF, soft_bytes: Self::INF, hard_bytes: Self::INF };
}

impl Default for Limits {
    fn default() -> Self {
        Self::NONE
    }
}

/// What an SA has carried, and may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lifetime {
    /// What it may carry.
    limits: Limits,
    /// Packets that passed.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The host was told that a soft limit was reached.
    pub soft_reported: bool,
    /// The host was told that a hard limit was reached.
    pub hard_reported: bool,
}

impl Lifetime {
    /// Nothing carried so far.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Other limits from here on.
    pub fn set_limits(&mut self, limits: Limits) {
        *self = Self { limits, soft_reported: false, hard_reported: false, ..*self };
    }

    /// A hard limit is reached: nothing passes any more.
    pub fn expired(&self) -> bool {
        reached(self.packets, self.limits.hard_packets) || reached(self.bytes, self.limits.hard_bytes)
    }

    /// A packet with so many bytes passes; what the host is to be told, if anything.
    pub fn count(&mut self, bytes: usize) -> Option<Kind> {
        self.count_silently(bytes);
        self.report_hard().or_else(|| self.report_soft())
    }

    /// The same in crypto offload.
    pub fn count_silently(&mut self, bytes: usize) {
        self.packets = self.packets.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(bytes as u64);
    }

    /// A packet was dropped because the SA has expired.
    pub fn refuse(&mut self) -> Option<Kind> {
        self.report_hard()
    }

    fn report_hard(&mut self) -> Option<Kind> {
        let news = self.expired() && !self.hard_reported;
        self.hard_reported |= news;
        news.then_some(Kind::LifetimeHard)
    }

    fn report_soft(&mut self) -> Option<Kind> {
        let soft = reached(self.packets, self.limits.soft_packets) || reached(self.bytes, self.limits.soft_bytes);
        let news = soft && !self.soft_reported;
        self.soft_reported |= news;
        news.then_some(Kind::LifetimeSoft)
    }
}

fn reached(count: u64, limit: u64) -> bool {
    limit != Limits::INF && count >= limit
}
