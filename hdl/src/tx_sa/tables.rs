//! Outbound SAs and the sequence numbers they used last.

use rust_hdl::prelude::*;

use crate::ram::Ram;

use crate::records::{SaIndex, TxSa};

/// 2^A SAs with their sequence numbers.
///
/// - `index` to `sa` and `last_seq`, and `read_index` to `read_seq`: the RAMs' outputs, 1 clock later, undefined if written in between.
/// - `write`, a pulse of the host: SA and, without `write_keep`, number of `write_index`. `allocate`, a pulse: number of `index`. Not both at once.
#[derive(LogicBlock, Default)]
pub struct Tables<const A: usize> {
    pub clock: Signal<In, Clock>,
    pub index: Signal<In, SaIndex>,
    pub sa: Signal<Out, TxSa>,
    pub last_seq: Signal<Out, Bits<64>>,
    pub allocate: Signal<In, bool>,
    pub allocated: Signal<In, Bits<64>>,
    pub write: Signal<In, bool>,
    pub write_keep: Signal<In, bool>,
    pub write_index: Signal<In, SaIndex>,
    pub write_sa: Signal<In, TxSa>,
    pub write_seq: Signal<In, Bits<64>>,
    pub read_index: Signal<In, SaIndex>,
    pub read_seq: Signal<Out, Bits<64>>,
    sas: Ram<TxSa, A>,
    seqs: Ram<Bits<64>, A>,
    seqs_for_host: Ram<Bits<64>, A>,
    seq_write: Signal<Local, bool>,
    seq_at: Signal<Local, SaIndex>,
    seq_written: Signal<Local, Bits<64>>,
}

impl<const A: usize> Logic for Tables<A> {
    #[hdl_gen]
    fn update(&mut self) {
        self.sas.read_clock.next = self.clock.val();
        self.sas.write_clock.next = self.clock.val();
        self.sas.write_enable.next = self.write.val();
        self.sas.write_address.next = bit_cast::<A, 10>(self.write_index.val());
        self.sas.write_data.next = self.write_sa.val();
        self.sas.read_address.next = bit_cast::<A, 10>(self.index.val());
        self.sa.next = self.sas.read_data.val();

        self.seq_write.next = (self.write.val() & !self.write_keep.val()) | self.allocate.val();
        self.seq_at.next = self.write_index.val();
        self.seq_written.next = self.write_seq.val();
        if self.allocate.val() {
            self.seq_at.next = self.index.val();
            self.seq_written.next = self.allocated.val();
        }
        self.seqs.read_clock.next = self.clock.val();
        self.seqs.write_clock.next = self.clock.val();
        self.seqs.write_enable.next = self.seq_write.val();
        self.seqs.write_address.next = bit_cast::<A, 10>(self.seq_at.val());
        self.seqs.write_data.next = self.seq_written.val();
        self.seqs.read_address.next = bit_cast::<A, 10>(self.index.val());
        self.last_seq.next = self.seqs.read_data.val();
        self.seqs_for_host.read_clock.next = self.clock.val();
        self.seqs_for_host.write_clock.next = self.clock.val();
        self.seqs_for_host.write_enable.next = self.seq_write.val();
        self.seqs_for_host.write_address.next = bit_cast::<A, 10>(self.seq_at.val());
        self.seqs_for_host.write_data.next = self.seq_written.val();
        self.seqs_for_host.read_address.next = bit_cast::<A, 10>(self.read_index.val());
        self.read_seq.next = self.seqs_for_host.read_data.val();
    }
}
