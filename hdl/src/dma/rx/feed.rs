//! The beats of received frames on their way out.

use rust_hdl::prelude::*;

use crate::dma::records::WriteBeat;
use crate::fifo::Fifo;

/// What becomes of the beats that come next.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Job {
    /// How many.
    pub beats: Bits<12>,
    /// Bytes that count in the last of them; 0: all 16.
    pub tail: Bits<4>,
    /// Nothing is to be written.
    pub discard: bool,
}

/// Gives each write its beats, or throws beats away.
///
/// Ports: `job` and `beat` in, `write_beat` out: the beat as it came, with the strobes of the bytes that count. Latency 4 clocks from `job`, none from
/// `beat`; a beat a clock, also from one job to the next. Back-pressure: `write_beat_ready`; 16 jobs wait.
#[derive(LogicBlock, Default)]
pub struct Feed {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub job: Signal<In, Job>,
    pub job_valid: Signal<In, bool>,
    pub beat: Signal<In, Bits<128>>,
    pub beat_valid: Signal<In, bool>,
    pub write_beat_ready: Signal<In, bool>,
    pub job_ready: Signal<Out, bool>,
    pub beat_ready: Signal<Out, bool>,
    pub write_beat: Signal<Out, WriteBeat>,
    pub write_beat_valid: Signal<Out, bool>,
    jobs: Fifo<Job, 4>,
    busy: DFF<bool>,
    discard: DFF<bool>,
    left: DFF<Bits<12>>,
    /// The beat in turn is the job's last.
    last: DFF<bool>,
    /// Strobes of that one.
    strobes: DFF<Bits<16>>,
    moves: Signal<Local, bool>,
    free: Signal<Local, bool>,
    tail: Signal<Local, Bits<4>>,
}

impl Logic for Feed {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, busy, discard, left, last, strobes);
        clock!(self, clock, jobs);
        self.jobs.reset.next = self.reset.val();
        self.jobs.s_data.next = self.job.val();
        self.jobs.s_valid.next = self.job_valid.val();
        self.job_ready.next = self.jobs.s_ready.val();

        // A beat
        self.moves.next = self.busy.q.val() & self.beat_valid.val() & (self.discard.q.val() | self.write_beat_ready.val());
        self.free.next = !self.busy.q.val() | (self.moves.val() & self.last.q.val());
        self.beat_ready.next = self.busy.q.val() & (self.discard.q.val() | self.write_beat_ready.val());
        self.write_beat.next.data = self.beat.val();
        self.write_beat.next.strobes = 0xffff.into();
        if self.last.q.val() {
            self.write_beat.next.strobes = self.strobes.q.val();
        }
        self.write_beat_valid.next = self.busy.q.val() & self.beat_valid.val() & !self.discard.q.val();
        if self.moves.val() {
            self.left.d.next = self.left.q.val() - 1;
            self.last.d.next = self.left.q.val() == 2;
        }

        // The next job
        self.jobs.m_ready.next = self.free.val();
        self.tail.next = self.jobs.m_data.val().tail;
        if self.free.val() {
            self.busy.d.next = self.jobs.m_valid.val();
            self.discard.d.next = self.jobs.m_data.val().discard;
            self.left.d.next = self.jobs.m_data.val().beats;
            self.last.d.next = self.jobs.m_data.val().beats == 1;
            self.strobes.d.next = 0xffff.into();
            match self.tail.val().index() {
                1 => self.strobes.d.next = 0x0001.into(),
                2 => self.strobes.d.next = 0x0003.into(),
                3 => self.strobes.d.next = 0x0007.into(),
                4 => self.strobes.d.next = 0x000f.into(),
                5 => self.strobes.d.next = 0x001f.into(),
                6 => self.strobes.d.next = 0x003f.into(),
                7 => self.strobes.d.next = 0x007f.into(),
                8 => self.strobes.d.next = 0x00ff.into(),
                9 => self.strobes.d.next = 0x01ff.into(),
                10 => self.strobes.d.next = 0x03ff.into(),
                11 => self.strobes.d.next = 0x07ff.into(),
                12 => self.strobes.d.next = 0x0fff.into(),
                13 => self.strobes.d.next = 0x1fff.into(),
                14 => self.strobes.d.next = 0x3fff.into(),
                15 => self.strobes.d.next = 0x7fff.into(),
                _ => {}
            }
        }

        if self.reset.val() {
            self.busy.d.next = false;
        }
    }
}
