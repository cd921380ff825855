//! From descriptors to reads.

use espalier_regs::dma::Fault as Cause;
use espalier_regs::tuser::tx;
use rust_hdl::prelude::*;

use super::records::Piece;
use crate::constant::Const;
use crate::dma::records::{Descriptor, Fault, ReadRequest};
use crate::parse::MAX_FRAME_BYTES;

/// Fields of word 3 that go to the engine; ERROR is the queue's.
const USER: u64 = (tx::CRYPTO.mask() | tx::SA.mask() | tx::PROTECT.mask()) as u64;

#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
enum SegmentState {
    Take,
    /// Sums and conditions.
    Check,
    /// Is it allowed?
    Judge,
    /// How far the next request goes.
    Cut,
    /// `request` is offered, when there is room for its piece.
    Ask,
    /// There is nothing to be read; the same way in the pieces.
    Refuse,
}

/// Takes descriptors while `open`, checks them, and cuts what they name into reads that do not cross a multiple of 256 bytes.
///
/// - Ports: `descriptor`; `request` to memory, and with each that is taken a `piece` to who waits for its data; `piece_room` (one more may be
///   pushed). `quiet`: no descriptor is in work.
/// - A descriptor that is refused becomes a piece too, with `bad`, and raises `fault`; `stop` says that the queue takes no more.
/// - What is taken is read to its end, whatever `open` says.
/// - Latency 4 clocks from descriptor to request. Throughput: a segment each 3 clocks and 2 for each request.
#[derive(LogicBlock, Default)]
pub struct Segments {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub open: Signal<In, bool>,
    pub descriptor: Signal<In, Descriptor>,
    pub descriptor_valid: Signal<In, bool>,
    pub request_ready: Signal<In, bool>,
    pub piece_room: Signal<In, bool>,
    pub descriptor_ready: Signal<Out, bool>,
    pub request: Signal<Out, ReadRequest>,
    pub request_valid: Signal<Out, bool>,
    pub piece: Signal<Out, Piece>,
    pub piece_valid: Signal<Out, bool>,
    pub quiet: Signal<Out, bool>,
    pub stop: Signal<Out, bool>,
    pub fault: Signal<Out, Fault>,
    state: DFF<SegmentState>,
    /// Index behind the descriptor in work.
    index: DFF<Bits<16>>,
    /// Bytes of the frame in front of it, 0 if it is the first.
    so_far: DFF<Bits<16>>,
    first: DFF<bool>,
    // The descriptor, or what is left of it.
    address: DFF<Bits<64>>,
    length: DFF<Bits<16>>,
    last: DFF<bool>,
    user: DFF<Bits<16>>,
    wrong_phase: DFF<bool>,
    // Checks.
    sum: DFF<Bits<17>>,
    bad_length: DFF<bool>,
    bad_address: DFF<bool>,
    cause: DFF<Bits<4>>,
    left: DFF<Bits<10>>,
    /// Of this segment, nothing is asked for yet.
    fresh: DFF<bool>,
    // The request.
    beats: DFF<Bits<5>>,
    is_end: DFF<bool>,
    block: DFF<Bits<56>>,
    control: Signal<Local, Bits<32>>,
    start: Signal<Local, Bits<64>>,
    whole: Signal<Local, bool>,
    to_block: Signal<Local, Bits<5>>,
    rounded: Signal<Local, Bits<16>>,
    asked: Signal<Local, bool>,
    refused: Signal<Local, bool>,
    max_bytes: Const<17, { MAX_FRAME_BYTES as u64 }>,
    user_mask: Const<16, USER>,
    sixteen: Const<5, 16>,
    phase: Const<4, { Cause::Phase as u64 }>,
    too_long: Const<4, { Cause::Length as u64 }>,
    odd: Const<4, { Cause::Address as u64 }>,
}

