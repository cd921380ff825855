//! The longest paths of a netlist in levels of logic: known seconds after synthesis, where place and route takes most of an hour.

use std::collections::{BTreeSet, HashMap};

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::blocks::{Block, block_of};

/// How many are told, each from another block or to another block.
const PATHS: usize = 12;

/// A path between two registers or memories.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LongPath {
    /// LUTs, LUT RAMs and the way into a carry chain count 1, each further cell of the chain 0.1, a multiplexer between LUTs 0.3, a register's output 0.5,
    /// that of a block RAM 3.
    pub levels: f64,
    /// The block it begins in; `null` is what is around the build.
    pub from_block: Option<String>,
    /// The block it ends in.
    pub to_block: Option<String>,
    /// The first cell.
    pub source: String,
    /// The last cell.
    pub sink: String,
    /// Blocks that it passes, in order.
    pub blocks: Vec<Option<String>>,
}

/// yosys' JSON, of which no more than this is read.
#[derive(Deserialize)]
struct Netlist {
    modules: HashMap<String, Module>,
}

#[derive(Deserialize)]
struct Module {
    cells: HashMap<String, Cell>,
}

#[derive(Deserialize)]
struct Cell {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    port_directions: HashMap<String, String>,
    connections: HashMap<String, Vec<Bit>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Bit {
    Net(u32),
    Constant(IgnoredAny),
}

impl Cell {
    /// Tenths of a level from an input through it; `None`: a path ends there.
    fn through(&self, port: &str) -> Option<u32> {
        match &*self.kind {
            "CCU2C" if port == "CIN" => Some(1),
            "LUT4" | "CCU2C" => Some(10),
            "TRELLIS_DPR16X4" if port == "RAD" => Some(10),
            "PFUMX" | "L6MUX21" => Some(3),
            _ => None,
        }
    }

    /// Tenths of a level that a path which begins there has gone.
    fn out(&self) -> u32 {
        if self.kind == "DP16KD" { 30 } else { 5 }
    }

    /// Its nets of a direction, each with its port.
    fn nets<'a>(&'a self, direction: &'a str) -> impl Iterator<Item = (&'a str, u32)> {
        let ports = self.connections.iter().filter(move |(port, _)| self.port_directions.get(*port).is_some_and(|its| its == direction));
        ports.flat_map(|(port, bits)| bits.iter().map(move |bit| (port.as_str(), bit))).filter_map(|(port, bit)| match bit {
            Bit::Net(net) => Some((port, *net)),
            Bit::Constant(_) => None,
        })
    }
}

/// How far a path has come behind a cell, and the cell before.
type Reached = (u32, Option<usize>);

