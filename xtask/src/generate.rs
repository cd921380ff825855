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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_file_is_told_and_mended() {
        let folder = std::env::temp_dir().join(format!("espalier-xtask-{}", std::process::id()));
        let path = folder.join("deep/registers.md");
        assert!(matches!(committed(&path, "new", true), Err(Error::Stale { path: told }) if told == path));
        assert!(!path.exists(), "a check writes nothing");
        committed(&path, "new", false).unwrap();
        committed(&path, "new", true).unwrap();
        fs::write(&path, "edited by hand").unwrap();
        let error = committed(&path, "new", true).unwrap_err().to_string();
        assert!(error.contains("`cargo xtask gen` mends it"), "{error}");
        fs::remove_dir_all(folder).unwrap();
    }
}
