//! Bits of a packet's selector, looked up in the policies rather than compared with them.

use std::collections::BTreeMap;

use rust_hdl::prelude::*;

/// N bits of a selector, 16 at most, in 4 * 2^R policies. A cell is a memory of 2^(R + 1) words of 4 bits, one for each bit of the selector: the word at {row,
/// packet's bit} has a bit for each of the row's 4 policies, which says whether the policy likes that bit. So there is nothing to
/// compare, and a mask costs nothing.
///
/// - Ports: `row` and `packet` in, `hits` out: a bit for each policy of the row, set if all N cells say so; a write port of all cells'
///   words for packets' bits of the value `write_for`: of each of the 4 policies 16 bits, one a cell.
/// - Latency: none, combinational (distributed RAM and an AND); a write is seen from the next clock on.
/// - Throughput: a row and a write a clock. No reset: cells are undefined until they are written.
#[derive(LogicBlock, Default)]
pub struct Cells<const R: usize, const N: usize> {
    pub clock: Signal<In, Clock>,
    pub row: Signal<In, Bits<R>>,
    pub packet: Signal<In, Bits<N>>,
    pub hits: Signal<Out, Bits<4>>,
    pub write_enable: Signal<In, bool>,
    pub write_row: Signal<In, Bits<R>>,
    pub write_for: Signal<In, bool>,
    pub write_data: Signal<In, Bits<64>>,
    _words: BTreeMap<(Bits<R>, bool), Bits<64>>,
}

impl<const R: usize, const N: usize> Logic for Cells<R, N> {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.write_enable.val() {
            self._words.insert((self.write_row.val(), self.write_for.val()), self.write_data.val());
        }
        let words = [false, true].map(|bit| self._words.get(&(self.row.val(), bit)).copied().unwrap_or_default());
        let packet = self.packet.val();
        self.hits.next = (0..4).fold(0.into(), |hits: Bits<4>, policy| {
            let like = |i: usize| words[usize::from(packet.get_bit(i))].get_bit(policy * 16 + i);
            hits.replace_bit(policy, (0..N).all(like))
        });
    }

    fn connect(&mut self) {
        self.hits.connect();
    }

    fn hdl(&self) -> Verilog {
        assert!(N <= 16, "the write port has 16 cells");
        Verilog::Custom(format!(
            "\
wire [{width}:0] found;
genvar i;
generate
   for (i = 0; i < {N}; i = i + 1) begin : bits
      reg [3:0] mem[{words}:0];
      assign found[4 * i +: 4] = mem[{{row, packet[i]}}];
      always @(posedge clock) begin
         if (write_enable) mem[{{write_row, write_for}}] <= {{write_data[48 + i], write_data[32 + i], write_data[16 + i], write_data[i]}};
      end
   end
endgenerate

integer k;
always @(*) begin
   hits = 4'hf;
   for (k = 0; k < {N}; k = k + 1) hits = hits & found[4 * k +: 4];
end
",
            width = 4 * N - 1,
            words = (2 << R) - 1,
        ))
    }
}
