//! nextpnr: the netlist on parts, from several seeds, two at a time.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar};
use serde::Serialize;

use super::area::Area;
use super::blocks::Block;
use super::board::{Board, Device};
use super::synthesis::NETLIST;
use super::timing::{self, CriticalPath};
use super::tools::{Tools, logged};
use crate::error::Error;
use crate::setup::bar;

/// Runs at once: each takes a processor, and some 2 GB for the whole engine.
const AT_ONCE: usize = 2;

/// One placement.
#[derive(Debug, Clone, Serialize)]
pub struct Seed {
    /// The part, in nextpnr's word.
    pub device: &'static str,
    /// Its speed grade.
    pub speed: String,
    /// The seed.
    pub seed: u32,
    /// Of the slowest clock.
    pub fmax_mhz: f64,
    /// Whether that is the target at least.
    pub target_met: bool,
    /// With all that is around the build.
    #[serde(flatten)]
    pub used: Area,
    /// The longest path.
    pub critical_path: Option<CriticalPath>,
    /// Wall time.
    pub seconds: u64,
}

impl Seed {
    /// Where nextpnr's files of a placement are, in the board's folder.
    fn stem(device: Device, seed: u32) -> String {
        format!("{}-seed{seed}", device.word())
    }
}

/// Places and routes the netlist in `folder` on all parts of the board, `seeds` times each: in the order of parts and seeds.
pub fn place(tools: &Tools, board: &Board, blocks: &[Block], seeds: u32, folder: &Path, bars: &MultiProgress) -> Result<Vec<Seed>, Error> {
    let devices = [board.device].into_iter().chain(board.beside.iter().copied());
    let jobs: VecDeque<_> = devices.flat_map(|device| (1..=seeds).map(move |seed| (device, seed))).collect();
    let order: Vec<_> = jobs.iter().map(|(device, seed)| (device.word(), *seed)).collect();
    let jobs = Mutex::new(jobs);
    let next = || jobs.lock().ok()?.pop_front();
    let work = || -> Result<Vec<Seed>, Error> {
        let mut done = Vec::new();
        while let Some((device, seed)) = next() {
            let bar = bars.add(bar());
            done.push(one(tools, board, blocks, device, seed, folder, &bar)?);
            bar.finish_and_clear();
        }
        Ok(done)
    };
    let results: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(Error::Flow("a placement panicked".into())))).collect()
    });
    let mut placed = results.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
    placed.sort_by_key(|of| order.iter().position(|(device, seed)| *device == of.device && *seed == of.seed));
    Ok(placed)
}

fn one(tools: &Tools, board: &Board, blocks: &[Block], device: Device, seed: u32, folder: &Path, bar: &ProgressBar) -> Result<Seed, Error> {
    let stem = Seed::stem(device, seed);
    let start = Instant::now();
    let file = |extension: &str| format!("{stem}.{extension}");
    let mut command = tools.nextpnr(folder);
    command.args([&format!("--{}", device.word()), "--package", &board.package, "--speed", &board.speed]);
    // The default, `heap`, makes everything legal time and again while it works, and did not come to an end at 83 per cent of the LUTs (docs/decisions/0019).
    command.args(["--placer", "static"]);
    command.args(["--json", NETLIST, "--router", "router1", "--seed", &seed.to_string(), "--freq", &board.target_mhz.to_string()]);
    command.args(["--timing-allow-fail", "--report", &file("report.json"), "--textcfg", &file("config")]);
    match &board.lpf {
        Some(lpf) => {
            let path = board.folder.join(lpf);
            fs::copy(&path, folder.join("pins.lpf")).map_err(|source| Error::Io { path, source })?;
            command.args(["--lpf", "pins.lpf"])
        }
        None => command.arg("--lpf-allow-unconstrained"),
    };
    bar.set_message(format!("nextpnr {stem}"));
    bar.enable_steady_tick(Duration::from_millis(120));
    logged(command, &format!("nextpnr {stem}"), &folder.join(file("log")), |line| {
        if let Some(what) = line.strip_prefix("Info: ") {
            bar.set_message(format!("nextpnr {stem}: {}", what.trim().chars().take(60).collect::<String>()));
        }
    })?;
    let path = folder.join(file("report.json"));
    let text = fs::read_to_string(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
    let timing = timing::read(&text, blocks).map_err(|source| Error::Json { path: path.clone(), source })?;
    let timing = timing.ok_or_else(|| Error::Flow(format!("{} has no clock", path.display())))?;
    Ok(Seed {
        device: device.word(),
        speed: board.speed.clone(),
        seed,
        fmax_mhz: timing.fmax_mhz,
        target_met: timing.fmax_mhz >= board.target_mhz,
        used: timing.used,
        critical_path: timing.critical_path,
        seconds: start.elapsed().as_secs(),
    })
}

/// The fastest placement on the board's own part.
pub fn best<'a>(board: &Board, seeds: &'a [Seed]) -> Option<&'a Seed> {
    let own = seeds.iter().filter(|seed| seed.device == board.device.word());
    own.max_by(|a, b| a.fmax_mhz.total_cmp(&b.fmax_mhz))
}

/// Keeps the best placement as `NAME.config`, and packs the bitstream `NAME.bit` of a board with pins: the file.
pub fn keep(tools: &Tools, board: &Board, seeds: &[Seed], folder: &Path) -> Result<Option<PathBuf>, Error> {
    let Some(best) = best(board, seeds) else { return Ok(None) };
    let from = folder.join(format!("{}.config", Seed::stem(board.device, best.seed)));
    let (config, bit) = (format!("{}.config", board.name), format!("{}.bit", board.name));
    fs::copy(&from, folder.join(&config)).map_err(|source| Error::Io { path: from, source })?;
    if board.lpf.is_none() {
        return Ok(None);
    }
    let mut command = tools.ecppack(folder);
    command.args(["--compress", &config, &bit]);
    logged(command, "ecppack", &folder.join("ecppack.log"), |_| ())?;
    Ok(Some(folder.join(bit)))
}
