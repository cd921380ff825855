//! Waiting for the device, never for ever.

use std::time::Duration;

use super::Bus;
use crate::error::{Error, Operation};

/// Looks again and again until `look` finds what it waits for or `limit` has passed.
///
/// The time is read before each look, so a caller that was held up past the deadline still gets a last look.
pub fn poll<B: Bus, T>(
    bus: &mut B,
    operation: Operation,
    limit: Duration,
    mut look: impl FnMut(&mut B) -> Result<Option<T>, Error>,
) -> Result<T, Error> {
    let start = bus.now();
    loop {
        let expired = bus.now().saturating_sub(start) >= limit;
        if let Some(found) = look(bus)? {
            return Ok(found);
        }
        if expired {
            return Err(Error::Timeout { operation, limit });
        }
        bus.pause()?;
    }
}
