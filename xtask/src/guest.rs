//! The guest: a PC in QEMU whose PCI device is the simulated engine (`espalier device`, over vfio-user), whose kernel is the peer on the
//! engine's wire, and whose first process is `espalier-guest`.

mod cpio;
mod image;
mod machine;
mod report;
mod tools;

use std::fs;
use std::io::BufReader;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use espalier_hdl::card::EspalierCard;
use espalier_sim::Model;
use indicatif::ProgressBar;
use serde::Deserialize;

use crate::error::Error;
use crate::{cargo, root, setup};
use image::Binaries;
use machine::{Machine, Process};
use report::Results;
use tools::Tools;

/// Of the guest and all that is built for it.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Of `espalier device`, until it serves.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is tested.
#[derive(clap::Args)]
pub struct Options {
    /// Fewer sizes and keys, every mode.
    #[arg(long)]
    quick: bool,
    /// Only tests whose name begins so; may be said again.
    #[arg(long, value_name = "PREFIX")]
    only: Vec<String>,
    /// Print the results as JSON and no table.
    #[arg(long)]
    json: bool,
}

/// Makes the guest, boots it, prints what passed; the logs are under target/guest.
pub fn guest(options: &Options) -> Result<(), Error> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err(Error::Guest("the guest is built and run on x86-64 Linux only".into()));
    }
    let logs = root().join("target/guest");
    fs::create_dir_all(&logs).map_err(|source| Error::Io { path: logs.clone(), source })?;
    setup::setup()?;
    let bar = bar();
    let tools = Tools::install(&bar)?;
    bar.set_message("guest: building what runs in it");
    let [guest, espalier] = build(&["espalier-guest", "espalier"], Some(TARGET))?;
    let binaries = Binaries { guest, espalier };
    bar.set_message("guest: building the simulator");
    let [espalier] = build(&["espalier"], None)?;
    Model::build::<EspalierCard>("espalier_card")?;
    bar.set_message("guest: initramfs");
    let image = logs.join("initramfs");
    image::write(&image, &tools, &binaries)?;

    let start = Instant::now();
    // A path for sockets that is short enough, wherever we are.
    let sockets = tempfile::tempdir().map_err(|source| Error::Io { path: std::env::temp_dir(), source })?;
    let (socket, wire) = (sockets.path().join("device"), sockets.path().join("wire"));
    let mut device = Command::new(espalier);
    device.arg("device").arg("--socket").arg(&socket).arg("--wire").arg(format!("unix:{}", wire.display()));
    let log = logs.join("device.log");
    let mut device = Process::start(&mut device, &log)?;
    while !(socket.exists() && wire.exists()) {
        if !device.runs() || start.elapsed() > PATIENCE {
            return Err(Error::Guest(format!("espalier device does not serve: see {}", log.display())));
        }
        thread::sleep(Duration::from_millis(50));
    }

    let arguments = arguments(options);
    let machine = Machine { tools: &tools, image: &image, device: &socket, wire: &wire, logs: &logs, arguments: &arguments };
    bar.set_message("guest: booting");
    let mut results = Results::new(&logs.join("results.jsonl"))?;
    let ran = machine.run(|line| results.line(line, &bar));
    bar.finish_and_clear();
    results.print(options.json);
    if !options.json {
        println!("{:.0} seconds. Logs: {}", start.elapsed().as_secs_f64(), logs.display());
    }
    if !device.runs() {
        return Err(Error::Guest(format!("espalier device has ended by itself: see {}", log.display())));
    }
    ran?;
    results.verdict(&logs)
}

/// What the guest's first process is told.
fn arguments(options: &Options) -> Vec<String> {
    let quick = options.quick.then(|| "--quick".to_owned());
    quick.into_iter().chain(options.only.iter().map(|prefix| format!("--only={prefix}"))).collect()
}

fn bar() -> ProgressBar {
    let bar = setup::bar();
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// What of cargo's messages is looked at: the programs it has built.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
}

/// Builds programs. Those for a `target` are static: there are no libraries of ours in the guest.
fn build<const N: usize>(names: &[&str; N], target: Option<&str>) -> Result<[PathBuf; N], Error> {
    let mut command = cargo();
    command.args(["build", "--quiet", "--bins", "--message-format", "json-render-diagnostics"]);
    for name in names {
        command.args(["--package", name]);
    }
    if let Some(target) = target {
        command
            .args(["--target", target])
            .env("RUSTFLAGS", "-C target-feature=+crt-static -C strip=debuginfo")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
    }
    let title = format!("cargo build {}", names.join(" "));
    let started = |source| Error::Start { command: title.clone(), source };
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(started)?;
    let mut built = Vec::new();
    if let Some(out) = child.stdout.take() {
        for message in serde_json::Deserializer::from_reader(BufReader::new(out)).into_iter::<Message>() {
            built.extend(message.map_err(|source| Error::Json { path: title.clone().into(), source })?.executable);
        }
    }
    let status = child.wait().map_err(started)?;
    if !status.success() {
        return Err(Error::Failed { command: title, status });
    }
    let mut paths = names.map(|wanted| built.iter().find(|path| path.file_name().is_some_and(|name| name == wanted)).cloned());
    match paths.iter().position(Option::is_none) {
        Some(missing) => Err(Error::Guest(format!("cargo has built no {}", names[missing]))),
        None => Ok(std::array::from_fn(|at| paths[at].take().unwrap_or_default())),
    }
}
