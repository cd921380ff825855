//! Asks the CAM while the headers wait.

use rust_hdl::prelude::*;

use crate::queue::Queue;
use crate::records::{CamKey, Headers, SaIndex};

/// What the CAM says of a frame.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Answer {
    /// There is an SA for its destination and SPI.
    pub hit: bool,
    /// Its number.
    pub sa: SaIndex,
    /// Which of the SAs that have had this number it is: read with the answer, so that a packet stays bound to it however long it waits.
    pub generation: Bits<16>,
}

/// Headers, each with the CAM's answer.
///
/// - Ports: `headers` in; `key` to the CAM and `result` from it, one for every frame (that of one that is not ESP means nothing); `m`,
///   which is `m_headers` and `answer`, out, in order; the write port of the generations.
/// - Latency: the CAM's and 4 clocks. Throughput: a frame a clock; 4 wait at least.
/// - Back-pressure: `headers_ready`. No more are asked for than answers can be kept.
#[derive(LogicBlock, Default)]
pub struct Lookup<const A: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub headers: Signal<In, Headers>,
    /// Beside them.
    pub dst: Signal<In, Bits<128>>,
    pub headers_valid: Signal<In, bool>,
    pub headers_ready: Signal<Out, bool>,
    pub key: Signal<Out, CamKey>,
    pub key_valid: Signal<Out, bool>,
    pub result_valid: Signal<In, bool>,
    pub result_hit: Signal<In, bool>,
    pub result_sa: Signal<In, SaIndex>,
    pub write_enable: Signal<In, bool>,
    pub write_index: Signal<In, SaIndex>,
    pub write_generation: Signal<In, Bits<16>>,
    pub m_headers: Signal<Out, Headers>,
    pub answer: Signal<Out, Answer>,
    pub m_valid: Signal<Out, bool>,
    pub m_ready: Signal<In, bool>,
    queue: Queue<Headers, 2>,
    /// Twice as deep: never full.
    answers: Queue<Answer, 3>,
    generations: RAM<Bits<16>, A>,
    asked: DFF<CamKey>,
    asked_valid: DFF<bool>,
    found: DFF<Answer>,
    found_valid: DFF<bool>,
    both: Signal<Local, bool>,
    whole: Signal<Local, Answer>,
}

impl<const A: usize> Logic for Lookup<A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, asked, asked_valid, found, found_valid);
        clock!(self, clock, queue, answers);
        self.queue.reset.next = self.reset.val();
        self.answers.reset.next = self.reset.val();

        // Ask.
        self.queue.s_data.next = self.headers.val();
        self.queue.s_valid.next = self.headers_valid.val();
        self.headers_ready.next = self.queue.s_ready.val();
        self.asked.d.next.dst = self.dst.val();
        self.asked.d.next.spi = self.headers.val().spi;
        self.asked.d.next.v6 = self.headers.val().is_v6;
        self.asked.d.next.encap = self.headers.val().is_encap;
        self.asked_valid.d.next = self.headers_valid.val() & self.queue.s_ready.val();
        self.key.next = self.asked.q.val();
        self.key_valid.next = self.asked_valid.q.val();

        // The answer; one clock later its generation.
        self.generations.read_clock.next = self.clock.val();
        self.generations.read_address.next = bit_cast::<A, 10>(self.result_sa.val());
        self.generations.write_clock.next = self.clock.val();
        self.generations.write_enable.next = self.write_enable.val();
        self.generations.write_address.next = bit_cast::<A, 10>(self.write_index.val());
        self.generations.write_data.next = self.write_generation.val();
        self.found.d.next.hit = self.result_hit.val();
        self.found.d.next.sa = self.result_sa.val();
        self.found_valid.d.next = self.result_valid.val();
        self.whole.next = self.found.q.val();
        self.whole.next.generation = self.generations.read_data.val();
        self.answers.s_data.next = self.whole.val();
        self.answers.s_valid.next = self.found_valid.q.val();

        // Both.
        self.both.next = self.queue.m_valid.val() & self.answers.m_valid.val();
        self.m_headers.next = self.queue.m_data.val();
        self.answer.next = self.answers.m_data.val();
        self.m_valid.next = self.both.val();
        self.queue.m_ready.next = self.both.val() & self.m_ready.val();
        self.answers.m_ready.next = self.both.val() & self.m_ready.val();

        if self.reset.val() {
            self.asked_valid.d.next = false;
            self.found_valid.d.next = false;
        }
    }
}
