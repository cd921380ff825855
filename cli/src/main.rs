//! `espalier`: see `espalier --help`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use espalier::bus::BusSpec;
use espalier::daemon::client::{self, ClientError};
use espalier::daemon::options::{Options as DaemonOptions, SOCKET};
use espalier::daemon::{DaemonError, log};
use espalier::device::{self, DeviceError, WireSpec};
use espalier::run::boards::Boards;
use espalier::run::end::{self, End};
use espalier::run::sides::Side;
use espalier::run::simulated::Simulated;
use espalier::run::{self, Options};
use espalier::scenario::{self, world::World};
use espalier::{Failure, check, tell};
use espalier_driver::Device;
use espalier_driver::bus::uart::Uart;
use espalier_hdl::card::EspalierCard;
use espalier_hdl::engine::Espalier;
use espalier_sim::Model;
use espalier_sim::nic::{Nic, NicStalls};
use indicatif::{ProgressBar, ProgressStyle};

/// An open IPsec ESP offload engine: its command line.
#[derive(Parser)]
#[command(version, max_term_width = 110)]
struct Cli {
    /// What the device is behind: sim, or uart:PORT[,BAUD] for a board at a serial port. For `run` twice: the left NIC's and the right one's; one
    /// that is left out is simulated.
    #[arg(long, value_name = "BUS")]
    bus: Vec<BusSpec>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// `ip xfrm` commands: for a daemon, or to be checked.
    #[command(after_long_help = WORDS)]
    Xfrm(Xfrm),
    /// Bring a NIC up behind a TAP interface, until SIGTERM; `espalier xfrm`, `stats` and `caps` then talk to it.
    Daemon(DaemonOptions),
    /// Send a capture through two NICs joined by a wire, and check every byte.
    #[command(after_long_help = RULES)]
    Run(Run),
    /// Play scenarios: commands, traffic and what must come of them, on two simulated NICs with the XFRM core above each.
    #[command(after_long_help = LANGUAGE)]
    Scenario(Scenarios),
    /// Tell what a daemon's device can do, as it says itself.
    Caps(CapsArgs),
    /// Tell what a daemon has counted, or the devices of a scenario.
    Stats(StatsArgs),
    /// Be a PCI device for a virtual machine: serve the simulated card over vfio-user, for QEMU 10.1 or later.
    #[command(after_long_help = DEVICE)]
    Device(DeviceArgs),
}