/// The longest paths of `netlist`, the longest first.
pub fn longest(netlist: &str, blocks: &[Block]) -> Result<Vec<LongPath>, serde_json::Error> {
    let netlist: Netlist = serde_json::from_str(netlist)?;
    let top = netlist.modules.into_values().max_by_key(|module| module.cells.len());
    let mut cells: Vec<_> = top.into_iter().flat_map(|module| module.cells).collect();
    cells.sort_by(|a, b| a.0.cmp(&b.0));
    let drivers: HashMap<_, _> =
        cells.iter().enumerate().flat_map(|(i, (_, cell))| cell.nets("output").map(move |(_, net)| (net, i))).collect();
    // The cells before one, and the way from each through it: those that a path through it comes from, and those that one comes from which ends in it.
    let inputs = |cell: &Cell| -> Vec<(usize, Option<u32>)> {
        cell.nets("input").filter_map(|(port, net)| Some((*drivers.get(&net)?, cell.through(port)))).collect()
    };
    let passing = |cell: &Cell| inputs(cell).into_iter().filter_map(|(i, through)| Some((i, through?))).collect::<Vec<_>>();
    let ending = |cell: &Cell| inputs(cell).into_iter().filter_map(|(i, through)| through.is_none().then_some(i)).collect::<Vec<_>>();

    // Depth first: a cell is reached when all before it are.
    let mut reached: Vec<Option<Reached>> = vec![None; cells.len()];
    for root in 0..cells.len() {
        let mut stack = vec![(root, passing(&cells[root].1))];
        while let Some((at, left)) = stack.last_mut() {
            if let Some((next, _)) = left.pop() {
                if reached[next].is_none() {
                    stack.push((next, passing(&cells[next].1)));
                }
                continue;
            }
            let (at, cell) = (*at, &cells[*at].1);
            stack.pop();
            if reached[at].is_none() {
                let last = passing(cell).into_iter().filter_map(|(i, through)| Some((reached[i]?.0 + through, Some(i)))).max();
                reached[at] = Some(last.unwrap_or((cell.out(), None)));
            }
        }
    }

    let levels = |i: usize| reached[i].map_or(0, |(levels, _)| levels);
    let ends = cells.iter().enumerate().flat_map(|(i, (_, cell))| ending(cell).into_iter().map(move |last| (last, i)));
    let mut ends: Vec<_> = ends.map(|(last, i)| (levels(last), last, i)).collect();
    ends.sort_by(|a, b| b.cmp(a));
    let block = |i: usize| block_of(blocks, &cells[i].0).map(str::to_owned);
    let (mut told, mut paths) = (BTreeSet::new(), Vec::new());
    for (levels, last, end) in ends {
        let mut path: Vec<_> = std::iter::successors(Some(last), |&i| reached[i].and_then(|(_, before)| before)).collect();
        path.reverse();
        let (from_block, to_block) = (block(path[0]), block(end));
        if !told.insert((from_block.clone(), to_block.clone())) {
            continue;
        }
        let mut passed: Vec<_> = path.iter().copied().chain([end]).map(block).collect();
        passed.dedup();
        let [source, sink] = [path[0], end].map(|i| cells[i].0.clone());
        paths.push(LongPath { levels: f64::from(levels) / 10.0, from_block, to_block, source, sink, blocks: passed });
        if paths.len() == PATHS {
            break;
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block RAM, a LUT RAM that it addresses, two LUTs, a register; and a short path back.
    const NETLIST: &str = r#"{"modules": {"other": {"cells": {}}, "top": {"cells": {
        "build.a.mem": {"type": "DP16KD", "port_directions": {"ADA": "input", "DOB": "output"}, "connections": {"ADA": [5], "DOB": [1, 9]}},
        "build.a.ram": {"type": "TRELLIS_DPR16X4", "port_directions": {"RAD": "input", "DI": "input", "DO": "output"},
            "connections": {"RAD": [1, "0"], "DI": [4], "DO": [2]}},
        "build.b.x": {"type": "LUT4", "port_directions": {"A": "input", "Z": "output"}, "connections": {"A": [2], "Z": [3]}},
        "build.b.y": {"type": "LUT4", "port_directions": {"A": "input", "B": "input", "Z": "output"}, "connections": {"A": [3], "B": [5], "Z": [4]}},
        "build.c.q": {"type": "TRELLIS_FF", "port_directions": {"DI": "input", "Q": "output"}, "connections": {"DI": [4], "Q": [5]}}
    }}}}"#;

    #[test]
    fn the_longest_path_from_each_block_to_each_other() {
        let blocks = ["", "a", "b", "c"].map(|path| Block { module: path.into(), path: path.into() });
        let paths = longest(NETLIST, &blocks).unwrap();
        let told: Vec<_> = paths.iter().map(|path| (path.levels, path.source.as_str(), path.sink.as_str())).collect();
        let whole = [(6.0, "build.a.mem", "build.c.q"), (6.0, "build.a.mem", "build.a.ram"), (0.5, "build.c.q", "build.a.mem")];
        assert_eq!(told, whole);
        assert_eq!(paths[0].blocks, [Some("a".into()), Some("b".into()), Some("c".into())]);
        assert_eq!(paths[1].blocks, [Some("a".into()), Some("b".into()), Some("a".into())], "what is written does not pass");
    }
}
