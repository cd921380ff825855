//! yosys: from Verilog to a netlist whose cells are named by the blocks they are in, and each block's area.
//!
//! Three steps. The *front* elaborates the whole design, flattens all but the blocks, and takes what is constant, unused or the same on both
//! sides of a block's ports through them; the design is split at the blocks. Each *unit* (a block without those in it, or what is around them)
//! is mapped to cells for itself, two at a time, and kept: a change costs the time of the blocks it is in. The *merge* puts them together.

use std::fs;
use std::path::{Path, PathBuf};

use espalier_sim::tools::digest;
use indicatif::ProgressBar;

use super::area::{self, Area, BlockArea};
use super::blocks::{Block, blocks};
use super::board::Board;
use super::harness::{self, harness};
use super::tools::{Tools, logged};
use super::units::{self, Unit};
use crate::error::Error;
use crate::ports::ports;

/// The netlist for place and route.
pub const NETLIST: &str = "netlist.json";
/// Rounds in which what is found in one block is taken to the others.
const THROUGH: usize = 3;

/// Reads what the cells of ECP5 look like from outside.
const ECP5_CELLS: &str = "read_verilog -lib -specify +/lattice/cells_sim_ecp5.v +/lattice/cells_bb_ecp5.v\n";

/// A synthesised design.
pub struct Synthesis {
    /// Its blocks, the build itself the first.
    pub blocks: Vec<Block>,
    /// Their area.
    pub area: Vec<BlockArea>,
    /// Of what stands around the build.
    pub around: Area,
}

/// What goes in: files by name, and the top module.
struct Sources {
    files: Vec<(PathBuf, String)>,
    top: String,
}

/// Synthesises a board in `folder`, or finds that done.
pub fn synthesise(tools: &Tools, board: &Board, folder: &Path, bar: &ProgressBar) -> Result<Synthesis, Error> {
    let build = board.build()?;
    bar.set_message(format!("elaborating {}", build.name));
    let verilog = build.verilog()?;
    let module = match &board.block {
        Some(path) => named(&blocks(&verilog, build.name), path)?,
        None => build.name.into(),
    };
    let blocks = blocks(&verilog, &module);
    let sources = sources(board, &module, verilog)?;
    let modules: Vec<_> = [&*sources.top].into_iter().chain(blocks.iter().map(|block| &*block.module)).collect();

    // The cells that a board's top may hold.
    let cells = if board.device.is_xilinx() { "" } else { ECP5_CELLS };
    let script = front(&sources, &blocks, &modules, cells);
    let texts = sources.files.iter().map(|(_, text)| &**text);
    let key = digest(texts.chain([&*script, tools.key()]));
    step(folder, "front", &key, || {
        for (name, text) in &sources.files {
            write(&folder.join(name), text)?;
        }
        fs::create_dir_all(folder.join(units::FOLDER)).map_err(|source| Error::Io { path: folder.join(units::FOLDER), source })?;
        yosys(tools, folder, "front", &script, |pass| bar.set_message(format!("yosys: front: {pass}")))
    })?;

    let units = modules.iter().map(|module| Unit::read(folder, module, &modules, board.device)).collect::<Result<Vec<_>, _>>()?;
    let cells = units::map(tools, folder, &units, bar)?;
    let (area, around) = area::of_blocks(&cells, &blocks);
    if board.device.is_xilinx() {
        return Ok(Synthesis { blocks, area, around });
    }

    let script = merge(&sources.top, &units);
    let key = digest(units.iter().map(|unit| &*unit.key).chain([&*script]));
    step(folder, "merge", &key, || yosys(tools, folder, "merge", &script, |pass| bar.set_message(format!("yosys: merge: {pass}"))))?;
    Ok(Synthesis { blocks, area, around })
}

