//! Boards: `constraints/NAME/board.json` and the files beside it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::builds::{BUILDS, Build};
use crate::error::Error;

/// What a board is made of. Files are named relative to its folder.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// The folder's name.
    #[serde(skip)]
    pub name: String,
    /// Where its files are.
    #[serde(skip)]
    pub folder: PathBuf,
    /// A block of the build that is measured alone, in a harness.
    #[serde(skip)]
    pub block: Option<String>,
    /// The part.
    pub device: Device,
    /// As nextpnr names it.
    #[serde(default)]
    pub package: String,
    /// Its speed grade.
    #[serde(default)]
    pub speed: String,
    /// Other parts that the same netlist is placed on, to be reported beside it.
    #[serde(default)]
    pub beside: Vec<Device>,
    /// The top module. Without one the build is measured out of context, in a harness that is made for it.
    pub top: Option<String>,
    /// Which build ([`crate::builds`]).
    pub build: String,
    /// What is to be reached, in MHz.
    #[serde(default)]
    pub target_mhz: f64,
    /// The board's clock, in MHz.
    pub clock_mhz: Option<f64>,
    /// Its pins. Without them no bitstream is packed.
    pub lpf: Option<PathBuf>,
    /// Verilog beside the build's.
    #[serde(default)]
    pub verilog: Vec<PathBuf>,
    /// For people.
    #[serde(default)]
    pub notes: String,
}

/// A part, or a family of parts that are only synthesised for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Device {
    /// LFE5UM5G-85F.
    #[serde(rename = "um5g-85k")]
    Um5g85,
    /// LFE5UM-85F.
    #[serde(rename = "um-85k")]
    Um85,
    /// LFE5U-85F.
    #[serde(rename = "85k")]
    U85,
    /// LFE5UM5G-45F.
    #[serde(rename = "um5g-45k")]
    Um5g45,
    /// LFE5U-45F.
    #[serde(rename = "45k")]
    U45,
    /// LFE5U-25F.
    #[serde(rename = "25k")]
    U25,
    /// Xilinx 7 series.
    #[serde(rename = "xc7")]
    Xc7,
    /// Xilinx UltraScale.
    #[serde(rename = "xcu")]
    Xcu,
    /// Xilinx UltraScale+.
    #[serde(rename = "xcup")]
    Xcup,
}

/// What a part has.
#[derive(Debug, Clone, Copy)]
pub struct Capacity {
    /// LUTs of four inputs, and as many flip-flops.
    pub lut4: u64,
    /// Block RAMs of 18 kbit.
    pub ebr: u64,
    /// Multipliers.
    pub dsp: u64,
}

impl Device {
    /// nextpnr's word for an ECP5, or `synth_xilinx`'s for a family.
    pub fn word(self) -> &'static str {
        match self {
            Self::Um5g85 => "um5g-85k",
            Self::Um85 => "um-85k",
            Self::U85 => "85k",
            Self::Um5g45 => "um5g-45k",
            Self::U45 => "45k",
            Self::U25 => "25k",
            Self::Xc7 => "xc7",
            Self::Xcu => "xcu",
            Self::Xcup => "xcup",
        }
    }

    /// Known for the parts that are placed on.
    pub fn capacity(self) -> Option<Capacity> {
        match self {
            Self::Um5g85 | Self::Um85 | Self::U85 => Some(Capacity { lut4: 83_640, ebr: 208, dsp: 156 }),
            Self::Um5g45 | Self::U45 => Some(Capacity { lut4: 43_848, ebr: 108, dsp: 72 }),
            Self::U25 => Some(Capacity { lut4: 24_288, ebr: 56, dsp: 28 }),
            Self::Xc7 | Self::Xcu | Self::Xcup => None,
        }
    }

    /// Whether there is no place and route for it.
    pub fn is_xilinx(self) -> bool {
        self.capacity().is_none()
    }
}

