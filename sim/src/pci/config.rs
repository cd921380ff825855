//! The bytes of the configuration space, which of them can be written, and what they mean to the function.

use espalier_regs::dma::{MSIX_ADDRESS_LO, MSIX_PENDING, vector};

use super::{BAR0_BYTES, CONFIG_BYTES, DEVICE, SUBSYSTEM, VENDOR};

const COMMAND: usize = 0x04;
/// The function answers memory accesses.
const COMMAND_MEMORY: u16 = 1 << 1;
/// The function may access memory.
const COMMAND_MASTER: u16 = 1 << 2;
const COMMAND_PARITY: u16 = 1 << 6;
const COMMAND_SERR: u16 = 1 << 8;
/// No INTx.
const COMMAND_INTX_DISABLE: u16 = 1 << 10;
const STATUS: usize = 0x06;
/// An INTx is asked for.
const STATUS_INTERRUPT: u8 = 1 << 3;
const STATUS_CAPABILITIES: u16 = 1 << 4;
const CLASS_ETHERNET: u32 = 0x02_0000;
const CACHE_LINE: usize = 0x0c;
const BAR0: usize = 0x10;
const BAR_64_BIT: u32 = 0b100;
const SUBSYSTEM_IDS: usize = 0x2c;
const CAPABILITIES: usize = 0x34;
const INTERRUPT_LINE: usize = 0x3c;
/// In the byte above the line: the pin, INTA.
const INTERRUPT_PIN_A: u16 = 1 << 8;

const POWER: usize = 0x40;
const POWER_CONTROL: usize = POWER + 4;
const POWER_STATE: u8 = 0b11;
const D0: u8 = 0;
const D3_HOT: u8 = 3;
/// The function keeps its state from D3hot to D0.
const NO_SOFT_RESET: u16 = 1 << 3;

const MSIX: usize = 0x50;
const MSIX_CONTROL: usize = MSIX + 2;
const MSIX_MASK_ALL: u16 = 1 << 14;
const MSIX_ENABLE: u16 = 1 << 15;

const EXPRESS: usize = 0x60;
/// Role-based error reporting, function level reset, payloads of 256 bytes.
const DEVICE_CAPABILITIES: u32 = 1 << 28 | 1 << 15 | 1;
const DEVICE_CONTROL: usize = EXPRESS + 8;
/// Relaxed ordering, no snoop, reads of up to 512 bytes: as after a reset.
const DEVICE_CONTROL_RESET: u16 = 0x2810;
const INITIATE_FLR: u16 = 1 << 15;
const DEVICE_STATUS: usize = EXPRESS + 10;
/// Reads are under way that have no completion yet.
const TRANSACTIONS_PENDING: u8 = 1 << 5;
/// 8 GT/s, 4 lanes: in the link capabilities, and in the link status.
const LINK: u16 = 4 << 4 | 3;

const SERIAL: usize = 0x100;

/// What the function shows of itself when it is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Live {
    /// It asks for an INTx.
    pub interrupt: bool,
    /// It has accesses under way.
    pub pending: bool,
}

/// The configuration space.
pub struct ConfigSpace {
    bytes: Vec<u8>,
    /// Which bits can be written.
    mask: Vec<u8>,
    serial: u64,
}

impl ConfigSpace {
    /// As after power-up. `serial` is an EUI-64.
    #[must_use]
    pub fn new(serial: u64) -> Self {
        let mut space = Self { bytes: vec![0; CONFIG_BYTES], mask: vec![0; CONFIG_BYTES], serial };
        space.reset();
        space
    }

    /// As after power-up again.
    pub fn reset(&mut self) {
        self.bytes.fill(0);
        self.mask.fill(0);
        self.header();
        self.put16(POWER, 0x01 | (MSIX as u16) << 8, 0);
        self.put16(POWER + 2, 3, 0); // version 1.2; no D1, D2, PME
        self.put16(POWER_CONTROL, NO_SOFT_RESET, POWER_STATE.into());
        self.put16(MSIX, 0x11 | (EXPRESS as u16) << 8, 0);
        self.put16(MSIX_CONTROL, vector::COUNT - 1, MSIX_ENABLE | MSIX_MASK_ALL);
        self.put32(MSIX + 4, u32::from(MSIX_ADDRESS_LO.offset), 0); // in BAR0
        self.put32(MSIX + 8, u32::from(MSIX_PENDING.offset), 0);
        self.put16(EXPRESS, 0x10, 0);
        self.put16(EXPRESS + 2, 2, 0); // version 2, endpoint
        self.put32(EXPRESS + 4, DEVICE_CAPABILITIES, 0);
        self.put16(DEVICE_CONTROL, DEVICE_CONTROL_RESET, !INITIATE_FLR);
        self.put32(EXPRESS + 0x0c, LINK.into(), 0);
        self.put16(EXPRESS + 0x12, LINK, 0);
        self.put32(SERIAL, 1 << 16 | 3, 0); // version 1, the last one
        self.put32(SERIAL + 4, self.serial as u32, 0);
        self.put32(SERIAL + 8, (self.serial >> 32) as u32, 0);
    }

