//! A chip as the driver's bus: one register access takes some simulated clocks, a pause some more.

use std::time::Duration;

use espalier_driver::bus::{Access, Bus, BusError, Fault};

use super::{Chip, FREQUENCY, HostSide};
use crate::Error;

/// Clocks of [`Bus::pause`].
const PAUSE: u64 = 16;

/// Response codes of AXI4.
const SLVERR: u32 = 2;
const DECERR: u32 = 3;

impl<H: HostSide> Bus for Chip<H> {
    fn read(&mut self, offset: u32) -> Result<u32, BusError> {
        check(offset).and_then(|()| self.axil_read(offset).map_err(fault)).map_err(|fault| BusError { access: Access::Read(offset), fault })
    }

    fn write(&mut self, offset: u32, value: u32) -> Result<(), BusError> {
        let result = check(offset).and_then(|()| self.axil_write(offset, value).map_err(fault));
        result.map_err(|fault| BusError { access: Access::Write(offset), fault })
    }

    fn now(&self) -> Duration {
        time(self.cycles())
    }

    fn pause(&mut self) -> Result<(), BusError> {
        self.run(PAUSE).map_err(|error| BusError { access: Access::Pause, fault: fault(error) })
    }
}

/// The time of a clock since the first.
pub fn time(cycles: u64) -> Duration {
    let nanoseconds = u128::from(cycles) * 1_000_000_000 / u128::from(FREQUENCY);
    Duration::new((nanoseconds / 1_000_000_000) as u64, (nanoseconds % 1_000_000_000) as u32)
}

/// The window is 64 KiB of words (`s_axil_*addr` has 16 bits).
fn check(offset: u32) -> Result<(), Fault> {
    if offset.is_multiple_of(4) && offset < 1 << 16 { Ok(()) } else { Err(Fault::Offset) }
}

/// What an error of the simulator is on the bus.
pub(crate) fn fault(error: Error) -> Fault {
    match error {
        Error::Register { response: SLVERR, .. } => Fault::SlaveError,
        Error::Register { response: DECERR, .. } => Fault::DecodeError,
        other => Fault::Transport(Box::new(other)),
    }
}
