//! The tools, installed with a sign of life.

use std::time::Duration;

use espalier_hdl::engine::Espalier;
use espalier_sim::Model;
use espalier_sim::tools::{self, Tools};
use indicatif::{ProgressBar, ProgressStyle};

use crate::error::Error;

/// Installs what is missing.
pub fn setup() -> Result<Tools, Error> {
    if tools::missing() {
        let _bar = spinner("installing Verilator into target/tools");
        return Ok(tools::install()?);
    }
    Ok(tools::install()?)
}

/// Installs what is missing and builds the Verilated engine, which takes most of a minute after a change of the HDL.
pub fn with_engine() -> Result<(), Error> {
    setup()?;
    let _bar = spinner("building the Verilated engine");
    Model::build::<Espalier>("espalier")?;
    Ok(())
}

/// Turns until it is dropped.
fn spinner(what: &'static str) -> ProgressBar {
    let bar = bar().with_message(what);
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// A message that turns, with the time it has taken.
pub fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::new_spinner().with_style(style)
}
