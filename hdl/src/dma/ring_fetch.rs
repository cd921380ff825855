//! Brings descriptors from a ring in host memory.

use espalier_regs::dma::Fault as Cause;
use rust_hdl::prelude::*;

use super::outstanding::Outstanding;
use super::records::{Descriptor, Fault, ReadBeat, ReadRequest};
use crate::constant::Const;
use crate::fifo::Fifo;

#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
enum FetchState {
    /// Distances are taken.
    Measure,
    /// They are compared.
    Judge,
    /// Read, or not?
    Decide,
    /// `request` is offered.
    Offer,
    /// The address of what could not be read is computed,
    Locate,
    /// and told.
    Report,
}

/// Reads descriptors ahead, as far as the doorbell, and hands them over in the ring's order.
///
/// - Ports: `base`, `size` (logarithm of the entries) and `doorbell`, steady but for the doorbell, which is 0 from the clock behind
///   `clear` on; `request` and `beat` (always taken); `descriptor`; `head`, the index behind the last one handed over.
/// - A request is for 1 to 16 descriptors. It ends at the doorbell, at the ring's end, or at a multiple of 256 bytes. At most 2 are
///   outstanding, and at most 32 descriptors outstanding or held, so that there is room for all that is asked.
/// - Latency: 4 to 6 clocks from the doorbell to `request`, 4 from `beat` to `descriptor`.
/// - Throughput: a descriptor a clock out of what was read; a request each 4 clocks.
/// - Back-pressure: none on `beat`; while `descriptor` is not taken, up to 32 are read.
///
/// What ends it, until `clear`:
/// - a descriptor with the wrong phase: it is handed over as the last one, with `wrong_phase`; who takes it raises the fault;
/// - a beat with an error, be it the first, a middle or the last one: those before it are handed over, it and all behind it, also of other
///   requests, are thrown away; fault RingRead with the address of the descriptor;
/// - a doorbell that is behind what was read, or more than the ring's size ahead of `head`: fault Doorbell; what has come is handed over;
/// - `drain`: what is held is thrown away, the offer of `descriptor` is taken back (who takes descriptors looks at `drain` too), what is
///   outstanding is awaited and thrown away, and raises no fault. `idle` means that nothing is outstanding or offered as a request.
///
/// `run` low without `drain` (another block has a fault): no request is begun; what was asked for is read, and handed over if it is taken.
#[derive(LogicBlock, Default)]
pub struct RingFetch {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub run: Signal<In, bool>,
    pub drain: Signal<In, bool>,
    pub clear: Signal<In, bool>,
    pub base: Signal<In, Bits<64>>,
    pub size: Signal<In, Bits<4>>,
    pub doorbell: Signal<In, Bits<16>>,
    pub beat: Signal<In, ReadBeat>,
    pub beat_valid: Signal<In, bool>,
    pub request_ready: Signal<In, bool>,
    pub descriptor_ready: Signal<In, bool>,
    pub request: Signal<Out, ReadRequest>,
    pub request_valid: Signal<Out, bool>,
    pub descriptor: Signal<Out, Descriptor>,
    pub descriptor_valid: Signal<Out, bool>,
    pub head: Signal<Out, Bits<16>>,
    pub idle: Signal<Out, bool>,
    pub fault: Signal<Out, Fault>,
    pub fault_valid: Signal<Out, bool>,
    reads: Outstanding<2, 2>,
    queue: Fifo<Descriptor, 5>,
    state: DFF<FetchState>,
    /// Nothing is read or handed over any more.
    stopped: DFF<bool>,
    // Indices: of the next descriptor to ask for, to come, and to be handed over; of the one that could not be read.
    ask: DFF<Bits<16>>,
    arrive: DFF<Bits<16>>,
    give: DFF<Bits<16>>,
    failed: DFF<Bits<16>>,
    has_failed: DFF<bool>,
    // The ring: entries, and the bits of an index that are a place in it.
    entries: DFF<Bits<16>>,
    mask: DFF<Bits<16>>,
    bell: DFF<Bits<16>>,
    // Measured: from `ask` and from `give` to the doorbell, between the two, to the end of the block of 16, the place in the ring.
    available: DFF<Bits<16>>,
    ahead: DFF<Bits<16>>,
    held: DFF<Bits<6>>,
    left: DFF<Bits<5>>,
    place: DFF<Bits<16>>,
    // Judged.
    want: DFF<Bits<5>>,
    too_far: DFF<bool>,
    address: DFF<Bits<64>>,
    // A descriptor that has come.
    came: DFF<bool>,
    came_beat: DFF<ReadBeat>,
    came_index: DFF<Bits<16>>,
    came_phase: DFF<bool>,
    out_fault: DFF<Fault>,
    out_fault_valid: DFF<bool>,
    going: Signal<Local, bool>,
    taken: Signal<Local, bool>,
    ended: Signal<Local, bool>,
    offered: Signal<Local, bool>,
    index: Signal<Local, Bits<16>>,
    block_mask: Signal<Local, Bits<4>>,
    claimed: Signal<Local, Bits<7>>,
    data: Signal<Local, Bits<128>>,
    wrong: Signal<Local, bool>,
    one: Const<16, 1>,
    room: Const<7, 32>,
    ring_read: Const<4, { Cause::RingRead as u64 }>,
    too_far_cause: Const<4, { Cause::Doorbell as u64 }>,
}

