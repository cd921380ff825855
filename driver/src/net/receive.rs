//! Frames in.

use espalier_regs::tuser::rx;

use super::{NetDevice, RX};
use crate::bus::Bus;
use crate::error::Error;
use crate::rings::RxDone;

/// A received frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RxFrame {
    /// From the destination MAC address on, without FCS.
    pub bytes: Vec<u8>,
    /// `m_axis_host_tuser`, for [`Device::rx_offload`](crate::Device::rx_offload).
    pub word: u32,
}

impl<B: Bus> NetDevice<B> {
    /// The next received frame; none if none is there. Its word is to be looked at ([`Device::rx_offload`](crate::Device::rx_offload)) before
    /// another SA is added: no number waits for it any more.
    ///
    /// # Errors
    /// [`Error::Ring`]: the device contradicts itself, and must be reset.
    pub fn receive(&mut self) -> Result<Option<RxFrame>, Error> {
        if let Some(frame) = self.ready.pop_front() {
            self.hand_out();
            return Ok(Some(frame));
        }
        let frame = self.take_received()?;
        if frame.is_some() {
            self.hand_out();
        }
        if !self.stopped.rx {
            self.refill(frame.is_none())?;
        }
        Ok(frame)
    }

    /// The number of a deleted SA may have waited for this frame.
    fn hand_out(&mut self) {
        self.handed = self.handed.wrapping_add(1);
        self.device.handed_out(self.handed);
    }

    fn take_received(&mut self) -> Result<Option<RxFrame>, Error> {
        while let Some(done) = self.rx.take()? {
            match done {
                RxDone::Frame { bytes, word } => {
                    self.stats.received += 1;
                    return Ok(Some(RxFrame { bytes, word }));
                }
                RxDone::Lost(_) => {
                    self.stats.rx_damaged += 1;
                    self.stopped.rx = true;
                }
            }
        }
        Ok(None)
    }

    /// Keeps what is completed, before the ring begins anew: no more than it holds, whatever a device goes on writing there.
    pub(super) fn collect_received(&mut self) -> Result<(), Error> {
        for _ in 0..self.config.rx_entries {
            let Some(frame) = self.take_received()? else { break };
            self.ready.push_back(frame);
        }
        Ok(())
    }

    /// Drops what came out of an SA: numbers begin anew with the tables, and the next SA of that number would vouch for it.
    pub(super) fn forget_received_by_sas(&mut self) {
        let before = self.ready.len();
        self.ready.retain(|frame| !rx::CRYPTO_DONE.is_set(frame.word));
        let gone = (before - self.ready.len()) as u64;
        self.stats.received -= gone;
        self.stats.rx_gone += gone;
    }

    /// The device must not have the ring any more.
    pub(super) fn restart_rx(&mut self) {
        // The beginning of a frame without its end: the device counts it.
        if self.rx.restart() {
            self.stats.rx_damaged += 1;
        }
    }

    /// Gives used buffers back.
    pub(super) fn refill(&mut self, urgent: bool) -> Result<(), Error> {
        match self.rx.doorbell(urgent) {
            Some(index) => RX.ring(self.device.registers(), index),
            None => Ok(()),
        }
    }
}
