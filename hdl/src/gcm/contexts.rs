//! What the core knows of the packets whose slots it is given.
//!
//! A context is 711 bits. It is written once, when the packet's job is given out, and read where AES and GHASH need it; what goes from block to block
//! in between is slots alone.

use rust_hdl::prelude::*;

use crate::lut_ram::LutRam;
use crate::records::CryptoContext;

/// Contexts of one direction, in the order of their packets.
///
/// - Ports: `s_data` with `s_valid`, once for each packet with a `first` slot; `begins`, a pulse in the clock before such a slot is looked at; `current`, the
///   one of the packet that began last.
/// - Latency: `current` changes in the clock after `begins`, and may be written in that of `begins` at the latest.
/// - No back-pressure: there are 16. Between the block that gives out the jobs and the core are at most 10 packets: 4 jobs, one in the gatherer, 4 whose
///   last slot or only slot waits behind it, and one here.
#[derive(LogicBlock, Default)]
pub struct Contexts {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub s_data: Signal<In, CryptoContext>,
    pub s_valid: Signal<In, bool>,
    pub begins: Signal<In, bool>,
    pub current: Signal<Out, CryptoContext>,
    ram: LutRam<CryptoContext, 4>,
    /// Where the next one goes: after reset behind the row that `read` shows.
    write: DFF<Bits<4>>,
    read: DFF<Bits<4>>,
}

impl Logic for Contexts {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, write, read);
        self.ram.clock.next = self.clock.val();
        self.ram.write_enable.next = self.s_valid.val();
        self.ram.write_address.next = self.write.q.val();
        self.ram.write_data.next = self.s_data.val();
        if self.s_valid.val() {
            self.write.d.next = self.write.q.val() + 1;
        }
        if self.begins.val() {
            self.read.d.next = self.read.q.val() + 1;
        }
        self.ram.read_address.next = self.read.q.val();
        self.current.next = self.ram.read_data.val();
        if self.reset.val() {
            self.write.d.next = 1.into();
            self.read.d.next = 0.into();
        }
    }
}
