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
use super::board::{Board, Device};
use super::harness::{self, harness};
use super::levels::{self, LongPath};
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
    /// The longest paths through it; none where it is not for place and route.
    pub longest_paths: Vec<LongPath>,
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
    run(tools, board.device, sources, blocks, folder, bar)
}

/// The three steps.
fn run(tools: &Tools, device: Device, sources: Sources, blocks: Vec<Block>, folder: &Path, bar: &ProgressBar) -> Result<Synthesis, Error> {
    let inner = blocks.iter().map(|block| &*block.module).filter(|module| *module != sources.top);
    let modules: Vec<_> = [&*sources.top].into_iter().chain(inner).collect();

    // The cells that a board's top may hold.
    let cells = if device.is_xilinx() { "" } else { ECP5_CELLS };
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

    let units = modules.iter().map(|module| Unit::read(folder, module, &modules, device)).collect::<Result<Vec<_>, _>>()?;
    let cells = units::map(tools, folder, &units, bar)?;
    let (area, around) = area::of_blocks(&cells, &blocks);
    if device.is_xilinx() {
        return Ok(Synthesis { blocks, area, around, longest_paths: Vec::new() });
    }

    let script = merge(&sources.top, &units);
    let key = digest(units.iter().map(|unit| &*unit.key).chain([&*script]));
    step(folder, "merge", &key, || yosys(tools, folder, "merge", &script, |pass| bar.set_message(format!("yosys: merge: {pass}"))))?;
    bar.set_message("longest paths");
    let path = folder.join(NETLIST);
    let longest_paths = levels::longest(&read(&path)?, &blocks).map_err(|source| Error::Json { path, source })?;
    Ok(Synthesis { blocks, area, around, longest_paths })
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A queue in front of a register, each a block.
    const VERILOG: &str = "
module nic(clock,data,push,out);
    input wire  clock;
    input wire  [31:0] data;
    input wire  push;
    output wire  [31:0] out;
    wire [31:0] queued;
    nic$queue queue(.clock(clock), .data(data), .push(push), .out(queued));
    nic$mix mix(.clock(clock), .data(queued), .out(out));
endmodule
module nic$queue(clock,data,push,out);
    input wire  clock;
    input wire  [31:0] data;
    input wire  push;
    output reg  [31:0] out;
    reg [31:0] memory[DEPTH];
    wire [LOG:0] at, next;
    nic$queue$at count(.clock(clock), .d(next), .q(at));
    nic$queue$next more(.at(at), .next(next));
    always @(posedge clock) begin
        if (push) memory[at] <= data;
        out <= memory[next];
    end
endmodule
module nic$queue$at(clock,d,q);
    input wire  clock;
    input wire  [LOG:0] d;
    output reg  [LOG:0] q;
    always @(posedge clock) q <= d;
endmodule
module nic$queue$next(at,next);
    input wire  [LOG:0] at;
    output wire  [LOG:0] next;
    assign next = at + 1'b1;
endmodule
module nic$mix(clock,data,out);
    input wire  clock;
    input wire  [31:0] data;
    output wire  [31:0] out;
    wire [31:0] mixed;
    nic$mix$xor gate(.data(data), .mixed(mixed));
    nic$mix$out register(.clock(clock), .d(mixed), .q(out));
endmodule
module nic$mix$xor(data,mixed);
    input wire  [31:0] data;
    output reg  [31:0] mixed;
    always @(*) begin
        mixed = data ^ {data[0], data[31:1]};
    end
endmodule
module nic$mix$out(clock,d,q);
    input wire  clock;
    input wire  [31:0] d;
    output reg  [31:0] q;
    always @(posedge clock) q <= d;
endmodule
";

    fn synthesise(device: Device, verilog: &str, log_depth: u32, folder: &Path) -> Result<Synthesis, Error> {
        let verilog = verilog.replace("DEPTH", &format!("0:{}", (1 << log_depth) - 1)).replace("LOG", &(log_depth - 1).to_string());
        let blocks = blocks(&verilog, "nic");
        let files = vec![("nic.v".into(), verilog)];
        run(&Tools::install(None).unwrap(), device, Sources { files, top: "nic".into() }, blocks, folder, &ProgressBar::hidden())
    }

    #[test]
    fn area_is_told_by_block_for_every_family() {
        for (device, luts) in [(Device::Um5g85, 32), (Device::Xc7, 32), (Device::Xcup, 32)] {
            let folder = tempfile::tempdir().unwrap();
            let deep = synthesise(device, VERILOG, 9, folder.path()).unwrap();
            let areas: Vec<_> = deep.area.iter().map(|block| (&*block.block, block.area)).collect();
            let [("", all), ("mix", mix), ("queue", queue)] = areas[..] else { panic!("{areas:?}") };
            assert_eq!(mix, Area { lut4: luts, ff: 32, ..Area::default() }, "{device:?}");
            assert!((1..=2).contains(&queue.ebr) && queue.lut_ram == 0, "{device:?}: {queue:?}");
            assert_eq!(all, mix + queue);
            assert_eq!(deep.around, Area::default());
        }
    }

    #[test]
    fn a_shallow_queue_is_lut_ram_and_only_what_has_changed_is_mapped_again() {
        let folder = tempfile::tempdir().unwrap();
        let before = synthesise(Device::Um5g85, VERILOG, 4, folder.path()).unwrap();
        assert_eq!(before.area[2].area.lut_ram, 32);
        let netlist = fs::read_to_string(folder.path().join(NETLIST)).unwrap();
        assert!(netlist.contains("\"mix.out_TRELLIS_FF_Q\""), "cells are named by their blocks");
        let time = |unit: &str| fs::metadata(folder.path().join(units::file(unit, "mapped"))).unwrap().modified().unwrap();
        let [queue, mix] = ["nic$queue", "nic$mix"].map(time);
        let other = VERILOG.replace("module nic$mix$xor", "\n\nmodule nic$mix$xor").replace("^ {data[0]", "& {data[0]");
        synthesise(Device::Um5g85, &other, 4, folder.path()).unwrap();
        assert_eq!(time("nic$queue"), queue, "it is the same, though its lines are others");
        assert!(time("nic$mix") > mix);
    }

    #[test]
    fn latches_and_signals_with_two_drivers_are_refused() {
        let wrong = [
            ("mixed = data ^ {data[0], data[31:1]};", "if (data[0]) mixed = data;", "Latch inferred for signal `\\nic$mix$xor.\\mixed'"),
            ("assign next = at + 1'b1;", "assign next = at + 1'b1; assign next = ~at;", "Warning: multiple conflicting drivers for"),
        ];
        for (good, bad, word) in wrong {
            let folder = tempfile::tempdir().unwrap();
            let result = synthesise(Device::Um5g85, &VERILOG.replace(good, bad), 4, folder.path());
            let error = result.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(word), "{bad}: {error}");
        }
    }
}
