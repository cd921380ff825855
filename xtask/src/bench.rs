//! The benchmarks: rows, tables, picture.

mod tables;
mod wall;

use std::fs;
use std::path::Path;

use comfy_table::{CellAlignment, Table, TableStyle, presets};
use espalier_bench::control::control;
use espalier_bench::pace::paced;
use espalier_bench::scale::scale;
use espalier_bench::{picture, suite};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::error::Error;
use crate::{root, setup};
use tables::{below_line_rate, control_tables, every_row, flatness, pace_table, scale_table};
use wall::wall;

/// What is printed, of everything that is measured.
#[derive(clap::Args)]
pub struct Options {
    /// A few sizes, one mode, one key size.
    #[arg(long)]
    quick: bool,
    /// Print every row: other keys, other orders of SAs.
    #[arg(long)]
    all: bool,
    /// Print the rows as JSON (target/bench/hdl.json) and no tables.
    #[arg(long)]
    json: bool,
    /// Print the tables as Markdown (docs/performance.md).
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
}

/// Measures, writes target/bench, prints.
pub fn bench(options: &Options) -> Result<(), Error> {
    setup::with_engine()?;
    let jobs = suite::jobs(options.quick);
    let total: usize = jobs.iter().map(|job| job.traffic.len()).sum();
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {elapsed} {msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(total as u64).with_style(style);
    let rows = suite::rows(&jobs, |row| {
        bar.set_message(format!("{} {} {} bytes, {}", row.mode, row.family, row.size, row.direction));
        bar.inc(1);
    })?;
    bar.set_message("tables that change under load");
    let control = control(suite::engine()?)?;
    bar.set_message("latency at the pace of the wire");
    let (nic, pace) = paced(suite::engine()?)?;
    bar.set_message("builds with 256 and 1024 SAs");
    let scale = if options.quick { Vec::new() } else { scale()? };
    bar.set_message("wall time");
    let wall = wall(nic)?;
    bar.finish_and_clear();

    let folder = root().join("target/bench");
    fs::create_dir_all(&folder).map_err(|source| Error::Io { path: folder.clone(), source })?;
    let json = write(&folder.join("hdl.json"), &rows)?;
    write(&folder.join("control.json"), &control)?;
    write(&folder.join("pace.json"), &pace)?;
    write(&folder.join("wall.json"), &wall)?;
    if !scale.is_empty() {
        write(&folder.join("scale.json"), &scale)?;
    }
    picture::draw(&folder.join("hdl.svg"), &rows)?;
    if options.json {
        println!("{json}");
        return Ok(());
    }
    let preset = if options.markdown { presets::ASCII_MARKDOWN } else { presets::UTF8_FULL_CONDENSED };
    print(if options.all { every_row(&rows) } else { tables::essential_rows(&rows) }, preset, 2);
    println!("{}\n", flatness(&rows));
    let below = below_line_rate(&rows);
    if !below.is_empty() {
        println!("Rows of AES-256 and one SA below line rate:\n");
        print(below, preset, 2);
    }
    print(pace_table(&pace), preset, 1);
    let [calls, disturbances, positions] = control_tables(&control);
    print(calls, preset, 1);
    print(disturbances, preset, 2);
    print(positions, preset, 1);
    if !scale.is_empty() {
        print(scale_table(&scale), preset, 2);
    }
    print(wall.table(), preset, 1);
    println!("Clocks are the engine's, exact; ratios, Mpps and Gbit/s are those of 156.25 MHz, each way. All rows: {}", folder.display());
    Ok(())
}

fn write(path: &Path, what: &impl Serialize) -> Result<String, Error> {
    let text = serde_json::to_string_pretty(what).map_err(|source| Error::Json { path: path.into(), source })?;
    fs::write(path, &text).map_err(|source| Error::Io { path: path.into(), source })?;
    Ok(text)
}

/// Prints a table whose columns from `numbers` on are numbers.
fn print(mut table: Table, preset: TableStyle, numbers: usize) {
    table.load_style(preset);
    let columns = table.column_count();
    (numbers..columns).filter_map(|column| table.column_mut(column).map(|it| it.set_cell_alignment(CellAlignment::Right))).for_each(drop);
    println!("{table}\n");
}
