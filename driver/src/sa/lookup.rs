//! The entry of the SA CAM by which received packets find their SA (RFC 4301 section 4.1).

use espalier_regs::cam::{Entry, Key, PlacementError, Write};
use espalier_regs::mailbox::{Op, cam as field};

use super::{Sa, SaError};
use crate::bus::Bus;
use crate::error::Error;
use crate::regs::{Registers, Words};
use crate::selector::bits;
use crate::xfrm::Family;

/// What an inbound SA is found by.
pub fn key(sa: &Sa) -> Key {
    Key { dst: bits(sa.id.daddr), spi: sa.id.spi, v6: Family::of(sa.id.daddr) == Family::V6, encap: sa.encap.is_some() }
}

/// What the planner's refusal means for `ip xfrm`. `installed` entries are in.
pub const fn refusal(error: PlacementError, installed: usize) -> SaError {
    match error {
        PlacementError::Exists => SaError::Exists,
        _ => SaError::LookupFull { installed },
    }
}

/// Carries one planned write out.
pub fn carry_out<B: Bus>(registers: &mut Registers<B>, write: &Write) -> Result<(), Error> {
    let Write { way, row, entry } = *write;
    match entry {
        Some(entry) => registers.write_entry(Op::CamWrite, row, way, &words(&entry)),
        None => registers.clear_entry(Op::CamClear, row, way),
    }
}

/// Operands of CAM_WRITE.
fn words(entry: &Entry) -> Words {
    let mut words = Words::new();
    words
        .put(field::KEY_DST, entry.key.dst)
        .put(field::KEY_SPI, entry.key.spi)
        .put(field::KEY_V6, entry.key.v6)
        .put(field::KEY_ENCAP, entry.key.encap)
        .put(field::SA, entry.sa);
    words
}
