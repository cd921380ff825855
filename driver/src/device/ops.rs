//! The device as the XFRM core sees it.

use crate::bus::Bus;
use crate::error::Error;
use crate::ops::{Callbacks, DeviceEvent, Features, Mib, MibCounters, OffloadHandle, SkBuff, XfrmPolicy, XfrmState, XfrmdevOps};
use crate::policy::PolicyHandle;
use crate::sa::{Installed, Offload, SaHandle, SaParams, SaState, longest_payload};
use crate::xfrm::{Direction, Mode, OffloadMode};

use super::SaEventKind;
use espalier_regs::map::cap_features as cap;

use super::Device;

impl<B: Bus> XfrmdevOps for Device<B> {
    fn name(&self) -> &str {
        Self::name(self)
    }

    fn mtu(&self) -> u32 {
        Self::mtu(self).into()
    }

    /// The engine computes no checksum of what it encrypts: HW_ESP without HW_ESP_TX_CSUM.
    fn features(&self) -> Features {
        let hw_esp = self.capabilities.has(cap::PACKET_OFFLOAD) || self.capabilities.has(cap::CRYPTO_OFFLOAD);
        Features { hw_esp, hw_esp_tx_csum: false }
    }

    fn callbacks(&self) -> Callbacks {
        Callbacks { state_update: true, ..Callbacks::ALL }
    }

    fn xdo_dev_state_add(&mut self, x: &mut XfrmState) -> Result<(), Error> {
        let Some(xso) = &mut x.xso else { return Err(Error::NoSuchSa) };
        let handle = if xso.acquire {
            self.sas.stub()
        } else {
            let offload = Offload { mode: xso.mode, direction: xso.direction };
            self.add_sa(&SaParams { offload, replay: x.replay, ..x.params.clone() })?
        };
        xso.offload_handle = Some(handle.0);
        Ok(())
    }

    /// Policies and look-up let go of the SA, then its key goes; of outbound crypto offload with the free. The number stays taken: packets in
    /// flight may have it.
    fn xdo_dev_state_delete(&mut self, x: &mut XfrmState) {
        if let Some(handle) = state_handle(x)
            && self.sas.get(handle).is_some()
        {
            let done = self.retire_sa(handle);
            self.report("state_delete", done);
        }
    }

    fn xdo_dev_state_free(&mut self, x: &mut XfrmState) {
        if let Some(handle) = state_handle(x) {
            let done = self.release_sa(handle);
            self.report("state_free", done);
        }
    }

    /// No segmentation; no fragment in transport mode; and the ESP packet must fit into the device's longest frame.
    fn xdo_dev_offload_ok(&self, skb: &SkBuff<'_>, x: &XfrmState) -> bool {
        let Some(Installed { params, .. }) = state_handle(x).and_then(|handle| self.sas.installed(handle)) else { return false };
        let Some((header, packet)) = network(skb.frame) else { return false };
        let payload = match params.mode {
            Mode::Transport if is_fragment(packet) => return false,
            // IPv4 without options, IPv6 without extension headers: the core has looked.
            Mode::Transport => packet.len().saturating_sub(if version(packet) == Some(4) { 20 } else { 40 }),
            _ => packet.len(),
        };
        let room = usize::from(self.capabilities.max_frame_bytes).saturating_sub(header);
        skb.gso_size.is_none() && payload <= longest_payload(params, u16::try_from(room).unwrap_or(u16::MAX)).into()
    }

    /// The engine tracks both halves of the number, in crypto mode too.
    fn xdo_dev_state_advance_esn(&mut self, _x: &XfrmState) {}

    /// Packet mode. In crypto mode the core sees every packet, and counts by itself.
    fn xdo_dev_state_update_stats(&mut self, x: &mut XfrmState) {
        let Some(handle) = state_handle(x) else { return };
        let Some(sa) = self.sas.get(handle).filter(|sa| sa.offload == OffloadMode::Packet) else { return };
        let direction = sa.direction;
        let state = match self.sa_state(handle) {
            Ok(state) => state,
            Err(error) => return self.report("state_update_stats", Err(error)),
        };
        let Some(Installed { counted, .. }) = self.sas.installed_mut(handle) else { return };
        let before: SaState = std::mem::replace(counted, state);
        x.curlft.packets = x.curlft.packets.wrapping_add(state.packets.wrapping_sub(before.packets));
        x.curlft.bytes = x.curlft.bytes.wrapping_add(state.bytes.wrapping_sub(before.bytes));
        let add = |sum: &mut u32, now: u32, before: u32| *sum = sum.wrapping_add(now.wrapping_sub(before));
        add(&mut x.stats.replay, state.replay, before.replay);
        add(&mut x.stats.replay_window, state.replay_window, before.replay_window);
        add(&mut x.stats.integrity_failed, state.integrity_failed, before.integrity_failed);
        let (low, high) = (state.sequence as u32, (state.sequence >> 32) as u32);
        match direction {
            Direction::Out => (x.replay.oseq, x.replay.oseq_hi) = (low, high),
            Direction::In => (x.replay.seq, x.replay.seq_hi) = (low, high),
        }
    }

