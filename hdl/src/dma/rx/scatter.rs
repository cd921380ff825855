//! Which part of a frame goes where.

use rust_hdl::prelude::*;

use super::buffer::Received;
use super::feed::Job;
use super::retire::Burst;
use crate::constant::Const;
use crate::dma::records::{Descriptor, WriteRequest};

/// The steps of a buffer.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum ScatterState {
    /// Wait for a descriptor and, if none is under way, for a frame.
    Take,
    /// What is wrong with the descriptor; whether the frame ends in its buffer.
    Check,
    /// How much goes into it.
    Measure,
    /// A write, up to the next multiple of 256 bytes.
    Cut,
    /// The descriptor is bad.
    Refuse,
    /// The rest of the frame leaves the buffer for nowhere.
    Discard,
}

/// Lays frames into the buffers that descriptors name.
///
/// - Ports: `frame`, `descriptor` in; for each write, in the same clock, `write_request`, `job` (the beats for it), `burst` (what is to be said when it
///   is answered). A frame that is given up has a `job` that discards its rest, and a pulse `host_fault` or `no_buffer`.
/// - `taking`: descriptors are taken. `drain`: frames that wait are discarded. `stop`, a pulse: no more descriptors until `clear`.
/// - A frame that wants a further descriptor when none is taken any more is given up, when all its writes are answered (`settled`): `lost` then says
///   whether one of them failed, and the frame has been told of.
/// - Latency: 4 clocks from `frame` to `write_request`. Throughput: 4 clocks a buffer, with one write; each further write 2 clocks.
/// - Back-pressure: each write waits for `write_request`, `job` and `burst`.
#[derive(LogicBlock, Default)]
pub struct Scatter {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub clear: Signal<In, bool>,
    pub taking: Signal<In, bool>,
    pub drain: Signal<In, bool>,
    pub stop: Signal<In, bool>,
    pub settled: Signal<In, bool>,
    pub lost: Signal<In, bool>,
    pub frame: Signal<In, Received>,
    pub frame_valid: Signal<In, bool>,
    pub descriptor: Signal<In, Descriptor>,
    pub descriptor_valid: Signal<In, bool>,
    pub write_request_ready: Signal<In, bool>,
    pub job_ready: Signal<In, bool>,
    pub burst_ready: Signal<In, bool>,
    pub frame_ready: Signal<Out, bool>,
    pub descriptor_ready: Signal<Out, bool>,
    pub write_request: Signal<Out, WriteRequest>,
    pub write_request_valid: Signal<Out, bool>,
    pub job: Signal<Out, Job>,
    pub job_valid: Signal<Out, bool>,
    pub burst: Signal<Out, Burst>,
    pub burst_valid: Signal<Out, bool>,
    pub host_fault: Signal<Out, bool>,
    pub no_buffer: Signal<Out, bool>,
    state: DFF<ScatterState>,
    stopped: DFF<bool>,
    /// A frame has buffers, and wants more.
    midway: DFF<bool>,
    /// Bytes of it that have no buffer yet, and its `tuser`.
    remaining: DFF<Bits<16>>,
    user: DFF<Bits<32>>,
    first: DFF<bool>,
    /// The buffer: where the next write goes, the block behind it, its bytes, the index behind its descriptor.
    address: DFF<Bits<64>>,
    next_block: DFF<Bits<56>>,
    size: DFF<Bits<16>>,
    index: DFF<Bits<16>>,
    wrong_phase: DFF<bool>,
    cause: DFF<Bits<4>>,
    /// The frame ends in it; what remains if not; bytes and beats that go into it.
    last: DFF<bool>,
    beyond: DFF<Bits<16>>,
    length: DFF<Bits<16>>,
    left: DFF<Bits<12>>,
    request: DFF<WriteRequest>,
    request_valid: DFF<bool>,
    given_up: DFF<bool>,
    unused: DFF<bool>,
    buffer_address: Signal<Local, Bits<64>>,
    control: Signal<Local, Bits<32>>,
    open: Signal<Local, bool>,
    take: Signal<Local, bool>,
    low: Signal<Local, Bits<4>>,
    place: Signal<Local, Bits<4>>,
    to_boundary: Signal<Local, Bits<12>>,
    fits: Signal<Local, bool>,
    beats: Signal<Local, Bits<12>>,
    go: Signal<Local, bool>,
    refuse: Signal<Local, bool>,
    rounded: Signal<Local, Bits<17>>,
    phase_fault: Const<4, { espalier_regs::dma::Fault::Phase as u64 }>,
    length_fault: Const<4, { espalier_regs::dma::Fault::Length as u64 }>,
    address_fault: Const<4, { espalier_regs::dma::Fault::Address as u64 }>,
    block: Const<12, 16>,
}

