//! The builds whose Verilog is made: the name of each is that of its top module and of its files.

use espalier_hdl::card::{Card, EspalierCard};
use espalier_hdl::control::capabilities;
use espalier_hdl::engine::{Engine, Espalier, EspalierEcp5};
use espalier_hdl::uart::{EspalierUart, Uart};
use espalier_regs::Capabilities;
use espalier_sim::elaborate::elaborate;
use rust_hdl::prelude::Block;

use crate::error::Error;

/// A build.
#[derive(Clone, Copy)]
pub struct Build {
    /// Its name.
    pub name: &'static str,
    elaborate: fn(&str) -> Result<String, espalier_sim::Error>,
    capabilities: fn() -> Capabilities,
}

/// All of them.
pub const BUILDS: [Build; 4] = [
    Build::of::<Espalier>("espalier"),
    Build::of::<EspalierEcp5>("espalier_ecp5"),
    Build::of::<EspalierCard>("espalier_card"),
    Build::of::<EspalierUart>("espalier_uart"),
];

/// A top block that tells what its parameters make of it.
trait Parameters {
    fn capabilities() -> Capabilities;
}

impl<const A: usize, const R: usize, const G: usize, const C: usize, const W: usize, const ROUNDS: usize> Parameters
    for Engine<A, R, G, C, W, ROUNDS>
{
    fn capabilities() -> Capabilities {
        capabilities::<A, R, G, C>()
    }
}

impl<const A: usize, const R: usize, const G: usize, const C: usize, const W: usize, const ROUNDS: usize, const MSIX: u64> Parameters
    for Card<A, R, G, C, W, ROUNDS, MSIX>
{
    fn capabilities() -> Capabilities {
        capabilities::<A, R, G, C>()
    }
}

impl<
    const A: usize,
    const R: usize,
    const G: usize,
    const C: usize,
    const W: usize,
    const ROUNDS: usize,
    const CLOCK: u64,
    const DIVIDER: u64,
> Parameters for Uart<A, R, G, C, W, ROUNDS, CLOCK, DIVIDER>
{
    fn capabilities() -> Capabilities {
        capabilities::<A, R, G, C>()
    }
}

impl Build {
    const fn of<B: Block + Default + Parameters>(name: &'static str) -> Self {
        Self { name, elaborate: |name| elaborate(name, B::default), capabilities: B::capabilities }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        BUILDS.into_iter().find(|build| build.name == name)
    }

    /// Its Verilog, made now.
    pub fn verilog(&self) -> Result<String, Error> {
        Ok((self.elaborate)(self.name)?)
    }

    /// What its capability registers say.
    pub fn capabilities(&self) -> Capabilities {
        (self.capabilities)()
    }
}
