//! An SPI for an SA to come (xfrm_alloc_userspi, xfrm_alloc_spi): the peer is told it before there are keys.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use thiserror::Error;

use crate::Key;
use crate::ops::{KmState, XfrmState, XfrmdevOps};
use crate::sa::{Aead, Offload, SaParams};
use crate::xfrm::{Direction, Limits, Mark, Mode, OffloadMode, SaId, Selector, protocol};

use super::XfrmCore;
use super::error::XfrmError;
use super::offload::{Offloaded, SoftwareReason};
use super::sad::{Entry, StateId};

/// XFRM_MSG_ALLOCSPI (struct xfrm_userspi_info).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllocSpi {
    /// Which SA is to come; its SPI does not count.
    pub id: SaId,
    /// Source address.
    pub saddr: IpAddr,
    /// Mode.
    pub mode: Mode,
    /// Ties it to templates.
    pub reqid: u32,
    /// Mark.
    pub mark: Mark,
    /// XFRM interface, 0 for none.
    pub if_id: u32,
    /// The acquire that it answers, 0 for none.
    pub km_seq: u32,
    /// `dir`
    pub dir: Option<Direction>,
    /// Where to look; 0 is never given.
    pub range: RangeInclusive<u32>,
}

/// Why there is no SPI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SpiError {
    /// Not AH, ESP or IPCOMP.
    #[error("Invalid protocol, must be one of AH, ESP, IPCOMP")]
    Protocol,
    /// IPCOMP has 16 bits (RFC 3173 section 3.3).
    #[error("IPCOMP SPI must be <= 65535")]
    Comp,
    /// The range is empty.
    #[error("Invalid SPI range: min > max")]
    Range,
    /// The only one of the range.
    #[error("Requested SPI is already in use")]
    InUse,
    /// All of the range.
    #[error("No SPI available in the requested range")]
    Exhausted,
}

impl<D: XfrmdevOps> XfrmCore<D> {
    /// XFRM_MSG_ALLOCSPI: a stub with the lowest SPI of the range that no SA of the protocol has; the SA itself comes with
    /// [`Self::state_update`]. A stub that waits for such an SA gets the SPI, and keeps the one it has. (The kernel takes a
    /// random SPI; nothing depends on that.)
    ///
    /// # Errors
    /// [`XfrmError::Spi`]
    pub fn state_alloc_spi(&mut self, request: AllocSpi) -> Result<(StateId, u32), XfrmError> {
        self.collect_garbage();
        let (low, high) = (*request.range.start(), *request.range.end());
        verify_spi_info(request.id.proto, low, high)?;
        let id = SaId { spi: 0, ..request.id };
        let selector = Selector::between(request.saddr.into(), id.daddr.into());
        let mut params = larval(id, request.saddr, request.mode, selector, self.acq_expires);
        (params.reqid, params.mark, params.if_id, params.dir) = (request.reqid, request.mark, request.if_id, request.dir);
        let mut x = XfrmState::new(params, None);
        (x.km_seq, x.km_state, x.curlft.add_time) = (request.km_seq, KmState::Acq, self.now);
        let waiting = self.sad.find_acq(&x);
        if let Some((stub, spi)) = waiting.and_then(|stub| Some((stub, self.state(stub)?.params.id.spi))).filter(|(_, spi)| *spi != 0) {
            return Ok((stub, spi));
        }
        let used: BTreeSet<u32> = self.sad.spis(id.proto).filter(|spi| request.range.contains(spi)).collect();
        let none = if low == high { SpiError::InUse } else { SpiError::Exhausted };
        let spi = (low.max(1)..=high).find(|spi| !used.contains(spi)).ok_or(none)?;
        let stub = waiting.unwrap_or_else(|| {
            let software = Offloaded::Software(SoftwareReason::NotRequested);
            self.link_state(Entry::new(x, software))
        });
        self.sad.assign_spi(stub, spi);
        Ok((stub, spi))
    }
}

/// verify_spi_info
const fn verify_spi_info(proto: u8, low: u32, high: u32) -> Result<(), SpiError> {
    match proto {
        protocol::AH | protocol::ESP => {}
        protocol::COMP if high > 0xFFFF => return Err(SpiError::Comp),
        protocol::COMP => {}
        _ => return Err(SpiError::Protocol),
    }
    if low > high { Err(SpiError::Range) } else { Ok(()) }
}

/// An SA that is waited for: without keys, for so many seconds (xfrm_init_tempstate).
pub(super) fn larval(id: SaId, saddr: IpAddr, mode: Mode, selector: Selector, expires: u64) -> SaParams {
    let offload = Offload { mode: OffloadMode::Packet, direction: Direction::Out };
    let no_key = Aead { name: String::new(), key: Key::new(Vec::new()), icv_bits: 0 };
    let limits = Limits { hard_add_seconds: expires, ..Limits::NONE };
    SaParams { aead: None, selector: Some(selector), limits, ..SaParams::new(id, saddr, mode, offload, no_key) }
}