impl Logic for Scatter {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, stopped, midway, remaining, user, first, address, next_block, size, index, wrong_phase);
        dff_setup!(self, clock, cause, last, beyond, length, left, request, request_valid, given_up, unused);

        self.open.next = self.taking.val() & !self.stopped.q.val();
        self.take.next = self.open.val() & self.descriptor_valid.val() & (self.midway.q.val() | self.frame_valid.val());
        self.descriptor_ready.next = false;
        self.frame_ready.next = false;
        self.buffer_address.next = self.descriptor.val().address;
        self.control.next = self.descriptor.val().control;
        self.given_up.d.next = false;
        self.unused.d.next = false;
        if self.write_request_ready.val() {
            self.request_valid.d.next = false;
        }
        if self.stop.val() {
            self.stopped.d.next = true;
        }

        // A write.
        self.low.next = self.address.q.val().get_bits::<4>(0);
        self.place.next = self.address.q.val().get_bits::<4>(4);
        self.to_boundary.next = self.block.val() - bit_cast::<12, 4>(self.place.val());
        self.fits.next = self.left.q.val() <= self.to_boundary.val();
        self.beats.next = self.to_boundary.val();
        if self.fits.val() {
            self.beats.next = self.left.q.val();
        }
        self.go.next =
            (self.state.q.val() == ScatterState::Cut) & self.job_ready.val() & self.burst_ready.val() & !self.request_valid.q.val();
        self.refuse.next = (self.state.q.val() == ScatterState::Refuse) & self.burst_ready.val();
        self.burst.next.address = self.address.q.val();
        self.burst.next.user = self.user.q.val();
        self.burst.next.index = self.index.q.val();
        self.burst.next.length = self.length.q.val();
        self.burst.next.first = self.first.q.val();
        self.burst.next.last = self.last.q.val();
        self.burst.next.ends_buffer = self.fits.val();
        self.burst.next.cause = 0.into();
        if self.refuse.val() {
            self.burst.next.ends_buffer = true;
            self.burst.next.cause = self.cause.q.val();
        }
        self.burst_valid.next = self.go.val() | self.refuse.val();

        // Its beats; or all that remains.
        self.rounded.next = bit_cast::<17, 16>(self.remaining.q.val()) + 15;
        self.job.next.discard = self.state.q.val() == ScatterState::Discard;
        self.job.next.beats = self.beats.val();
        self.job.next.tail = 0.into();
        if self.fits.val() & self.last.q.val() {
            self.job.next.tail = self.remaining.q.val().get_bits::<4>(0);
        }
        self.job_valid.next = self.go.val();

        match self.state.q.val() {
            ScatterState::Take => {
                self.descriptor_ready.next = self.take.val();
                self.frame_ready.next = self.take.val() & !self.midway.q.val();
                self.address.d.next = self.buffer_address.val();
                self.size.d.next = self.control.val().get_bits::<16>(0);
                self.wrong_phase.d.next = self.descriptor.val().wrong_phase;
                if !self.midway.q.val() {
                    self.remaining.d.next = self.frame.val().length;
                    self.user.d.next = self.frame.val().user;
                    self.first.d.next = true;
                } else {
                    self.first.d.next = false;
                }
                if self.take.val() {
                    self.index.d.next = self.index.q.val() + 1;
                    self.state.d.next = ScatterState::Check;
                } else if self.midway.q.val() & !self.open.val() & self.settled.val() {
                    self.given_up.d.next = !self.lost.val();
                    self.state.d.next = ScatterState::Discard;
                } else if !self.midway.q.val() & self.drain.val() & self.frame_valid.val() {
                    self.frame_ready.next = true;
                    self.unused.d.next = true;
                    self.state.d.next = ScatterState::Discard;
                }
            }
            ScatterState::Check => {
                self.next_block.d.next = self.address.q.val().get_bits::<56>(8) + 1;
                self.last.d.next = self.remaining.q.val() <= self.size.q.val();
                self.beyond.d.next = self.remaining.q.val() - self.size.q.val();
                self.state.d.next = ScatterState::Measure;
                if self.low.val().any() {
                    self.cause.d.next = self.address_fault.val();
                    self.state.d.next = ScatterState::Refuse;
                }
                if self.size.q.val().get_bits::<4>(0).any() | !self.size.q.val().any() {
                    self.cause.d.next = self.length_fault.val();
                    self.state.d.next = ScatterState::Refuse;
                }
                if self.wrong_phase.q.val() {
                    self.cause.d.next = self.phase_fault.val();
                    self.state.d.next = ScatterState::Refuse;
                }
            }
            ScatterState::Measure => {
                self.length.d.next = self.size.q.val();
                self.left.d.next = self.size.q.val().get_bits::<12>(4);
                if self.last.q.val() {
                    self.length.d.next = self.remaining.q.val();
                    self.left.d.next = self.rounded.val().get_bits::<12>(4);
                }
                self.state.d.next = ScatterState::Cut;
            }
            ScatterState::Cut => {
                if self.go.val() {
                    self.request.d.next.address = self.address.q.val();
                    self.request.d.next.beats = bit_cast::<5, 12>(self.beats.val());
                    self.request_valid.d.next = true;
                    self.address.d.next = bit_cast::<64, 56>(self.next_block.q.val()) << 8;
                    self.next_block.d.next = self.next_block.q.val() + 1;
                    self.left.d.next = self.left.q.val() - self.to_boundary.val();
                    if self.fits.val() {
                        self.remaining.d.next = self.beyond.q.val();
                        self.midway.d.next = !self.last.q.val();
                        self.state.d.next = ScatterState::Take;
                    }
                }
            }
            ScatterState::Refuse => {
                self.stopped.d.next = true;
                if self.burst_ready.val() {
                    self.state.d.next = ScatterState::Discard;
                }
            }
            ScatterState::Discard => {
                self.job.next.beats = self.rounded.val().get_bits::<12>(4);
                self.job_valid.next = true;
                if self.job_ready.val() {
                    self.midway.d.next = false;
                    self.state.d.next = ScatterState::Take;
                }
            }
            _ => {
                self.state.d.next = ScatterState::Take;
            }
        }
        self.write_request.next = self.request.q.val();
        self.write_request_valid.next = self.request_valid.q.val();
        self.host_fault.next = self.given_up.q.val();
        self.no_buffer.next = self.unused.q.val();

        if self.reset.val() | self.clear.val() {
            self.state.d.next = ScatterState::Take;
            self.stopped.d.next = false;
            self.midway.d.next = false;
            self.index.d.next = 0.into();
            self.request_valid.d.next = false;
            self.given_up.d.next = false;
            self.unused.d.next = false;
        }
    }
}