#[derive(Args)]
struct Scenarios {
    /// Files; see tests/scenarios/ for examples.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print one JSON array instead of the lines.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct CapsArgs {
    /// The daemon's control socket.
    #[arg(long, value_name = "PATH", default_value = SOCKET)]
    socket: PathBuf,
    /// Ask a simulated device, not a daemon's.
    #[arg(long, conflicts_with = "socket")]
    simulated: bool,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct StatsArgs {
    /// The daemon's control socket.
    #[arg(long, value_name = "PATH", default_value = SOCKET)]
    socket: PathBuf,
    /// Ask no daemon: play this, and tell of its two devices.
    #[arg(long, value_name = "FILE", conflicts_with = "socket")]
    scenario: Option<PathBuf>,
    /// Print JSON instead of the tables: an object, or of a scenario an array.
    #[arg(long)]
    json: bool,
    /// Print the daemon's metrics as Prometheus reads them.
    #[arg(long, conflicts_with_all = ["json", "scenario"])]
    prometheus: bool,
}

#[derive(Args)]
struct DeviceArgs {
    /// Socket for the virtual machine; it is there while this runs.
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
    /// What is at the card's wire: tap:NAME, unix:PATH or pcap:IN,OUT. Nothing if it is left out.
    #[arg(long, value_name = "WIRE")]
    wire: Option<WireSpec>,
    /// Write an FST trace of all signals. Slow, and large.
    #[arg(long, value_name = "FILE.fst")]
    trace: Option<PathBuf>,
    /// What is logged: a level, or more in the words of tracing-subscriber's EnvFilter.
    #[arg(long, value_name = "FILTER", default_value = "info")]
    log: String,
}

#[derive(Args)]
struct Xfrm {
    /// Say in plain words what each `ip xfrm` command of FILE means, or what is wrong with it; nothing is programmed.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["socket", "words"])]
    check: Option<PathBuf>,
    /// The daemon's control socket.
    #[arg(long, value_name = "PATH", default_value = SOCKET)]
    socket: PathBuf,
    /// Options of `ip`, then what follows `ip xfrm`: `state list`, `-s policy`, `monitor` ...
    #[arg(value_name = "WORD", trailing_var_arg = true, allow_hyphen_values = true, required_unless_present = "check")]
    words: Vec<String>,
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

const WORDS: &str = "\
The words are those of `ip xfrm`, and so are output, messages and exit status: 255 for what is not understood, 2 for what is refused. Options of \
ip, as -s or -o, stand first. `monitor` goes on until it is interrupted.";

const RULES: &str = "\
Which host a command is for: `ip -n NAME xfrm ...` names it, as a network namespace. In a file without -n the device of \
`offload ... dev DEV` does. The first name is the left host, the second the right one. A file with one name only holds one \
host's commands: its peer gets their mirror image (what is sent here is received there).

Who sends a packet: the host that has an outbound policy for it; if none or both have, the host from whose MAC address \
such a packet came; else the peer of the host it is for; else the left one.

A run needs packet offload: SAs with `offload packet dev DEV dir in|out`, and policies with a template and `offload packet \
dev DEV`, in both directions: nothing comes out of a tunnel without a policy `dir in`. (`dir fwd` needs the hosts' addresses: a scenario has them.)

What arrives must be what was sent, byte for byte, except that Ethernet padding behind a protected IP packet is gone. Every \
frame on the wire must be what the reference model makes of it. If not, the packets and the first bytes that differ are \
named, and the exit status is 1. It is 2 if there was no run.";

const LANGUAGE: &str = "\
A scenario is a file of lines. The hosts are `left` and `right`, each with the device `nic0`, which is down at first. It is played from top to bottom; the \
first thing that is not as it says ends it, and the exit status is 1.

  title TEXT                       what it is about
  ip [-s] [-n HOST] xfrm ...       a command, as iproute2 takes it; must succeed
  | LINE                           below a command: exactly what it must print
  refused ERRNO \"TEXT\"            below a command: it must be refused so, and no register be written
  refused ip \"TEXT\"               below a command: iproute2 itself must refuse it so
  HOST address ADDR...             the host's own addresses: what is for others is forwarded
  HOST device nic0 up|down|unregister|mtu BYTES
  HOST ping SRC DST [count N] [size BYTES] [tos N] [df] [options] [fragment]
  HOST udp|tcp SRC SPORT DST DPORT [count N] ...
  HOST send CAPTURE                the packets of a pcap file
  wire HOST damage BYTE            flips a bit of the next frame from HOST; negative: from the end
  wire HOST lose | ce              loses the next frame; sets the congestion mark of its outer header
  wire HOST again N                frame N of those that HOST has put on the wire comes once more
  wire HOST forge N dummy|trailer|mode  a packet of the SA of frame N, with the right ICV, that no stack would send
  time SECONDS                     lets time go on
  expect HOST received N           packets that came up the stack since the last such line, each as it was sent
  expect HOST counter NAME N       a counter of the device
  expect HOST mib NAME N           a counter of /proc/net/xfrm_stat
  expect HOST sa SPI packets|bytes|oseq|seq|replay|replay-window|failed N
  expect HOST offload SPI packet|crypto|software
  expect HOST event \"TEXT\"...     an event of the monitor, after that of the last such line, holds all these texts
  expect HOST marked N             packets received since the last such line that were congestion marked on the way
  expect HOST states|policies N";

const DEVICE: &str = "\
Wires:
  tap:NAME      a TAP interface of the host, made if it is not there
  unix:PATH     listens there: frames with their length before them (four bytes, big endian), as QEMU has them:
                -netdev stream,id=n0,server=off,addr.type=unix,addr.path=PATH
  pcap:IN,OUT   frames of a capture come when the card receives, what it sends goes into another

In QEMU: -device '{\"driver\":\"vfio-user-pci\",\"x-msg-timeout\":60000,\"socket\":{\"type\":\"unix\",\"path\":\"SOCKET\"}}'

One virtual machine at a time; when it goes, the device is reset and waits for the next one. SIGINT and SIGTERM end it.";

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut out = io::stdout().lock();
    if let Err(failure) = has_bus(&cli) {
        return exit(Err(failure));
    }
    let result = match &cli.command {
        Command::Xfrm(Xfrm { check: Some(file), .. }) => check::check(file, &mut out).map(|()| true),
        Command::Xfrm(Xfrm { socket, words, .. }) => return ask_daemon(socket, "xfrm", words.iter().map(String::as_str), &mut out),
        Command::Caps(CapsArgs { socket, simulated: false, json }) if cli.bus.is_empty() => {
            return ask_daemon(socket, "caps", json.then_some("--json").into_iter(), &mut out);
        }
        Command::Stats(StatsArgs { socket, scenario: None, json, prometheus }) => {
            let options = json.then_some("--json").into_iter().chain(prometheus.then_some("--prometheus"));
            return ask_daemon(socket, "stats", options, &mut out);
        }
        Command::Daemon(options) => serve(options).map(|()| true),
        Command::Run(args) => run_capture(args, &cli.bus, &mut out),
        Command::Scenario(args) => play_scenarios(args, &mut out),
        Command::Caps(args) => caps(args, cli.bus.first(), &mut out).map(|()| true),
        Command::Stats(StatsArgs { scenario: Some(scenario), json, .. }) => stats(scenario, *json, &mut out),
        Command::Device(args) => serve_device(args).map(|()| true),
    };
    exit(result.and_then(|ok| Ok(out.flush().map(|()| if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })?)))
}

/// Refuses buses that the command has no use for.
fn has_bus(cli: &Cli) -> Result<(), Failure> {
    let (command, most) = match cli.command {
        Command::Run(_) => ("run", 2),
        Command::Caps(_) => ("caps", 1),
        Command::Xfrm(_) => ("xfrm", 0),
        Command::Daemon(_) => ("daemon", 0),
        Command::Scenario(_) => ("scenario", 0),
        Command::Stats(_) => ("stats", 0),
        Command::Device(_) => ("device", 0),
    };
    match cli.bus.get(most).cloned() {
        None => Ok(()),
        Some(bus) if most == 0 => Err(Failure::NoBus { bus, command }),
        Some(bus) => Err(Failure::ManyBuses { bus, command, most }),
    }
}

fn exit(result: Result<ExitCode, Failure>) -> ExitCode {
    match result {
        Ok(code) => code,
        // Whoever reads the output has seen enough.
        Err(Failure::Output(error) | Failure::Client(ClientError::Output(error))) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(2)
        }
    }
}

