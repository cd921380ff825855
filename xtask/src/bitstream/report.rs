//! `report.json`, and the same as tables.

use comfy_table::{CellAlignment, Table, TableStyle, presets};
use serde::Serialize;

use super::area::{Area, BlockArea};
use super::board::Board;
use super::levels::LongPath;
use super::place::Seed;
use super::tools::Versions;

/// Everything that was measured on a board.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The board.
    pub board: String,
    /// The build.
    pub build: String,
    /// The part, or the family.
    pub device: &'static str,
    /// The build's area, by yosys; without what is around it.
    #[serde(flatten)]
    pub area: Area,
    /// Of the harness, or of what is around the build on a board.
    pub around: Area,
    /// The slowest seed on the board's own part; `null` when nothing was placed.
    pub fmax_mhz: Option<f64>,
    /// The board's clock.
    pub clock_mhz: Option<f64>,
    /// What is to be reached.
    pub target_mhz: Option<f64>,
    /// Whether the slowest seed reaches it.
    pub target_met: Option<bool>,
    /// The longest paths of the netlist, in levels of logic.
    pub longest_paths: Vec<LongPath>,
    /// Every placement.
    pub seeds: Vec<Seed>,
    /// Every block, with those in it.
    pub blocks: Vec<BlockArea>,
    /// What made it.
    pub tool_versions: Versions,
    /// Wall time of this run; what was found done has cost nothing.
    pub seconds: u64,
}

impl Report {
    /// Of the slowest seed on the board's own part.
    pub fn worst(board: &Board, seeds: &[Seed]) -> Option<f64> {
        let own = seeds.iter().filter(|seed| seed.device == board.device.word());
        own.map(|seed| seed.fmax_mhz).min_by(f64::total_cmp)
    }

    /// Prints it for people, or as Markdown for docs/synthesis.md.
    pub fn print(&self, board: &Board, markdown: bool) {
        let preset = if markdown { presets::ASCII_MARKDOWN } else { presets::UTF8_FULL_CONDENSED };
        if !board.notes.is_empty() {
            println!("{}: {}\n", board.name, board.notes);
        }
        print(self.areas(board), preset, 1);
        if !self.longest_paths.is_empty() {
            print(self.levels(), preset, 3);
        }
        if self.seeds.is_empty() {
            return;
        }
        print(self.placements(), preset, 2);
        for seed in &self.seeds {
            let Some(path) = &seed.critical_path else { continue };
            let blocks: Vec<_> = path.blocks.iter().map(|block| name(block.as_deref())).collect();
            println!(
                "{} seed {}: {} levels, {:.2} ns logic, {:.2} ns routing, through {}\n    from {}\n    to   {}",
                seed.device,
                seed.seed,
                path.levels,
                path.logic_ns,
                path.routing_ns,
                blocks.join(" > "),
                path.source,
                path.sink
            );
        }
        println!();
    }

    fn areas(&self, board: &Board) -> Table {
        let mut table = Table::new();
        let luts = if board.device.is_xilinx() { "LUT6" } else { "LUT4" };
        table.set_header(["block", luts, "of them RAM", "FF", "block RAM, 18 kbit", "DSP"]);
        let row = |label: String, area: &Area| {
            [label].into_iter().chain([area.lut4, area.lut_ram, area.ff, area.ebr, area.dsp].map(|number| number.to_string()))
        };
        for block in self.blocks.iter().skip(1) {
            table.add_row(row(block.block.clone(), &block.area));
        }
        table.add_row(row(format!("{}, all", board.block.as_deref().unwrap_or(&self.build)), &self.area));
        table.add_row(row("around it".into(), &self.around));
        if let Some(has) = board.device.capacity() {
            let all = self.area + self.around;
            // The slice that writes a LUT RAM's four LUTs has two more, which then are nothing else.
            let luts = all.lut4 + all.lut_ram / 2;
            let percent = |used: u64, has: u64| format!("{:.1} %", 100.0 * used as f64 / has as f64);
            let used = [percent(luts, has.lut4), String::new(), percent(all.ff, has.lut4), percent(all.ebr, has.ebr)];
            table.add_row([format!("both, of {}", self.device)].into_iter().chain(used).chain([percent(all.dsp, has.dsp)]));
        }
        table
    }

    fn levels(&self) -> Table {
        let mut table = Table::new();
        table.set_header(["from", "through", "to", "levels of logic"]);
        for path in &self.longest_paths {
            let between = path.blocks.get(1..path.blocks.len().saturating_sub(1)).unwrap_or_default();
            let between: Vec<_> = between.iter().map(|block| name(block.as_deref())).collect();
            let [from, to] = [&path.from_block, &path.to_block].map(|block| name(block.as_deref()));
            table.add_row([from, between.join(" > "), to, format!("{:.1}", path.levels)]);
        }
        table
    }

    fn placements(&self) -> Table {
        let mut table = Table::new();
        table.set_header(["part", "seed", "Fmax, MHz", "target", "LUT4", "FF", "EBR", "DSP", "seconds", "from", "to"]);
        for seed in &self.seeds {
            let ends = seed.critical_path.as_ref().map(|path| [&path.from_block, &path.to_block].map(|block| name(block.as_deref())));
            let target = if seed.target_met { "met" } else { "missed" };
            let mut cells =
                vec![format!("{}-{}", seed.device, seed.speed), seed.seed.to_string(), format!("{:.1}", seed.fmax_mhz), target.into()];
            cells.extend([seed.used.lut4, seed.used.ff, seed.used.ebr, seed.used.dsp, seed.seconds].map(|number| number.to_string()));
            cells.extend(ends.unwrap_or_default());
            table.add_row(cells);
        }
        table
    }
}

/// A block for people.
fn name(block: Option<&str>) -> String {
    match block {
        Some("") => "(top)".into(),
        Some(path) => path.into(),
        None => "(around)".into(),
    }
}

/// Prints a table whose columns from `numbers` on are numbers.
fn print(mut table: Table, preset: TableStyle, numbers: usize) {
    table.load_style(preset);
    let columns = table.column_count();
    (numbers..columns).filter_map(|column| table.column_mut(column).map(|it| it.set_cell_alignment(CellAlignment::Right))).for_each(drop);
    println!("{table}\n");
}
