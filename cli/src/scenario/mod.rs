//! Scenarios: commands, traffic, and what must come of them, in a file.
//!
//! Two hosts, `left` and `right`, each with a device `nic0` and the XFRM core above it, joined by a wire. A file is played from top to bottom; the first
//! thing that is not as the file says ends it.

pub mod ast;
pub mod command;
pub mod forge;
pub mod parse;
pub mod play;
pub mod traffic;
pub mod wire;
pub mod world;

use std::path::{Path, PathBuf};

use serde::Serialize;

use self::ast::Scenario;
use self::play::play;
use self::world::World;
use crate::Failure;

/// How a scenario went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Its file.
    pub file: PathBuf,
    /// What it is about.
    pub title: String,
    /// All was as it says.
    pub ok: bool,
    /// Its steps.
    pub steps: usize,
    /// Clocks that it took.
    pub clocks: u64,
    /// The line that was not as it says, and why.
    pub mismatch: Option<String>,
}

/// Reads a scenario.
///
/// # Errors
/// When the file can't be read, or is none.
pub fn read(file: &Path) -> Result<Scenario, Failure> {
    let source = std::fs::read_to_string(file).map_err(|error| Failure::Read { file: file.to_owned(), error })?;
    let folder = file.parent().unwrap_or(Path::new("."));
    parse::parse(&source, folder).map_err(|errors| Failure::Commands { file: file.to_owned(), errors })
}

/// Plays a scenario on two hosts fresh from reset. `progress` hears of each step.
///
/// # Errors
/// When the simulator or the driver fails.
pub fn run(file: &Path, scenario: &Scenario, world: &mut World, progress: &mut dyn FnMut(usize)) -> Result<Report, Failure> {
    let played = play(scenario, world, progress)?;
    Ok(Report {
        file: file.to_owned(),
        title: scenario.title.clone(),
        ok: played.is_ok(),
        steps: scenario.steps.len(),
        clocks: world.clocks(),
        mismatch: played.err().map(|mismatch| mismatch.to_string()),
    })
}
