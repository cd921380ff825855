//! What is measured, as tables.

use comfy_table::Table;
use espalier_bench::Row;
use espalier_bench::case::{Load, Pattern};
use espalier_bench::control::Control;
use espalier_bench::pace::Paced;
use espalier_bench::scale::Scale;

/// AES-256 and one SA: a line for each size and mode, the directions side by side.
pub fn essential_rows(rows: &[Row]) -> Table {
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
pub fn below_line_rate(rows: &[Row]) -> Table {
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

/// All that is known of each row.
pub fn every_row(rows: &[Row]) -> Table {
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
pub fn flatness(rows: &[Row]) -> String {
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

/// Calls, disturbances, positions.
pub fn control_tables(control: &Control) -> [Table; 3] {
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
    disturbances.set_header([
        "64-byte frames",
        "what changes",
        "each way",
        "calls meanwhile",
        "clocks without them",
        "with them",
        "latest frame later by",
    ]);
    for of in &control.disturbances {
        let numbers = [of.frames as u64, of.calls as u64, of.clocks, of.disturbed_clocks, of.most_late_clocks];
        disturbances.add_row([of.direction.to_string(), of.change.to_string()].into_iter().chain(numbers.map(|number| number.to_string())));
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

/// RX latency with frames at the pace of 10GbE.
pub fn pace_table(pace: &[Paced]) -> Table {
    let mut table = Table::new();
    table.set_header(["bytes", "store-and-forward", "RX: latency", "behind the last beat", "both: latency", "behind the last beat"]);
    for rx in pace.iter().filter(|of| of.direction == Load::Rx) {
        let Some(both) = pace.iter().find(|of| of.direction == Load::Both && of.frame_bytes == rx.frame_bytes) else { continue };
        let numbers = [rx.store_clocks, rx.latency_clocks, rx.behind_clocks, both.latency_clocks, both.behind_clocks];
        table.add_row([rx.frame_bytes.to_string()].into_iter().chain(numbers.map(|number| number.to_string())));
    }
    table
}

/// Builds with more SAs: a line for each number and order of SAs and each size.
pub fn scale_table(scale: &[Scale]) -> Table {
    let mut table = Table::new();
    table.set_header(["SAs", "bytes", "clocks TX", "RX", "both", "latency TX", "RX", "both", "ratio"]);
    for tx in scale.iter().filter(|of| of.direction == Load::Tx) {
        let of = |load| scale.iter().find(|of| (of.sas, of.size, of.pattern) == (tx.sas, tx.size, tx.pattern) && of.direction == load);
        let (Some(rx), Some(both)) = (of(Load::Rx), of(Load::Both)) else { continue };
        let each = [tx, rx, both];
        let mut cells = vec![format!("{}, {}", tx.sas, tx.pattern), tx.size.to_string()];
        cells.extend(each.map(|of| clocks(of.clocks_per_packet)));
        cells.extend(each.map(|of| of.latency_clocks.to_string()));
        let furthest = each
            .map(|of| of.ratio)
            .into_iter()
            .fold(1.0, |far: f64, ratio| if (ratio - 1.0).abs() > (far - 1.0).abs() { ratio } else { far });
        cells.push(format!("{furthest:.4}"));
        table.add_row(cells);
    }
    table
}

fn clocks(number: f64) -> String {
    if number.fract() == 0.0 { format!("{number:.0}") } else { format!("{number:.2}") }
}

/// Cut, not rounded: what is below line rate is not shown as 1.
fn ratio(number: f64) -> String {
    format!("{:.3}", (number * 1000.0).floor() / 1000.0)
}
