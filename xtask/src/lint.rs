//! Whether others' tools take the generated Verilog: Verilator's lint, yosys, Icarus Verilog.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use indicatif::ProgressBar;

use crate::bitstream::tools::{Tools, logged};
use crate::debian::{self, Apt};
use crate::error::Error;
use crate::{output, root, setup};

/// The waivers, in the root.
const WAIVERS: &str = "docs/integration/espalier.vlt";

/// What is needed to look at Verilog.
pub struct Linters {
    verilator: PathBuf,
    yosys: Tools,
    icarus: Icarus,
}

impl Linters {
    /// Finds the programs, installing them first where they are missing.
    pub fn install(bar: &ProgressBar) -> Result<Self, Error> {
        let verilator = setup::setup()?.verilator_root;
        bar.set_message("installing yosys into target/tools");
        let yosys = Tools::install(None)?;
        bar.set_message("fetching Icarus Verilog");
        Ok(Self { verilator, yosys, icarus: Icarus::find()? })
    }

    /// Looks at `NAME.v` and `NAME_params.vh` in `folder`, and leaves logs there.
    ///
    /// # Errors
    /// [`Error::Output`] with what is wrong.
    pub fn check(&self, folder: &Path, name: &str, bar: &ProgressBar) -> Result<(), Error> {
        let file = format!("{name}.v");
        let wrapper = format!("{name}_params.v");
        let text = format!("module {name}_params;\n`include \"{name}_params.vh\"\nendmodule\n");
        fs::write(folder.join(&wrapper), text).map_err(|source| Error::Io { path: folder.join(&wrapper), source })?;
        let log = |tool: &str| folder.join(format!("{name}.{tool}.log"));

        bar.set_message(format!("{name}: verilator -Wall"));
        let mut verilator = Command::new(self.verilator.join("bin/verilator_bin"));
        verilator.env("VERILATOR_ROOT", &self.verilator).args(["--lint-only", "-Wall", "--top-module", name]);
        verilator.arg(root().join(WAIVERS)).arg(folder.join(&file));
        logged(verilator, &format!("verilator --lint-only -Wall {file}"), &log("verilator"), |_| ())?;

        bar.set_message(format!("{name}: yosys"));
        let script = format!("read_verilog {file} {wrapper}\nhierarchy -check -top {name}\nproc -latches error\ncheck -assert\n");
        let path = folder.join(format!("{name}.ys"));
        fs::write(&path, script).map_err(|source| Error::Io { path, source })?;
        logged(self.yosys.yosys(folder, &format!("{name}.ys")), &format!("yosys {file}"), &log("yosys"), |_| ())?;

        bar.set_message(format!("{name}: iverilog"));
        let mut icarus = self.icarus.command();
        icarus.current_dir(folder).args(["-g2012", "-Wall", "-t", "null", "-s", name, "-s", &format!("{name}_params"), &file, &wrapper]);
        logged(icarus, &format!("iverilog -g2012 {file}"), &log("icarus"), |_| ())
    }
}

/// Icarus Verilog: the machine's own, or Debian's under target/tools.
enum Icarus {
    Installed,
    Unpacked(PathBuf),
}

impl Icarus {
    fn find() -> Result<Self, Error> {
        let paths = env::var_os("PATH").unwrap_or_default();
        if env::split_paths(&paths).any(|path| path.join("iverilog").exists()) {
            return Ok(Self::Installed);
        }
        let folder = root().join("target/tools/icarus");
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::Io { path, source }
        };
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        let lock = folder.with_file_name("icarus.lock");
        let lock = File::create(&lock).and_then(|file| file.lock().map(|()| file)).map_err(at(&lock))?;
        let complete = folder.join("complete");
        if !complete.exists() {
            Self::fetch(&folder)?;
            fs::write(&complete, "").map_err(at(&complete))?;
        }
        drop(lock);
        Ok(Self::Unpacked(folder))
    }

    fn fetch(folder: &Path) -> Result<(), Error> {
        let state = folder.join("apt");
        let apt = Apt::update(&state)?;
        apt.fetch(&["iverilog"])?;
        apt.files()?.iter().try_for_each(|file| debian::unpack(file, folder))?;
        fs::remove_dir_all(&state).map_err(|source| Error::Io { path: state, source })?;
        // `iverilog` starts two more programs from its folder; they need the unpacked dynamic linker too.
        let base = Self::base(folder);
        for name in ["ivlpp", "ivl"] {
            let (path, program) = (base.join(name), base.join(format!("{name}.program")));
            let linker = debian::linker(folder);
            let words = [linker.get_program()].into_iter().chain(linker.get_args()).chain([program.as_os_str()]);
            let words: String = words.map(|word| format!("'{}' ", word.display())).collect();
            let script = format!("#!/bin/sh\nexec {words}\"$@\"\n");
            fs::rename(&path, &program)
                .and_then(|()| fs::write(&path, script))
                .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)))
                .map_err(|source| Error::Io { path, source })?;
        }
        output(Self::Unpacked(folder.into()).command().arg("-V"))?;
        Ok(())
    }

    fn base(folder: &Path) -> PathBuf {
        folder.join("usr/lib/x86_64-linux-gnu/ivl")
    }

    fn command(&self) -> Command {
        match self {
            Self::Installed => Command::new("iverilog"),
            Self::Unpacked(folder) => {
                let mut command = debian::linker(folder);
                command.arg(folder.join("usr/bin/iverilog")).arg(format!("-B{}", Self::base(folder).display()));
                command
            }
        }
    }
}