    fn state_update(&mut self, x: &mut XfrmState) -> Result<(), Error> {
        let handle = state_handle(x).ok_or(Error::NoSuchSa)?;
        self.update_sa(handle, x.params.limits, x.params.encap)
    }

    fn xdo_dev_policy_add(&mut self, xp: &mut XfrmPolicy) -> Result<(), Error> {
        let Some(xdo) = &mut xp.xdo else { return Err(Error::NoSuchPolicy) };
        let handle = self.install_policy(&xp.params, None, true)?;
        xdo.offload_handle = Some(handle.0);
        Ok(())
    }

    fn xdo_dev_policy_delete(&mut self, xp: &mut XfrmPolicy) {
        if let Some(handle) = xp.offload_handle() {
            let done = self.delete_policy(PolicyHandle(handle));
            self.report("policy_delete", done);
        }
    }

    /// Nothing is left: no packet holds an entry of the table.
    fn xdo_dev_policy_free(&mut self, _xp: &mut XfrmPolicy) {}

    fn next_event(&mut self) -> Option<DeviceEvent> {
        if let Some(failure) = self.failures.pop_front() {
            return Some(DeviceEvent::Failed(failure));
        }
        match Self::next_event(self) {
            Ok(event) => {
                let event = event?;
                let handle: OffloadHandle = event.sa.0;
                Some(match event.kind {
                    SaEventKind::LifetimeSoft => DeviceEvent::LifetimeSoft(handle),
                    SaEventKind::LifetimeHard => DeviceEvent::LifetimeHard(handle),
                    SaEventKind::SeqExhausted => DeviceEvent::SequenceExhausted(handle),
                })
            }
            // Told once: a driver that is broken has said why.
            Err(Error::Broken) => None,
            Err(error) => Some(DeviceEvent::Failed(format!("event queue: {error}"))),
        }
    }

    fn update_mib(&mut self, mib: &mut MibCounters) {
        let now = match self.counters() {
            Ok(now) => now,
            Err(error) => return self.report("counters", Err(error)),
        };
        let before = std::mem::replace(&mut self.counted, now.clone());
        for (event, count) in now.iter() {
            if let Some(name) = event.xfrm().and_then(|xfrm| Mib::by_name(xfrm.mib)) {
                mib.add(name, count.wrapping_sub(before.get(event)));
            }
        }
    }
}

impl<B> Device<B> {
    /// Keeps what a callback can't return.
    fn report(&mut self, callback: &str, done: Result<(), Error>) {
        if let Err(error) = done {
            self.failures.push_back(format!("{callback}: {error}"));
        }
    }
}

fn state_handle(x: &XfrmState) -> Option<SaHandle> {
    x.offload_handle().map(SaHandle)
}

/// The link header's length and the IP packet behind it; up to two VLAN tags (IEEE 802.1Q) are seen.
fn network(frame: &[u8]) -> Option<(usize, &[u8])> {
    let mut header = 14;
    while header <= 22 {
        match frame.get(header - 2..header)? {
            [0x81, 0x00] | [0x88, 0xa8] => header += 4,
            [0x08, 0x00] | [0x86, 0xdd] => return Some((header, frame.get(header..)?)),
            _ => return None,
        }
    }
    None
}

fn version(packet: &[u8]) -> Option<u8> {
    packet.first().map(|byte| byte >> 4)
}

/// IPv4: more fragments, or an offset. (IPv6 has an extension header for it, and the core has looked.)
fn is_fragment(packet: &[u8]) -> bool {
    version(packet) == Some(4) && matches!(packet.get(6..8), Some([high, low]) if high & 0x3f != 0 || *low != 0)
}
