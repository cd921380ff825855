//! Two NICs of the reference model behind the interface of those under test: for tests of everything around the engine.

use espalier_driver::Event;
use espalier_reference_model::nic::Nic;

use super::cards::{Cards, Outcome, Timed};
use super::program::Program;
use super::traffic::Packet;
use crate::Failure;

/// The pair, and a wire that may change or lose frames: it gets a packet's number and its frame.
pub struct Modelled<T> {
    /// The NICs.
    pub nics: [Nic; 2],
    /// The wire.
    pub wire: T,
}

impl<T: FnMut(usize, Vec<u8>) -> Option<Vec<u8>>> Cards for Modelled<T> {
    /// Each packet is a hundred clocks behind the one before and takes ninety.
    fn run(mut self, _: [&Program; 2], packets: &[Packet], progress: &mut dyn FnMut(usize, usize)) -> Result<Outcome, Failure> {
        let mut outcome = Outcome { max_frame: usize::MAX, ..Outcome::default() };
        for (clock, packet) in packets.iter().enumerate() {
            let (from, to, clock) = (packet.sender, packet.sender.peer(), 100 * clock as u64);
            outcome.taken[from.index()].push(clock);
            let Some(frame) = self.nics[from.index()].transmit(&packet.bytes, false).frame else { continue };
            let Some(frame) = (self.wire)(packet.number, frame) else { continue };
            let received = self.nics[to.index()].receive(&frame, false).frame;
            outcome.wire.push((from, Timed { bytes: frame, first: clock + 40, last: clock + 50 }));
            outcome.delivered[from.index()].extend(received.map(|bytes| Timed { bytes, first: clock + 80, last: clock + 89 }));
            progress(packet.number, packets.len());
        }
        outcome.counters = [0, 1].map(|index| Event::ALL.iter().map(|&event| self.nics[index].counters().get(event)).collect());
        Ok(outcome)
    }
}
