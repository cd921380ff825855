//! Synthesis, place and route with open tools: docs/synthesis.md.

mod area;
mod blocks;
mod board;
mod budget;
mod harness;
mod levels;
mod place;
mod report;
mod synthesis;
mod timing;
pub mod tools;
mod units;

use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{env, fs};

use indicatif::MultiProgress;

use crate::error::Error;
use crate::root;
use crate::setup::bar;
use board::Board;
use budget::Budget;
use report::Report;
use tools::Tools;

/// Where nextpnr says which it is, in the board's folder.
const VERSION: &str = "nextpnr.log";

/// What is made.
#[derive(clap::Args)]
pub struct Options {
    /// A folder of constraints/.
    #[arg(long, value_name = "NAME")]
    board: String,
    /// Only this block of the build, out of context: `core`, `tx.policies`.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["check", "record"])]
    block: Option<String>,
    /// Placements of each part; the best of them is kept.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    seeds: u32,
    /// A nextpnr-ecp5 of this machine in place of the pinned one, which is WebAssembly: faster, but what a seed gives depends on its version.
    #[arg(long, value_name = "PROGRAM", value_parser = program)]
    nextpnr: Option<PathBuf>,
    /// Synthesis only: area by block.
    #[arg(long)]
    area: bool,
    /// Fail if the area is more than 2 per cent above the recorded one (constraints/NAME/budget.json).
    #[arg(long)]
    check: bool,
    /// Record the area.
    #[arg(long, conflicts_with = "check")]
    record: bool,
    /// Print target/bitstream/NAME/report.json and no tables.
    #[arg(long)]
    json: bool,
    /// Print the tables as Markdown (docs/synthesis.md).
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
}

/// Makes everything under target/bitstream/NAME, and prints the report.
pub fn bitstream(options: &Options) -> Result<(), Error> {
    let start = Instant::now();
    let board = Board::read(&root().join("constraints"), &options.board)?;
    let board = match &options.block {
        Some(block) => board.alone(block),
        None => board,
    };
    let folder = root().join("target/bitstream").join(&board.name);
    fs::create_dir_all(&folder).map_err(|source| Error::Io { path: folder.clone(), source })?;

    let bars = MultiProgress::new();
    let bar = bars.add(bar());
    bar.enable_steady_tick(Duration::from_millis(120));
    if Tools::missing() {
        bar.set_message("installing yosys and nextpnr into target/tools (300 MB)");
    }
    let tools = Tools::install(options.nextpnr.clone())?;
    let synthesis = synthesis::synthesise(&tools, &board, &folder, &bar)?;
    let mut seeds = Vec::new();
    let mut packed = None;
    if !options.area && !board.device.is_xilinx() {
        // Compiles the WebAssembly once, before two would do it at the same time.
        bar.set_message("preparing nextpnr");
        let mut command = tools.nextpnr(&folder);
        command.arg("--version");
        tools::logged(command, "nextpnr", &folder.join(VERSION), |_| ())?;
        bar.set_message("place and route");
        seeds = place::place(&tools, &board, &synthesis.blocks, options.seeds, &folder, &bars)?;
        bar.set_message("packing");
        packed = place::keep(&tools, &board, &seeds, &folder)?;
    }
    bar.finish_and_clear();

    let fmax_mhz = Report::worst(&board, &seeds);
    let report = Report {
        board: board.name.clone(),
        build: board.build.clone(),
        device: board.device.word(),
        area: synthesis.area.first().map(|build| build.area).unwrap_or_default(),
        around: synthesis.around,
        fmax_mhz,
        clock_mhz: board.clock_mhz,
        target_mhz: (!board.device.is_xilinx()).then_some(board.target_mhz),
        target_met: fmax_mhz.map(|fmax| fmax >= board.target_mhz),
        longest_paths: synthesis.longest_paths,
        seeds,
        blocks: synthesis.area,
        tool_versions: tools.versions(&folder.join(VERSION)),
        seconds: start.elapsed().as_secs(),
    };
    let path = folder.join("report.json");
    let json = serde_json::to_string_pretty(&report).map_err(|source| Error::Json { path: path.clone(), source })?;
    fs::write(&path, &json).map_err(|source| Error::Io { path: path.clone(), source })?;
    if options.json {
        println!("{json}");
    } else {
        report.print(&board, options.markdown);
        if let (Some(fmax), Some(target)) = (report.fmax_mhz, report.target_mhz) {
            let met = if fmax >= target { "met" } else { "missed" };
            println!("Fmax of the slowest seed: {fmax:.1} MHz; the target of {target} MHz is {met}.");
        }
        packed.iter().for_each(|path| println!("Bitstream: {}", path.display()));
        println!("{} seconds. Report: {}", report.seconds, path.display());
    }
    inferred(&board, &report)?;
    budget(options, &board, &report)
}

/// A program by its path, or one that PATH has: it runs in another folder.
fn program(word: &str) -> Result<PathBuf, String> {
    let mut named =
        env::var_os("PATH").into_iter().flat_map(|path| env::split_paths(&path).collect::<Vec<_>>()).map(|folder| folder.join(word));
    let found = if word.contains('/') { fs::canonicalize(word).ok() } else { named.find(|path| path.is_file()) };
    found.filter(|path| path.is_file()).ok_or_else(|| "there is no such program".into())
}

/// A build whose memories have become registers is none.
fn inferred(board: &Board, report: &Report) -> Result<(), Error> {
    let kinds = [("block RAM", report.area.ebr), ("LUT RAM", report.area.lut_ram)];
    match kinds.into_iter().find(|(_, number)| board.block.is_none() && *number == 0) {
        Some((kind, _)) => Err(Error::Flow(format!("{}: no {kind} has been inferred for {}", board.name, board.device.word()))),
        None => Ok(()),
    }
}

/// Records the area, or compares it.
fn budget(options: &Options, board: &Board, report: &Report) -> Result<(), Error> {
    let now = Budget::new(&report.blocks);
    if options.record {
        let path = now.record(&board.folder)?;
        eprintln!("recorded: {}", path.display());
    }
    if options.check {
        let grown = Budget::read(&board.folder)?.exceeded(&now);
        if !grown.is_empty() {
            return Err(Error::Budget { board: board.name.clone(), grown: grown.join("\n") });
        }
    }
    Ok(())
}
