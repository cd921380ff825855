//! What takes wall time: the simulation, and the driver's calls. Of this machine and this moment.

use std::process::{Command, Stdio};

use comfy_table::Table;
use espalier_bench::speed::{Speed, speed};
use espalier_sim::Nic;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::root;

/// Of a frame, in nanoseconds: what `driver/examples/packet_cost.rs` prints.
#[derive(Debug, Serialize, Deserialize)]
pub struct PacketCost {
    frame_bytes: usize,
    send_ns: f64,
    sent_ns: f64,
    receive_ns: f64,
}

/// All of it.
#[derive(Debug, Serialize)]
pub struct Wall {
    simulation: Speed,
    driver: Vec<PacketCost>,
}

/// Measures both, one after the other.
pub fn wall(nic: Nic) -> Result<Wall, Error> {
    Ok(Wall { simulation: speed(nic)?, driver: packet_costs()? })
}

/// Runs the driver's example.
fn packet_costs() -> Result<Vec<PacketCost>, Error> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["run", "--quiet", "--package", "espalier-driver", "--example", "packet_cost"])
        .current_dir(root())
        .stderr(Stdio::inherit());
    let name = "cargo run --example packet_cost".to_owned();
    let output = command.output().map_err(|source| Error::Start { command: name.clone(), source })?;
    if !output.status.success() {
        return Err(Error::Failed { command: name, status: output.status });
    }
    serde_json::from_slice(&output.stdout).map_err(|source| Error::Json { path: name.into(), source })
}

impl Wall {
    /// As one table.
    pub fn table(&self) -> Table {
        let mut table = Table::new();
        table.set_header(["wall time", "figure"]);
        let Speed { bare, loaded, ratio } = self.simulation;
        table.add_row(["simulation: clocks a second, the Verilated engine alone".into(), format!("{bare:.0}")]);
        table.add_row(["with host, wire and checkers, full load both ways".into(), format!("{loaded:.0}")]);
        table.add_row(["their ratio".into(), format!("{ratio:.2}")]);
        for PacketCost { frame_bytes, send_ns, sent_ns, receive_ns } in &self.driver {
            let calls = format!("{send_ns:.0} + {sent_ns:.0}, {receive_ns:.0}");
            table.add_row([format!("driver: ns a packet of {frame_bytes} bytes: to send and to learn of it, to receive"), calls]);
        }
        table
    }
}
