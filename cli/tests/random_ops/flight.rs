//! Operations while packets are in flight: nothing is known of when they meet, but much of what can't be.

use std::collections::HashMap;

use espalier::run::sides::Side;
use espalier_driver::core::MonitorEvent;
use espalier_reference_model::headers::Headers;

use crate::act::{Act, Case};
use crate::host;
use crate::rig::{Rig, sim, text};
use crate::slot::{Slot, Variant};

/// Clocks after which a case comes to rest by itself: what waits for the devices is bounded.
const QUEUED: u32 = 24;

/// A case.
pub struct Flight<'a> {
    rig: &'a mut Rig,
    slots: Vec<Slot>,
    /// How often each packet may yet come up the stack of a side.
    due: [HashMap<Vec<u8>, u32>; 2],
    /// Frames that the wire was told to damage.
    damaged: u32,
    /// Keys used so far: none comes again, so no packet is good that was sent under another.
    keys: u8,
    queued: u32,
}

impl<'a> Flight<'a> {
    pub fn new(rig: &'a mut Rig, case: &Case) -> Self {
        rig.begin(case);
        Self { rig, slots: case.slots.clone(), due: Default::default(), damaged: 0, keys: 0, queued: 0 }
    }

    fn fresh(&mut self, variant: Variant) -> Variant {
        self.keys += 1;
        // With a window, no packet comes twice.
        Variant { key: self.keys, window: variant.window.max(32), ..variant }
    }

    pub fn act(&mut self, act: &Act) -> Result<(), String> {
        let act = match *act {
            Act::Add(which, ends, variant) => Act::Add(which, ends, self.fresh(variant)),
            other => other,
        };
        for side in Side::BOTH {
            // What is refused is refused; Twins knows why.
            drop(host::configure(&mut self.rig.world.host(side).core, side, &self.slots, &act, false));
        }
        match act {
            Act::Send(shot) if self.rig.is_up() => {
                if let Some(fault) = shot.fault() {
                    self.rig.world.wire().next(sim(shot.from), fault);
                    self.damaged += 1;
                }
                let slot = self.slots[shot.slot];
                for frame in self.rig.frames(&slot, &shot) {
                    if self.rig.send(shot.from, &frame)? {
                        self.expect(shot.from.peer(), &frame);
                        self.queued += 1;
                    }
                }
            }
            Act::Again { from, back } if self.rig.is_up() => {
                if let Some(frame) = self.rig.earlier(from, back) {
                    self.rig.inject(from.peer(), &frame);
                    // In the open there is no protection against replay.
                    if Headers::parse(&frame).esp.is_none() {
                        self.expect(from.peer(), &frame);
                    }
                    self.queued += 1;
                }
            }
            Act::Down(side) if self.rig.up[side.index()] => self.rig.down(side)?,
            Act::Up(side) => self.rig.up(side)?,
            Act::Wait(seconds) => self.rig.world.wait(seconds),
            Act::Addresses { host, inner } => drop(self.rig.addresses(&self.slots, host, inner)?),
            Act::Run(clocks) => self.rig.world.run(clocks).map_err(text)?,
            _ => {}
        }
        if matches!(act, Act::Rest) || self.queued > QUEUED {
            self.rest()?;
        }
        self.rig.check_tables()?;
        for side in Side::BOTH {
            let core = &mut self.rig.world.host(side).core;
            core.poll_devices();
            while let Some(event) = core.next_event() {
                if matches!(event, MonitorEvent::DeviceFailed { .. } | MonitorEvent::UnknownHandle { .. } | MonitorEvent::Overrun(_)) {
                    return Err(format!("{side}: {event:?}"));
                }
            }
        }
        self.rig.check_tables()
    }

    fn expect(&mut self, at: Side, frame: &[u8]) {
        *self.due[at.index()].entry(packet(frame)).or_default() += 1;
    }

    fn rest(&mut self) -> Result<(), String> {
        self.queued = 0;
        for side in Side::BOTH {
            self.rig.up(side)?;
        }
        let arrivals = self.rig.settle()?;
        for side in Side::BOTH {
            for frame in &arrivals[side.index()] {
                self.arrived(side, frame)?;
            }
        }
        Ok(())
    }

    fn arrived(&mut self, side: Side, frame: &[u8]) -> Result<(), String> {
        // ESP without an SA in the device is for who else may know it: the core has dropped what it does not.
        let due = &mut self.due[side.index()];
        if let Some(count) = due.get_mut(&packet(frame)).filter(|count| **count > 0) {
            *count -= 1;
            return Ok(());
        }
        // In the open nothing shows damage but the checksum above, and one bit of it is what was flipped.
        let flips = |sent: &[u8]| sent.iter().zip(packet(frame)).map(|(sent, came)| (sent ^ came).count_ones()).sum::<u32>();
        let length = packet(frame).len();
        let near = due.iter_mut().find(|(sent, count)| **count > 0 && sent.len() == length && flips(sent) == 1);
        if let Some((_, count)) = near.filter(|_| self.damaged > 0) {
            self.damaged -= 1;
            *count -= 1;
            return Ok(());
        }
        Err(format!("{side} got what was not sent, or once more than it was: {frame:02x?}"))
    }

    /// Everything goes.
    pub fn end(mut self) -> Result<(), String> {
        self.rest()?;
        self.rig.end()
    }
}

/// Addresses and what the IP packet carries: what an SA may change of the header (DSCP, ECN) is not in it.
fn packet(frame: &[u8]) -> Vec<u8> {
    let headers = Headers::parse(frame);
    let payload = frame.get(headers.l2_length + headers.l3_length..headers.l2_length + headers.ip_length).unwrap_or_default();
    [format!("{} {} ", headers.src, headers.dst).as_bytes(), payload].concat()
}
