//! A build of the bridge with few clocks a bit, and the driver's bus at its pins.

use std::time::Duration;

use espalier_driver::bus::Bus;
use espalier_driver::bus::uart::{Limits, Uart as Line};
use espalier_hdl::uart::{CLOCK, Uart};
use espalier_regs::{Event, map};
use espalier_sim::Model;
use espalier_sim::uart::Pins;

/// Clocks a bit.
pub const DIVIDER: u64 = 4;
/// Clocks in which the device begins to say something if it has anything to say: the longest frame is through the engine in less.
pub const PATIENCE: u64 = 1_500;

/// The engine as it is emitted, at a fast line.
pub type Fast = Uart<6, 3, 1, 5, 11, 2, CLOCK, DIVIDER>;

/// Simulated time stands still while nobody looks, so that a wait is either short or in vain.
pub fn limits() -> Limits {
    Limits { answer: Duration::ZERO }
}

/// The pins of the fast build, out of reset.
pub fn pins(clocks: f64) -> Pins {
    let mut model = Model::build::<Fast>("espalier_uart_fast").unwrap();
    model.set("uart_rx", true);
    model.reset(4);
    Pins::new(model, clocks, PATIENCE).unwrap()
}

/// The bus at them.
pub fn line() -> Line<Pins> {
    Line::open(pins(DIVIDER as f64), limits()).unwrap()
}

/// Lets traffic in, without SAs and policies: an engine out of a reset passes what is not ESP.
pub fn enable(line: &mut Line<Pins>) {
    line.write(map::CONTROL.offset.into(), map::control::TX_ENABLE.mask() | map::control::RX_ENABLE.mask()).unwrap();
}

/// The low half of a counter.
pub fn counter(line: &mut Line<Pins>, event: Event) -> u32 {
    line.read(event.offset().into()).unwrap()
}
