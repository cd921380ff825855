//! The registers of one of two NICs that are joined by a wire: the driver keeps them while the pair runs.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use espalier_driver::bus::{Bus, BusError};
use espalier_sim::nic::{self, Nic, Pair};

use super::sides::Side;

/// The registers.
#[derive(Clone)]
pub struct Registers {
    pair: Rc<RefCell<Pair>>,
    side: Side,
    writes: Rc<Cell<u64>>,
}

impl Registers {
    /// Those of a side.
    pub fn new(pair: Rc<RefCell<Pair>>, side: Side) -> Self {
        Self { pair, side, writes: Rc::default() }
    }

    /// How often one was written; goes on counting.
    pub fn writes(&self) -> Rc<Cell<u64>> {
        self.writes.clone()
    }

    fn on_nic<T>(&self, access: impl FnOnce(&mut Nic) -> T) -> T {
        access(self.pair.borrow_mut().side(self.side.into()))
    }
}

impl From<Side> for nic::Side {
    fn from(side: Side) -> Self {
        match side {
            Side::Left => Self::Left,
            Side::Right => Self::Right,
        }
    }
}

impl Bus for Registers {
    fn read(&mut self, offset: u32) -> Result<u32, BusError> {
        self.on_nic(|nic| nic.read(offset))
    }

    fn write(&mut self, offset: u32, value: u32) -> Result<(), BusError> {
        self.writes.set(self.writes.get() + 1);
        self.on_nic(|nic| nic.write(offset, value))
    }

    fn now(&self) -> Duration {
        self.on_nic(|nic| nic.now())
    }

    fn pause(&mut self) -> Result<(), BusError> {
        self.on_nic(|nic| nic.pause())
    }
}
