use std::io;
use std::path::{Path, PathBuf};

/// What can go wrong while a model is made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Its reason.
        source: io::Error,
    },
    /// A program could not be started.
    #[error("cannot run {program}: {source} ({hint})")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
        /// What the user can do.
        hint: &'static str,
    },
    /// A program failed.
    #[error("{program} failed ({status}):\n{output}")]
    Program {
        /// The program and what it was working on.
        program: String,
        /// Its exit status.
        status: String,
        /// What it printed.
        output: String,
    },
    /// The block is not a circuit: open signals, logic loops, written inputs, or `hdl` panicked.
    #[error("block {name}: {reason}")]
    Elaborate {
        /// Name given to the block.
        name: String,
        /// rust-hdl's verdict.
        reason: String,
    },
    /// Verilator's header has a port of a kind the shim cannot reach.
    #[error("{module}: port declaration not understood: {line}")]
    PortDeclaration {
        /// The module.
        module: String,
        /// The line of the generated header.
        line: String,
    },
    /// The compiled model could not be loaded.
    #[error("cannot load {path}: {source}")]
    Load {
        /// The shared object.
        path: PathBuf,
        /// The loader's reason.
        source: libloading::Error,
    },
    /// No such port, or one of the other direction.
    #[error("{model} has no {direction} named {port}; it has: {known}")]
    NoSuchPort {
        /// The model.
        model: String,
        /// `input` or `output`.
        direction: &'static str,
        /// What was asked for.
        port: String,
        /// The ports of that direction.
        known: String,
    },
    /// The model broke a rule of a stream.
    #[error("stream {stream}, clock {cycle}: {rule}")]
    Protocol {
        /// Name of the stream.
        stream: String,
        /// Rising edges before it happened.
        cycle: u64,
        /// What is wrong.
        rule: &'static str,
    },
    /// The engine refused a register access.
    #[error("register {address:#06x}: AXI4-Lite response {response}")]
    Register {
        /// Its byte offset.
        address: u32,
        /// 2 SLVERR, 3 DECERR.
        response: u32,
    },
    /// It did not happen in time.
    #[error("waited {clocks} clocks in vain for {what}")]
    Deadline {
        /// What was waited for.
        what: &'static str,
        /// How long.
        clocks: u64,
    },
    /// More interrupt vectors were asked for than the card has.
    #[error("{wanted} interrupt vectors are wanted, the card has {vectors}")]
    Vectors {
        /// How many were asked for.
        wanted: u16,
        /// How many there are.
        vectors: u32,
    },
    /// The operating system refused an eventfd, or something of one.
    #[error("eventfd: {0}")]
    Interrupt(#[source] io::Error),
    /// A trace can only begin with the first cycle.
    #[error("{model}: a trace must be asked for before the first cycle")]
    TraceTooLate {
        /// The model.
        model: String,
    },
    /// The trace file could not be opened.
    #[error("{model}: cannot write the trace {path}")]
    TraceFile {
        /// The model.
        model: String,
        /// The file.
        path: PathBuf,
    },
}

/// Turns an I/O error into one that names the path.
pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Error + '_ {
    move |source| Error::Io { path: path.to_owned(), source }
}
