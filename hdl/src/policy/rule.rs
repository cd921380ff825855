//! Which policy of a row, and of all rows, wins.

use rust_hdl::prelude::*;

use crate::records::SaIndex;

/// What of a policy counts besides its selector.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Rule {
    /// As in [`Policy`](crate::records::Policy): the lowest wins.
    pub order: Bits<48>,
    /// As there, too.
    pub action: Bits<2>,
    pub sa_valid: bool,
    pub optional: bool,
    pub sa: SaIndex,
}

/// The four policies of a row among each other.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Ranking {
    /// There is a policy in this place.
    pub valid: Bits<4>,
    /// The first goes before the second: of places 0 and 1, 0 and 2, 0 and 3, 1 and 2, 1 and 3, 2 and 3.
    pub beats: Bits<6>,
}

/// The best of a row, if any of it matches.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub struct Candidate {
    pub hit: bool,
    pub rule: Rule,
}

/// Which place of a row wins, of those that match. No latency.
#[derive(LogicBlock, Default)]
pub struct Choose {
    pub hits: Signal<In, Bits<4>>,
    pub ranking: Signal<In, Ranking>,
    pub any: Signal<Out, bool>,
    pub place: Signal<Out, Bits<2>>,
    beats: Signal<Local, Bits<6>>,
    in_play: Signal<Local, Bits<4>>,
    /// It matches, and none that matches goes before it.
    one: Signal<Local, bool>,
    two: Signal<Local, bool>,
    three: Signal<Local, bool>,
}

impl Logic for Choose {
    #[hdl_gen]
    fn update(&mut self) {
        self.beats.next = self.ranking.val().beats;
        self.in_play.next = self.hits.val() & self.ranking.val().valid;
        self.any.next = self.in_play.val().any();
        self.one.next = (self.in_play.val().get_bit(1) & !(self.in_play.val().get_bit(0) & self.beats.val().get_bit(0)))
            & (!(self.in_play.val().get_bit(2) & !self.beats.val().get_bit(3))
                & !(self.in_play.val().get_bit(3) & !self.beats.val().get_bit(4)));
        self.two.next = (self.in_play.val().get_bit(2) & !(self.in_play.val().get_bit(0) & self.beats.val().get_bit(1)))
            & (!(self.in_play.val().get_bit(1) & self.beats.val().get_bit(3))
                & !(self.in_play.val().get_bit(3) & !self.beats.val().get_bit(5)));
        self.three.next = (self.in_play.val().get_bit(3) & !(self.in_play.val().get_bit(0) & self.beats.val().get_bit(2)))
            & (!(self.in_play.val().get_bit(1) & self.beats.val().get_bit(4))
                & !(self.in_play.val().get_bit(2) & self.beats.val().get_bit(5)));
        self.place.next = bit_cast::<2, 1>((self.one.val() | self.three.val()).into())
            | (bit_cast::<2, 1>((self.two.val() | self.three.val()).into()) << 1);
    }
}

/// A row's ranking with another policy in place `here` (one bit of four), or none, if it is not `valid`. `goes_before` says of each other place
/// that its policy goes before this one. No latency. With more bits in `here`, and not `valid`, these places are cleared.
#[derive(LogicBlock, Default)]
pub struct Rerank {
    pub old: Signal<In, Ranking>,
    pub here: Signal<In, Bits<4>>,
    pub goes_before: Signal<In, Bits<4>>,
    pub valid: Signal<In, bool>,
    pub new_ranking: Signal<Out, Ranking>,
    beats: Signal<Local, Bits<6>>,
    /// The pairs that it is the first of, and the second of.
    first: Signal<Local, Bits<6>>,
    second: Signal<Local, Bits<6>>,
    /// Of each pair: its second goes before the new one, its first does.
    as_first: Signal<Local, Bits<6>>,
    as_second: Signal<Local, Bits<6>>,
}

impl Logic for Rerank {
    #[hdl_gen]
    fn update(&mut self) {
        self.beats.next = self.old.val().beats;
        self.first.next = 0.into();
        self.second.next = 0.into();
        if self.here.val().get_bit(0) {
            self.first.next = 0x07.into();
        }
        if self.here.val().get_bit(1) {
            self.first.next = 0x18.into();
            self.second.next = 0x01.into();
        }
        if self.here.val().get_bit(2) {
            self.first.next = 0x20.into();
            self.second.next = 0x0A.into();
        }
        if self.here.val().get_bit(3) {
            self.second.next = 0x34.into();
        }
        self.as_second.next = 0.into();
        if self.goes_before.val().get_bit(0) {
            self.as_second.next = 0x07.into();
        }
        if self.goes_before.val().get_bit(1) {
            self.as_second.next = self.as_second.val() | 0x18;
        }
        if self.goes_before.val().get_bit(2) {
            self.as_second.next = self.as_second.val() | 0x20;
        }
        self.as_first.next = 0.into();
        if self.goes_before.val().get_bit(1) {
            self.as_first.next = 0x01.into();
        }
        if self.goes_before.val().get_bit(2) {
            self.as_first.next = self.as_first.val() | 0x0A;
        }
        if self.goes_before.val().get_bit(3) {
            self.as_first.next = self.as_first.val() | 0x34;
        }
        self.new_ranking.next.valid = self.old.val().valid & !self.here.val();
        if self.valid.val() {
            self.new_ranking.next.valid = self.old.val().valid | self.here.val();
        }
        self.new_ranking.next.beats = (self.beats.val() & !(self.first.val() | self.second.val()))
            | ((!self.as_first.val() & self.first.val()) | (self.as_second.val() & self.second.val()));
    }
}
