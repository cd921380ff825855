//! The builds whose Verilog is made: the name of each is that of its top module and of its file.

use espalier_hdl::card::EspalierCard;
use espalier_hdl::engine::Espalier;
use espalier_sim::elaborate::elaborate;

use crate::error::Error;

/// A build.
#[derive(Clone, Copy)]
pub struct Build {
    /// Its name.
    pub name: &'static str,
    elaborate: fn(&str) -> Result<String, espalier_sim::Error>,
}

/// All of them.
pub const BUILDS: [Build; 2] = [
    Build { name: "espalier", elaborate: |name| elaborate(name, Espalier::default) },
    Build { name: "espalier_card", elaborate: |name| elaborate(name, EspalierCard::default) },
];

impl Build {
    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        BUILDS.into_iter().find(|build| build.name == name)
    }

    /// Its Verilog, made now.
    pub fn verilog(&self) -> Result<String, Error> {
        Ok((self.elaborate)(self.name)?)
    }
}
