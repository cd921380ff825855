//! The demonstration: every run of tests/captures/demo.json through two Verilated NICs, by the command line a user would type.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use comfy_table::{CellAlignment, Table, presets};
use serde::Deserialize;

use crate::error::Error;
use crate::{cargo, root, run, setup};

/// A run: names of files in tests/captures.
#[derive(Deserialize)]
struct Run {
    xfrm: String,
    capture: String,
}

/// What `espalier run --json` prints, as far as it is shown here.
#[derive(Deserialize)]
struct Report {
    ok: bool,
    packets_in: u64,
    packets_out: u64,
    mismatches: u64,
    drops: u64,
    clocks: u64,
    bits_per_clock: f64,
    latency_clocks: Option<Latency>,
    directions: Vec<Direction>,
}

#[derive(Deserialize)]
struct Latency {
    median: u64,
}

#[derive(Deserialize)]
struct Direction {
    protected: u64,
}

/// Carries out all runs and prints a table of them.
pub fn demo() -> Result<(), Error> {
    setup::with_engine()?;
    run(cargo().args(["build", "--package", "espalier"]))?;
    let captures = root().join("tests/captures");
    let list = captures.join("demo.json");
    let text = fs::read_to_string(&list).map_err(|source| Error::Io { path: list.clone(), source })?;
    let runs: Vec<Run> = serde_json::from_str(&text).map_err(|source| Error::Json { path: list, source })?;

    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["xfrm", "capture", "packets", "as ESP", "arrived", "dropped", "differ", "clocks", "bits a clock", "latency", ""]);
    (2..10).filter_map(|column| table.column_mut(column).map(|column| column.set_cell_alignment(CellAlignment::Right))).for_each(drop);
    let mut failed = 0;
    for run in &runs {
        let out = root().join("target/demo").join(format!("{}-{}", stem(&run.xfrm), stem(&run.capture)));
        let report = carry_out(run, &captures, &out)?;
        // Traffic that is protected on both sides arrives: a drop is a failure here, even one that the model expects.
        let ok = report.ok && report.drops == 0;
        failed += usize::from(!ok);
        table.add_row([
            run.xfrm.clone(),
            run.capture.clone(),
            report.packets_in.to_string(),
            report.directions.iter().map(|direction| direction.protected).sum::<u64>().to_string(),
            report.packets_out.to_string(),
            report.drops.to_string(),
            report.mismatches.to_string(),
            report.clocks.to_string(),
            format!("{:.1}", report.bits_per_clock),
            report.latency_clocks.map_or("-".into(), |latency| latency.median.to_string()),
            if ok { "ok" } else { "FAILED" }.to_owned(),
        ]);
    }
    println!("{table}");
    println!("Clocks are the engine's, exact. The wire as ESP and what each host received are under target/demo.");
    if failed == 0 { Ok(()) } else { Err(Error::Demo { count: failed, total: runs.len() }) }
}

fn stem(file: &str) -> &str {
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

/// One `espalier run`. Its progress goes to the terminal, its report comes back.
fn carry_out(run: &Run, captures: &Path, out: &Path) -> Result<Report, Error> {
    fs::create_dir_all(out).map_err(|source| Error::Io { path: out.into(), source })?;
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", "espalier", "--bin", "espalier", "--", "run", "--json"]);
    command.arg("--xfrm").arg(captures.join(&run.xfrm)).arg("--in").arg(captures.join(&run.capture)).arg("--out").arg(out);
    let name = format!("espalier run --xfrm {} --in {}", run.xfrm, run.capture);
    let output = command.stderr(Stdio::inherit()).output().map_err(|source| Error::Start { command: name.clone(), source })?;
    // A run that finds differences fails, but has a report; without one it has said why on stderr.
    match serde_json::from_slice(&output.stdout) {
        Ok(report) => Ok(report),
        Err(_) if !output.status.success() => Err(Error::Failed { command: name, status: output.status }),
        Err(source) => Err(Error::Json { path: name.into(), source }),
    }
}
