//! `espalier xfrm --check FILE`.

use std::io::Write;
use std::path::Path;

use crate::Failure;
use crate::xfrm::{self, Command, explain::Explained};

/// Says what each command of `file` means, or what is wrong with it.
pub fn check(file: &Path, out: &mut dyn Write) -> Result<(), Failure> {
    let commands = read(file)?;
    for command in &commands {
        write!(out, "{}", Explained(command))?;
    }
    let count = commands.len();
    writeln!(out, "{count} command{}, all understood", if count == 1 { "" } else { "s" })?;
    Ok(())
}

/// Reads and parses `file`.
pub fn read(file: &Path) -> Result<Vec<Command>, Failure> {
    let source = std::fs::read(file).map_err(|error| Failure::Read { file: file.to_owned(), error })?;
    xfrm::parse(&source).map_err(|errors| Failure::Commands { file: file.to_owned(), errors })
}
