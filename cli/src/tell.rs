//! `espalier caps` and `espalier stats`: what a device says of itself, as a table or as JSON.

use std::fmt::Display;
use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, presets};
use espalier_driver::{Caps, Stats};

use crate::Failure;

/// Prints what a device can do.
///
/// # Errors
/// When the output can't be written.
pub fn caps(caps: &Caps, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    if json {
        return object(caps, out);
    }
    let mut table = table();
    let yes = |there: bool| if there { "yes" } else { "no" }.to_owned();
    let mut row = |name: &str, value: String| {
        table.add_row([name.to_owned(), value]);
    };
    row("register map", caps.register_map.clone());
    row("offload", list(&caps.offload));
    row("modes", list(&caps.modes));
    row("families", list(&caps.families));
    for cipher in &caps.ciphers {
        row(cipher.name, format!("keys of {} bits, ICV of {} bits", list(&cipher.key_bits), list(&cipher.icv_bits)));
    }
    row("ESN", yes(caps.esn));
    row("replay window", format!("0 to {} packets", caps.max_replay_window));
    row("limits", list(&caps.limits));
    row(
        "UDP encapsulation",
        caps.encap.as_ref().map_or_else(
            || "no".to_owned(),
            |encap| {
                format!(
                    "{} in {} mode, port {}; outbound over IPv6: {}",
                    list(&encap.kinds),
                    list(&encap.modes),
                    encap.port,
                    yes(encap.ipv6_out)
                )
            },
        ),
    );
    row("flags, outbound", list(&caps.flags.out));
    row("flags, inbound", list(&caps.flags.r#in));
    row("selectors of inbound SAs", yes(caps.inbound_selectors));
    row(
        "policies",
        caps.policies.as_ref().map_or_else(
            || "no".to_owned(),
            |policies| {
                format!(
                    "{}; {}; {} template, {}",
                    list(&policies.directions),
                    list(&policies.actions),
                    policies.max_templates,
                    list(&policies.levels)
                )
            },
        ),
    );
    let tables = &caps.tables;
    row("SAs", format!("{} out, {} in ({} places to find them by)", tables.sas_out, tables.sas_in, tables.lookup_places));
    row("places for policies", format!("{} out, {} in and fwd", tables.policies_out, tables.policies_in));
    row("local addresses", tables.local_addresses.to_string());
    row("events queued", tables.events.to_string());
    row("longest frame", format!("{} bytes", caps.max_frame_bytes));
    Ok(writeln!(out, "{table}")?)
}

/// Prints what a device has counted; of the counters those that are not 0.
///
/// # Errors
/// When the output can't be written.
pub fn stats(stats: &Stats, out: &mut dyn Write) -> Result<(), Failure> {
    let mut sas = table();
    sas.set_header(["SA", "mode", "offload", "sequence", "packets", "bytes", "replay", "replay-window", "failed", "limit"]);
    for sa in &stats.sas {
        let limit = match (sa.hard_limit_reached, sa.soft_limit_reached) {
            (true, _) => "hard",
            (false, true) => "soft",
            (false, false) => "",
        };
        sas.add_row([
            format!("{} {} > {} spi {:#010x}", sa.direction, sa.src, sa.dst, sa.spi),
            sa.mode.to_owned(),
            sa.offload.to_owned(),
            sa.sequence.to_string(),
            sa.packets.to_string(),
            sa.bytes.to_string(),
            sa.replay.to_string(),
            sa.replay_window.to_string(),
            sa.integrity_failed.to_string(),
            limit.to_owned(),
        ]);
    }
    right_from(&mut sas, 3);
    let mut counters = table();
    for (name, count) in stats.counters.0.iter().chain(&stats.mib.0).filter(|(_, count)| *count > 0) {
        counters.add_row([(*name).to_owned(), count.to_string()]);
    }
    right_from(&mut counters, 1);
    writeln!(out, "{}", stats.device)?;
    if !stats.sas.is_empty() {
        writeln!(out, "{sas}")?;
    }
    if !counters.is_empty() {
        writeln!(out, "{counters}")?;
    }
    Ok(())
}

/// Prints one JSON object.
///
/// # Errors
/// When the output can't be written.
pub fn object(value: &impl serde::Serialize, out: &mut dyn Write) -> Result<(), Failure> {
    serde_json::to_writer(&mut *out, value).map_err(io::Error::from)?;
    Ok(writeln!(out)?)
}

/// An empty table.
pub(crate) fn table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table
}

/// Numbers stand on the right, from this column on.
pub(crate) fn right_from(table: &mut Table, column: usize) {
    for column in table.column_iter_mut().skip(column) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

fn list<T: Display>(values: &[T]) -> String {
    if values.is_empty() {
        return "none".to_owned();
    }
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
