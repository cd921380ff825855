//! Whose `xfrm` a command is for.

use crate::command;
use crate::error::{Error, ensure};
use crate::host::Host;

/// A host's ESP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
    /// `ip xfrm`
    Kernel,
    /// `espalier xfrm`
    Espalier,
}

impl Stack {
    /// Carries out `xfrm ...` on `host`.
    pub fn xfrm(self, host: Host, line: &str) -> Result<String, Error> {
        match self {
            Stack::Kernel => host.ip(line),
            Stack::Espalier => command::run("espalier", line.split_whitespace()),
        }
    }

    /// Packets that an SA has counted, as `-s state list` tells them.
    pub fn packets(self, host: Host, spi: u32) -> Result<u64, Error> {
        let line = format!("xfrm state list spi {spi:#x}");
        let text = match self {
            Stack::Kernel => host.ip(&format!("-s {line}"))?,
            Stack::Espalier => command::run("espalier", format!("xfrm -s {}", line.trim_start_matches("xfrm ")).split_whitespace())?,
        };
        // `lifetime current:`, then `BYTES(bytes), PACKETS(packets)`.
        let counts = text.lines().skip_while(|line| !line.contains("lifetime current:")).nth(1).unwrap_or_default();
        let packets = counts.split(", ").nth(1).and_then(|word| word.trim().strip_suffix("(packets)")?.parse().ok());
        ensure(packets.is_some(), || format!("no packets in: {text}"))?;
        Ok(packets.unwrap_or_default())
    }
}
