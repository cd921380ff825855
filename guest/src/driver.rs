//! The driver on the device, without IPsec: the near host's kernel answers its pings.

pub mod echo;
mod registers;
mod rings;

use crate::Test;

/// The tests, in their order.
pub const TESTS: &[(&str, Test)] = &[
    ("driver/registers/reset-values", registers::reset_values),
    ("driver/registers/writes-are-read-back", registers::writes_are_read_back),
    ("driver/interrupts/ring-2", rings::interrupts_smallest),
    ("driver/interrupts/ring-256", rings::interrupts_default),
    ("driver/interrupts/ring-1024", rings::interrupts_largest),
    ("driver/interrupts/moderated", rings::interrupts_moderated),
    ("driver/poll/ring-256", rings::poll),
    ("driver/scatter/buffers-of-128", rings::scattered),
    ("driver/scatter/jumbo-9000", rings::jumbo),
    ("driver/reset/tables-are-empty", rings::reset),
    ("driver/close/quiet-and-open-again", rings::close),
];
