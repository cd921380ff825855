//! SAs of a device.

use espalier_regs::cam;
use espalier_regs::mailbox::Op;
use espalier_regs::map::cap_features as cap;

use super::Device;
use super::bring_up::longest_packet;
use crate::bus::Bus;
use crate::error::Error;
use crate::sa::{self, Encap, Installed, Sa, SaHandle, SaParams, SaState, lookup, max_payload};
use crate::xfrm::{Direction, Limits, OffloadMode, SaId};

/// The shortest MTU that a link of IP may have (RFC 791 section 3.2).
const SHORTEST_MTU: u16 = 68;

impl<B: Bus> Device<B> {
    /// Installs an SA. It is in force when this returns; policies whose template it fits use it from then on.
    ///
    /// # Errors
    /// [`Error::Sa`] or [`Error::Policy`] (the policies need more entries than there are): nothing was written.
    /// [`Error::Bus`], [`Error::Timeout`] or [`Error::Command`]: the device must be opened again.
    pub fn add_sa(&mut self, params: &SaParams) -> Result<SaHandle, Error> {
        self.registers.usable()?;
        sa::check(params, &self.capabilities)?;
        if params.offload.direction == Direction::In && self.sas.waits_for_received() {
            let due = self.due()?;
            self.sas.due_at(due);
        }
        let sa = self.sas.admit(params, self.mtu)?;
        let handle = sa.handle;
        let update = self.policies.sa_added(&sa)?;
        // The SA first, with all that is its own; then what points to it: the policies, or the entry by which packets find it.
        match sa.direction {
            Direction::Out => {
                self.registers.write_entry(Op::TxSaWrite, sa.index, 0, &sa::tx_words(params, sa.max_payload, false))?;
                self.write_limits(&sa)?;
                self.apply(update)?;
            }
            Direction::In => {
                let entry = cam::Entry { key: lookup::key(&sa), sa: sa.index };
                let installed = self.cam.len();
                let writes = self.cam.insert(entry).map_err(|error| lookup::refusal(error, installed))?;
                self.registers.write_entry(Op::RxSaWrite, sa.index, 0, &sa::rx_words(params))?;
                self.write_limits(&sa)?;
                if self.capabilities.has(cap::RX_SELECTORS) {
                    self.registers.write_entry(Op::RxSelectorWrite, sa.index, 0, &sa::selector_words(&sa))?;
                }
                self.apply(update)?;
                for write in writes {
                    lookup::carry_out(&mut self.registers, &write)?;
                }
            }
        }
        self.sas.insert(sa, params);
        Ok(handle)
    }

    /// Gives an SA in force other limits and UDP ports. Its key, sequence number and counts stay.
    ///
    /// # Errors
    /// [`Error::NoSuchSa`]; [`Error::Sa`]: nothing was written; otherwise the device must be opened again.
    pub fn update_sa(&mut self, handle: SaHandle, limits: Limits, encap: Option<Encap>) -> Result<(), Error> {
        self.registers.usable()?;
        let Installed { sa, params, .. } = self.sas.installed(handle).ok_or(Error::NoSuchSa)?;
        let after = SaParams { limits, encap, ..params.clone() };
        sa::check_update(params, &after, &self.capabilities)?;
        let sa = Sa { limits, encap, ..sa.clone() };
        // Received packets are found whatever their ports.
        if sa.direction == Direction::Out && params.encap != encap {
            self.registers.write_entry(Op::TxSaWrite, sa.index, 0, &sa::tx_words(&after, sa.max_payload, true))?;
        }
        self.write_limits(&sa)?;
        if let Some(installed) = self.sas.installed_mut(handle) {
            (installed.sa, installed.params) = (sa, after);
            // As xfrm_state_update, which clears `dying`: the limits are other ones, and may be told anew.
            (installed.told.soft, installed.told.hard) = (false, false);
        }
        Ok(())
    }

    fn write_limits(&mut self, sa: &Sa) -> Result<(), Error> {
        if !self.capabilities.has(cap::LIFETIMES) {
            return Ok(());
        }
        let op = match sa.direction {
            Direction::Out => Op::TxLimitsWrite,
            Direction::In => Op::RxLimitsWrite,
        };
        self.registers.write_entry(op, sa.index, 0, &sa::limit_words(&sa.limits, sa.offload))
    }

    /// Removes an SA and its key. Policies that used it use the next newest that fits, or have none.
    ///
    /// # Errors
    /// [`Error::NoSuchSa`]; otherwise the device must be opened again.
    pub fn delete_sa(&mut self, handle: SaHandle) -> Result<(), Error> {
        self.retire_sa(handle)?;
        self.release_sa(handle)
    }