    fn header(&mut self) {
        self.put16(0, VENDOR, 0);
        self.put16(2, DEVICE, 0);
        let command = COMMAND_MEMORY | COMMAND_MASTER | COMMAND_PARITY | COMMAND_SERR | COMMAND_INTX_DISABLE;
        self.put16(COMMAND, 0, command);
        self.put16(STATUS, STATUS_CAPABILITIES, 0);
        self.put32(8, CLASS_ETHERNET << 8, 0);
        self.put16(CACHE_LINE, 0, 0xff);
        self.put32(BAR0, BAR_64_BIT, !(BAR0_BYTES as u32 - 1));
        self.put32(BAR0 + 4, 0, u32::MAX);
        self.put32(SUBSYSTEM_IDS, u32::from(SUBSYSTEM) << 16 | u32::from(VENDOR), 0);
        self.put16(CAPABILITIES, POWER as u16, 0);
        self.put16(INTERRUPT_LINE, INTERRUPT_PIN_A, 0xff);
    }

    fn put16(&mut self, offset: usize, value: u16, mask: u16) {
        self.bytes[offset..offset + 2].copy_from_slice(&value.to_le_bytes());
        self.mask[offset..offset + 2].copy_from_slice(&mask.to_le_bytes());
    }

    fn put32(&mut self, offset: usize, value: u32, mask: u32) {
        self.bytes[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
        self.mask[offset..offset + 4].copy_from_slice(&mask.to_le_bytes());
    }

    fn word(&self, offset: usize) -> u16 {
        u16::from_le_bytes([self.bytes[offset], self.bytes[offset + 1]])
    }

    /// Reads bytes.
    ///
    /// # Panics
    /// Past [`CONFIG_BYTES`].
    #[must_use]
    pub fn read(&self, offset: usize, count: usize, live: Live) -> Vec<u8> {
        let mut bytes = self.bytes[offset..offset + count].to_vec();
        let mut show = |at: usize, bit: u8, shown: bool| {
            if shown && let Some(byte) = at.checked_sub(offset).and_then(|at| bytes.get_mut(at)) {
                *byte |= bit;
            }
        };
        show(STATUS, STATUS_INTERRUPT, live.interrupt);
        show(DEVICE_STATUS, TRANSACTIONS_PENDING, live.pending);
        bytes
    }

    /// Writes bytes: what can't be written stays as it is. True: a function level reset is asked for (section 6.6.2).
    ///
    /// # Panics
    /// Past [`CONFIG_BYTES`].
    pub fn write(&mut self, offset: usize, data: &[u8]) -> bool {
        let power = self.bytes[POWER_CONTROL];
        for (at, &byte) in (offset..).zip(data) {
            let mask = self.mask[at];
            self.bytes[at] = (self.bytes[at] & !mask) | (byte & mask);
        }
        // Section 7.5.2.2: a state that is not supported is not taken.
        if ![D0, D3_HOT].contains(&(self.bytes[POWER_CONTROL] & POWER_STATE)) {
            self.bytes[POWER_CONTROL] = power;
        }
        let flr = (DEVICE_CONTROL + 1).checked_sub(offset).and_then(|at| data.get(at));
        flr.is_some_and(|byte| byte & (INITIATE_FLR >> 8) as u8 != 0)
    }

    /// BAR0 is answered.
    #[must_use]
    pub fn memory_enabled(&self) -> bool {
        self.word(COMMAND) & COMMAND_MEMORY != 0 && self.powered()
    }

    /// The function may access memory, and send messages.
    #[must_use]
    pub fn bus_master(&self) -> bool {
        self.word(COMMAND) & COMMAND_MASTER != 0 && self.powered()
    }

    fn powered(&self) -> bool {
        self.bytes[POWER_CONTROL] & POWER_STATE == D0
    }

    /// INTx may be asked for.
    #[must_use]
    pub fn intx_enabled(&self) -> bool {
        self.word(COMMAND) & COMMAND_INTX_DISABLE == 0 && !self.msix_enabled()
    }

    /// MSI-X is on.
    #[must_use]
    pub fn msix_enabled(&self) -> bool {
        self.word(MSIX_CONTROL) & MSIX_ENABLE != 0
    }

    /// All of MSI-X is masked.
    #[must_use]
    pub fn msix_masked(&self) -> bool {
        self.word(MSIX_CONTROL) & MSIX_MASK_ALL != 0
    }

    /// Switches MSI-X, as a kernel does on behalf of the one who asks it for interrupts.
    pub fn enable_msix(&mut self, enable: bool) {
        let control = self.word(MSIX_CONTROL) & !MSIX_ENABLE;
        let control = control | if enable { MSIX_ENABLE } else { 0 };
        self.bytes[MSIX_CONTROL..MSIX_CONTROL + 2].copy_from_slice(&control.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dword(space: &ConfigSpace, offset: usize) -> u32 {
        u32::from_le_bytes(space.read(offset, 4, Live::default()).try_into().unwrap())
    }

    #[test]
    fn capabilities_are_found_by_walking_the_lists() {
        let space = ConfigSpace::new(0x0200_00ff_fe12_3456);
        let mut found = vec![];
        let mut at = space.read(CAPABILITIES, 1, Live::default())[0];
        while at != 0 {
            let [id, next] = space.read(at.into(), 2, Live::default()).try_into().unwrap();
            found.push((id, at));
            at = next;
        }
        assert_eq!(found, [(0x01, 0x40), (0x11, 0x50), (0x10, 0x60)]);
        assert_eq!(dword(&space, 0x100) & 0xf_ffff, 0x1_0003);
        assert_eq!(u64::from(dword(&space, 0x108)) << 32 | u64::from(dword(&space, 0x104)), 0x0200_00ff_fe12_3456);
        assert_eq!(dword(&space, 0x54), 0xc000);
        assert_eq!(dword(&space, 0x58), 0xd000);
        assert_eq!(dword(&space, 0x50) >> 16 & 0x7ff, 2);
    }

    #[test]
    fn the_bar_tells_its_size() {
        let mut space = ConfigSpace::new(0);
        assert!(!space.write(BAR0, &[0xff; 8]));
        assert_eq!(dword(&space, BAR0), 0xffff_0004);
        assert_eq!(dword(&space, BAR0 + 4), u32::MAX);
    }

    #[test]
    fn only_what_can_be_written_is_written() {
        let mut space = ConfigSpace::new(1);
        let before = space.read(0, CONFIG_BYTES, Live::default());
        assert!(space.write(0, &[0xff; CONFIG_BYTES]));
        let after = space.read(0, CONFIG_BYTES, Live::default());
        let changed: Vec<_> = (0..CONFIG_BYTES).filter(|&at| before[at] != after[at]).collect();
        let bar: Vec<_> = (0x12..0x18).collect();
        let expected = [vec![4, 5, 0xc], bar, vec![0x3c, 0x44, 0x53, 0x68, 0x69]].concat();
        assert_eq!(changed, expected);
        assert_eq!(space.word(DEVICE_CONTROL), 0x7fff, "the reset bit reads 0");
        assert!(!space.memory_enabled(), "D3hot");
        space.reset();
        assert_eq!(space.read(0, CONFIG_BYTES, Live::default()), before);
    }

    #[test]
    fn states_between_d0_and_d3hot_are_not_taken() {
        let mut space = ConfigSpace::new(0);
        space.write(COMMAND, &[6, 0]);
        for (wanted, on) in [(1, true), (3, false), (2, false), (0, true)] {
            space.write(POWER_CONTROL, &[wanted]);
            assert_eq!((space.memory_enabled(), space.bus_master()), (on, on), "D{wanted}");
        }
    }

    #[test]
    fn live_bits_show_wherever_the_read_begins() {
        let space = ConfigSpace::new(0);
        let live = Live { interrupt: true, pending: true };
        assert_eq!(space.read(STATUS, 1, live), [0x18]);
        assert_eq!(space.read(COMMAND, 4, live), [0, 0, 0x18, 0]);
        assert_eq!(space.read(DEVICE_STATUS, 2, live), [0x20, 0]);
        assert_eq!(space.read(DEVICE_STATUS + 1, 1, live), [0]);
    }

    #[test]
    fn a_reset_is_asked_for_by_the_upper_byte_alone() {
        let mut space = ConfigSpace::new(0);
        assert!(!space.write(DEVICE_CONTROL, &[0xff]));
        assert!(space.write(DEVICE_CONTROL + 1, &[0x80]));
        assert!(space.write(DEVICE_CONTROL, &[0, 0x80]));
        assert!(!space.write(DEVICE_CONTROL + 2, &[0xff]));
    }
}
