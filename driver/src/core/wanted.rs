//! What a policy's template wants of the SAD, and what it finds (xfrm_state_find).

use std::net::IpAddr;

use crate::ops::XfrmState;
use crate::policy::{PolicyParams, Template};
use crate::xfrm::{Direction, Mark, Mode, SaId};

use super::flow::Flow;
use super::sad::StateId;

/// What a template wants for a flow.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub daddr: IpAddr,
    pub saddr: IpAddr,
    pub spi: u32,
    pub proto: u8,
    pub mode: Mode,
    pub reqid: u32,
    pub mark: Mark,
    pub if_id: u32,
    /// The device of an offloaded policy: its SAs are offloaded there. The other policies' SAs are in software or crypto mode.
    pub dev: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    /// For a flow, by a policy's template: in transport mode the packet's own addresses count (xfrm_tmpl_resolve_one).
    pub fn new(template: &Template, flow: &Flow, policy: &PolicyParams, dev: Option<&'a str>) -> Self {
        let (saddr, daddr) = match template.mode {
            Mode::Transport => (flow.src, flow.dst),
            _ => (template.saddr, template.id.daddr),
        };
        let (SaId { spi, proto, .. }, mode, reqid) = (template.id, template.mode, template.reqid);
        Self { daddr, saddr, spi, proto, mode, reqid, mark: policy.mark, if_id: policy.if_id, dev }
    }

    /// As an SA is named.
    pub const fn id(&self) -> SaId {
        SaId { daddr: self.daddr, spi: self.spi, proto: self.proto }
    }

    /// xfrm_state_find's conditions.
    pub fn fits(&self, x: &XfrmState) -> bool {
        let params = &x.params;
        let mark = self.mark.value & self.mark.mask;
        let device = match (self.dev, &x.xso) {
            (Some(dev), Some(xso)) => x.is_packet_offload() && xso.dev == dev,
            (Some(_), None) => false,
            (None, _) => !x.is_packet_offload(),
        };
        device
            && params.reqid == self.reqid
            && mark & params.mark.mask == params.mark.value
            && params.if_id == self.if_id
            && !params.flags.wildrecv
            // xfrm_state_addr_check
            && params.id.daddr == self.daddr
            && (params.saddr == self.saddr || params.saddr.is_unspecified() || self.saddr.is_unspecified())
            && params.mode == self.mode
            && params.id.proto == self.proto
            && (self.spi == 0 || params.id.spi == self.spi)
            && params.dir != Some(Direction::In)
    }
}

/// What [`Sad::find`] has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A valid state.
    State(StateId),
    /// A stub: the key manager is at it.
    Acquiring,
    /// Only one that has failed.
    Failed,
    /// Nothing.
    Nothing,
}
