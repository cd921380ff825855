//! A memory of few rows that is read without a clock: distributed RAM, as every FPGA has it (ECP5: TRELLIS_DPR16X4, Xilinx: RAM32M).

use std::collections::BTreeMap;

use rust_hdl::prelude::*;

/// 2^A rows, one write port, one read port.
///
/// - Ports: `write_enable`, `write_address`, `write_data`; `read_address`, `read_data`.
/// - Latency: a write is seen from the next clock on; `read_data` follows `read_address` in the same clock, and the row that it stands on.
/// - Throughput: a write and a read a clock. No reset: a row is undefined until it is written.
///
/// On ECP5 16 rows of 4 bits cost six places of LUTs and no register, so up to 16 rows a bit costs less than in registers with a multiplexer.
#[derive(LogicBlock, Default)]
pub struct LutRam<T: Synth, const A: usize> {
    pub clock: Signal<In, Clock>,
    pub write_enable: Signal<In, bool>,
    pub write_address: Signal<In, Bits<A>>,
    pub write_data: Signal<In, T>,
    pub read_address: Signal<In, Bits<A>>,
    pub read_data: Signal<Out, T>,
    _rows: BTreeMap<Bits<A>, T>,
}

impl<T: Synth, const A: usize> Logic for LutRam<T, A> {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.write_enable.val() {
            self._rows.insert(self.write_address.val(), self.write_data.val());
        }
        self.read_data.next = self._rows.get(&self.read_address.val()).copied().unwrap_or_default();
    }

    fn connect(&mut self) {
        self.read_data.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(format!(
            "\
reg [{width}:0] mem[{rows}:0];

always @(*) read_data = mem[read_address];

always @(posedge clock) begin
   if (write_enable) mem[write_address] <= write_data;
end
",
            width = T::BITS - 1,
            rows = (1 << A) - 1,
        ))
    }
}
