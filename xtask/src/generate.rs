//! Files that are made from others.

use std::fs;
use std::path::Path;

use crate::error::Error;
use crate::root;

/// Writes all generated files, or compares them.
pub fn generate(check: bool) -> Result<(), Error> {
    committed(&root().join("docs/registers.md"), &espalier_regs::render_markdown(), check)?;
    Ok(())
}

/// A generated file that is in the repository.
fn committed(path: &Path, text: &str, check: bool) -> Result<(), Error> {
    let current = fs::read_to_string(path).unwrap_or_default();
    match (current == text, check) {
        (true, _) => Ok(()),
        (false, true) => Err(Error::Stale { path: path.into() }),
        (false, false) => {
            println!("{}", path.display());
            write(path, text)
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).and_then(|()| fs::write(path, text)).map_err(|source| Error::Io { path: path.into(), source })
}
