//! Received frames into the host's buffers.
//!
//! ```text
//! s_axis_host ──> buffer ──frame──> scatter ──> write_request
//!                   │    descriptor ──┘ │ └─burst─> retire ──> completion
//!                   └──beat──> feed <─job┘            └── write_response
//!                                └──> write_beat
//! ```
//!
//! A frame that has come whole takes as many descriptors as it needs, and each buffer has a completion when all that was written to it is
//! answered. Buffers of a frame are completed as they are done, so a frame may be longer than the ring's buffers together: the host refills.
//! Several buffers and frames are under way at once.
//!
//! What becomes of a frame: its last completion has no CAUSE, or there is exactly one pulse: `no_buffer`, it was not begun; `host_fault`, it was.
//!
//! | case | |
//! |---|---|
//! | no room in the buffer, also in the midst of the frame | dropped as a whole at the entrance: `no_buffer` |
//! | the queue does not run, or stopped in the midst of the frame's arrival | the same, also if it runs again before the frame's end |
//! | no descriptors | the frame waits in the buffer, those behind it too |
//! | a bad descriptor: wrong phase, length, address | its completion has CAUSE, LAST and length 0; fault; the frame is lost: `host_fault` |
//! | a write fails | the completion of its buffer has CAUSE `Data`, LAST and length 0; fault; `host_fault`. The frame's later buffers are not completed |
//! | ... and other frames have been begun | they are written and completed as ever; each in which a write fails has its own CAUSE and `host_fault` |
//! | after a fault, of any block | no descriptor is taken; a frame that needs one more is given up when its writes are answered, without a further completion: `host_fault`. Frames that wait stay, until drain |
//! | drain | as after a fault; frames that wait are discarded: `no_buffer` |
//! | completions are not taken | nothing is lost: 65 writes are waited for, then no more are begun; drain waits as well |
//! | `clear` | indices from 0; a frame of which a part was dropped is dropped to its end |

mod buffer;
mod feed;
mod retire;
mod scatter;

use rust_hdl::prelude::*;

use super::records::{Completion, Descriptor, Fault, WriteBeat, WriteRequest};
use buffer::RxBuffer;
use feed::Feed;
use retire::Retire;
use scatter::Scatter;

/// See the module's documentation.
///
/// - Ports: the queue's `run`, `drain`, `clear`, `idle`, `fault`; `s_axis_host_*` the frames, each with the same `tuser` on all beats; `descriptor` in
///   the ring's order; `write_*` to [`super`]'s writer; `completion`; `no_buffer` and `host_fault`, one-clock pulses for frames that are lost.
/// - A beat is offered after its request. Up to 65 writes are outstanding.
/// - Latency: 8 clocks from a frame's last beat to its first `write_request`, 4 from its last response to `completion`.
/// - Throughput: a frame takes its beats or, if they are fewer, 4 clocks for each buffer, and 2 for each multiple of 256 bytes that it crosses.
/// - Back-pressure: none, `tready` is always high: see `no_buffer`.
#[derive(LogicBlock, Default)]
pub struct RxQueue {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub run: Signal<In, bool>,
    pub drain: Signal<In, bool>,
    pub clear: Signal<In, bool>,
    pub s_axis_host_tdata: Signal<In, Bits<128>>,
    pub s_axis_host_tkeep: Signal<In, Bits<16>>,
    pub s_axis_host_tvalid: Signal<In, bool>,
    pub s_axis_host_tlast: Signal<In, bool>,
    pub s_axis_host_tuser: Signal<In, Bits<32>>,
    pub descriptor: Signal<In, Descriptor>,
    pub descriptor_valid: Signal<In, bool>,
    pub write_request_ready: Signal<In, bool>,
    pub write_beat_ready: Signal<In, bool>,
    pub write_response_valid: Signal<In, bool>,
    pub write_response_error: Signal<In, bool>,
    pub completion_ready: Signal<In, bool>,
    pub idle: Signal<Out, bool>,
    pub fault: Signal<Out, Fault>,
    pub fault_valid: Signal<Out, bool>,
    pub s_axis_host_tready: Signal<Out, bool>,
    pub descriptor_ready: Signal<Out, bool>,
    pub write_request: Signal<Out, WriteRequest>,
    pub write_request_valid: Signal<Out, bool>,
    pub write_beat: Signal<Out, WriteBeat>,
    pub write_beat_valid: Signal<Out, bool>,
    pub completion: Signal<Out, Completion>,
    pub completion_valid: Signal<Out, bool>,
    pub no_buffer: Signal<Out, bool>,
    pub host_fault: Signal<Out, bool>,
    buffer: RxBuffer<11>,
    scatter: Scatter,
    feed: Feed,
    retire: Retire,
    /// Pulses of `no_buffer` that are still to be given: a frame was dropped at the entrance as another one was discarded. A frame that
    /// is discarded has been in the buffer, so there are no more than it holds.
    owed: DFF<Bits<10>>,
    fresh: Signal<Local, bool>,
    taking: Signal<Local, bool>,
}

