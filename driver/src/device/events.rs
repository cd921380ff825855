//! What the device tells unasked.

use espalier_regs::mailbox::Op;
use espalier_regs::map;
use espalier_regs::notice::{Kind, Notice};

use super::Device;
use crate::bus::Bus;
use crate::error::Error;
use crate::sa::{Installed, SaHandle, SaState};
use crate::xfrm::{Direction, OffloadMode};

/// What can happen to an SA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SaEventKind {
    /// It has reached its soft limit of packets or bytes.
    LifetimeSoft,
    /// It has reached its hard limit of packets or bytes, and takes no more packets.
    LifetimeHard,
    /// Outbound: it has used its last sequence number (RFC 4303 section 3.3.3), and takes no more packets.
    SeqExhausted,
}

/// What has happened to an SA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SaEvent {
    /// The SA.
    pub sa: SaHandle,
    /// What.
    pub kind: SaEventKind,
}

impl<B: Bus> Device<B> {
    /// The next event; none if nothing has happened. No event is lost: where the device's queue ran over, the SAs are asked.
    /// None comes twice, and none of an SA that was deleted.
    ///
    /// # Errors
    /// As for any command.
    pub fn next_event(&mut self) -> Result<Option<SaEvent>, Error> {
        if self.events.is_empty() {
            self.take_events()?;
        }
        Ok(self.events.pop_front())
    }

    /// Takes off the queue what it holds now.
    pub(super) fn take_events(&mut self) -> Result<(), Error> {
        let depth = self.capabilities.events;
        if depth == 0 {
            return Ok(());
        }
        let mut unknown = false;
        for _ in 0..depth {
            let Some(notice) = Notice::decode(self.registers.read(map::EVENT)?) else { break };
            self.registers.write(map::EVENT_POP, map::event_pop::POP.mask())?;
            let direction = if notice.tx { Direction::Out } else { Direction::In };
            let kind = match notice.kind {
                Some(Kind::LifetimeSoft) => SaEventKind::LifetimeSoft,
                Some(Kind::LifetimeHard) => SaEventKind::LifetimeHard,
                Some(Kind::SeqExhausted) => SaEventKind::SeqExhausted,
                // QUEUE_STATE keeps it for whoever runs the queue.
                Some(Kind::QueueFault) => {
                    self.queue_fault = true;
                    continue;
                }
                // Whatever it says, the SA's state says it too.
                None => {
                    unknown = true;
                    continue;
                }
            };
            if let Some(sa) = self.sas.at(direction, notice.sa) {
                self.tell(SaEvent { sa, kind });
            }
        }
        let lost = map::event_lost::LOST.is_set(self.registers.read(map::EVENT_LOST)?);
        if lost {
            // Cleared before the SAs are asked: what is lost from here on sets it again.
            self.registers.write(map::EVENT_LOST, map::event_lost::LOST.mask())?;
            self.queue_fault = true;
        }
        if lost || unknown { self.ask_all() } else { Ok(()) }
    }

    /// Finds out from the SAs themselves what has happened.
    fn ask_all(&mut self) -> Result<(), Error> {
        let handles: Vec<SaHandle> = self.sas.iter().map(|sa| sa.handle).collect();
        for handle in handles {
            let Some(sa) = self.sas.get(handle) else { continue };
            let (index, direction, packet) = (sa.index, sa.direction, sa.offload == OffloadMode::Packet);
            let last = if sa.flags.esn { u64::MAX } else { u32::MAX.into() };
            let op = match direction {
                Direction::Out => Op::ReadTxSa,
                Direction::In => Op::ReadRxSa,
            };
            let state = SaState::decode(&self.registers.query(op, index)?);
            let exhausted = packet && direction == Direction::Out && state.sequence == last;
            use SaEventKind::{LifetimeHard, LifetimeSoft, SeqExhausted};
            for (happened, kind) in [(state.soft, LifetimeSoft), (state.hard, LifetimeHard), (exhausted, SeqExhausted)] {
                if happened {
                    self.tell(SaEvent { sa: handle, kind });
                }
            }
        }
        Ok(())
    }

    /// Passes an event on, once.
    fn tell(&mut self, event: SaEvent) {
        let Some(Installed { told, .. }) = self.sas.installed_mut(event.sa) else { return };
        let told = match event.kind {
            SaEventKind::LifetimeSoft => &mut told.soft,
            SaEventKind::LifetimeHard => &mut told.hard,
            SaEventKind::SeqExhausted => &mut told.exhausted,
        };
        if !std::mem::replace(told, true) {
            self.events.push_back(event);
        }
    }

    /// Drops what has happened to an SA that is no more.
    pub(super) fn forget_events(&mut self, handle: SaHandle) {
        self.events.retain(|event| event.sa != handle);
    }
}