impl Logic for Segments {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, index, so_far, first, address, length, last, user, wrong_phase);
        dff_setup!(self, clock, sum, bad_length, bad_address, cause, left, fresh, beats, is_end, block);
        self.control.next = self.descriptor.val().control;
        self.start.next = self.address.q.val();
        self.descriptor_ready.next = (self.state.q.val() == SegmentState::Take) & self.open.val();
        self.asked.next = ((self.state.q.val() == SegmentState::Ask) & self.piece_room.val()) & self.request_ready.val();
        self.refused.next = (self.state.q.val() == SegmentState::Refuse) & self.piece_room.val();

        // The end of a request: of the segment, or the next multiple of 256 bytes.
        self.whole.next = self.length.q.val().get_bits::<4>(0) == 0;
        self.rounded.next = self.length.q.val() + 15;
        self.to_block.next = self.sixteen.val() - bit_cast::<5, 4>(self.start.val().get_bits::<4>(4));

        match self.state.q.val() {
            SegmentState::Take => {
                self.address.d.next = self.descriptor.val().address;
                self.length.d.next = self.control.val().get_bits::<16>(0);
                self.last.d.next = self.control.val().get_bit(16);
                self.wrong_phase.d.next = self.descriptor.val().wrong_phase;
                if self.first.q.val() {
                    self.user.d.next = bit_cast::<16, 32>(self.descriptor.val().user) & self.user_mask.val();
                }
                if self.descriptor_valid.val() & self.open.val() {
                    self.index.d.next = self.index.q.val() + 1;
                    self.state.d.next = SegmentState::Check;
                }
            }
            SegmentState::Check => {
                self.sum.d.next = bit_cast::<17, 16>(self.so_far.q.val()) + bit_cast::<17, 16>(self.length.q.val());
                self.bad_length.d.next = (self.length.q.val() == 0) | (!self.last.q.val() & !self.whole.val());
                self.bad_address.d.next = self.start.val().get_bits::<4>(0) != 0;
                self.left.d.next = self.rounded.val().get_bits::<10>(4);
                self.fresh.d.next = true;
                self.state.d.next = SegmentState::Judge;
            }
            SegmentState::Judge => {
                self.so_far.d.next = bit_cast::<16, 17>(self.sum.q.val());
                self.state.d.next = SegmentState::Refuse;
                if self.wrong_phase.q.val() {
                    self.cause.d.next = self.phase.val();
                    self.address.d.next = 0.into();
                } else if self.bad_length.q.val() | (self.sum.q.val() > self.max_bytes.val()) {
                    self.cause.d.next = self.too_long.val();
                } else if self.bad_address.q.val() {
                    self.cause.d.next = self.odd.val();
                } else {
                    self.cause.d.next = 0.into();
                    self.state.d.next = SegmentState::Cut;
                }
            }
            SegmentState::Cut => {
                self.beats.d.next = self.to_block.val();
                self.is_end.d.next = false;
                if self.left.q.val() <= bit_cast::<10, 5>(self.to_block.val()) {
                    self.beats.d.next = bit_cast::<5, 10>(self.left.q.val());
                    self.is_end.d.next = true;
                }
                self.block.d.next = self.start.val().get_bits::<56>(8) + 1;
                self.state.d.next = SegmentState::Ask;
            }
            SegmentState::Ask => {
                if self.asked.val() {
                    self.fresh.d.next = false;
                    self.left.d.next = self.left.q.val() - bit_cast::<10, 5>(self.beats.q.val());
                    self.address.d.next = bit_cast::<64, 56>(self.block.q.val()) << 8;
                    self.state.d.next = SegmentState::Cut;
                    if self.is_end.q.val() {
                        self.first.d.next = self.last.q.val();
                        self.state.d.next = SegmentState::Take;
                        if self.last.q.val() {
                            self.so_far.d.next = 0.into();
                        }
                    }
                }
            }
            SegmentState::Refuse => {
                if self.refused.val() {
                    self.state.d.next = SegmentState::Take;
                }
            }
            _ => {
                self.state.d.next = SegmentState::Take;
            }
        }

        self.request.next.address = self.start.val();
        self.request.next.beats = self.beats.q.val();
        self.request_valid.next = (self.state.q.val() == SegmentState::Ask) & self.piece_room.val();
        self.piece.next.address = self.start.val();
        self.piece.next.first = self.first.q.val() & self.fresh.q.val();
        self.piece.next.last = self.last.q.val() & self.is_end.q.val();
        self.piece.next.unused = bit_cast::<4, 5>(self.sixteen.val() - bit_cast::<5, 4>(self.length.q.val().get_bits::<4>(0)));
        self.piece.next.user = self.user.q.val();
        self.piece.next.bad = self.refused.val();
        self.piece.next.cause = self.cause.q.val();
        self.piece.next.index = self.index.q.val();
        self.piece_valid.next = self.asked.val() | self.refused.val();
        self.quiet.next = self.state.q.val() == SegmentState::Take;
        self.stop.next = self.refused.val();
        self.fault.next.cause = self.cause.q.val();
        self.fault.next.address = self.start.val();

        if self.reset.val() {
            self.state.d.next = SegmentState::Take;
            self.index.d.next = 0.into();
            self.so_far.d.next = 0.into();
            self.first.d.next = true;
        }
    }
}
