//! The benchmarks: rows, tables, picture.

use std::fs;
use std::path::Path;

use comfy_table::{CellAlignment, Table, TableStyle, presets};
use espalier_bench::case::{Load, Pattern};
use espalier_bench::control::{Control, control};
use espalier_bench::{Row, picture, suite};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::error::Error;
use crate::{root, setup};

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
    bar.finish_and_clear();

    let folder = root().join("target/bench");
    fs::create_dir_all(&folder).map_err(|source| Error::Io { path: folder.clone(), source })?;
    let json = write(&folder.join("hdl.json"), &rows)?;
    write(&folder.join("control.json"), &control)?;
    picture::draw(&folder.join("hdl.svg"), &rows)?;
    if options.json {
        println!("{json}");
        return Ok(());
    }
    let preset = if options.markdown { presets::ASCII_MARKDOWN } else { presets::UTF8_FULL_CONDENSED };
    print(if options.all { every_row(&rows) } else { essential_rows(&rows) }, preset, 2);
    println!("{}\n", flatness(&rows));
    let below = below_line_rate(&rows);
    if !below.is_empty() {
        println!("Rows of AES-256 and one SA below line rate:\n");
        print(below, preset, 2);
    }
    let [calls, disturbances, positions] = control_tables(&control);
    print(calls, preset, 1);
    print(disturbances, preset, 1);
    print(positions, preset, 1);
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

/// AES-256 and one SA: a line for each size and mode, the directions side by side.
fn essential_rows(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.set_header([
        "mode",
        "bytes",
        "clocks TX",
        "RX",
        "both",
        "latency TX",
        "RX",
        "both",
        "line rate TX",
        "RX",
        "both",
        "both: Mpps",
        "Gbit/s",
        "on the wire",
    ]);
    let essential = |row: &&Row| row.key_bits == 256 && row.pattern == Pattern::One;
    for tx in rows.iter().filter(essential).filter(|row| row.direction == Load::Tx) {
        let same = |row: &&Row| (row.mode, row.family, row.size) == (tx.mode, tx.family, tx.size);
        let of = |load| rows.iter().filter(essential).filter(same).find(|row| row.direction == load);
        let (Some(rx), Some(both)) = (of(Load::Rx), of(Load::Both)) else { continue };
        let each = [tx, rx, both];
        let mut cells = vec![format!("{} {}", tx.mode, tx.family), tx.size.to_string()];
        cells.extend(each.map(|row| clocks(row.clocks_per_packet)));
        cells.extend(each.map(|row| row.latency_clocks.to_string()));
        cells.extend(each.map(|row| ratio(row.line_rate_ratio)));
        cells.extend([both.mpps, both.gbit_per_s, both.wire_gbit_per_s].map(|number| format!("{number:.2}")));
        table.add_row(cells);
    }
    table
}

/// Where the clocks of the rows below line rate go.
fn below_line_rate(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.set_header(["mode", "bytes", "direction", "clocks", "at line rate", "the core's slots", "lost", "line rate"]);
    for row in rows.iter().filter(|row| row.line_rate_ratio < 1.0 && row.key_bits == 256 && row.pattern == Pattern::One) {
        let lost = row.clocks_per_packet - row.core_slots;
        let mut cells = vec![format!("{} {}", row.mode, row.family), row.size.to_string(), row.direction.to_string()];
        cells.extend([row.clocks_per_packet, row.line_rate_clocks, row.core_slots, lost].map(clocks));
        cells.push(ratio(row.line_rate_ratio));
        table.add_row(cells);
    }
    table
}

fn every_row(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.set_header([
        "mode",
        "SAs",
        "key",
        "bytes",
        "direction",
        "clocks",
        "bits a clock",
        "on the wire",
        "latency",
        "line rate",
        "on the wire",
        "Mpps",
        "Gbit/s",
        "on the wire",
    ]);
    for row in rows {
        let mut cells = vec![format!("{} {}", row.mode, row.family), format!("{} {}", row.sas, row.pattern), row.key_bits.to_string()];
        cells.extend([row.size.to_string(), row.direction.to_string(), clocks(row.clocks_per_packet)]);
        cells.extend([row.bits_per_clock, row.wire_bits_per_clock].map(|number| format!("{number:.1}")));
        cells.extend([row.latency_clocks.to_string(), ratio(row.line_rate_ratio), ratio(row.wire_line_rate_ratio)]);
        cells.extend([row.mpps, row.gbit_per_s, row.wire_gbit_per_s].map(|number| format!("{number:.2}")));
        table.add_row(cells);
    }
    table
}

/// How the other orders of SAs and the other keys compare with one SA of AES-256.
fn flatness(rows: &[Row]) -> String {
    let mut largest: Option<(f64, &Row)> = None;
    for row in rows {
        let one = rows.iter().find(|one| {
            one.pattern == Pattern::One
                && one.key_bits == 256
                && (one.mode, one.family, one.size, one.direction) == (row.mode, row.family, row.size, row.direction)
        });
        let Some(one) = one else { continue };
        let ratio = row.clocks_per_packet / one.clocks_per_packet;
        if largest.is_none_or(|(before, _)| (ratio - 1.0).abs() > (before - 1.0).abs()) {
            largest = Some((ratio, row));
        }
    }
    match largest {
        Some((ratio, row)) if ratio != 1.0 => format!(
            "Of {} rows, the one that differs most from AES-256 with one SA takes {ratio:.4} times its clocks: {} {}, AES-{}, {} SAs, {}, {} \
             bytes, {}.",
            rows.len(),
            row.mode,
            row.family,
            row.key_bits,
            row.sas,
            row.pattern,
            row.size,
            row.direction
        ),
        _ => format!(
            "All {} rows take the clocks of AES-256 with one SA: neither the key size nor the number or order of SAs counts.",
            rows.len()
        ),
    }
}

fn control_tables(control: &Control) -> [Table; 3] {
    let mut calls = Table::new();
    calls.set_header(["call of the driver", "clocks, mean", "longest", "a second"]);
    for call in &control.calls {
        calls.add_row([
            call.call.to_owned(),
            format!("{:.0}", call.clocks),
            call.longest_clocks.to_string(),
            format!("{:.0}", call.per_second),
        ]);
    }
    let mut disturbances = Table::new();
    disturbances.set_header(["64-byte frames", "each way", "calls meanwhile", "clocks without them", "with them", "latest frame later by"]);
    for of in &control.disturbances {
        let numbers = [of.frames as u64, of.calls as u64, of.clocks, of.disturbed_clocks, of.most_late_clocks];
        disturbances.add_row([of.direction.to_string()].into_iter().chain(numbers.map(|number| number.to_string())));
    }
    let mut positions = Table::new();
    positions.set_header(["64-byte frames", "policies", "the one that matches", "clocks", "latency"]);
    for of in &control.positions {
        positions.add_row([
            of.direction.to_string(),
            of.policies.to_string(),
            of.position.to_string(),
            clocks(of.clocks_per_packet),
            of.latency_clocks.to_string(),
        ]);
    }
    [calls, disturbances, positions]
}

fn clocks(number: f64) -> String {
    if number.fract() == 0.0 { format!("{number:.0}") } else { format!("{number:.2}") }
}

/// Cut, not rounded: what is below line rate is not shown as 1.
fn ratio(number: f64) -> String {
    format!("{:.3}", (number * 1000.0).floor() / 1000.0)
}
