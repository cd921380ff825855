//! The area that was recorded for a board: `constraints/NAME/budget.json`.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::area::{Area, BlockArea};
use crate::error::Error;

/// What may be added, in per cent.
const GROWTH: u64 = 2;

/// A recorded area.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Of the whole build.
    #[serde(flatten)]
    area: Area,
    /// Every block, with those in it.
    blocks: Vec<BlockArea>,
}

impl Budget {
    /// Of a synthesised build.
    pub fn new(blocks: &[BlockArea]) -> Self {
        Self { area: blocks.first().map(|build| build.area).unwrap_or_default(), blocks: blocks.get(1..).unwrap_or_default().to_vec() }
    }

    /// Where a board's budget is.
    fn path(folder: &Path) -> PathBuf {
        folder.join("budget.json")
    }

    /// Reads the one in a board's folder.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let path = Self::path(folder);
        let text = fs::read_to_string(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
        serde_json::from_str(&text).map_err(|source| Error::Json { path, source })
    }

    /// Writes it there.
    pub fn record(&self, folder: &Path) -> Result<PathBuf, Error> {
        let path = Self::path(folder);
        let text = serde_json::to_string_pretty(self).map_err(|source| Error::Json { path: path.clone(), source })?;
        fs::write(&path, text + "\n").map_err(|source| Error::Io { path: path.clone(), source })?;
        Ok(path)
    }

    /// What of `now` is more than may be: a line for each number, and for each innermost block that has grown. Empty if all is well.
    pub fn exceeded(&self, now: &Self) -> Vec<String> {
        let over =
            now.area.numbers().into_iter().zip(self.area.numbers()).filter(|((_, now), (_, then))| 100 * now > (100 + GROWTH) * then);
        let over: Vec<_> = over.collect();
        let mut lines = Vec::new();
        for ((name, all), (_, then)) in &over {
            lines.push(format!("{name}: {all}, {} more than the budget of {then}", all - then));
            let of = |blocks: &[BlockArea], path: &str| {
                let area = blocks.iter().find(|block| block.block == path).map(|block| block.area.numbers());
                area.and_then(|numbers| numbers.into_iter().find(|(other, _)| other == name)).map_or(0, |(_, number)| number)
            };
            let is_innermost = |path: &str| !now.blocks.iter().any(|other| other.block.starts_with(&format!("{path}.")));
            let mut grown: Vec<_> = now.blocks.iter().filter(|block| is_innermost(&block.block)).collect();
            grown.retain(|block| of(&now.blocks, &block.block) > of(&self.blocks, &block.block));
            grown.sort_by_key(|block| of(&self.blocks, &block.block) as i64 - of(&now.blocks, &block.block) as i64);
            lines.extend(grown.iter().map(|block| {
                let (before, after) = (of(&self.blocks, &block.block), of(&now.blocks, &block.block));
                format!("    {}: {before} -> {after}", block.block)
            }));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(blocks: &[(&str, u64, u64)]) -> Budget {
        let block = |(name, lut4, ebr): &(&str, u64, u64)| BlockArea {
            block: (*name).into(),
            area: Area { lut4: *lut4, ebr: *ebr, ff: 7, ..Area::default() },
        };
        Budget::new(&blocks.iter().map(block).collect::<Vec<_>>())
    }

    #[test]
    fn two_per_cent_more_is_taken_and_one_lut_above_is_not() {
        let then = budget(&[("", 1000, 10), ("tx", 600, 4), ("tx.policies", 400, 4)]);
        assert!(then.exceeded(&budget(&[("", 1020, 10), ("tx", 620, 4), ("tx.policies", 420, 4)])).is_empty());
        assert!(then.exceeded(&budget(&[("", 10, 1)])).is_empty());
        let lines = then.exceeded(&budget(&[("", 1021, 10), ("tx", 621, 4), ("tx.policies", 430, 4), ("rx", 3, 0)]));
        assert_eq!(lines, ["lut4: 1021, 21 more than the budget of 1000", "    tx.policies: 400 -> 430", "    rx: 0 -> 3"]);
    }

    #[test]
    fn each_kind_is_judged() {
        let then = budget(&[("", 1000, 10), ("hold", 500, 10)]);
        let lines = then.exceeded(&budget(&[("", 1000, 11), ("hold", 500, 11)]));
        assert_eq!(lines, ["ebr: 11, 1 more than the budget of 10", "    hold: 10 -> 11"]);
    }

    #[test]
    fn what_is_recorded_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let recorded = budget(&[("", 1000, 10), ("tx", 600, 4)]);
        recorded.record(folder.path()).unwrap();
        assert_eq!(Budget::read(folder.path()).unwrap(), recorded);
    }
}
