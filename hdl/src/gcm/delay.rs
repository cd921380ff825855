//! A delay in memory, for records that are too wide to be carried through registers beside AES: they come out in the order in which they went in, when
//! their user says so. It counts nothing: who uses it knows when a record's time has come.
//!
//! | | |
//! |---|---|
//! | ports | `s_data` with `s_valid`; `m_next`, and a clock later `m_data` |
//! | latency | what was taken in 2 clocks before or earlier can be asked for |
//! | throughput | one record a clock |
//! | back-pressure | none: 32 records fit; folded, [`FOLDED_RECORDS`] |

use rust_hdl::prelude::*;

use super::aes::{self, Aes};

/// More than there are slots in a folded AES and around it.
pub const FOLDED_RECORDS: usize = 8;
const A: usize = 5;

/// See the module's documentation. `R`: rounds of AES ([`Aes`]).
#[derive(LogicBlock)]
pub struct Delay<T: Synth, const R: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub s_data: Signal<In, T>,
    pub s_valid: Signal<In, bool>,
    pub m_next: Signal<In, bool>,
    pub m_data: Signal<Out, T>,
    memory: RAM<T, A>,
    written: DFF<Bits<A>>,
    read: DFF<Bits<A>>,
    /// Of the addresses of what is used.
    mask: Constant<Bits<A>>,
}

impl<T: Synth, const R: usize> Default for Delay<T, R> {
    fn default() -> Self {
        let records = if Aes::<R>::PASSES == 1 { 1 << A } else { FOLDED_RECORDS };
        assert!(records * Aes::<R>::PASSES > aes::LATENCY + Aes::<R>::PASSES, "all that is inside fits");
        Self {
            clock: Default::default(),
            reset: Default::default(),
            s_data: Default::default(),
            s_valid: Default::default(),
            m_next: Default::default(),
            m_data: Default::default(),
            memory: Default::default(),
            written: Default::default(),
            read: Default::default(),
            mask: Constant::new((records as u64 - 1).into()),
        }
    }
}

impl<T: Synth, const R: usize> Logic for Delay<T, R> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, written, read);
        if self.s_valid.val() {
            self.written.d.next = (self.written.q.val() + 1) & self.mask.val();
        }
        if self.m_next.val() {
            self.read.d.next = (self.read.q.val() + 1) & self.mask.val();
        }
        self.memory.read_clock.next = self.clock.val();
        self.memory.write_clock.next = self.clock.val();
        self.memory.read_address.next = self.read.q.val();
        self.memory.write_address.next = self.written.q.val();
        self.memory.write_data.next = self.s_data.val();
        self.memory.write_enable.next = self.s_valid.val();
        self.m_data.next = self.memory.read_data.val();
        if self.reset.val() {
            self.written.d.next = 0.into();
            self.read.d.next = 0.into();
        }
    }
}