impl Logic for RingFetch {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, stopped, ask, arrive, give, failed, has_failed, entries, mask, bell);
        dff_setup!(self, clock, available, ahead, held, left, place, want, too_far, address);
        dff_setup!(self, clock, came, came_beat, came_index, came_phase, out_fault, out_fault_valid);
        clock!(self, clock, reads, queue);
        self.reads.reset.next = self.reset.val() | self.clear.val();
        self.queue.reset.next = self.reset.val() | (self.clear.val() | self.drain.val());
        self.entries.d.next = self.one.val() << self.size.val();
        self.mask.d.next = self.entries.q.val() - 1;
        self.bell.d.next = self.doorbell.val();
        self.out_fault_valid.d.next = false;

        // Measure. An index that failed goes the same way to its address.
        self.index.next = self.ask.q.val();
        if self.has_failed.q.val() {
            self.index.next = self.failed.q.val();
        }
        self.place.d.next = self.index.val() & self.mask.q.val();
        self.available.d.next = self.bell.q.val() - self.ask.q.val();
        self.ahead.d.next = self.bell.q.val() - self.give.q.val();
        self.held.d.next = bit_cast::<6, 16>(self.ask.q.val() - self.give.q.val());
        self.block_mask.next = self.mask.q.val().get_bits::<4>(0);
        self.left.d.next =
            (bit_cast::<5, 4>(self.block_mask.val()) - bit_cast::<5, 4>(self.index.val().get_bits::<4>(0) & self.block_mask.val())) + 1;

        // Judge.
        self.going.next = self.run.val() & (!self.drain.val() & !self.stopped.q.val());
        self.claimed.next = bit_cast::<7, 6>(self.held.q.val()) + bit_cast::<7, 5>(self.want.q.val());
        match self.state.q.val() {
            FetchState::Measure => {
                if self.has_failed.q.val() {
                    self.state.d.next = FetchState::Locate;
                } else if self.going.val() {
                    self.state.d.next = FetchState::Judge;
                }
            }
            FetchState::Judge => {
                self.want.d.next = self.left.q.val();
                if self.available.q.val() < bit_cast::<16, 5>(self.left.q.val()) {
                    self.want.d.next = bit_cast::<5, 16>(self.available.q.val());
                }
                self.too_far.d.next = (self.available.q.val() > self.entries.q.val()) | (self.ahead.q.val() > self.entries.q.val());
                self.address.d.next = self.base.val() + (bit_cast::<64, 16>(self.place.q.val()) << 4);
                self.state.d.next = FetchState::Decide;
            }
            FetchState::Decide => {
                self.state.d.next = FetchState::Measure;
                if self.going.val() {
                    if self.too_far.q.val() {
                        self.stopped.d.next = true;
                        self.out_fault.d.next.cause = self.too_far_cause.val();
                        self.out_fault.d.next.address = 0.into();
                        self.out_fault_valid.d.next = true;
                    } else if ((self.want.q.val() != 0) & (self.claimed.val() <= self.room.val())) & self.reads.room.val() {
                        self.state.d.next = FetchState::Offer;
                    }
                }
            }
            FetchState::Offer => {
                if self.request_ready.val() {
                    self.ask.d.next = self.ask.q.val() + bit_cast::<16, 5>(self.want.q.val());
                    self.state.d.next = FetchState::Measure;
                }
            }
            FetchState::Locate => {
                self.address.d.next = self.base.val() + (bit_cast::<64, 16>(self.place.q.val()) << 4);
                self.state.d.next = FetchState::Report;
            }
            FetchState::Report => {
                self.has_failed.d.next = false;
                self.out_fault.d.next.cause = self.ring_read.val();
                self.out_fault.d.next.address = self.address.q.val();
                self.out_fault_valid.d.next = !self.drain.val();
                self.state.d.next = FetchState::Measure;
            }
            _ => {
                self.state.d.next = FetchState::Measure;
            }
        }
        self.offered.next = self.state.q.val() == FetchState::Offer;
        self.request_valid.next = self.offered.val();
        self.request.next.address = self.address.q.val();
        self.request.next.beats = self.want.q.val();
        self.taken.next = self.offered.val() & self.request_ready.val();
        self.ended.next = self.beat_valid.val() & self.beat.val().last;
        self.reads.begins.next = self.taken.val();
        self.reads.ends.next = self.ended.val();
        self.fault.next = self.out_fault.q.val();
        self.fault_valid.next = self.out_fault_valid.q.val();

        // What comes: its phase is the complement of bit `size` of its index.
        self.came.d.next = self.beat_valid.val();
        self.came_beat.d.next = self.beat.val();
        self.came_index.d.next = self.arrive.q.val();
        self.came_phase.d.next = (self.arrive.q.val() & self.entries.q.val()) == 0;
        if self.beat_valid.val() {
            self.arrive.d.next = self.arrive.q.val() + 1;
        }
        self.data.next = self.came_beat.q.val().data;
        self.wrong.next = self.data.val().get_bit(95) != self.came_phase.q.val();
        self.queue.s_data.next.address = self.data.val().get_bits::<64>(0);
        self.queue.s_data.next.control = self.data.val().get_bits::<32>(64);
        self.queue.s_data.next.user = self.data.val().get_bits::<32>(96);
        self.queue.s_data.next.wrong_phase = self.wrong.val();
        self.queue.s_valid.next = (self.came.q.val() & !self.stopped.q.val()) & !self.came_beat.q.val().error;
        if (self.came.q.val() & !self.stopped.q.val()) & (self.wrong.val() | self.came_beat.q.val().error) {
            self.stopped.d.next = true;
            self.has_failed.d.next = self.came_beat.q.val().error;
            self.failed.d.next = self.came_index.q.val();
        }

        // Hand over.
        self.descriptor.next = self.queue.m_data.val();
        self.descriptor_valid.next = self.queue.m_valid.val() & !self.drain.val();
        self.queue.m_ready.next = self.descriptor_ready.val() & !self.drain.val();
        if (self.queue.m_valid.val() & !self.drain.val()) & self.descriptor_ready.val() {
            self.give.d.next = self.give.q.val() + 1;
        }
        self.head.next = self.give.q.val();
        self.idle.next = !self.offered.val() & self.reads.none.val();

        if self.drain.val() {
            self.stopped.d.next = true;
        }
        if self.reset.val() | self.clear.val() {
            self.state.d.next = FetchState::Measure;
            self.stopped.d.next = false;
            self.ask.d.next = 0.into();
            self.arrive.d.next = 0.into();
            self.give.d.next = 0.into();
            self.has_failed.d.next = false;
            self.bell.d.next = 0.into();
            self.came.d.next = false;
            self.out_fault_valid.d.next = false;
        }
    }
}
