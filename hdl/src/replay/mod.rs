//! The anti-replay windows of all inbound SAs (RFC 4303 section 3.4.3 and appendix A), with extended sequence numbers.

mod judge;
mod records;

use rust_hdl::prelude::*;

use crate::ram::Ram;

use self::judge::Judge;
pub use self::records::{verdict, ReplayAdvance, ReplayCheck, ReplayChecked, Word};
use crate::constant::Const;
use crate::records::SaIndex;

/// Windows of 0 to 4096 packets for 2^S SAs; W must be S + 5.
///
/// - `check` to `checked`: before decryption. Infers the high half, refuses duplicates, what is left of the window, and
///   zero. Changes nothing.
/// - `advance` to `advanced` (a [`verdict`]): the ICV is good. Infers and judges again from the state of now, and if that
///   is `OK` marks the number as seen and moves the window up to it, all in one: of two packets with one number one passes.
///   `allow` low in the first clock of the answer: it is as it is, but nothing is marked.
/// - `init`: the SA gets `init_top` as its highest number and an empty bitmap. Hold `init_sa` and `init_top` with
///   `init_valid` until `init_ready`, at most 67 clocks. What was stored for the number's earlier owner can't be seen after
///   that. The SA must not receive meanwhile (install it in the CAM afterwards); others may.
/// - `read_sa`: `read_top` is its highest number, from 10 clocks after `read_sa` last changed, and each advance is in it
///   within 15 clocks of its answer.
/// - Latency: 6 clocks from taking a request to its answer, after 0 to 7 clocks of waiting for its turn. Throughput: one
///   check and one advance every 8 clocks. Back-pressure: a request is taken when the answer to the one before is gone.
/// - `reset` forgets requests, not windows: each SA needs its `init`.
///
/// Window 0: nothing is checked (not even number 0) and nothing changes; with ESN, which XFRM refuses without a window, the
/// high half is inferred as with a window of 1. A high half of -1 or 2^32 is left of the window. The whole number 0 is
/// refused always (Linux with ESN lets it pass this check if T is W - 1 exactly). A recheck that infers another high half
/// is left of the window whatever else is wrong (as Linux).
///
/// # How
/// Of each SA the RAMs hold T and 32 words of 256 bits, a ring of 8192 numbers. Each word has the upper bits of the numbers
/// it stands for as its tag, and counts as empty for others, so a jump of any size clears nothing. The ring is longer than
/// a window and a word, so what is overwritten is left of the window.
///
/// A counter of 8 phases gives every access its clock: a check is taken in phase 0, an advance in phase 4; both read in
/// their next clock; an advance writes in phase 3, before the next one reads; `init` writes in the even phases; `read_sa`
/// reads in phase 7. So nothing is read in a clock in which it is written.
#[derive(LogicBlock, Default)]
pub struct Replay<const S: usize, const W: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub check: Signal<In, ReplayCheck>,
    pub check_valid: Signal<In, bool>,
    pub check_ready: Signal<Out, bool>,
    pub checked: Signal<Out, ReplayChecked>,
    pub checked_valid: Signal<Out, bool>,
    pub checked_ready: Signal<In, bool>,
    pub advance: Signal<In, ReplayAdvance>,
    pub advance_valid: Signal<In, bool>,
    pub advance_ready: Signal<Out, bool>,
    pub allow: Signal<In, bool>,
    pub advanced: Signal<Out, Bits<3>>,
    pub advanced_valid: Signal<Out, bool>,
    pub advanced_ready: Signal<In, bool>,
    pub init_sa: Signal<In, SaIndex>,
    pub init_top: Signal<In, Bits<64>>,
    pub init_valid: Signal<In, bool>,
    pub init_ready: Signal<Out, bool>,
    pub read_sa: Signal<In, SaIndex>,
    pub read_top: Signal<Out, Bits<64>>,
    tops: Ram<Bits<64>, S>,
    words: Ram<Word, W>,
    judge: Judge,
    phase: DFF<Bits<3>>,
    /// The request whose rows are being read.
    request: DFF<ReplayAdvance>,
    /// The one being judged, and its rows.
    judged: DFF<ReplayAdvance>,
    top: DFF<Bits<64>>,
    word: DFF<Word>,
    is_recheck: DFF<bool>,
    is_checking: DFF<bool>,
    is_advancing: DFF<bool>,
    checked_record: DFF<ReplayChecked>,
    checked_full: DFF<bool>,
    advanced_record: DFF<Bits<3>>,
    advanced_full: DFF<bool>,
    // What an advance writes.
    is_accepted: DFF<bool>,
    is_ahead: DFF<bool>,
    is_stale: DFF<bool>,
    is_written: DFF<bool>,
    is_top_written: DFF<bool>,
    new_word: DFF<Word>,
    new_seq: DFF<Bits<64>>,
    new_sa: DFF<SaIndex>,
    sweep: DFF<Bits<5>>,
    is_init_done: DFF<bool>,
    read_record: DFF<Bits<64>>,
    is_check_time: Signal<Local, bool>,
    is_advance_time: Signal<Local, bool>,
    request_seq: Signal<Local, Bits<64>>,
    judged_seq: Signal<Local, Bits<64>>,
    new_seq_value: Signal<Local, Bits<64>>,
    old_seen: Signal<Local, Bits<256>>,
    is_sweep_time: Signal<Local, bool>,
    one: Const<256, 1>,
    _shape: Shape<S, W>,
}

