//! AW, W and B.

use std::collections::VecDeque;

use rand::rngs::SmallRng;

use super::payload::{Address, WriteBeat, WriteResponse};
use super::table::Table;
use super::{Kind, Order, Response};
use crate::stream::{Agent, Sink, Source, Stalls};
use crate::{Error, Model};

pub(super) struct Writes {
    name: String,
    aw: Sink<Address>,
    w: Sink<WriteBeat>,
    b: Source<WriteResponse>,
    /// Addresses without all of their data.
    addresses: VecDeque<Address>,
    /// Data of the burst that is coming.
    burst: Vec<WriteBeat>,
    /// Whole bursts whose address has not come.
    bursts: VecDeque<Vec<WriteBeat>>,
    table: Table<Result<(), Response>>,
    order: Order,
    moved: bool,
}

/// Longest burst of AXI4 in beats (AMBA AXI section A3.4.1).
const LONGEST: usize = 256;

impl Writes {
    pub fn new(model: &Model, name: &str, [aw, w, b]: [Stalls; 3], order: Order) -> Result<Self, Error> {
        Ok(Self {
            aw: Sink::new(model, &format!("{name}_aw"), aw)?,
            w: Sink::new(model, &format!("{name}_w"), w)?,
            b: Source::new(model, &format!("{name}_b"), b)?,
            name: format!("{name}_w"),
            addresses: VecDeque::new(),
            burst: Vec::new(),
            bursts: VecDeque::new(),
            table: Table::new(),
            order,
            moved: false,
        })
    }

    pub fn set_options(&mut self, [aw, w, b]: [Stalls; 3], order: Order) {
        self.aw.set_stalls(aw);
        self.w.set_stalls(w);
        self.b.set_stalls(b);
        self.order = order;
    }

    pub fn accept(&mut self, token: u64, address: Address, due: u64) {
        self.table.insert(token, address.id, address.beats, due);
    }

    pub fn delay(&mut self, token: u64, clocks: u64) {
        self.table.delay(token, clocks);
    }

    pub fn answer(&mut self, token: u64, answer: Result<(), Response>) {
        self.table.answer(token, |_, _| answer);
    }

    pub fn outstanding(&self) -> usize {
        let data = self.bursts.len() + usize::from(!self.burst.is_empty() || self.w.waiting());
        let begun = data.max(self.addresses.len() + usize::from(self.aw.waiting()));
        begun + self.table.len() + self.b.queue.len()
    }

    pub fn moved(&self) -> bool {
        self.moved
    }

    pub fn in_reset(&self) -> bool {
        self.aw.in_reset()
    }

    pub fn drive(&mut self, model: &mut Model, rng: &mut SmallRng) {
        if self.b.queue.is_empty()
            && let Some(token) = self.table.choose(self.order, rng, model.cycles())
            && let Some((id, answer)) = self.table.get(token)
        {
            let response = answer.err().map_or(0, Response::code);
            self.table.remove(token);
            self.b.push(WriteResponse { id, response });
        }
        self.aw.drive(model);
        self.w.drive(model);
        self.b.drive(model);
    }

    /// A write that became complete in this clock. Only one can: addresses and data come one a clock.
    pub fn sample(&mut self, model: &Model) -> Result<Option<(Address, Kind)>, Error> {
        self.aw.sample(model)?;
        self.w.sample(model)?;
        self.b.sample(model)?;
        self.moved = self.aw.taken.is_some() || self.w.taken.is_some() || self.b.taken.is_some();
        if self.in_reset() {
            self.addresses.clear();
            self.burst.clear();
            self.bursts.clear();
            self.table.clear();
            self.b.queue.clear();
        }
        self.addresses.extend(self.aw.taken.take());
        if let Some(beat) = self.w.taken.take() {
            let last = beat.last;
            self.burst.push(beat);
            if last {
                self.bursts.push_back(std::mem::take(&mut self.burst));
            }
        }
        self.join().map_err(|rule| Error::Protocol { stream: self.name.clone(), cycle: model.cycles(), rule })
    }

    /// Joins the oldest address with the oldest data. Data comes in the order of addresses (AMBA AXI section A5.3.3).
    fn join(&mut self) -> Result<Option<(Address, Kind)>, &'static str> {
        const LATE: &str = "no wlast on the burst's last beat";
        let expected = self.addresses.front().map_or(LONGEST, |address| address.beats);
        let Some(burst) = self.bursts.front() else {
            return if self.burst.len() >= expected { Err(LATE) } else { Ok(None) };
        };
        let Some(&address) = self.addresses.front() else {
            return if self.burst.len() >= LONGEST { Err(LATE) } else { Ok(None) };
        };
        if burst.len() != address.beats {
            return Err(if burst.len() < address.beats { "wlast before the burst's last beat" } else { LATE });
        }
        let data = burst.iter().flat_map(|beat| beat.data.to_le_bytes()).collect();
        let strobes = burst.iter().flat_map(|beat| (0..16).map(|lane| beat.strobes >> lane & 1 != 0)).collect();
        self.bursts.pop_front();
        self.addresses.pop_front();
        Ok(Some((address, Kind::Write { address: address.address, data, strobes })))
    }
}
