//! What a received packet must satisfy before the host gets it (RFC 4301 section 5.2 steps 3b and 4; Linux
//! `__xfrm_policy_check`).
//!
//! # Rules
//! They are asked of each frame as it would leave, so of a packet out of an SA (packet offload) as it was inside. The first
//! that fails decides.
//!
//! 1. These pass without a question: what is left to the stack by crypto offload; what is not IP; what is ESP, or says so,
//!    and came out of no SA. The stack will ask, of what is inside.
//! 2. Out of an SA, and the IP header is malformed: malformed. (Of other traffic RX has dropped it long before.)
//! 3. Out of an SA: one of its selectors must be for the packet. Else selector (XfrmInStateMismatch).
//! 4. The direction. `in`: the destination is multicast or broadcast (224.0.0.0/4, 255.255.255.255, ff00::/8), or one of
//!    the local addresses, or there are none of them. Else `fwd`.
//! 5. The first policy of this direction that is for the packet:
//!
//! | policy | out of no SA | transport mode | tunnel mode |
//! |---|---|---|---|
//! | none | passes | passes | no policy (XfrmInNoPols) |
//! | block | policy block (XfrmInPolBlock) | policy block | policy block |
//! | bypass | passes | passes | template (XfrmInTmplMismatch) |
//! | protect, the SA fits | | passes | passes |
//! | protect, it does not fit | template | template | template |
//! | the same, optional | passes | passes | template |

use std::collections::BTreeSet;
use std::net::IpAddr;

use espalier_regs::Event;

use crate::headers::{Headers, protocol};
use crate::policy::{Flow, PolicyTable, Requirement};
use crate::sa::RxSa;

/// Why a packet is not given to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// Out of an SA, and no IP packet.
    #[error("what was inside is not an IP packet")]
    Malformed,
    /// The selectors of the SA do not allow it.
    #[error("the selector of the SA does not allow it")]
    Selector,
    /// Blocked.
    #[error("a policy blocks it")]
    Block,
    /// Protected otherwise than the policy asks for.
    #[error("it is not protected as the policy asks")]
    Template,
    /// Out of a tunnel, and no policy allows it.
    #[error("it came out of a tunnel and no policy allows it")]
    NoPolicy,
}

impl Refusal {
    /// What is counted.
    pub const fn event(self) -> Event {
        match self {
            Self::Malformed => Event::RxDropMalformed,
            Self::Selector => Event::RxDropSelector,
            Self::Block => Event::RxDropPolicyBlock,
            Self::Template => Event::RxDropTemplate,
            Self::NoPolicy => Event::RxDropNoPolicy,
        }
    }
}

/// Asks the rules of a frame that came out of `sa`, or of none.
pub fn admit(frame: &[u8], sa: Option<&RxSa>, policies: &PolicyTable<Requirement>, local: &BTreeSet<IpAddr>) -> Result<(), Refusal> {
    let headers = Headers::parse(frame);
    let says_esp = headers.protocol == protocol::ESP || headers.esp.is_some();
    match sa {
        Some(sa) if sa.crypto => return Ok(()),
        Some(_) if headers.malformed => return Err(Refusal::Malformed),
        None if says_esp => return Ok(()),
        _ => {}
    }
    if !headers.is_ip() {
        return Ok(());
    }
    let flow = Flow { forward: !is_local(headers.dst, local), ..Flow::of(&headers) };
    if sa.is_some_and(|sa| !sa.selectors.iter().any(|selector| selector.matches(&flow))) {
        return Err(Refusal::Selector);
    }
    let tunnel = sa.is_some_and(|sa| sa.tunnel);
    let Some((id, policy)) = policies.find(&flow) else {
        return if tunnel { Err(Refusal::NoPolicy) } else { Ok(()) };
    };
    let satisfied = match policy.action {
        Requirement::Block => return Err(Refusal::Block),
        Requirement::Bypass => !tunnel,
        Requirement::Protect { optional } => sa.is_some_and(|sa| sa.accepts.contains(&id)) || (optional && !tunnel),
    };
    if satisfied { Ok(()) } else { Err(Refusal::Template) }
}

/// Rule 4.
fn is_local(dst: IpAddr, local: &BTreeSet<IpAddr>) -> bool {
    let broadcast = matches!(dst, IpAddr::V4(dst) if dst.is_broadcast());
    dst.is_multicast() || broadcast || local.is_empty() || local.contains(&dst)
}
