//! A serial port of the operating system.

use std::time::Duration;

use serial2::SerialPort;

use super::{Limits, Uart, UartError};

/// Rate of the boards of constraints/.
pub const BAUD: u32 = 3_000_000;
/// How long one look for bytes takes when there are none.
const LOOK: Duration = Duration::from_millis(1);

impl Uart<SerialPort> {
    /// Opens a serial port, 8N1 without flow control, and the device behind it: see [`Uart::open`].
    ///
    /// # Errors
    /// [`UartError::Port`]; as [`Uart::open`].
    pub fn open_port(path: &str, baud: u32) -> Result<Self, UartError> {
        let failed = |source| UartError::Port { path: path.to_owned(), source };
        // Raw, 8N1, no flow control, at this rate.
        let mut port = SerialPort::open(path, baud).map_err(failed)?;
        port.set_read_timeout(LOOK).map_err(failed)?;
        port.set_write_timeout(Limits::default().answer).map_err(failed)?;
        Self::open(port, Limits::default())
    }
}
