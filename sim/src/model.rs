//! A Verilated model in this process.

mod ports;

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char, c_void};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs, ptr};

use libloading::{Library, Symbol};
use ports::Port;
use rust_hdl::prelude::Block;

use crate::Error;
use crate::build::build;
use crate::elaborate::elaborate;
use crate::error::at;
use crate::shim::PortDeclaration;

/// Time of a clock in traces, in picoseconds (156.25 MHz).
const PERIOD: u64 = 6400;

/// Handle of an input port, good for models of the same build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Input(usize);

/// Handle of an output port, good for models of the same build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Output(usize);

type Eval = unsafe extern "C" fn(*mut c_void);

/// A Verilated model; see the crate's documentation for how it is clocked.
pub struct Model {
    name: String,
    verilog: String,
    top: String,
    instance: *mut c_void,
    eval: Eval,
    ports: Vec<Port>,
    names: HashMap<String, usize>,
    clock: Option<usize>,
    cycles: u64,
    trace: Option<Trace>,
    // Last: the code must outlive everything that points into it.
    library: Library,
}

struct Trace {
    dump: unsafe extern "C" fn(*mut c_void, u64),
    /// Time of the last dump; each must be later than the one before.
    last: Option<u64>,
}

impl Model {
    /// Elaborates the block `B::default()`, Verilates and compiles it (or finds it in the cache), and loads it. All ports are zero.
    ///
    /// `name` becomes the name of the top module.
    ///
    /// # Errors
    /// When the block is not a circuit, Verilator or the compiler refuses, or the tools cannot be installed.
    pub fn build<B: Block + Default>(name: &str) -> Result<Self, Error> {
        Self::build_with(name, B::default)
    }

    /// As [`Model::build`], for a block with arguments.
    ///
    /// # Errors
    /// As [`Model::build`].
    pub fn build_with<B: Block>(name: &str, block: impl FnOnce() -> B + Send) -> Result<Self, Error> {
        Self::from_verilog(name, &elaborate(name, block)?, name)
    }

