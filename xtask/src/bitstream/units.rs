//! The units that a design is mapped to cells in.

use std::path::Path;
use std::sync::Mutex;
use std::thread;

use espalier_sim::tools::digest;
use indicatif::ProgressBar;

use super::area::{self, Cells};
use super::board::Device;
use super::synthesis::{read, step, yosys};
use super::tools::Tools;
use crate::error::Error;

/// Where their files are, in the board's folder.
pub const FOLDER: &str = "units";
/// Mapped at once.
const AT_ONCE: usize = 2;

/// A module that is mapped for itself.
pub struct Unit {
    /// Its name.
    pub module: String,
    /// What its result depends on.
    pub key: String,
    script: String,
    /// Length of its text, for an order.
    size: usize,
}

/// A unit's file.
pub fn file(module: &str, extension: &str) -> String {
    format!("{FOLDER}/{module}.{extension}")
}

impl Unit {
    /// Reads what the front has split off for `module`.
    pub fn read(folder: &Path, module: &str, modules: &[&str], device: Device) -> Result<Self, Error> {
        // A counter of the whole design.
        let text = |name: &str, extension: &str| -> Result<String, Error> {
            let text = read(&folder.join(file(name, extension)))?;
            Ok(text.lines().filter(|line| !line.starts_with("autoidx ")).collect::<Vec<_>>().join("\n"))
        };
        let own = text(module, "il")?;
        let inner: Vec<_> = modules.iter().filter(|other| own.contains(&format!("  cell \\{other} "))).collect();
        let stubs = inner.iter().map(|other| text(other, "stub")).collect::<Result<Vec<_>, _>>()?;
        let stub_files: String = inner.iter().map(|other| format!("{} ", file(other, "stub"))).collect();
        // LUTs of four inputs only: wider ones of two and a multiplexer make most blocks larger, some by half (docs/decisions/0019).
        let synth = if device.is_xilinx() {
            format!("synth_xilinx -family {} -noiopad -noclkbuf -top {module} -run begin:edif\ncheck -latchonly -assert", device.word())
        } else {
            format!("synth_lattice -family ecp5 -nowidelut -top {module} -run begin:json")
        };
        let script = format!(
            "read_rtlil {stub_files}{}\n{synth}\ntee -q -o {} stat -json\nselect ={module}\nwrite_rtlil -selected {}\n",
            file(module, "il"),
            file(module, "json"),
            file(module, "mapped"),
        );
        let key = digest([&*script, &*own].into_iter().chain(stubs.iter().map(|stub| &**stub)));
        Ok(Self { module: module.into(), key, script, size: own.len() })
    }
}

/// Maps the units that have changed, the largest first; the cells of each.
pub fn map(tools: &Tools, folder: &Path, units: &[Unit], bar: &ProgressBar) -> Result<Vec<Cells>, Error> {
    let mut order: Vec<_> = units.iter().collect();
    order.sort_by_key(|unit| unit.size);
    let left = Mutex::new(order);
    let next = || left.lock().ok().and_then(|mut left| Some((left.len(), left.pop()?)));
    let work = || -> Result<(), Error> {
        while let Some((left, unit)) = next() {
            let name = format!("{FOLDER}/{}", unit.module);
            step(folder, &name, &unit.key, || {
                bar.set_message(format!("yosys: {} of {}: {}", units.len() - left + 1, units.len(), unit.module));
                yosys(tools, folder, &name, &unit.script, |_| ())
            })?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err(Error::Flow("synthesis panicked".into()))))
    })?;
    let cells = units.iter().map(|unit| {
        let path = folder.join(file(&unit.module, "json"));
        area::cells(&read(&path)?, &unit.module).map_err(|source| Error::Json { path, source })
    });
    cells.collect()
}
