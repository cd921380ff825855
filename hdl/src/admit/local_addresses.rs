//! RX: whether a packet is for this host (direction `in`) or goes through it (`fwd`).

use rust_hdl::prelude::*;

use crate::constant::Const;
use crate::records::LocalAddress;

/// Addresses of the table.
pub const LOCAL_ADDRESSES: usize = 8;

/// One address, and its comparison in pieces of 16 bits.
#[derive(LogicBlock, Default)]
pub struct LocalEntry {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub write_enable: Signal<In, bool>,
    pub write_data: Signal<In, LocalAddress>,
    pub address: Signal<In, Bits<128>>,
    pub v6: Signal<In, bool>,
    pub compare: Signal<In, bool>,
    /// It is in use, now.
    pub is_used: Signal<Out, bool>,
    /// It was the address when `compare` was last high.
    pub is_equal: Signal<Out, bool>,
    entry: DFF<LocalAddress>,
    is_usable: DFF<bool>,
    differs: [DFF<bool>; 8],
    difference: Signal<Local, Bits<128>>,
    any_differs: Signal<Local, bool>,
}

impl Logic for LocalEntry {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, entry, is_usable);
        self.is_used.next = self.entry.q.val().valid;
        self.difference.next = self.entry.q.val().address ^ self.address.val();
        if self.compare.val() {
            self.is_usable.d.next = self.entry.q.val().valid & (self.entry.q.val().v6 == self.v6.val());
        }
        self.any_differs.next = false;
        for i in 0..8 {
            self.differs[i].clock.next = self.clock.val();
            self.differs[i].d.next = self.differs[i].q.val();
            if self.compare.val() {
                self.differs[i].d.next = self.difference.val().get_bits::<16>(i * 16).any();
            }
            self.any_differs.next = self.any_differs.val() | self.differs[i].q.val();
        }
        self.is_equal.next = self.is_usable.q.val() & !self.any_differs.val();

        if self.write_enable.val() {
            self.entry.d.next = self.write_data.val();
        }
        if self.reset.val() {
            self.entry.d.next.valid = false;
        }
    }
}

/// Tells whether an address is local: one of the table's, multicast or broadcast (224.0.0.0/4, 255.255.255.255, ff00::/8), or any
/// while the table is empty. (Broadcasts of a subnet are the driver's to enter.)
///
/// - Ports: `address` and `v6` with `compare`; `is_local` from the next clock on, until the clock of the next `compare`; a write port.
/// - Latency 1 clock, a comparison a clock, no back-pressure. The addresses stand in registers, for that latency.
/// - Writes: any clock; a comparison sees the table as it was before the clock's write.
///
/// `reset` empties the table.
#[derive(LogicBlock, Default)]
pub struct LocalAddresses {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub write_enable: Signal<In, bool>,
    pub write_index: Signal<In, Bits<3>>,
    pub write_data: Signal<In, LocalAddress>,
    pub address: Signal<In, Bits<128>>,
    pub v6: Signal<In, bool>,
    pub compare: Signal<In, bool>,
    pub is_local: Signal<Out, bool>,
    entries: [LocalEntry; LOCAL_ADDRESSES],
    /// No entry was in use, or the address is a group's.
    is_general: DFF<bool>,
    enable: Signal<Local, Bits<LOCAL_ADDRESSES>>,
    any_used: Signal<Local, bool>,
    any_equal: Signal<Local, bool>,
    is_group: Signal<Local, bool>,
    broadcast: Const<32, 0xFFFF_FFFF>,
}

impl Logic for LocalAddresses {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, is_general);
        self.enable.next = bit_cast::<LOCAL_ADDRESSES, 1>(self.write_enable.val().into()) << self.write_index.val();
        self.any_used.next = false;
        self.any_equal.next = false;
        for i in 0..8 {
            self.entries[i].clock.next = self.clock.val();
            self.entries[i].reset.next = self.reset.val();
            self.entries[i].write_enable.next = self.enable.val().get_bit(i);
            self.entries[i].write_data.next = self.write_data.val();
            self.entries[i].address.next = self.address.val();
            self.entries[i].v6.next = self.v6.val();
            self.entries[i].compare.next = self.compare.val();
            self.any_used.next = self.any_used.val() | self.entries[i].is_used.val();
            self.any_equal.next = self.any_equal.val() | self.entries[i].is_equal.val();
        }

        // RFC 1112 section 4, RFC 919 section 7; RFC 4291 section 2.7.
        self.is_group.next = (self.address.val().get_bits::<4>(28) == 0xE) | (self.address.val().get_bits::<32>(0) == self.broadcast.val());
        if self.v6.val() {
            self.is_group.next = self.address.val().get_bits::<8>(120) == 0xFF;
        }
        if self.compare.val() {
            self.is_general.d.next = self.is_group.val() | !self.any_used.val();
        }
        self.is_local.next = self.is_general.q.val() | self.any_equal.val();
    }
}
