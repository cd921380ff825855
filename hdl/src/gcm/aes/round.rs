//! The hardware of a round of AES and the step of the key schedule beside it: two clocks.

use rust_hdl::prelude::*;

use super::super::network::{Comb1, Comb2, Comb3, Comb4};
use super::super::sbox::{Bottom, Top};
use super::key;

/// One of the rounds that it is made for, chosen by `pass`, from the state that enters SubBytes to the state that leaves it.
///
/// Latency 2 clocks (the cut in the S-box, and its output), one state a clock, no back-pressure.
#[derive(LogicBlock)]
pub struct Round {
    pub clock: Signal<In, Clock>,
    /// The state before SubBytes.
    pub state: Signal<In, Bits<128>>,
    /// The window of the key schedule before this round.
    pub lower: Signal<In, Bits<128>>,
    pub upper: Signal<In, Bits<128>>,
    /// The whitened block, for key sizes that have not begun.
    pub held: Signal<In, Bits<128>>,
    pub size: Signal<In, Bits<2>>,
    /// Counts the rounds it is made for.
    pub pass: Signal<In, Bits<3>>,
    /// What goes through SubWord: [`key::next_feed`].
    pub feed: Signal<In, Bits<2>>,
    /// What comes into clock 2 is done; in its place comes a whitened block, its key's window and size, as if of a round before the first.
    pub enters: Signal<In, bool>,
    pub new_block: Signal<In, Bits<128>>,
    pub new_lower: Signal<In, Bits<128>>,
    pub new_upper: Signal<In, Bits<128>>,
    pub new_size: Signal<In, Bits<2>>,
    /// The state after SubBytes; zero for the key size that begins after this round.
    pub y: Signal<Out, Bits<128>>,
    /// What to add after MixColumns: the round key; the whitened block for the key size that begins after this round.
    pub addend: Signal<Out, Bits<128>>,
    /// The state, and the round key, one clock earlier.
    pub early_y: Signal<Out, Bits<128>>,
    pub early_addend: Signal<Out, Bits<128>>,
    /// The window before the next round.
    pub next_lower: Signal<Out, Bits<128>>,
    pub next_upper: Signal<Out, Bits<128>>,
    pub next_held: Signal<Out, Bits<128>>,
    pub next_size: Signal<Out, Bits<2>>,
    pub next_pass: Signal<Out, Bits<3>>,
    pub next_feed: Signal<Out, Bits<2>>,
    sub_bytes_top: Comb1<Top, 128, 64>,
    sub_bytes_bottom: Comb2<Bottom, 128, 64, 128>,
    sub_word_input: Comb3<(), 128, 128, 2, 32>,
    sub_word_top: Comb1<Top, 32, 16>,
    sub_word_bottom: Comb2<Bottom, 32, 16, 32>,
    prefix: Comb4<(), 128, 128, 2, 3, 128>,
    counts: Comb2<(), 2, 3, 4>,
    feeds: Comb2<(), 2, 3, 2>,
    expand: Comb3<(), 128, 32, 4, 128>,
    begins: Comb2<(), 2, 3, 1>,
    // Clock 1.
    state_1: DFF<Bits<128>>,
    cut_1: DFF<Bits<64>>,
    lower_1: DFF<Bits<128>>,
    upper_1: DFF<Bits<128>>,
    word_1: DFF<Bits<32>>,
    word_cut_1: DFF<Bits<16>>,
    held_1: DFF<Bits<128>>,
    size_1: DFF<Bits<2>>,
    pass_1: DFF<Bits<3>>,
    // Clock 2.
    state_2: DFF<Bits<128>>,
    addend_2: DFF<Bits<128>>,
    upper_2: DFF<Bits<128>>,
    prefix_2: DFF<Bits<128>>,
    word_2: DFF<Bits<32>>,
    held_2: DFF<Bits<128>>,
    size_2: DFF<Bits<2>>,
    pass_2: DFF<Bits<3>>,
    counts_2: DFF<Bits<4>>,
    feed_2: DFF<Bits<2>>,
    zero: Constant<Bits<128>>,
}

