//! A memory that is read with a clock: block RAM, where it is large, else distributed.

use std::collections::BTreeMap;

use rust_hdl::prelude::*;

/// Bits of a memory that is distributed RAM: fewer would leave most of a block RAM empty, of which an engine needs all that there are.
const SMALL: usize = 4096;

/// 2^A rows, one write port, one read port. As rust-hdl's `RAM`, but for one promise that its user makes.
///
/// - Ports: `write_enable`, `write_address`, `write_data` at `write_clock`; `read_address` at `read_clock`, `read_data`.
/// - Latency: 1 clock from `read_address` to `read_data`; a write is seen by reads from the next clock on. Throughput: a write and a read a clock. No reset.
/// - **A row that is read in the clock in which it is written counts for nothing**: whoever uses this memory never does that, or throws the result away. So
///   synthesis may leave out what else it builds around a block RAM (a copy of what is written, a comparison of the addresses and a multiplexer, all as wide as the row):
///   `no_rw_check` tells yosys. The simulation gives the old row.
#[derive(LogicBlock, Default)]
pub struct Ram<T: Synth, const A: usize> {
    pub read_address: Signal<In, Bits<A>>,
    pub read_clock: Signal<In, Clock>,
    pub read_data: Signal<Out, T>,
    pub write_address: Signal<In, Bits<A>>,
    pub write_clock: Signal<In, Clock>,
    pub write_data: Signal<In, T>,
    pub write_enable: Signal<In, bool>,
    _rows: BTreeMap<Bits<A>, T>,
}

impl<T: Synth, const A: usize> Logic for Ram<T, A> {
    fn update(&mut self) {
        if self.read_clock.pos_edge() {
            self.read_data.next = self._rows.get(&self.read_address.val()).copied().unwrap_or_default();
        }
        if self.write_clock.pos_edge() && self.write_enable.val() {
            self._rows.insert(self.write_address.val(), self.write_data.val());
        }
    }

    fn connect(&mut self) {
        self.read_data.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(format!(
            "\
(* {attributes} *)
reg [{width}:0] mem[{rows}:0];

always @(posedge read_clock) begin
   read_data <= mem[read_address];
end

always @(posedge write_clock) begin
   if (write_enable) mem[write_address] <= write_data;
end
",
            attributes = if T::BITS << A <= SMALL { "no_rw_check, ram_style = \"distributed\"" } else { "no_rw_check" },
            width = T::BITS - 1,
            rows = (1 << A) - 1,
        ))
    }

    fn timing(&self) -> Vec<TimingInfo> {
        let names = |names: &[&str]| names.iter().map(|name| (*name).into()).collect();
        vec![
            TimingInfo {
                name: "read".into(),
                clock: "read_clock".into(),
                inputs: names(&["read_address"]),
                outputs: names(&["read_data"]),
            },
            TimingInfo {
                name: "write".into(),
                clock: "write_clock".into(),
                inputs: names(&["write_address", "write_data", "write_enable"]),
                outputs: vec![],
            },
        ]
    }
}