impl Board {
    /// Reads the board of that name under `constraints`.
    pub fn read(constraints: &Path, name: &str) -> Result<Self, Error> {
        let known = names(constraints)?;
        if !known.iter().any(|other| other == name) {
            return Err(Error::Board { name: name.into(), known: known.join(", ") });
        }
        let folder = constraints.join(name);
        let path = folder.join("board.json");
        let text = fs::read_to_string(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
        let board: Self = serde_json::from_str(&text).map_err(|source| Error::Json { path: path.clone(), source })?;
        let board = Self { name: name.into(), folder, ..board };
        board.check().map_err(|reason| Error::Flow(format!("{}: {reason}", path.display())))?;
        Ok(board)
    }

    fn check(&self) -> Result<(), String> {
        if Build::named(&self.build).is_none() {
            let known = BUILDS.map(|build| build.name).join(", ");
            return Err(format!("there is no build `{}`; there are: {known}", self.build));
        }
        if self.top.is_none() && !(self.verilog.is_empty() && self.lpf.is_none()) {
            return Err("`verilog` and `lpf` need a `top`".into());
        }
        if !self.device.is_xilinx() {
            if self.package.is_empty() || self.speed.is_empty() {
                return Err("a part that is placed on needs `package` and `speed`".into());
            }
            if self.target_mhz <= 0.0 {
                return Err("`target_mhz` must be above 0".into());
            }
        }
        match self.beside.iter().find(|device| device.is_xilinx()) {
            Some(device) => Err(format!("`beside`: nothing is placed on {}", device.word())),
            None => Ok(()),
        }
    }

    /// One block of the build instead of the whole of it.
    pub fn alone(self, block: &str) -> Self {
        Self {
            name: format!("{}.{block}", self.name),
            block: Some(block.into()),
            top: None,
            verilog: Vec::new(),
            lpf: None,
            notes: format!("{block} of {} alone, out of context.", self.build),
            ..self
        }
    }

    /// The build.
    pub fn build(&self) -> Result<Build, Error> {
        Build::named(&self.build).ok_or_else(|| Error::Flow(format!("there is no build `{}`", self.build)))
    }
}

/// The boards there are, in the order of their names.
fn names(constraints: &Path) -> Result<Vec<String>, Error> {
    let entries = fs::read_dir(constraints).map_err(|source| Error::Io { path: constraints.into(), source })?;
    let folders = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.join("board.json").exists());
    let mut names: Vec<_> = folders.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect();
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root;

    fn read(text: &str) -> Result<Board, Error> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("some")).unwrap();
        fs::write(folder.path().join("some/board.json"), text).unwrap();
        Board::read(folder.path(), "some")
    }

    #[test]
    fn every_board_of_the_repository_can_be_read() {
        let constraints = root().join("constraints");
        let names = names(&constraints).unwrap();
        assert!(names.iter().any(|name| name == "ecp5-85f"), "{names:?}");
        for name in names {
            let board = Board::read(&constraints, &name).unwrap();
            for file in board.verilog.iter().chain(&board.lpf) {
                assert!(board.folder.join(file).exists(), "{name}: {}", file.display());
            }
        }
    }

    #[test]
    fn an_unknown_board_names_those_there_are() {
        let error = Board::read(&root().join("constraints"), "ecp5-85").unwrap_err().to_string();
        assert!(error.contains("no board `ecp5-85`") && error.contains("ecp5-85f, ecp5-85f-card"), "{error}");
    }

    #[test]
    fn a_wrong_board_is_told_which_word() {
        let wrong = [
            (r#"{"device":"um5g-85f","build":"espalier"}"#, "um5g-85f"),
            (r#"{"device":"xc7","build":"espaliers"}"#, "no build `espaliers`; there are: espalier, espalier_ecp5, espalier_card"),
            (r#"{"device":"um5g-85k","build":"espalier","target_mhz":100}"#, "`package` and `speed`"),
            (r#"{"device":"um5g-85k","package":"CABGA756","speed":"8","build":"espalier"}"#, "`target_mhz`"),
            (r#"{"device":"xc7","build":"espalier","lpf":"pins.lpf"}"#, "need a `top`"),
            (r#"{"device":"xc7","build":"espalier","beside":["xcup"]}"#, "nothing is placed on xcup"),
            (r#"{"device":"xc7","build":"espalier","pins":"pins.lpf"}"#, "unknown field `pins`"),
        ];
        for (text, word) in wrong {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains("some/board.json") && error.contains(word), "{error}");
        }
    }
}
