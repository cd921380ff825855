//! The blocks of the hierarchy that area and paths are told by.
//!
//! rust-hdl makes one module of each instance, and names it by its path: `espalier$tx$policies`. Blocks are synthesised each for itself, and
//! flattened into one netlist after that, when every cell gets the path as prefix of its name.

use std::collections::BTreeSet;

/// Levels of blocks below a build, and below the engine in it.
const DEPTH: usize = 2;
/// The engine's name in the builds that hold one.
const ENGINE: &str = "engine";

/// A block.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Block {
    /// Its Verilog module.
    pub module: String,
    /// Its path in the build, with dots; the build itself has none.
    pub path: String,
}

/// The blocks of `build`, itself the first, each before those in it.
pub fn blocks(verilog: &str, build: &str) -> Vec<Block> {
    let names = verilog.lines().filter_map(|line| line.strip_prefix("module ")?.split('(').next());
    let modules: BTreeSet<_> = names.filter(|name| *name == build || inside(name, build)).collect();
    let has_parts = |name: &str| modules.iter().filter(|other| inside(other, name)).nth(1).is_some();
    let blocks = modules.iter().filter(|name| depth(name, build) <= DEPTH && has_parts(name));
    let path = |name: &str| name[build.len()..].trim_start_matches('$').replace('$', ".");
    let mut blocks: Vec<_> = blocks.map(|name| Block { module: (*name).into(), path: path(name) }).collect();
    blocks.sort_by(|a, b| a.path.split('.').cmp(b.path.split('.')));
    blocks
}

fn inside(name: &str, outer: &str) -> bool {
    name.strip_prefix(outer).is_some_and(|rest| rest.starts_with('$'))
}

/// Levels below the build or the engine. The number of an array's element is no level.
fn depth(module: &str, build: &str) -> usize {
    let levels: Vec<_> = module.split('$').filter(|part| !part.starts_with(|first: char| first.is_ascii_digit())).collect();
    let root = levels.iter().position(|part| *part == ENGINE && module != build);
    levels.len() - 1 - root.unwrap_or_default()
}

/// The path of the block that a cell of the flattened netlist is in: of the innermost. `None` for cells outside the build.
pub fn block_of<'a>(blocks: &'a [Block], cell: &str) -> Option<&'a str> {
    let dotted = cell.replace('$', ".");
    let (_, rest) = dotted.split_once('.').filter(|(instance, _)| !instance.is_empty())?;
    let within = |block: &&Block| block.path.is_empty() || rest.strip_prefix(&block.path).is_some_and(|rest| rest.starts_with('.'));
    blocks.iter().filter(within).max_by_key(|block| block.path.len()).map(|block| &*block.path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARD: &str = "
module card(clock);
module card$engine(clock);
module card$engine$tx(clock);
module card$engine$tx$policies(clock);
module card$engine$tx$policies$banks$0(clock);
module card$engine$tx$policies$banks$0$row(clock);
module card$engine$tx$policies$banks$0$state(clock);
module card$engine$tx$policies2(clock);
module card$reads(clock);
module card$reads$lanes$1(clock);
module card$reads$lanes$1$slots(clock);
module card$reads$lanes$1$slots$one(clock);
module card$reads$lanes$1$slots$two(clock);
module cardigan$x(clock);
";

    #[test]
    fn blocks_are_the_modules_of_two_levels_that_have_parts() {
        let paths: Vec<_> = blocks(CARD, "card").into_iter().map(|block| block.path).collect();
        assert_eq!(paths, ["", "engine", "engine.tx", "engine.tx.policies", "reads", "reads.lanes.1"]);
    }

    #[test]
    fn a_cell_is_in_the_innermost_block() {
        let blocks = blocks(CARD, "card");
        let of = |cell| block_of(&blocks, cell);
        assert_eq!(of("build.engine.tx.policies.banks$0.row.q_TRELLIS_FF_Q"), Some("engine.tx.policies"));
        assert_eq!(of("build.engine.tx.policies2.q"), Some("engine.tx"));
        assert_eq!(of("build.reads.lanes$1.$abc$12$lut"), Some("reads.lanes.1"));
        assert_eq!(of("build.$auto$12"), Some(""));
        assert_eq!(of("inputs_TRELLIS_FF_Q_7"), None);
        assert_eq!(of("$abc$12$lut"), None);
    }
}
