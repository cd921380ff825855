//! The counters of /proc/net/xfrm_stat.

/// Declares the enum with the kernel's names (net/xfrm/xfrm_proc.c).
macro_rules! mibs {
    ($( $(#[doc = $doc:literal])+ $name:ident; )+) => {
        /// A counter of /proc/net/xfrm_stat.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Mib {
            $( $(#[doc = $doc])+ $name, )+
        }

        impl Mib {
            /// All of them, in the kernel's order.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name in /proc/net/xfrm_stat.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => concat!("Xfrm", stringify!($name))),+ }
            }
        }
    };
}

mibs! {
    /// Inbound, what has no other name.
    InError;
    /// Inbound, no room.
    InBufferError;
    /// Inbound, a header or a trailer is wrong.
    InHdrError;
    /// Inbound, no SA.
    InNoStates;
    /// Inbound, the transformation failed: ICV, for one.
    InStateProtoError;
    /// Inbound, the payload does not fit the mode.
    InStateModeError;
    /// Inbound, replayed, too old, or number 0.
    InStateSeqError;
    /// Inbound, the SA has expired.
    InStateExpired;
    /// Inbound, the SA is not for this packet: encapsulation or selector.
    InStateMismatch;
    /// Inbound, the SA is not valid.
    InStateInvalid;
    /// Inbound, the SAs used are not those of the policy's templates.
    InTmplMismatch;
    /// Inbound, no policy for what came out of an SA.
    InNoPols;
    /// Inbound, the policy says block.
    InPolBlock;
    /// Inbound, the policy is wrong.
    InPolError;
    /// Outbound, what has no other name.
    OutError;
    /// Outbound, the bundle could not be made.
    OutBundleGenError;
    /// Outbound, the bundle is stale.
    OutBundleCheckError;
    /// Outbound, no SA.
    OutNoStates;
    /// Outbound, the transformation failed.
    OutStateProtoError;
    /// Outbound, the packet does not fit the mode.
    OutStateModeError;
    /// Outbound, no sequence number is left.
    OutStateSeqError;
    /// Outbound, the SA has expired.
    OutStateExpired;
    /// Outbound, the policy says block.
    OutPolBlock;
    /// Outbound, the policy is dead.
    OutPolDead;
    /// Outbound, the policy is wrong.
    OutPolError;
    /// Forwarded, the headers are wrong.
    FwdHdrError;
    /// Outbound, the SA is not valid.
    OutStateInvalid;
    /// The SA is still being asked for.
    AcquireError;
}

impl Mib {
    /// By the name in /proc/net/xfrm_stat.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|mib| mib.name() == name)
    }
}

/// A value for each [`Mib`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MibCounters([u64; Mib::ALL.len()]);

impl Default for MibCounters {
    fn default() -> Self {
        Self([0; Mib::ALL.len()])
    }
}

impl MibCounters {
    /// The value.
    #[must_use]
    pub const fn get(&self, mib: Mib) -> u64 {
        self.0[mib as usize]
    }

    /// Counts `count` more.
    pub const fn add(&mut self, mib: Mib, count: u64) {
        self.0[mib as usize] = self.0[mib as usize].wrapping_add(count);
    }

    /// All of them, in the kernel's order.
    pub fn iter(&self) -> impl Iterator<Item = (Mib, u64)> {
        Mib::ALL.iter().copied().zip(self.0)
    }
}
