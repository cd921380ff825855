//! Area by block, from yosys' counts of cells.

use std::collections::BTreeMap;
use std::ops::{Add, Mul};

use serde::{Deserialize, Serialize};

use super::blocks::Block;

/// What cells take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area {
    /// LUTs, of four inputs (ECP5) or six (Xilinx). On ECP5 as nextpnr counts them (`TRELLIS_COMB`): two for each cell of a carry chain, and
    /// four for a LUT RAM of 16 words of 4 bits (whose write port blocks two more).
    pub lut4: u64,
    /// Flip-flops.
    pub ff: u64,
    /// Block RAMs of 18 kbit; Xilinx' of 36 kbit are two.
    pub ebr: u64,
    /// Multipliers.
    pub dsp: u64,
    /// Of the LUTs, those that are RAM or shift registers.
    pub lut_ram: u64,
}

impl Area {
    /// Those that a budget is kept of, with their names.
    pub fn numbers(&self) -> [(&'static str, u64); 4] {
        [("lut4", self.lut4), ("ff", self.ff), ("ebr", self.ebr), ("dsp", self.dsp)]
    }
}

impl Add for Area {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            lut4: self.lut4 + other.lut4,
            ff: self.ff + other.ff,
            ebr: self.ebr + other.ebr,
            dsp: self.dsp + other.dsp,
            lut_ram: self.lut_ram + other.lut_ram,
        }
    }
}

impl Mul<u64> for Area {
    type Output = Self;

    fn mul(self, count: u64) -> Self {
        Self { lut4: self.lut4 * count, ff: self.ff * count, ebr: self.ebr * count, dsp: self.dsp * count, lut_ram: self.lut_ram * count }
    }
}

/// A block and what it takes, with all blocks in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockArea {
    /// Its path; empty for the build itself.
    pub block: String,
    /// Its area.
    #[serde(flatten)]
    pub area: Area,
}

/// The cells of a module, without those of the modules in it.
pub struct Cells {
    module: String,
    area: Area,
}

/// What one cell takes. Cells of other names (blocks, buffers, pads) take nothing here.
fn of_cell(kind: &str) -> Area {
    let area = Area::default();
    let ram = |luts| Area { lut4: luts, lut_ram: luts, ..area };
    match kind {
        // ECP5 (Trellis)
        "LUT4" => Area { lut4: 1, ..area },
        "CCU2C" => Area { lut4: 2, ..area },
        "TRELLIS_DPR16X4" => ram(4),
        "TRELLIS_FF" => Area { ff: 1, ..area },
        "DP16KD" | "PDPW16KD" => Area { ebr: 1, ..area },
        "MULT18X18D" => Area { dsp: 1, ..area },
        // Xilinx: UG474, UG574
        "LUT1" | "LUT2" | "LUT3" | "LUT5" | "LUT6" | "INV" => Area { lut4: 1, ..area },
        "FDRE" | "FDSE" | "FDCE" | "FDPE" => Area { ff: 1, ..area },
        "SRL16E" | "SRLC32E" => ram(1),
        "RAM32X1D" | "RAM64X1D" => ram(2),
        "RAM32M" | "RAM64M" | "RAM128X1D" | "RAM256X1S" => ram(4),
        "RAM32M16" | "RAM64M8" | "RAM256X1D" | "RAM512X1S" => ram(8),
        "RAMB18E1" | "RAMB18E2" => Area { ebr: 1, ..area },
        "RAMB36E1" | "RAMB36E2" => Area { ebr: 2, ..area },
        "DSP48E1" | "DSP48E2" => Area { dsp: 1, ..area },
        _ => area,
    }
}

/// Reads `stat -json` of a module.
pub fn cells(stat: &str, module: &str) -> Result<Cells, serde_json::Error> {
    #[derive(Deserialize)]
    struct Stat {
        modules: BTreeMap<String, Counts>,
    }
    #[derive(Default, Deserialize)]
    struct Counts {
        num_cells_by_type: BTreeMap<String, u64>,
    }
    let mut stat: Stat = serde_json::from_str(stat)?;
    let counts = stat.modules.remove(&format!("\\{module}")).unwrap_or_default();
    let area = counts.num_cells_by_type.iter().fold(Area::default(), |sum, (kind, count)| sum + of_cell(kind) * *count);
    Ok(Cells { module: module.into(), area })
}

/// The area of each of `blocks`, with what is in it, and that of everything outside them.
pub fn of_blocks(cells: &[Cells], blocks: &[Block]) -> (Vec<BlockArea>, Area) {
    let is_in = |cells: &&Cells, block: &Block| {
        let rest = cells.module.strip_prefix(&block.module);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('$'))
    };
    let sum = |cells: &mut dyn Iterator<Item = &Cells>| cells.fold(Area::default(), |sum, cells| sum + cells.area);
    let area = |block: &Block| BlockArea { block: block.path.clone(), area: sum(&mut cells.iter().filter(|cells| is_in(cells, block))) };
    let around = sum(&mut cells.iter().filter(|cells| !blocks.iter().any(|block| is_in(cells, block))));
    (blocks.iter().map(area).collect(), around)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bitstream::blocks::blocks;

    /// Of a block with a queue in it, by yosys; cut.
    const STAT: &str = r#"{
   "creator": "Yosys 0.70",
   "modules": {
      "\\nic$tx": {
         "num_wires": 14,
         "num_cells": 21,
         "num_submodules": 0,
         "num_cells_by_type": { "CCU2C": 3, "LUT4": 8, "TRELLIS_FF": 8, "TRELLIS_DPR16X4": 2, "DP16KD": 1, "nic$tx$queue": 1 }
      }
   },
   "design": { "num_cells_by_type": { "LUT4": 1000 } }
}"#;

    #[test]
    fn carry_chains_and_lut_ram_count_as_nextpnr_counts_them() {
        let tx = cells(STAT, "nic$tx").unwrap();
        assert_eq!(tx.area, Area { lut4: 8 + 2 * 3 + 4 * 2, ff: 8, ebr: 1, dsp: 0, lut_ram: 8 });
        assert_eq!(cells(STAT, "nic$rx").unwrap().area, Area::default(), "a module without cells");
    }

    #[test]
    fn a_block_has_what_is_in_it() {
        let luts = |module: &str, lut4| Cells { module: module.into(), area: Area { lut4, ..Area::default() } };
        let modules = ["nic", "nic$tx", "nic$tx$a", "nic$tx$b", "nic$tx2", "nic$tx2$a", "nic$tx2$b"];
        let verilog: String = modules.map(|name| format!("module {name}(clock);\n")).concat();
        let all = [luts("harness", 7), luts("nic", 1), luts("nic$tx", 10), luts("nic$tx2", 100)];
        let (areas, around) = of_blocks(&all, &blocks(&verilog, "nic"));
        let areas: Vec<_> = areas.iter().map(|block| (&*block.block, block.area.lut4)).collect();
        assert_eq!(areas, [("", 111), ("tx", 10), ("tx2", 100)]);
        assert_eq!(around.lut4, 7);
    }
}