impl Round {
    /// These rounds, of 1 to 14.
    pub fn new(rounds: &[usize]) -> Self {
        Self {
            clock: Default::default(),
            state: Default::default(),
            lower: Default::default(),
            upper: Default::default(),
            held: Default::default(),
            size: Default::default(),
            pass: Default::default(),
            feed: Default::default(),
            enters: Default::default(),
            new_block: Default::default(),
            new_lower: Default::default(),
            new_upper: Default::default(),
            new_size: Default::default(),
            y: Default::default(),
            addend: Default::default(),
            early_y: Default::default(),
            early_addend: Default::default(),
            next_lower: Default::default(),
            next_upper: Default::default(),
            next_held: Default::default(),
            next_size: Default::default(),
            next_pass: Default::default(),
            next_feed: Default::default(),
            sub_bytes_top: Default::default(),
            sub_bytes_bottom: Default::default(),
            sub_word_input: Comb3::new(key::sub_word_input(rounds)),
            sub_word_top: Default::default(),
            sub_word_bottom: Default::default(),
            prefix: Comb4::new(key::prefix(rounds)),
            counts: Comb2::new(key::counts(rounds)),
            feeds: Comb2::new(key::next_feed(rounds)),
            expand: Comb3::new(key::expand),
            begins: Comb2::new(key::begins(rounds)),
            state_1: Default::default(),
            cut_1: Default::default(),
            lower_1: Default::default(),
            upper_1: Default::default(),
            word_1: Default::default(),
            word_cut_1: Default::default(),
            held_1: Default::default(),
            size_1: Default::default(),
            pass_1: Default::default(),
            state_2: Default::default(),
            addend_2: Default::default(),
            upper_2: Default::default(),
            prefix_2: Default::default(),
            word_2: Default::default(),
            held_2: Default::default(),
            size_2: Default::default(),
            pass_2: Default::default(),
            counts_2: Default::default(),
            feed_2: Default::default(),
            zero: Constant::new(0.into()),
        }
    }
}

impl Logic for Round {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state_1, cut_1, lower_1, upper_1, word_1, word_cut_1, held_1, size_1, pass_1);
        dff_setup!(self, clock, state_2, addend_2, upper_2, prefix_2, word_2, held_2, size_2, pass_2, counts_2, feed_2);

        // Clock 1: the first half of the S-boxes.
        self.sub_bytes_top.a.next = self.state.val();
        self.sub_word_input.a.next = self.lower.val();
        self.sub_word_input.b.next = self.upper.val();
        self.sub_word_input.c.next = self.feed.val();
        self.sub_word_top.a.next = self.sub_word_input.y.val();
        self.state_1.d.next = self.state.val();
        self.cut_1.d.next = self.sub_bytes_top.y.val();
        self.lower_1.d.next = self.lower.val();
        self.upper_1.d.next = self.upper.val();
        self.word_1.d.next = self.sub_word_input.y.val();
        self.word_cut_1.d.next = self.sub_word_top.y.val();
        self.held_1.d.next = self.held.val();
        self.size_1.d.next = self.size.val();
        self.pass_1.d.next = self.pass.val();

        // Clock 2: the second half.
        self.sub_bytes_bottom.a.next = self.state_1.q.val();
        self.sub_bytes_bottom.b.next = self.cut_1.q.val();
        self.sub_word_bottom.a.next = self.word_1.q.val();
        self.sub_word_bottom.b.next = self.word_cut_1.q.val();
        self.prefix.a.next = self.lower_1.q.val();
        self.prefix.b.next = self.upper_1.q.val();
        self.prefix.c.next = self.size_1.q.val();
        self.prefix.d.next = self.pass_1.q.val();
        self.begins.a.next = self.size_1.q.val();
        self.begins.b.next = self.pass_1.q.val();
        self.state_2.d.next = self.sub_bytes_bottom.y.val();
        self.addend_2.d.next = self.upper_1.q.val();
        if self.begins.y.val().any() {
            self.state_2.d.next = self.zero.val();
            self.addend_2.d.next = self.held_1.q.val();
        }
        self.upper_2.d.next = self.upper_1.q.val();
        self.prefix_2.d.next = self.prefix.y.val();
        self.word_2.d.next = self.sub_word_bottom.y.val();
        self.held_2.d.next = self.held_1.q.val();
        self.size_2.d.next = self.size_1.q.val();
        self.pass_2.d.next = self.pass_1.q.val();

        self.counts.a.next = self.size_1.q.val();
        self.counts.b.next = self.pass_1.q.val();
        self.counts_2.d.next = self.counts.y.val();
        self.feeds.a.next = self.size_1.q.val();
        self.feeds.b.next = self.pass_1.q.val();
        self.feed_2.d.next = self.feeds.y.val();
        self.early_y.next = self.sub_bytes_bottom.y.val();
        self.early_addend.next = self.upper_1.q.val();
        // MixColumns makes nothing of zero, and the schedule adds nothing of it: behind linear and expand stand block and window.
        if self.enters.val() {
            self.state_2.d.next = self.zero.val();
            self.addend_2.d.next = self.new_block.val();
            self.upper_2.d.next = self.new_lower.val();
            self.prefix_2.d.next = self.new_upper.val();
            self.word_2.d.next = 0.into();
            self.held_2.d.next = self.new_block.val();
            self.size_2.d.next = self.new_size.val();
            self.pass_2.d.next = 7.into();
            self.feed_2.d.next = 0.into();
        }

        self.expand.a.next = self.prefix_2.q.val();
        self.expand.b.next = self.word_2.q.val();
        self.expand.c.next = self.counts_2.q.val();
        self.y.next = self.state_2.q.val();
        self.addend.next = self.addend_2.q.val();
        self.next_lower.next = self.upper_2.q.val();
        self.next_upper.next = self.expand.y.val();
        self.next_held.next = self.held_2.q.val();
        self.next_size.next = self.size_2.q.val();
        self.next_pass.next = self.pass_2.q.val();
        self.next_feed.next = self.feed_2.q.val();
    }
}