/// The module of a block.
fn named(blocks: &[Block], path: &str) -> Result<String, Error> {
    let block = blocks.iter().find(|block| block.path == path);
    block.map(|block| block.module.clone()).ok_or_else(|| {
        let known: Vec<_> = blocks.iter().skip(1).map(|block| &*block.path).collect();
        Error::Flow(format!("there is no block `{path}`; there are: {}", known.join(", ")))
    })
}

/// The build's Verilog, and what is around `module` of it.
fn sources(board: &Board, module: &str, verilog: String) -> Result<Sources, Error> {
    let mut files = vec![(PathBuf::from(format!("{}.v", board.build)), verilog)];
    let Some(top) = &board.top else {
        files.push((format!("{}.v", harness::TOP).into(), harness(module, &ports(&files[0].1, module)?)));
        return Ok(Sources { files, top: harness::TOP.into() });
    };
    for name in &board.verilog {
        files.push((name.file_name().unwrap_or_default().into(), read(&board.folder.join(name))?));
    }
    Ok(Sources { files, top: top.clone() })
}

/// Numbers and lines of the source stay out of what is split off, so that a unit is the same until something in it changes.
fn front(sources: &Sources, blocks: &[Block], modules: &[&str], cells: &str) -> String {
    let files: Vec<_> = sources.files.iter().map(|(name, _)| name.display().to_string()).collect();
    let kept: String = blocks.iter().map(|block| format!(" {}", block.module)).collect();
    let through = "opt_hier\nopt -nodffe -nosdff\n".repeat(THROUGH);
    let mut script = format!(
        "{cells}read_verilog -sv {}\nhierarchy -check -top {}\nsetattr -mod -set keep_hierarchy 1{kept}\nproc -latches error\nflatten -noscopeinfo\n\
         check -assert\nopt_expr\nopt_clean\n{through}opt_clean\nsetattr -unset src\nsetattr -mod -unset src\nrename -enumerate -pattern $u%\n",
        files.join(" "),
        sources.top,
    );
    for module in modules {
        script += &format!("select ={module}\nwrite_rtlil -selected {}\n", units::file(module, "il"));
    }
    script += &format!("select -clear\nblackbox{kept}\n");
    for module in modules {
        script += &format!("select ={module}\nwrite_rtlil -selected {}\n", units::file(module, "stub"));
    }
    script
}

/// Cells get their unit's path as prefix.
fn merge(top: &str, units: &[Unit]) -> String {
    let files: String = units.iter().map(|unit| format!(" {}", units::file(&unit.module, "mapped"))).collect();
    format!(
        "{ECP5_CELLS}read_rtlil{files}\nsetattr -mod -unset top\n\
         setattr -mod -unset keep_hierarchy\nhierarchy -check -top {top}\nflatten -noscopeinfo\nopt_clean\ncheck -assert\nblackbox =A:whitebox\nwrite_json {NETLIST}\n"
    )
}

/// Does something unless it is done: its key then stands in a file.
pub fn step(folder: &Path, name: &str, key: &str, work: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
    let path = folder.join(format!("{name}.key"));
    if fs::read_to_string(&path).ok().as_deref() == Some(key) {
        return Ok(());
    }
    let _ = fs::remove_file(&path);
    work()?;
    write(&path, key)
}

/// Runs a script in `folder`; it and the log are kept beside each other. `pass` is told what yosys does.
pub fn yosys(tools: &Tools, folder: &Path, name: &str, script: &str, mut pass: impl FnMut(&str)) -> Result<(), Error> {
    let file = format!("{name}.ys");
    write(&folder.join(&file), script)?;
    logged(tools.yosys(folder, &file), &format!("yosys {name}"), &folder.join(format!("{name}.log")), |line| {
        // `2.46. Executing ABC9 pass (...).`
        let executing = line.split_once(". Executing ").filter(|(number, _)| number.split('.').count() <= 2);
        if let Some((_, what)) = executing {
            pass(what.split(" pass").next().unwrap_or_default());
        }
    })
}

pub fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::Io { path: path.into(), source })
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|source| Error::Io { path: path.into(), source })
}
