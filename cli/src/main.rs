//! `espalier`: see `espalier --help`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use espalier::run::simulated::Simulated;
use espalier::run::{self, Options};
use espalier::{Failure, check};
use espalier_hdl::engine::Espalier;
use espalier_sim::Model;
use indicatif::{ProgressBar, ProgressStyle};

/// An open IPsec ESP offload engine: its command line.
#[derive(Parser)]
#[command(version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Read `ip xfrm` commands.
    Xfrm(Xfrm),
    /// Send a capture through two NICs joined by a wire, and check every byte.
    #[command(after_long_help = RULES)]
    Run(Run),
}

#[derive(Args)]
struct Xfrm {
    /// Say in plain words what each `ip xfrm` command of FILE means, or what is wrong with it; nothing is programmed.
    #[arg(long, value_name = "FILE")]
    check: PathBuf,
}

#[derive(Args)]
struct Run {
    /// File of `ip xfrm` commands for both hosts, as iproute2 takes them.
    #[arg(long, value_name = "FILE")]
    xfrm: PathBuf,
    /// Capture of plain Ethernet frames, pcap or pcapng.
    #[arg(long = "in", value_name = "PCAP")]
    capture: PathBuf,
    /// Folder for wire.pcap (what was between the NICs), left.pcap and right.pcap (what each host received).
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    json: bool,
    /// Seed of the stalls.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Per cent of the clocks in which each stream pauses, at random.
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=90))]
    stalls: u8,
    /// Write FST traces of all signals: FILE-left.fst and FILE-right.fst for FILE.fst. Slow, and large.
    #[arg(long, value_name = "FILE.fst")]
    trace: Option<PathBuf>,
}

const RULES: &str = "\
Which host a command is for: `ip -n NAME xfrm ...` names it, as a network namespace. In a file without -n the device of \
`offload ... dev DEV` does. The first name is the left host, the second the right one. A file with one name only holds one \
host's commands: its peer gets their mirror image (what is sent here is received there).

Who sends a packet: the host that has an outbound policy for it; if none or both have, the host from whose MAC address \
such a packet came; else the peer of the host it is for; else the left one.

A run needs packet offload: SAs with `offload packet dev DEV dir in|out`, and policies with a template and `offload packet \
dev DEV` that say which packets they are for. Policies for received packets are left out.

What arrives must be what was sent, byte for byte, except that Ethernet padding behind a protected IP packet is gone. Every \
frame on the wire must be what the reference model makes of it. If not, the packets and the first bytes that differ are \
named, and the exit status is 1. It is 2 if there was no run.";

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut out = io::stdout().lock();
    let result = match &cli.command {
        Command::Xfrm(Xfrm { check: file }) => check::check(file, &mut out).map(|()| true),
        Command::Run(args) => run_capture(args, &mut out),
    };
    match result.and_then(|ok| Ok(out.flush().map(|()| ok)?)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Whoever reads the output has seen enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(2)
        }
    }
}

/// Whether all was as it must be.
fn run_capture(args: &Run, out: &mut dyn Write) -> Result<bool, Failure> {
    let options =
        Options { xfrm: args.xfrm.clone(), capture: args.capture.clone(), out: args.out.clone(), stalls: args.stalls, seed: args.seed };
    let bar = ProgressBar::no_length().with_style(style());
    // Like the bar, it is drawn on a terminal only.
    let cards = || {
        let spinner = ProgressBar::new_spinner().with_message("making the simulator (kept for the next time)");
        spinner.enable_steady_tick(Duration::from_millis(200));
        let [mut left, mut right] = [engine()?, engine()?];
        if let Some(trace) = &args.trace {
            left.trace(traced(trace, "left"))?;
            right.trace(traced(trace, "right"))?;
        }
        spinner.finish_and_clear();
        Simulated::new([left, right], options.stalls, options.seed)
    };
    let report = run::run(&options, cards, &mut |arrived, packets| {
        bar.set_length(packets as u64);
        bar.set_position(arrived as u64);
    })?;
    bar.finish_and_clear();
    if args.json {
        serde_json::to_writer(&mut *out, &report).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        write!(out, "{report}")?;
    }
    Ok(report.ok)
}

/// The engine as it is emitted: 64 SAs each way, 64 policies.
fn engine() -> Result<Model, espalier_sim::Error> {
    Model::build::<Espalier>("espalier")
}

fn style() -> ProgressStyle {
    // The template is a constant that indicatif takes.
    ProgressStyle::with_template("{bar:40} {pos}/{len} packets").unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// `FILE-SIDE.fst` for `FILE.fst`.
fn traced(file: &Path, side: &str) -> PathBuf {
    let stem = file.file_stem().map_or_else(|| "trace".into(), |stem| stem.to_string_lossy());
    file.with_file_name(format!("{stem}-{side}.fst"))
}
