//! Verilog to a shared object, once for each content.
//!
//! `target/verilated/NAME-HASH/` holds `model.v`, Verilator's and the compiler's remarks, and `model.so` when it is complete. The hash covers the
//! Verilog, the options, the shim and the tools. Verilator's run-time library, the same for all models, is compiled once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, available_parallelism};

use crate::Error;
use crate::error::at;
use crate::shim::{self, PREFIX};
use crate::tools::{self, Lock, Tools};

/// Options of Verilator. Width warnings come with every `bit_cast`. A latch, a signal driven twice and a loop of combinational logic (such as a
/// `valid` that waits for its `ready`) are errors in the block.
const VERILATOR: &[&str] = &[
    "--cc",
    "-O3",
    "--x-assign",
    "fast",
    "--quiet",
    "-Wno-fatal",
    "-Wno-WIDTH",
    "-Wno-DECLFILENAME",
    "-Werror-LATCH",
    "-Werror-MULTIDRIVEN",
    "-Werror-UNOPTFLAT",
];
/// Options of the C++ compiler. Every model has its own copy of the run-time library, hidden from the others.
const COMPILER: &[&str] = &["-std=gnu++17", "-fPIC", "-fvisibility=hidden", "-fno-gnu-unique", "-w", "-DVL_TIME_CONTEXT"];
/// For what runs at each clock, and for what runs once. On the engine -O2 takes twice as long as -O1 (28 s, 14 s) and gains 13 per cent.
const FAST: &str = "-O1";
const SLOW: &str = "-O0";
/// Most C++ in one compiler run, so that large models use all processors and bounded memory.
const UNIT_BYTES: u64 = 1 << 20;

/// The shared object of the module `top` in `verilog`, from the cache or built now.
pub(crate) fn build(name: &str, verilog: &str, top: &str, trace: bool) -> Result<PathBuf, Error> {
    let tools = tools::install()?;
    let builder = Builder::new(&tools, trace)?;
    let hash = builder.digest(&[verilog, top, &shim::source(&[])]);
    let folder = tools::target().join("verilated").join(format!("{}-{hash}", file_name(name)));
    let library = folder.join("model.so");
    if library.exists() {
        return Ok(library);
    }
    let _lock = Lock::take(&folder)?;
    if !library.exists() {
        eprintln!("verilating {name} ({} kB of Verilog)", verilog.len().div_ceil(1024));
        builder.model(&folder, name, verilog, top)?;
        fs::rename(folder.join("model.so.new"), &library).map_err(at(&library))?;
        prune(&folder);
    }
    Ok(library)
}

/// Models of one name that are kept: of other branches, traced ones, different parameters.
const KEEP: usize = 12;

/// Removes the oldest builds of the same name. Processes that use one have it mapped; failures only cost room.
fn prune(folder: &Path) {
    let (Some(parent), Some(name)) = (folder.parent(), folder.file_name().and_then(|name| name.to_str())) else { return };
    let Some((stem, _)) = name.rsplit_once('-') else { return };
    let age = |path: &Path| fs::metadata(path.join("model.so")).and_then(|data| data.modified()).ok();
    let siblings = fs::read_dir(parent).into_iter().flatten().flatten().map(|entry| entry.path());
    let same = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).and_then(|name| name.rsplit_once('-')).is_some_and(|(s, _)| s == stem)
    };
    let mut builds: Vec<_> = siblings.filter(same).filter_map(|path| Some((age(&path)?, path))).collect();
    builds.sort();
    for (_, path) in builds.iter().rev().skip(KEEP) {
        let _ = fs::remove_dir_all(path);
    }
}

/// A name fit for a folder.
fn file_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect()
}

struct Builder<'a> {
    tools: &'a Tools,
    trace: bool,
    /// Says which compiler this is.
    compiler: String,
}

impl<'a> Builder<'a> {
    fn new(tools: &'a Tools, trace: bool) -> Result<Self, Error> {
        let mut version = Command::new(&tools.cxx);
        let compiler = tools::run(version.arg("--version"), &tools.cxx, "a C++ compiler is needed; CXX names it")?;
        Ok(Self { tools, trace, compiler })
    }

    fn digest(&self, parts: &[&str]) -> String {
        let root = self.tools.verilator_root.to_string_lossy();
        let trace = if self.trace { "trace" } else { "" };
        let options = [VERILATOR, COMPILER].concat();
        tools::digest([&[&*root, &*self.compiler, FAST, SLOW, trace][..], &options, parts].concat())
    }

    fn model(&self, folder: &Path, name: &str, verilog: &str, top: &str) -> Result<(), Error> {
        let source = folder.join("model.v");
        fs::write(&source, verilog).map_err(at(&source))?;
        let work = folder.join("obj");
        if work.exists() {
            fs::remove_dir_all(&work).map_err(at(&work))?;
        }
        self.verilate(name, &source, top, &work)?;

        let header = work.join(format!("{PREFIX}.h"));
        let ports = shim::ports(name, &fs::read_to_string(&header).map_err(at(&header))?)?;
        let shim = work.join("espalier_shim__Slow.cpp");
        fs::write(&shim, shim::source(&ports)).map_err(at(&shim))?;

        let units = units(&work)?;
        let mut objects = self.compile(name, &work, &units)?;
        objects.extend(self.runtime()?);
        let mut link = Command::new(&self.tools.cxx);
        link.args(["-shared", "-Wl,-Bsymbolic", "-o"]).arg(folder.join("model.so.new")).args(&objects).arg("-pthread");
        if self.trace {
            link.args([concat!(env!("ESPALIER_LZ4_ROOT"), "/liblz4.a"), concat!(env!("ESPALIER_Z_ROOT"), "/lib/libz.a")]);
        }
        tools::run(&mut link, &format!("linking {name}"), "a C++ compiler is needed; CXX names it")?;
        fs::remove_dir_all(&work).map_err(at(&work))
    }

