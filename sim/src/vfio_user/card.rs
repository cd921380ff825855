//! The Verilated card as the function.

use super::function::PciFunction;
use crate::Error;
use crate::axi::{Access, Response};
use crate::card::Card;

/// Clocks of a reset pulse.
const RESET_CLOCKS: u64 = 4;

impl PciFunction for Card {
    fn read(&mut self, address: u32) -> Result<u32, Error> {
        self.axil_read(address)
    }

    fn write(&mut self, address: u32, value: u32, strobes: u32) -> Result<(), Error> {
        self.axil_write_bytes(address, value, strobes)
    }

    fn step(&mut self) -> Result<bool, Error> {
        Self::step(self)?;
        Ok(self.moved())
    }

    fn take_accesses(&mut self) -> Vec<Access> {
        Self::take_accesses(self)
    }

    fn answer_read(&mut self, token: u64, answer: Result<Vec<u8>, Response>) {
        Self::answer_read(self, token, answer);
    }

    fn answer_write(&mut self, token: u64, answer: Result<(), Response>) {
        Self::answer_write(self, token, answer);
    }

    fn interrupts(&self) -> u32 {
        Self::interrupts(self).into()
    }

    fn set_msix(&mut self, enable: bool, mask: bool) {
        Self::set_msix(self, enable, mask);
    }

    fn set_halt(&mut self, halt: bool) {
        Self::set_halt(self, halt);
    }

    fn halted(&self) -> bool {
        Self::halted(self)
    }

    fn reset(&mut self) -> Result<(), Error> {
        Self::reset(self, RESET_CLOCKS)
    }

    fn send_wire(&mut self, frame: &[u8]) {
        Self::send_wire(self, frame, false);
    }

    fn wire_pending(&self) -> usize {
        self.pending()
    }

    /// Frames that the card has marked as damaged never reach another MAC: their FCS is wrong.
    fn take_wire(&mut self) -> Vec<Vec<u8>> {
        self.wire_sent().clear();
        Self::take_wire(self).into_iter().filter(|frame| frame.user == 0).map(|frame| frame.bytes).collect()
    }
}
