//! Which SA an inbound ESP packet belongs to (RFC 4301 section 4.1): destination, SPI, family and UDP encapsulation, matched exactly.

use rust_hdl::prelude::*;

use espalier_regs::cam;

use crate::records::{CamEntry, CamKey, SaIndex};

/// Clocks from `key` to the result.
pub const LATENCY: usize = 6;

/// One way: a row chosen by the way's own hash, compared in full.
///
/// Latency [`LATENCY`] - 1 clocks from `key` to `hit`, with `sa` beside it; `key` must be repeated as `key_at_compare` 3 clocks later.
#[derive(LogicBlock)]
pub struct CamWay<const A: usize> {
    pub clock: Signal<In, Clock>,
    pub key: Signal<In, CamKey>,
    pub key_at_compare: Signal<In, CamKey>,
    pub write_enable: Signal<In, bool>,
    pub write_row: Signal<In, Bits<A>>,
    pub write_data: Signal<In, CamEntry>,
    pub hit: Signal<Out, bool>,
    pub sa: Signal<Out, SaIndex>,
    ram: RAM<CamEntry, A>,
    row: DFF<Bits<A>>,
    /// The RAM's output is of a row that was just being written.
    is_torn: DFF<bool>,
    entry: DFF<CamEntry>,
    /// Which pieces of 16 bits of the key differ.
    differs: [DFF<bool>; 10],
    is_usable: DFF<bool>,
    compared_sa: DFF<SaIndex>,
    matched: DFF<bool>,
    matched_sa: DFF<SaIndex>,
    key_bits: Signal<Local, Bits<162>>,
    hash: Signal<Local, Bits<A>>,
    entry_key: Signal<Local, CamKey>,
    difference: Signal<Local, Bits<160>>,
    any_differs: Signal<Local, bool>,
    mask: [Constant<Bits<162>>; A],
}

impl<const A: usize> CamWay<A> {
    /// The way of this number.
    ///
    /// # Panics
    /// While the design is put together, if no CAM of 2^A rows is defined ([`cam::columns`]).
    pub fn new(way: usize) -> Self {
        let columns = cam::columns(A as u32)[way];
        let mask =
            |bit: usize| (0..cam::KEY_BITS).fold(Bits::default(), |mask: Bits<162>, i| mask.replace_bit(i, columns[i] >> bit & 1 == 1));
        Self {
            clock: Default::default(),
            key: Default::default(),
            key_at_compare: Default::default(),
            write_enable: Default::default(),
            write_row: Default::default(),
            write_data: Default::default(),
            hit: Default::default(),
            sa: Default::default(),
            ram: Default::default(),
            row: Default::default(),
            is_torn: Default::default(),
            entry: Default::default(),
            differs: Default::default(),
            is_usable: Default::default(),
            compared_sa: Default::default(),
            matched: Default::default(),
            matched_sa: Default::default(),
            key_bits: Default::default(),
            hash: Default::default(),
            entry_key: Default::default(),
            difference: Default::default(),
            any_differs: Default::default(),
            mask: std::array::from_fn(|bit| Constant::new(mask(bit))),
        }
    }
}

impl<const A: usize> Logic for CamWay<A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, row, is_torn, entry, is_usable, compared_sa, matched, matched_sa);

        // Each bit of the row is the parity of some of the key's.
        self.key_bits.next = self.key.val().into();
        self.hash.next = 0.into();
        for i in 0..A {
            self.hash.next = self.hash.val().replace_bit(i, (self.key_bits.val() & self.mask[i].val()).xor());
        }
        self.row.d.next = self.hash.val();

        self.ram.read_clock.next = self.clock.val();
        self.ram.read_address.next = self.row.q.val();
        self.ram.write_clock.next = self.clock.val();
        self.ram.write_address.next = self.write_row.val();
        self.ram.write_data.next = self.write_data.val();
        self.ram.write_enable.next = self.write_enable.val();
        self.is_torn.d.next = self.write_enable.val() & (self.write_row.val() == self.row.q.val());
        self.entry.d.next = self.ram.read_data.val();
        if self.is_torn.q.val() {
            self.entry.d.next.valid = false;
        }

        self.entry_key.next = self.entry.q.val().key;
        self.difference.next = (bit_cast::<160, 128>(self.entry_key.val().dst ^ self.key_at_compare.val().dst) << 32)
            | bit_cast::<160, 32>(self.entry_key.val().spi ^ self.key_at_compare.val().spi);
        for i in 0..10 {
            self.differs[i].clock.next = self.clock.val();
            self.differs[i].d.next = self.difference.val().get_bits::<16>(i * 16).any();
        }
        self.is_usable.d.next = self.entry.q.val().valid
            & ((self.entry_key.val().v6 == self.key_at_compare.val().v6) & (self.entry_key.val().encap == self.key_at_compare.val().encap));
        self.compared_sa.d.next = self.entry.q.val().sa;

        self.any_differs.next = !self.is_usable.q.val();
        for i in 0..10 {
            self.any_differs.next = self.any_differs.val() | self.differs[i].q.val();
        }
        self.matched.d.next = !self.any_differs.val();
        self.matched_sa.d.next = self.compared_sa.q.val();
        self.hit.next = self.matched.q.val();
        self.sa.next = self.matched_sa.q.val();
    }
}