    /// Gives back the number of a retired SA, or the handle of a stub. An SA that encrypted for the stack ends here.
    pub(super) fn release_sa(&mut self, handle: SaHandle) -> Result<(), Error> {
        let kept = self.sas.kept(handle);
        if !self.sas.release(handle) {
            return Err(Error::NoSuchSa);
        }
        match kept {
            Some(index) => self.registers.clear_entry(Op::TxSaClear, index, 0),
            None => Ok(()),
        }
    }

    /// Removes an SA and its key; its number stays taken until it is released, so that packets in flight with it meet no other.
    ///
    /// An outbound SA for crypto offload stays in the device until then: packets that the stack has built name it, and nothing else can
    /// find it. They hold the stack's reference to it, as in the kernel.
    pub(super) fn retire_sa(&mut self, handle: SaHandle) -> Result<(), Error> {
        self.registers.usable()?;
        let sa = self.sas.get(handle).ok_or(Error::NoSuchSa)?;
        let (index, direction, key) = (sa.index, sa.direction, lookup::key(sa));
        let stays = sa.offload == OffloadMode::Crypto;
        let update = self.policies.sa_removed(handle)?;
        // What points to it goes first.
        match direction {
            Direction::Out => {
                self.apply(update)?;
                if !stays {
                    self.registers.clear_entry(Op::TxSaClear, index, 0)?;
                }
            }
            Direction::In => {
                let write = self.cam.remove(&key).map_err(|_| Error::NoSuchSa)?;
                lookup::carry_out(&mut self.registers, &write)?;
                self.registers.clear_entry(Op::RxSaClear, index, 0)?;
                self.apply(update)?;
            }
        }
        // While the number still names this SA: what the queue holds of it must not be taken for the next one's.
        self.take_events()?;
        let due = if direction == Direction::In { self.due()? } else { 0 };
        self.sas.retire(handle, due);
        self.forget_events(handle);
        Ok(())
    }

    /// An installed SA.
    #[must_use]
    pub fn sa(&self, handle: SaHandle) -> Option<&Sa> {
        self.sas.get(handle)
    }

    /// The SA with this destination, SPI and protocol.
    #[must_use]
    pub fn find_sa(&self, id: &SaId) -> Option<&Sa> {
        self.sas.find(id)
    }

    /// The SA of a number in the words beside a frame ([`espalier_regs::tuser`]), also one that is out of the device but not
    /// freed yet. See [`Self::rx_offload`], [`Self::tx_crypto`] and [`Self::tx_status`].
    #[must_use]
    pub fn sa_at(&self, direction: Direction, index: u16) -> Option<SaHandle> {
        self.sas.holder(direction, index)
    }

    /// All installed SAs, the oldest first.
    pub fn sas(&self) -> impl Iterator<Item = &Sa> {
        self.sas.iter()
    }

    /// Where an SA stands.
    ///
    /// # Errors
    /// [`Error::NoSuchSa`]; otherwise as for any command.
    pub fn sa_state(&mut self, handle: SaHandle) -> Result<SaState, Error> {
        let sa = self.sas.get(handle).ok_or(Error::NoSuchSa)?;
        let op = match sa.direction {
            Direction::Out => Op::ReadTxSa,
            Direction::In => Op::ReadRxSa,
        };
        Ok(SaState::decode(&self.registers.query(op, sa.index)?))
    }

    /// The last sequence number an SA has used (out: XFRM's `oseq`), or the highest it has accepted (in: `seq`).
    ///
    /// # Errors
    /// As [`Self::sa_state`].
    pub fn sequence(&mut self, handle: SaHandle) -> Result<u64, Error> {
        Ok(self.sa_state(handle)?.sequence)
    }

    /// The longest IP packet in bytes that the device sends. At first the longest that it can.
    #[must_use]
    pub const fn mtu(&self) -> u16 {
        self.mtu
    }

    /// Sets the MTU: packets that ESP would make longer are dropped, and their transmit status says so. Takes effect SA by SA.
    ///
    /// # Errors
    /// [`Error::Mtu`]: nothing was written; otherwise the device must be opened again.
    pub fn set_mtu(&mut self, mtu: u16) -> Result<(), Error> {
        self.registers.usable()?;
        let longest = longest_packet(&self.capabilities);
        if !(SHORTEST_MTU..=longest).contains(&mtu) {
            return Err(Error::Mtu { mtu, shortest: SHORTEST_MTU, longest });
        }
        self.mtu = mtu;
        let handles: Vec<SaHandle> = self.sas.iter().map(|sa| sa.handle).collect();
        for handle in handles {
            let Some(Installed { sa, params, .. }) = self.sas.installed_mut(handle) else { continue };
            let max_payload = max_payload(params, mtu);
            if max_payload != sa.max_payload {
                self.registers.write_entry(Op::TxSaWrite, sa.index, 0, &sa::tx_words(params, max_payload, true))?;
                sa.max_payload = max_payload;
            }
        }
        Ok(())
    }
}