/// Proof that W is S + 5.
#[derive(Clone, Copy, Debug)]
struct Shape<const S: usize, const W: usize>;

impl<const S: usize, const W: usize> Default for Shape<S, W> {
    fn default() -> Self {
        const { assert!(W == S + 5, "an SA has 2^5 words") };
        Self
    }
}

impl<const S: usize, const W: usize> Logic for Replay<S, W> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, phase, request, judged, top, word, is_recheck, is_checking, is_advancing);
        dff_setup!(self, clock, checked_record, checked_full, advanced_record, advanced_full);
        dff_setup!(self, clock, is_accepted, is_ahead, is_stale, is_written, is_top_written, new_word, new_seq, new_sa);
        dff_setup!(self, clock, sweep, is_init_done, read_record);
        self.phase.d.next = self.phase.q.val() + 1;

        // Phases 0 and 4: take a request.
        self.is_check_time.next = (self.phase.q.val() == 0) & (!self.is_checking.q.val() & !self.checked_full.q.val());
        self.is_advance_time.next = (self.phase.q.val() == 4) & (!self.is_advancing.q.val() & !self.advanced_full.q.val());
        self.check_ready.next = self.is_check_time.val();
        self.advance_ready.next = self.is_advance_time.val();
        if self.phase.q.val() == 0 {
            self.request.d.next.sa = self.check.val().sa;
            self.request.d.next.seq64 = bit_cast::<64, 32>(self.check.val().seq);
            self.request.d.next.esn = self.check.val().esn;
            self.request.d.next.window = self.check.val().window;
        }
        if self.phase.q.val() == 4 {
            self.request.d.next = self.advance.val();
        }
        if self.is_check_time.val() & self.check_valid.val() {
            self.is_checking.d.next = true;
        }
        if self.is_advance_time.val() & self.advance_valid.val() {
            self.is_advancing.d.next = true;
        }

        // Phases 1 and 5: read; phases 2 and 6: the rows arrive.
        self.tops.read_clock.next = self.clock.val();
        self.words.read_clock.next = self.clock.val();
        self.request_seq.next = self.request.q.val().seq64;
        self.tops.read_address.next = bit_cast::<S, 10>(self.request.q.val().sa);
        self.words.read_address.next =
            (bit_cast::<W, 10>(self.request.q.val().sa) << 5) | bit_cast::<W, 5>(self.request_seq.val().get_bits::<5>(8));
        if (self.phase.q.val() == 2) | (self.phase.q.val() == 6) {
            self.judged.d.next = self.request.q.val();
            self.top.d.next = self.tops.read_data.val();
            self.word.d.next = self.words.read_data.val();
            self.is_recheck.d.next = self.phase.q.val() == 6;
        }

        // Phases 3 and 7: the judge begins; phases 5 and 1: its answer.
        self.judge.clock.next = self.clock.val();
        self.judge.request.next = self.judged.q.val();
        self.judge.is_recheck.next = self.is_recheck.q.val();
        self.judge.top.next = self.top.q.val();
        self.judge.word.next = self.word.q.val();
        if self.checked_ready.val() {
            self.checked_full.d.next = false;
        }
        if (self.phase.q.val() == 5) & self.is_checking.q.val() {
            self.is_checking.d.next = false;
            self.checked_full.d.next = true;
            self.checked_record.d.next.seq64 = self.judge.seq64.val();
            self.checked_record.d.next.verdict = self.judge.verdict.val();
        }
        if self.advanced_ready.val() {
            self.advanced_full.d.next = false;
        }
        self.is_accepted.d.next = false;
        if (self.phase.q.val() == 1) & self.is_advancing.q.val() {
            self.is_advancing.d.next = false;
            self.advanced_full.d.next = true;
            self.advanced_record.d.next = self.judge.verdict.val();
            self.is_accepted.d.next = (self.judge.verdict.val() == 0) & (self.judged.q.val().window != 0);
        }
        self.is_ahead.d.next = self.judge.is_ahead.val();
        self.is_stale.d.next = self.judge.is_stale.val();
        self.checked.next = self.checked_record.q.val();
        self.checked_valid.next = self.checked_full.q.val();
        self.advanced.next = self.advanced_record.q.val();
        self.advanced_valid.next = self.advanced_full.q.val();

        // Phase 2: what an accepted advance writes; phase 3: it writes.
        self.judged_seq.next = self.judged.q.val().seq64;
        self.is_written.d.next = self.is_accepted.q.val() & self.allow.val();
        self.is_top_written.d.next = (self.is_accepted.q.val() & self.is_ahead.q.val()) & self.allow.val();
        self.new_sa.d.next = self.judged.q.val().sa;
        self.new_seq.d.next = self.judged_seq.val();
        self.old_seen.next = self.word.q.val().seen;
        if self.is_stale.q.val() {
            self.old_seen.next = 0.into();
        }
        self.new_word.d.next.seen = self.old_seen.val() | (self.one.val() << self.judged_seq.val().get_bits::<8>(0));
        self.new_word.d.next.tag = self.judged_seq.val().get_bits::<51>(13);
        self.new_seq_value.next = self.new_seq.q.val();
        self.tops.write_clock.next = self.clock.val();
        self.words.write_clock.next = self.clock.val();
        self.tops.write_enable.next = self.is_top_written.q.val();
        self.tops.write_address.next = bit_cast::<S, 10>(self.new_sa.q.val());
        self.tops.write_data.next = self.new_seq.q.val();
        self.words.write_enable.next = self.is_written.q.val();
        self.words.write_address.next =
            (bit_cast::<W, 10>(self.new_sa.q.val()) << 5) | bit_cast::<W, 5>(self.new_seq_value.val().get_bits::<5>(8));
        self.words.write_data.next = self.new_word.q.val();

        // Even phases: init clears a word.
        self.init_ready.next = self.is_init_done.q.val();
        self.is_init_done.d.next = false;
        self.is_sweep_time.next = (self.init_valid.val() & !self.is_init_done.q.val()) & !self.phase.q.val().get_bit(0);
        if self.is_sweep_time.val() {
            self.sweep.d.next = self.sweep.q.val() + 1;
            self.is_init_done.d.next = self.sweep.q.val().all();
            self.tops.write_enable.next = true;
            self.tops.write_address.next = bit_cast::<S, 10>(self.init_sa.val());
            self.tops.write_data.next = self.init_top.val();
            self.words.write_enable.next = true;
            self.words.write_address.next = (bit_cast::<W, 10>(self.init_sa.val()) << 5) | bit_cast::<W, 5>(self.sweep.q.val());
            self.words.write_data.next.seen = 0.into();
            self.words.write_data.next.tag = 0.into();
        }

        // Phase 7: read for statistics.
        if self.phase.q.val() == 7 {
            self.tops.read_address.next = bit_cast::<S, 10>(self.read_sa.val());
        }
        if self.phase.q.val() == 0 {
            self.read_record.d.next = self.tops.read_data.val();
        }
        self.read_top.next = self.read_record.q.val();

        if self.reset.val() {
            self.phase.d.next = 0.into();
            self.is_checking.d.next = false;
            self.is_advancing.d.next = false;
            self.checked_full.d.next = false;
            self.advanced_full.d.next = false;
            self.is_accepted.d.next = false;
            self.is_written.d.next = false;
            self.is_top_written.d.next = false;
            self.sweep.d.next = 0.into();
            self.is_init_done.d.next = false;
        }
    }
}
