//! The words beside frames ([`espalier_regs::tuser`]): the engine's numbers there, the core's handles here.

use espalier_regs::Event::{self, RxBypassed, RxCrypto, RxCryptoFailed, RxDecrypted, RxFrames, RxUnsupported};
use espalier_regs::tuser::{rx, tx, tx_status};

use super::Device;
use crate::bus::Bus;
use crate::error::Error;
use crate::ops::{CryptoStatus, OffloadHandle, RxOffload};
use crate::sa::SaHandle;
use crate::xfrm::Direction;

/// What became of a frame that was to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TxStatus {
    /// The one event that it was counted as. [`Event::TxDropTooBig`]: it does not fit the MTU, and an ICMP message is due.
    pub event: Event,
    /// The SA, where one was found.
    pub sa: Option<SaHandle>,
}

/// What becomes of a frame from the wire that the engine gives to the host.
const GIVEN: [Event; 5] = [RxBypassed, RxDecrypted, RxUnsupported, RxCrypto, RxCryptoFailed];

impl<B: Bus> Device<B> {
    /// When so many received frames have been handed out since the device's counters began, none is left that the engine has found an SA for
    /// by now. They are those that it has taken, less those that it and the host interface have dropped so far: frames are handed out in
    /// order, so no later one is among the first that many. They are dropped out of order (for want of room, while others wait), so a later
    /// drop tells nothing; if it was one of these, the number is too high until it is asked for again. 0 where nobody counts what is handed out.
    ///
    /// # Errors
    /// [`Error::Bus`].
    pub(super) fn due(&mut self) -> Result<u64, Error> {
        if !self.has_rings {
            return Ok(0);
        }
        let mut dropped = 0u64;
        for event in Event::ALL.iter().filter(|event| event.name().starts_with("rx_") && **event != RxFrames && !GIVEN.contains(event)) {
            dropped = dropped.wrapping_add(self.registers.counter(*event)?);
        }
        // After the drops: each of them is among these.
        Ok(self.registers.counter(RxFrames)?.wrapping_sub(dropped))
    }

    /// What the word beside a received frame says of it, for the core to take the frame in with; none if it did not come out of
    /// an SA. An SA that is deleted but not freed is still named: the core sees that it is dead.
    ///
    /// # Errors
    /// [`Error::NoSuchSa`]: the SA is gone altogether, and the frame must be dropped.
    pub fn rx_offload(&self, tuser: u32) -> Result<Option<RxOffload>, Error> {
        if !rx::CRYPTO_DONE.is_set(tuser) {
            return Ok(None);
        }
        let handle = self.sa_at(Direction::In, rx::SA.get(tuser) as u16).ok_or(Error::NoSuchSa)?.0;
        if !rx::CRYPTO.is_set(tuser) {
            return Ok(Some(RxOffload::Packet(handle)));
        }
        let status = u8::try_from(rx::STATUS.get(tuser)).ok().and_then(CryptoStatus::from_raw);
        // What it does not know is no success.
        Ok(Some(RxOffload::Crypto(handle, status.unwrap_or(CryptoStatus::GenericError))))
    }

    /// The word beside a frame that the core has prepared for crypto offload by this SA.
    ///
    /// # Errors
    /// [`Error::NoSuchSa`]: it is not in the device (any more), and the frame must be dropped. One that is deleted but not freed still is.
    pub fn tx_crypto(&self, handle: OffloadHandle) -> Result<u32, Error> {
        let handle = SaHandle(handle);
        let installed = self.sas.get(handle).filter(|sa| sa.direction == Direction::Out).map(|sa| sa.index);
        let index = installed.or_else(|| self.sas.kept(handle)).ok_or(Error::NoSuchSa)?;
        Ok(tx::SA.set(tx::CRYPTO.set(0, 1), index.into()))
    }

    /// What a word of `m_axis_txstatus` says; none if it names an event that this driver does not know.
    #[must_use]
    pub fn tx_status(&self, word: u32) -> Option<TxStatus> {
        let event = usize::try_from(tx_status::EVENT.get(word)).ok().and_then(|number| Event::ALL.get(number)).copied()?;
        let without_sa =
            matches!(event, Event::TxBypassed | Event::TxDropPolicyBlock | Event::TxDropNoSa | Event::TxDropMalformed | Event::TxDropError);
        let sa = if without_sa { None } else { self.sa_at(Direction::Out, tx_status::SA.get(word) as u16) };
        Some(TxStatus { event, sa })
    }
}