/// Has a daemon do it, and exits as it says.
fn ask_daemon<'a>(socket: &Path, command: &'a str, words: impl Iterator<Item = &'a str>, out: &mut dyn Write) -> ExitCode {
    let argv: Vec<&str> = std::iter::once(command).chain(words).collect();
    exit(client::ask(socket, &argv, out, &mut io::stderr()).map(ExitCode::from).map_err(Failure::Client))
}

fn serve(options: &DaemonOptions) -> Result<(), Failure> {
    log::start(&options.log, options.log_format).map_err(DaemonError::Option)?;
    Ok(espalier::daemon::run(options)?)
}

/// Whether all was as it must be.
fn run_capture(args: &Run, buses: &[BusSpec], out: &mut dyn Write) -> Result<bool, Failure> {
    let options =
        Options { xfrm: args.xfrm.clone(), capture: args.capture.clone(), out: args.out.clone(), stalls: args.stalls, seed: args.seed };
    let bar = ProgressBar::no_length().with_style(style());
    let mut progress = |arrived: usize, packets: usize| {
        bar.set_length(packets as u64);
        bar.set_position(arrived as u64);
    };
    let [left, right] = [0, 1].map(|index| buses.get(index).cloned().unwrap_or_default());
    let report = match [&left, &right] {
        [BusSpec::Sim, BusSpec::Sim] => run::run(
            &options,
            || Simulated::new([traced_engine(args, Side::Left)?, traced_engine(args, Side::Right)?], options.stalls, options.seed),
            &mut progress,
        ),
        _ => {
            let end = |bus: &BusSpec, side| -> Result<Box<dyn End>, Failure> {
                Ok(match bus {
                    BusSpec::Sim => {
                        let stalls = NicStalls::random(options.seed, options.stalls.into());
                        Box::new(end::Simulated::new(Nic::new(traced_engine(args, side)?, stalls)?))
                    }
                    BusSpec::Uart { path, baud } => Box::new(end::Board::new(Uart::open_port(path, *baud)?)),
                })
            };
            run::run(&options, || Ok(Boards::new(end(&left, Side::Left)?, end(&right, Side::Right)?)), &mut progress)
        }
    }?;
    bar.finish_and_clear();
    if args.json {
        serde_json::to_writer(&mut *out, &report).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        write!(out, "{report}")?;
    }
    Ok(report.ok)
}

