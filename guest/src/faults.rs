//! What goes wrong between device and memory, and users that go away.

mod kernel_log;
mod load;
mod raw;

use crate::Test;

pub use load::flood;

/// The tests, in their order.
pub const TESTS: &[(&str, Test)] = &[
    ("faults/dma/read-unmapped", raw::read_unmapped),
    ("faults/dma/ring-unmapped", raw::ring_unmapped),
    ("faults/dma/write-to-read-only", raw::write_to_read_only),
    ("faults/bus-master-off", load::bus_master_off),
    ("faults/flr-under-load/by-the-driver", load::reset_by_driver),
    ("faults/flr-under-load/by-another", load::reset_by_another),
    ("faults/driver-killed", load::killed),
];
