//! What nextpnr reports: Fmax, the critical path, what is used.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::area::Area;
use super::blocks::{Block, block_of};

/// A path between two registers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CriticalPath {
    /// The block it begins in; `null` is the harness, or what is around the build on a board.
    pub from_block: Option<String>,
    /// The block it ends in.
    pub to_block: Option<String>,
    /// The first cell.
    pub source: String,
    /// The last cell.
    pub sink: String,
    /// LUTs and carry cells between them.
    pub levels: usize,
    /// Blocks that it passes, in order.
    pub blocks: Vec<Option<String>>,
    /// In cells, clock-to-out and set-up among them.
    pub logic_ns: f64,
    /// Between cells.
    pub routing_ns: f64,
}

/// A placed and routed design.
#[derive(Debug, Clone, PartialEq)]
pub struct Timing {
    /// Of the clock that is furthest below what is asked of it, or least above.
    pub fmax_mhz: f64,
    /// Its longest path.
    pub critical_path: Option<CriticalPath>,
    /// With all that is around the build.
    pub used: Area,
}

/// nextpnr's `--report`.
#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    critical_paths: Vec<Path>,
    fmax: BTreeMap<String, Fmax>,
    utilization: BTreeMap<String, Used>,
}

#[derive(Deserialize)]
struct Fmax {
    achieved: f64,
    constraint: f64,
}

#[derive(Deserialize)]
struct Used {
    used: u64,
}

#[derive(Deserialize)]
struct Path {
    from: String,
    to: String,
    path: Vec<Segment>,
}

#[derive(Deserialize)]
struct Segment {
    delay: f64,
    from: End,
    to: End,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct End {
    cell: String,
}

/// Reads a report. `Ok(None)`: it has no clock.
pub fn read(report: &str, blocks: &[Block]) -> Result<Option<Timing>, serde_json::Error> {
    let report: Report = serde_json::from_str(report)?;
    let margin = |fmax: &Fmax| fmax.achieved / fmax.constraint;
    let worst = report.fmax.iter().min_by(|(_, a), (_, b)| margin(a).total_cmp(&margin(b)));
    let Some((clock, fmax)) = worst else { return Ok(None) };
    // `posedge NAME` on both sides.
    let of_clock = |end: &str| end.split_once(' ').is_some_and(|(_, name)| name == clock);
    let path = report.critical_paths.iter().find(|path| of_clock(&path.from) && of_clock(&path.to));
    let used = |names: &[&str]| names.iter().filter_map(|name| report.utilization.get(*name)).map(|of| of.used).sum();
    let used = Area {
        lut4: used(&["TRELLIS_COMB"]),
        ff: used(&["TRELLIS_FF"]),
        ebr: used(&["DP16KD"]),
        dsp: used(&["MULT18X18D"]),
        lut_ram: 4 * used(&["TRELLIS_RAMW"]),
    };
    Ok(Some(Timing { fmax_mhz: fmax.achieved, critical_path: path.and_then(|path| critical(&path.path, blocks)), used }))
}

fn critical(path: &[Segment], blocks: &[Block]) -> Option<CriticalPath> {
    let (first, last) = (path.first()?, path.last()?);
    let block = |cell: &str| block_of(blocks, cell).map(str::to_owned);
    let sum = |routing| path.iter().filter(|segment| (segment.kind == "routing") == routing).map(|segment| segment.delay).sum();
    let mut passed: Vec<_> = path.iter().map(|segment| block(&segment.to.cell)).collect();
    passed.insert(0, block(&first.from.cell));
    passed.dedup();
    Some(CriticalPath {
        from_block: block(&first.from.cell),
        to_block: block(&last.to.cell),
        source: first.from.cell.clone(),
        sink: last.to.cell.clone(),
        levels: path.iter().filter(|segment| segment.kind == "logic").count(),
        blocks: passed,
        logic_ns: sum(false),
        routing_ns: sum(true),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bitstream::blocks::blocks;

    /// A report of nextpnr on a block alone, as it was written.
    const REPORT: &str = include_str!("../../testdata/nextpnr-report.json");

    #[test]
    fn a_report_gives_fmax_use_and_the_critical_path_by_block() {
        let blocks =
            blocks("module append(clock);\nmodule append$rest(d);\nmodule append$rest$a(d);\nmodule append$rest$b(d);\n", "append");
        let timing = read(REPORT, &blocks).unwrap().unwrap();
        assert!((timing.fmax_mhz - 208.94).abs() < 0.01);
        assert_eq!(timing.used, Area { lut4: 1524, ff: 821, ..Area::default() });
        let path = timing.critical_path.unwrap();
        assert_eq!((path.from_block.as_deref(), path.to_block.as_deref()), (None, Some("")));
        assert_eq!(path.blocks, [None, Some("".to_owned()), Some("rest".to_owned()), Some("".to_owned())]);
        assert_eq!((&*path.source, &*path.sink, path.levels), ("inputs_TRELLIS_FF_Q_134", "build.m_beat_TRELLIS_FF_Q_75", 4));
        assert!((path.logic_ns - 1.115).abs() < 0.001 && (path.routing_ns - 3.671).abs() < 0.001, "{path:?}");
        assert!((1000.0 / timing.fmax_mhz - path.logic_ns - path.routing_ns).abs() < 0.001, "the path is the period");
    }

    #[test]
    fn of_several_clocks_the_one_with_the_least_margin_counts() {
        let report = r#"{"critical_paths": [], "utilization": {}, "fmax": {
            "oscillator": {"achieved": 90.0, "constraint": 12.0}, "engine": {"achieved": 150.0, "constraint": 156.0}}}"#;
        assert!((read(report, &[]).unwrap().unwrap().fmax_mhz - 150.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_design_without_a_clock_has_no_timing() {
        assert_eq!(read(r#"{"critical_paths": [], "fmax": {}, "utilization": {}}"#, &[]).unwrap(), None);
        assert!(read(r#"{"fmax": {"clock": {}}, "utilization": {}}"#, &[]).is_err());
    }
}