/// 4 * 2^A places for entries; meant for half as many SAs (A = 5: 64, A = 9: 1024). [`cam`] says where an entry goes.
///
/// - Ports: `key` with `key_valid`; `result_hit` and `result_sa` with `result_valid`; a write port (`write_row` counts its low A bits);
///   `ready`, low after reset until all places are empty.
/// - Latency: [`LATENCY`] clocks, always. Throughput: a look-up a clock. Back-pressure: none.
/// - Writes: any clock, a place each, seen by look-ups that begin 1 clock later or more. The place being written is empty to a look-up that
///   reads it in that clock: with writes in [`cam::Placement`]'s order nothing is missed that is to be found before and after. So
///   synthesis may leave out read-during-write logic.
///
/// After `reset` the rows are swept clear, 2^A clocks; until `ready` nothing hits and writes are lost.
#[derive(LogicBlock)]
pub struct SaCam<const A: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub key: Signal<In, CamKey>,
    pub key_valid: Signal<In, bool>,
    pub write_enable: Signal<In, bool>,
    pub write_way: Signal<In, Bits<2>>,
    pub write_row: Signal<In, Bits<10>>,
    pub write_data: Signal<In, CamEntry>,
    pub ready: Signal<Out, bool>,
    pub result_valid: Signal<Out, bool>,
    pub result_hit: Signal<Out, bool>,
    pub result_sa: Signal<Out, SaIndex>,
    ways: [CamWay<A>; cam::WAYS],
    key_1: DFF<CamKey>,
    key_2: DFF<CamKey>,
    key_3: DFF<CamKey>,
    /// A look-up is in each stage.
    stages: DFF<Bits<LATENCY>>,
    hit: DFF<bool>,
    sa: DFF<SaIndex>,
    is_swept: DFF<bool>,
    sweep_row: DFF<Bits<A>>,
    /// One bit a way.
    enable: Signal<Local, Bits<4>>,
    row: Signal<Local, Bits<A>>,
    written: Signal<Local, CamEntry>,
    any_hit: Signal<Local, bool>,
    any_sa: Signal<Local, SaIndex>,
}

impl<const A: usize> Default for SaCam<A> {
    fn default() -> Self {
        Self {
            clock: Default::default(),
            reset: Default::default(),
            key: Default::default(),
            key_valid: Default::default(),
            write_enable: Default::default(),
            write_way: Default::default(),
            write_row: Default::default(),
            write_data: Default::default(),
            ready: Default::default(),
            result_valid: Default::default(),
            result_hit: Default::default(),
            result_sa: Default::default(),
            ways: std::array::from_fn(CamWay::new),
            key_1: Default::default(),
            key_2: Default::default(),
            key_3: Default::default(),
            stages: Default::default(),
            hit: Default::default(),
            sa: Default::default(),
            is_swept: Default::default(),
            sweep_row: Default::default(),
            enable: Default::default(),
            row: Default::default(),
            written: Default::default(),
            any_hit: Default::default(),
            any_sa: Default::default(),
        }
    }
}

impl<const A: usize> Logic for SaCam<A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, key_1, key_2, key_3, stages, hit, sa, is_swept, sweep_row);
        self.ready.next = self.is_swept.q.val();
        self.key_1.d.next = self.key.val();
        self.key_2.d.next = self.key_1.q.val();
        self.key_3.d.next = self.key_2.q.val();
        self.stages.d.next = (self.stages.q.val() << 1) | bit_cast::<LATENCY, 1>(self.key_valid.val().into());

        // Writes; after reset each row is cleared.
        self.enable.next = bit_cast::<4, 1>(self.write_enable.val().into()) << self.write_way.val();
        self.row.next = bit_cast::<A, 10>(self.write_row.val());
        self.written.next = self.write_data.val();
        if !self.is_swept.q.val() {
            self.enable.next = 0xF.into();
            self.row.next = self.sweep_row.q.val();
            self.written.next.valid = false;
            self.sweep_row.d.next = self.sweep_row.q.val() + 1;
            self.is_swept.d.next = self.sweep_row.q.val().all();
        }

        // An entry may stand in two places while it moves: both name the same SA.
        self.any_hit.next = false;
        self.any_sa.next = 0.into();
        for i in 0..4 {
            self.ways[i].clock.next = self.clock.val();
            self.ways[i].key.next = self.key.val();
            self.ways[i].key_at_compare.next = self.key_3.q.val();
            self.ways[i].write_enable.next = self.enable.val().get_bit(i);
            self.ways[i].write_row.next = self.row.val();
            self.ways[i].write_data.next = self.written.val();
            if self.ways[i].hit.val() {
                self.any_hit.next = true;
                self.any_sa.next = self.any_sa.val() | self.ways[i].sa.val();
            }
        }
        self.hit.d.next = self.any_hit.val() & self.is_swept.q.val();
        self.sa.d.next = self.any_sa.val();
        self.result_valid.next = self.stages.q.val().get_bit(5);
        self.result_hit.next = self.hit.q.val();
        self.result_sa.next = self.sa.q.val();

        if self.reset.val() {
            self.stages.d.next = 0.into();
            self.is_swept.d.next = false;
            self.sweep_row.d.next = 0.into();
        }
    }
}