impl Logic for RxQueue {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, owed);
        clock!(self, clock, buffer, scatter, feed, retire);
        self.buffer.reset.next = self.reset.val();
        self.buffer.clear.next = self.clear.val();
        self.scatter.reset.next = self.reset.val();
        self.scatter.clear.next = self.clear.val();
        self.feed.reset.next = self.reset.val() | self.clear.val();
        self.retire.reset.next = self.reset.val() | self.clear.val();
        self.taking.next = self.run.val() & !self.drain.val();

        // In
        self.buffer.accept.next = self.taking.val();
        self.buffer.s_axis_tdata.next = self.s_axis_host_tdata.val();
        self.buffer.s_axis_tkeep.next = self.s_axis_host_tkeep.val();
        self.buffer.s_axis_tvalid.next = self.s_axis_host_tvalid.val();
        self.buffer.s_axis_tlast.next = self.s_axis_host_tlast.val();
        self.buffer.s_axis_tuser.next = self.s_axis_host_tuser.val();
        self.s_axis_host_tready.next = true;

        // Frames and descriptors to writes
        self.scatter.taking.next = self.taking.val();
        self.scatter.drain.next = self.drain.val();
        self.scatter.stop.next = self.retire.fault_valid.val();
        self.scatter.settled.next = self.retire.settled.val();
        self.scatter.lost.next = self.retire.lost.val();
        self.scatter.frame.next = self.buffer.frame.val();
        self.scatter.frame_valid.next = self.buffer.frame_valid.val();
        self.buffer.frame_ready.next = self.scatter.frame_ready.val();
        self.scatter.descriptor.next = self.descriptor.val();
        self.scatter.descriptor_valid.next = self.descriptor_valid.val();
        self.descriptor_ready.next = self.scatter.descriptor_ready.val();
        self.write_request.next = self.scatter.write_request.val();
        self.write_request_valid.next = self.scatter.write_request_valid.val();
        self.scatter.write_request_ready.next = self.write_request_ready.val();

        // Beats
        self.feed.job.next = self.scatter.job.val();
        self.feed.job_valid.next = self.scatter.job_valid.val();
        self.scatter.job_ready.next = self.feed.job_ready.val();
        self.feed.beat.next = self.buffer.beat.val();
        self.feed.beat_valid.next = self.buffer.beat_valid.val();
        self.buffer.beat_ready.next = self.feed.beat_ready.val();
        self.write_beat.next = self.feed.write_beat.val();
        self.write_beat_valid.next = self.feed.write_beat_valid.val();
        self.feed.write_beat_ready.next = self.write_beat_ready.val();

        // Answers
        self.retire.burst.next = self.scatter.burst.val();
        self.retire.burst_valid.next = self.scatter.burst_valid.val();
        self.scatter.burst_ready.next = self.retire.burst_ready.val();
        self.retire.response_valid.next = self.write_response_valid.val();
        self.retire.response_error.next = self.write_response_error.val();
        self.completion.next = self.retire.completion.val();
        self.completion_valid.next = self.retire.completion_valid.val();
        self.retire.completion_ready.next = self.completion_ready.val();
        self.fault.next = self.retire.fault.val();
        self.fault_valid.next = self.retire.fault_valid.val();

        // Frames that are lost
        self.host_fault.next = self.retire.host_fault.val() | self.scatter.host_fault.val();
        self.fresh.next = self.buffer.dropped.val() | self.scatter.no_buffer.val();
        self.no_buffer.next = self.fresh.val() | self.owed.q.val().any();
        if self.buffer.dropped.val() & self.scatter.no_buffer.val() {
            self.owed.d.next = self.owed.q.val() + 1;
        }
        if !self.fresh.val() & self.owed.q.val().any() {
            self.owed.d.next = self.owed.q.val() - 1;
        }

        // What is in the buffer still, or not answered, or not completed.
        self.idle.next = self.buffer.empty.val() & self.retire.resting.val();

        if self.reset.val() {
            self.owed.d.next = 0.into();
        }
    }
}