/// Whether every scenario went as it says.
fn play_scenarios(args: &Scenarios, out: &mut dyn Write) -> Result<bool, Failure> {
    let scenarios = args.files.iter().map(|file| Ok((file, scenario::read(file)?))).collect::<Result<Vec<_>, Failure>>()?;
    let steps = scenarios.iter().map(|(_, scenario)| scenario.steps.len() as u64).sum();
    let bar = ProgressBar::new(steps)
        .with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} steps, {msg}").unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut reports = Vec::new();
    for (file, scenario) in &scenarios {
        bar.set_message(scenario.title.clone());
        let report = scenario::run(file, scenario, &mut world()?, &mut |_| bar.inc(1))?;
        if !args.json {
            bar.suspend(|| {
                let told = report
                    .mismatch
                    .as_ref()
                    .map_or_else(|| format!("{} steps, {} clocks", report.steps, report.clocks), |told| told.clone());
                writeln!(out, "{:6} {}: {} ({told})", if report.ok { "ok" } else { "FAILED" }, file.display(), report.title)
            })?;
        }
        reports.push(report);
    }
    bar.finish_and_clear();
    if args.json {
        tell::object(&reports, out)?;
    }
    Ok(reports.iter().all(|report| report.ok))
}

fn world() -> Result<World, Failure> {
    World::new([engine()?, engine()?])
}

fn caps(args: &CapsArgs, bus: Option<&BusSpec>, out: &mut dyn Write) -> Result<(), Failure> {
    let caps = match bus {
        Some(BusSpec::Uart { path, baud }) => Device::open(Uart::open_port(path, *baud)?)?.caps(),
        Some(BusSpec::Sim) | None => Device::open(Nic::new(engine()?, NicStalls::never())?)?.caps(),
    };
    tell::caps(&caps, args.json, out)
}

/// Whether the scenario went as it says.
fn stats(file: &Path, json: bool, out: &mut dyn Write) -> Result<bool, Failure> {
    let scenario = scenario::read(file)?;
    let mut world = world()?;
    let report = scenario::run(file, &scenario, &mut world, &mut |_| {})?;
    let mut both = Vec::new();
    for side in Side::BOTH {
        let mut found = world.host(side).device()?.stats()?;
        found.device = format!("{side} {}", found.device);
        both.push(found);
    }
    if json {
        tell::object(&both, out)?;
    } else {
        both.iter().try_for_each(|found| tell::stats(found, out))?;
    }
    if let Some(mismatch) = &report.mismatch {
        eprintln!("{}: {mismatch}", file.display());
    }
    Ok(report.ok)
}

/// The engine as it is emitted: 64 SAs each way, 64 policies.
fn engine() -> Result<Model, espalier_sim::Error> {
    Model::build::<Espalier>("espalier")
}

/// An engine for a run, with its trace.
fn traced_engine(args: &Run, side: Side) -> Result<Model, espalier_sim::Error> {
    // Like the bar, it is drawn on a terminal only.
    let spinner = ProgressBar::new_spinner().with_message("making the simulator (kept for the next time)");
    spinner.enable_steady_tick(Duration::from_millis(200));
    let mut model = engine()?;
    if let Some(trace) = &args.trace {
        model.trace(traced(trace, side))?;
    }
    spinner.finish_and_clear();
    Ok(model)
}

/// Serves until a signal comes.
fn serve_device(args: &DeviceArgs) -> Result<(), Failure> {
    log::start(&args.log, log::Format::Text).map_err(DeviceError::Option)?;
    let options = device::Options { socket: args.socket.clone(), wire: args.wire.clone(), trace: args.trace.clone() };
    let card = || Model::build::<EspalierCard>("espalier_card");
    Ok(device::run(&options, card, || tracing::info!(socket = %args.socket.display(), "the device waits for a virtual machine"))?)
}

fn style() -> ProgressStyle {
    // The template is a constant that indicatif takes.
    ProgressStyle::with_template("{bar:40} {pos}/{len} packets").unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// `FILE-SIDE.fst` for `FILE.fst`.
fn traced(file: &Path, side: Side) -> PathBuf {
    let stem = file.file_stem().map_or_else(|| "trace".into(), |stem| stem.to_string_lossy());
    file.with_file_name(format!("{stem}-{side}.fst"))
}
