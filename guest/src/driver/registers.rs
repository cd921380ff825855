//! Registers over BAR 0, as [`espalier_regs`] lists them.

use espalier_driver::bus::vfio::Vfio;
use espalier_driver::bus::{Bus, ResetBus};
use espalier_guest::report::Facts;
use espalier_regs::{Register, dma, map};

use crate::device;
use crate::error::{Error, ensure};

/// From here on the MSI-X table, which is the kernel's.
const MSIX: u16 = dma::MSIX_ADDRESS_LO.offset;

/// Every register after a function level reset. Capability words come from the build: those hold something.
pub fn reset_values(facts: &mut Facts) -> Result<(), Error> {
    let mut bus = device::open()?;
    disturb(&mut bus)?;
    bus.reset()?;
    let mut count = 0;
    for register in map::REGISTERS.iter().chain(dma::REGISTERS).filter(|register| register.access.readable() && register.offset < MSIX) {
        for offset in register.offsets() {
            let value = bus.read(offset.into())?;
            let name = register.name;
            if name.starts_with("CAP_") {
                ensure(value != 0 && value != u32::MAX, || format!("{name} reads {value:#010x}"))?;
            } else {
                ensure(value == register.reset, || format!("{name} at {offset:#06x} reads {value:#010x}, not {:#010x}", register.reset))?;
            }
            count += 1;
        }
    }
    facts.insert("registers".into(), count.into());
    Ok(())
}

/// Something for the reset to take back.
fn disturb(bus: &mut Vfio) -> Result<(), Error> {
    bus.write(dma::INTERRUPT_MASK.offset.into(), 0)?;
    bus.write(dma::QUEUE_RING_LO.offset.into(), 0x1000)?;
    let value = bus.read(dma::QUEUE_RING_LO.offset.into())?;
    ensure(value == 0x1000, || format!("QUEUE_RING_LO reads {value:#x} after 0x1000 was written"))
}

/// The registers of queues at rest keep what is written, and keep to themselves.
pub fn writes_are_read_back(facts: &mut Facts) -> Result<(), Error> {
    let mut bus = device::open()?;
    bus.reset()?;
    let registers: [(Register, u32); 6] = [
        (dma::QUEUE_RING_LO, 0xfff),
        (dma::QUEUE_RING_HI, 0),
        (dma::QUEUE_DONE_LO, 0xfff),
        (dma::QUEUE_DONE_HI, 0),
        (dma::QUEUE_COALESCE, !dma::queue_coalesce::CLOCKS.mask()),
        (dma::INTERRUPT_INTERVAL, !dma::interrupt_interval::UNITS.mask()),
    ];
    let mut wanted = Vec::new();
    for (number, (register, zeros)) in registers.iter().enumerate() {
        for offset in register.offsets() {
            let value = 0x9e37_79b9_u32.wrapping_mul(u32::from(offset) + number as u32) & !zeros;
            bus.write(offset.into(), value)?;
            wanted.push((register.name, offset, value));
        }
    }
    for (name, offset, value) in &wanted {
        let found = bus.read((*offset).into())?;
        ensure(found == *value, || format!("{name} at {offset:#06x} reads {found:#010x} after {value:#010x} was written"))?;
    }
    facts.insert("registers".into(), wanted.len().into());
    Ok(bus.reset()?)
}