    /// Verilates the module `top` of a Verilog text.
    ///
    /// # Errors
    /// As [`Model::build`].
    pub fn from_verilog(name: &str, verilog: &str, top: &str) -> Result<Self, Error> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let mut model = Self::load(name, verilog, top, false)?;
        if let Some(folder) = env::var_os("ESPALIER_TRACE") {
            let folder = PathBuf::from(folder);
            fs::create_dir_all(&folder).map_err(at(&folder))?;
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            model.trace(folder.join(format!("{name}-{}-{count}.fst", std::process::id())))?;
        }
        Ok(model)
    }

    fn load(name: &str, verilog: &str, top: &str, trace: bool) -> Result<Self, Error> {
        let path = build(name, verilog, top, trace)?;
        let failed = |source| Error::Load { path: path.clone(), source };
        // SAFETY: the library was built by `build`; its initialisers are those of Verilator's run-time library.
        let library = unsafe { Library::new(&path) }.map_err(failed)?;
        // SAFETY: the types are those of the shim's definitions (shim.rs), and the library lives as long as the model.
        let (list, new, addresses, eval) = unsafe {
            let list: Symbol<unsafe extern "C" fn() -> *const c_char> = library.get(b"espalier_ports").map_err(failed)?;
            let new: Symbol<unsafe extern "C" fn() -> *mut c_void> = library.get(b"espalier_new").map_err(failed)?;
            let addresses: Symbol<unsafe extern "C" fn(*mut c_void, *mut *mut c_void)> =
                library.get(b"espalier_addresses").map_err(failed)?;
            let eval: Symbol<Eval> = library.get(b"espalier_eval").map_err(failed)?;
            (*list, *new, *addresses, *eval)
        };
        // SAFETY: a string constant of the library.
        let list = unsafe { CStr::from_ptr(list()) }.to_string_lossy();
        let declarations: Vec<_> = list.lines().filter_map(PortDeclaration::parse_line).collect();
        // SAFETY: no arguments; the instance is freed in `drop`.
        let instance = unsafe { new() };
        let mut pointers = vec![ptr::null_mut(); declarations.len()];
        // SAFETY: the shim writes one address for each line of its list.
        unsafe { addresses(instance, pointers.as_mut_ptr()) };
        let ports = declarations.iter().zip(pointers).map(|(d, address)| Port { address, width: d.width, input: d.input }).collect();
        let names: HashMap<_, _> = declarations.into_iter().enumerate().map(|(i, d)| (d.name, i)).collect();
        let clock = names.get("clock").copied();
        let (name, verilog, top) = (name.to_owned(), verilog.to_owned(), top.to_owned());
        Ok(Self { name, verilog, top, instance, eval, ports, names, clock, cycles: 0, trace: None, library })
    }

    /// Writes an FST trace of all signals to `path` from here on; one clock takes 6.4 ns in it.
    ///
    /// The model is replaced by one that was compiled with tracing (cached as well): inputs are kept.
    ///
    /// # Errors
    /// [`Error::TraceTooLate`] after the first cycle; otherwise as [`Model::build`].
    pub fn trace(&mut self, path: impl AsRef<Path>) -> Result<(), Error> {
        if self.cycles != 0 || self.trace.is_some() {
            return Err(Error::TraceTooLate { model: self.name.clone() });
        }
        let path = path.as_ref();
        let failed = || Error::TraceFile { model: self.name.clone(), path: path.to_owned() };
        let mut traced = Self::load(&self.name, &self.verilog, &self.top, true)?;
        for index in (0..self.ports.len()).filter(|&i| self.ports[i].input) {
            let value = self.load_words(index);
            traced.store(index, &value);
        }
        let text = CString::new(path.as_os_str().as_encoded_bytes()).map_err(|_| failed())?;
        // SAFETY: the types are those of the shim's definitions; a traced build has both.
        unsafe {
            let load = |source| Error::Load { path: path.to_owned(), source };
            let open: Symbol<unsafe extern "C" fn(*mut c_void, *const c_char) -> bool> =
                traced.library.get(b"espalier_trace_open").map_err(load)?;
            let dump: Symbol<unsafe extern "C" fn(*mut c_void, u64)> = traced.library.get(b"espalier_trace_dump").map_err(load)?;
            if !open(traced.instance, text.as_ptr()) {
                return Err(failed());
            }
            traced.trace = Some(Trace { dump: *dump, last: None });
        }
        *self = traced;
        Ok(())
    }

    /// The name it was built with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Rising edges of `clock` so far.
    pub fn cycles(&self) -> u64 {
        self.cycles
    }

    /// Whether there is a port of this name, of either direction.
    pub fn has(&self, port: &str) -> bool {
        self.names.contains_key(port)
    }

    /// Names of all ports, sorted.
    pub fn port_names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.names.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Handle of an input.
    ///
    /// # Errors
    /// [`Error::NoSuchPort`].
    pub fn input(&self, port: &str) -> Result<Input, Error> {
        self.find(port, true).map(Input)
    }

    /// Handle of an output.
    ///
    /// # Errors
    /// [`Error::NoSuchPort`].
    pub fn output(&self, port: &str) -> Result<Output, Error> {
        self.find(port, false).map(Output)
    }

    fn find(&self, port: &str, input: bool) -> Result<usize, Error> {
        self.names.get(port).copied().filter(|&index| self.ports[index].input == input).ok_or_else(|| {
            let known: Vec<_> = self.port_names().into_iter().filter(|name| self.ports[self.names[*name]].input == input).collect();
            let direction = if input { "input" } else { "output" };
            Error::NoSuchPort { model: self.name.clone(), direction, port: port.into(), known: known.join(", ") }
        })
    }

    /// Handle for reading a port of either direction back.
    pub fn peek(&self, port: &str) -> Option<Output> {
        self.names.get(port).copied().map(Output)
    }

    /// Bits of an input.
    pub fn input_width(&self, port: Input) -> usize {
        self.ports[port.0].width
    }

    /// Bits of an output.
    pub fn output_width(&self, port: Output) -> usize {
        self.ports[port.0].width
    }

    /// Evaluates without touching the clock; for models without one.
    pub fn eval(&mut self) {
        // SAFETY: the instance lives until `drop`.
        unsafe { (self.eval)(self.instance) };
        if let Some(trace) = &mut self.trace {
            let high = self.clock.is_some_and(|clock| self.ports[clock].load() != 0);
            let time = PERIOD * self.cycles + if high { 0 } else { PERIOD / 2 };
            let time = trace.last.map_or(time, |last| time.max(last + 1));
            trace.last = Some(time);
            // SAFETY: as above.
            unsafe { (trace.dump)(self.instance, time) };
        }
    }

    /// Clock low: outputs answer to the inputs as they are now.
    ///
    /// # Panics
    /// When the model has no port `clock`; so do the other clocking functions.
    pub fn settle(&mut self) {
        self.drive_clock(0);
        self.eval();
    }

    /// Clock high: registers take their values. Only after [`Model::settle`].
    pub fn rise(&mut self) {
        self.drive_clock(1);
        self.cycles += 1;
        self.eval();
    }

    /// One whole cycle: [`Model::settle`], [`Model::rise`].
    pub fn clock(&mut self) {
        self.settle();
        self.rise();
    }

    /// `cycles` whole cycles.
    pub fn clocks(&mut self, cycles: u64) {
        (0..cycles).for_each(|_| self.clock());
    }

    /// Holds `reset` high for `cycles` cycles, then low.
    ///
    /// # Panics
    /// When the model has no input `reset`.
    pub fn reset(&mut self, cycles: u64) {
        self.set("reset", true);
        self.clocks(cycles);
        self.set("reset", false);
        self.settle();
    }

    fn drive_clock(&mut self, level: u64) {
        let Some(clock) = self.clock else { panic!("{} has no port named clock", self.name) };
        self.ports[clock].store(level);
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: the types are those of the shim's definitions; the instance is not used again.
        unsafe {
            if self.trace.is_some()
                && let Ok(close) = self.library.get::<unsafe extern "C" fn(*mut c_void)>(b"espalier_trace_close")
            {
                close(self.instance);
            }
            if let Ok(delete) = self.library.get::<unsafe extern "C" fn(*mut c_void)>(b"espalier_delete") {
                delete(self.instance);
            }
        }
    }
}
