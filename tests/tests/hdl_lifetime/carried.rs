//! What lifetimes are, in a few lines.
#![allow(dead_code, reason = "each test uses a part")]

use espalier_hdl::records::Limits;
use espalier_regs::notice::Kind;

/// No limit (XFRM_INF).
pub const INF: u64 = u64::MAX;

/// Soft and hard packets, soft and hard bytes, as a record.
pub fn limits(values: [u64; 4]) -> Limits {
    let [soft_packets, hard_packets, soft_bytes, hard_bytes] = values.map(Into::into);
    Limits { soft_packets, hard_packets, soft_bytes, hard_bytes }
}

/// What an SA has carried; limits are soft and hard packets, soft and hard bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sa {
    pub packets: u64,
    pub bytes: u64,
    pub soft: bool,
    pub hard: bool,
    pub limits: [u64; 4],
}

impl Sa {
    pub fn cleared() -> Self {
        Self { limits: [INF; 4], ..Self::default() }
    }

    pub fn set_limits(&mut self, limits: [u64; 4]) {
        (self.limits, self.soft, self.hard) = (limits, false, false);
    }

    fn over(&self, packets: u64, bytes: u64) -> bool {
        self.packets >= packets || self.bytes >= bytes
    }

    pub fn expired(&self) -> bool {
        self.over(self.limits[1], self.limits[3])
    }

    pub fn count(&mut self, bytes: u16) -> Option<Kind> {
        self.packets += 1;
        self.bytes += u64::from(bytes);
        self.tell(true)
    }

    pub fn tell(&mut self, counted: bool) -> Option<Kind> {
        if self.expired() && !self.hard {
            self.hard = true;
            Some(Kind::LifetimeHard)
        } else if counted && self.over(self.limits[0], self.limits[2]) && !self.soft {
            self.soft = true;
            Some(Kind::LifetimeSoft)
        } else {
            None
        }
    }
}