    fn verilate(&self, name: &str, source: &Path, top: &str, work: &Path) -> Result<(), Error> {
        let root = &self.tools.verilator_root;
        let mut verilator = Command::new(root.join("bin").join("verilator_bin"));
        verilator
            .env("VERILATOR_ROOT", root)
            .args(VERILATOR)
            .args(["--prefix", PREFIX, "--top-module", top, "--Mdir"])
            .arg(work)
            .arg(source);
        if self.trace {
            verilator.args(["--trace-fst", "--trace-structs"]);
        }
        let remarks = tools::run(&mut verilator, &format!("Verilator on {name}"), "cargo xtask setup installs it")?;
        let log = source.with_file_name("verilator.log");
        fs::write(&log, remarks).map_err(at(&log))
    }

    /// Objects of Verilator's run-time library, compiled at first use.
    fn runtime(&self) -> Result<Vec<PathBuf>, Error> {
        let mut sources = vec!["verilated", "verilated_threads"];
        if self.trace {
            sources.push("verilated_fst_c");
        }
        let folder = tools::target().join("verilated").join(format!("runtime-{}", self.digest(&sources)));
        let include = self.tools.verilator_root.join("include");
        let units: Vec<_> = sources.iter().map(|source| Unit { source: include.join(format!("{source}.cpp")), optimise: FAST }).collect();
        let objects = units.iter().map(|unit| unit.object(&folder)).collect();
        let complete = folder.join("complete");
        if !complete.exists() {
            let _lock = Lock::take(&folder)?;
            if !complete.exists() {
                self.compile("Verilator's run-time library", &folder, &units)?;
                fs::write(&complete, "").map_err(at(&complete))?;
            }
        }
        Ok(objects)
    }

    /// Compiles all units into `work`, as many at a time as there are processors.
    fn compile(&self, name: &str, work: &Path, units: &[Unit]) -> Result<Vec<PathBuf>, Error> {
        let next = AtomicUsize::new(0);
        let failure = Mutex::new(None);
        let worker = || {
            while let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed)) {
                let include = self.tools.verilator_root.join("include");
                let mut compiler = Command::new(&self.tools.cxx);
                compiler.args(COMPILER).arg(unit.optimise).arg(format!("-DVM_TRACE={0}", u8::from(self.trace)));
                compiler.arg(format!("-DVM_TRACE_FST={}", u8::from(self.trace))).args([
                    "-DVM_COVERAGE=0",
                    "-DVM_SC=0",
                    "-DVM_TIMING=0",
                    "-DVM_TRACE_VCD=0",
                ]);
                compiler.arg("-I").arg(work).arg("-I").arg(&include).arg("-I").arg(include.join("vltstd"));
                if self.trace {
                    compiler.args(["-I", env!("ESPALIER_LZ4_INCLUDE"), "-I", env!("ESPALIER_Z_INCLUDE")]);
                }
                compiler.arg("-c").arg(&unit.source).arg("-o").arg(unit.object(work));
                if let Err(error) = tools::run(&mut compiler, &format!("compiling {name}"), "a C++ compiler is needed; CXX names it") {
                    next.store(units.len(), Ordering::Relaxed);
                    *failure.lock().unwrap_or_else(|e| e.into_inner()) = Some(error);
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..available_parallelism().map_or(1, usize::from).min(units.len()) {
                scope.spawn(worker);
            }
        });
        match failure.into_inner().unwrap_or_else(|e| e.into_inner()) {
            Some(error) => Err(error),
            None => Ok(units.iter().map(|unit| unit.object(work)).collect()),
        }
    }
}

struct Unit {
    source: PathBuf,
    optimise: &'static str,
}

impl Unit {
    fn object(&self, work: &Path) -> PathBuf {
        work.join(self.source.file_name().unwrap_or_default()).with_extension("o")
    }
}

/// Gathers the generated files into few units (each parses Verilator's headers anew), apart by how hot they are.
fn units(work: &Path) -> Result<Vec<Unit>, Error> {
    let mut files = Vec::new();
    for entry in fs::read_dir(work).map_err(at(work))? {
        let entry = entry.map_err(at(work))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".cpp") {
            files.push((name.contains("Slow"), name, entry.metadata().map_err(at(work))?.len()));
        }
    }
    files.sort();
    let total: u64 = files.iter().filter(|(slow, ..)| !slow).map(|(.., size)| size).sum();
    let share = total.div_ceil(available_parallelism().map_or(1, usize::from) as u64).min(UNIT_BYTES);
    let mut groups: Vec<(bool, u64, Vec<String>)> = Vec::new();
    for (slow, name, size) in files {
        match groups.last_mut() {
            Some((same, bytes, names)) if *same == slow && *bytes < if slow { UNIT_BYTES } else { share } => {
                *bytes += size;
                names.push(name);
            }
            _ => groups.push((slow, size, vec![name])),
        }
    }
    let mut units = Vec::new();
    for (index, (slow, _, names)) in groups.iter().enumerate() {
        let source = work.join(format!("unit{index}.cxx"));
        let text: String = names.iter().map(|name| format!("#include \"{name}\"\n")).collect();
        fs::write(&source, text).map_err(at(&source))?;
        units.push(Unit { source, optimise: if *slow { SLOW } else { FAST } });
    }
    Ok(units)
}
