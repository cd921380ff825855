//! `espalier xfrm --check FILE`.

use std::io::Write;
use std::path::Path;

use zeroize::Zeroizing;

use crate::Failure;
use crate::run::{program, sides};
use crate::xfrm::{self, Command, ParseError, explain::Explained};

/// Says what each command of `file` means, or what is wrong with it.
pub fn check(file: &Path, out: &mut dyn Write) -> Result<(), Failure> {
    let commands = read(file)?;
    for command in &commands {
        write!(out, "{}", Explained(command))?;
    }
    let count = commands.len();
    writeln!(out, "{count} command{}, all understood", if count == 1 { "" } else { "s" })?;
    for obstacle in obstacles(file, commands) {
        writeln!(out, "note: 'espalier run' would not take it: {obstacle}")?;
    }
    Ok(())
}

/// Why a run would refuse the commands before it asks the device.
fn obstacles(file: &Path, commands: Vec<Command>) -> Vec<ParseError> {
    match sides::split(commands) {
        Ok(hosts) if hosts.mirrored => program::program(file, &hosts.commands[0]).err().unwrap_or_default(),
        Ok(hosts) => hosts.commands.iter().filter_map(|commands| program::program(file, commands).err()).flatten().collect(),
        Err(errors) => errors,
    }
}

/// Reads and parses `file`.
pub fn read(file: &Path) -> Result<Vec<Command>, Failure> {
    let source = std::fs::read(file).map(Zeroizing::new).map_err(|error| Failure::Read { file: file.to_owned(), error })?;
    xfrm::parse(&source).map_err(|errors| Failure::Commands { file: file.to_owned(), errors })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_is_explained_and_what_a_run_would_refuse_is_noted() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let source = "ip x s add proto esp dst 14.0.0.70 src 14.0.0.52 spi 0x07 mode transport reqid 0x07 replay-window 32 \\
            aead 'rfc4106(gcm(aes))' 0x44434241343332312423222114131211f4f3f2f1 128 offload dev eth4 dir in";
        std::fs::write(file.path(), source).unwrap();
        let mut out = Vec::new();
        check(file.path(), &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert!(out.contains("ESP 14.0.0.52 -> 14.0.0.70") && out.contains("1 command, all understood\n"), "{out}");
        assert!(out.contains("note: 'espalier run' would not take it: 1:1: 'offload': crypto offload"), "{out}");
    }

    #[test]
    fn a_wrong_line_is_named_with_its_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "# fine\nip xfrm polcy add").unwrap();
        let error = check(file.path(), &mut Vec::new()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}:2:9: Object \"polcy\" is unknown", file.path().display())), "{error}");
    }
}
