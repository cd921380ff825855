//! AR and R.

use std::collections::VecDeque;

use rand::rngs::SmallRng;

use super::payload::{Address, ReadBeat};
use super::table::Table;
use super::{BEAT, Kind, Order, Response};
use crate::stream::{Agent, Sink, Source, Stalls};
use crate::{Error, Model};

pub(super) struct Reads {
    ar: Sink<Address>,
    r: Source<ReadBeat>,
    table: Table<VecDeque<ReadBeat>>,
    order: Order,
    /// The access whose burst has begun, unless bursts are interleaved.
    begun: Option<u64>,
}

impl Reads {
    pub fn new(model: &Model, name: &str, [ar, r]: [Stalls; 2], order: Order) -> Result<Self, Error> {
        let ar = Sink::new(model, &format!("{name}_ar"), ar)?;
        let r = Source::new(model, &format!("{name}_r"), r)?;
        Ok(Self { ar, r, table: Table::new(), order, begun: None })
    }

    pub fn set_options(&mut self, [ar, r]: [Stalls; 2], order: Order) {
        self.ar.set_stalls(ar);
        self.r.set_stalls(r);
        self.order = order;
    }

    pub fn accept(&mut self, token: u64, address: Address, due: u64) {
        self.table.insert(token, address.id, address.beats, due);
    }

    pub fn delay(&mut self, token: u64, clocks: u64) {
        self.table.delay(token, clocks);
    }

    pub fn answer(&mut self, token: u64, data: &[u8], error: impl Fn(usize) -> Option<Response>) {
        self.table.answer(token, |id, beats| {
            let all_bad = data.is_empty() && (0..beats).all(|beat| error(beat).is_some());
            assert!(all_bad || data.len() == beats * BEAT, "{} bytes answer a read of {}", data.len(), beats * BEAT);
            let beat = |index: usize| {
                let mut bytes = [0xa5; BEAT];
                let response = error(index);
                if response.is_none() {
                    bytes.copy_from_slice(&data[BEAT * index..][..BEAT]);
                }
                let data = u128::from_le_bytes(bytes);
                ReadBeat { id, data, response: response.map_or(0, Response::code), last: index + 1 == beats }
            };
            (0..beats).map(beat).collect()
        });
    }

    pub fn outstanding(&self) -> usize {
        usize::from(self.ar.waiting()) + self.table.len() + self.r.queue.iter().filter(|beat| beat.last).count()
    }

    pub fn moved(&self) -> bool {
        self.ar.taken.is_some() || self.r.taken.is_some()
    }

    pub fn in_reset(&self) -> bool {
        self.ar.in_reset()
    }

    pub fn drive(&mut self, model: &mut Model, rng: &mut SmallRng) {
        if self.r.queue.is_empty() {
            self.next_beat(model.cycles(), rng);
        }
        self.ar.drive(model);
        self.r.drive(model);
    }

    fn next_beat(&mut self, now: u64, rng: &mut SmallRng) {
        let Some(token) = self.begun.take().or_else(|| self.table.choose(self.order, rng, now)) else { return };
        let Some(beat) = self.table.get(token).and_then(|(_, beats)| beats.pop_front()) else { return };
        if beat.last {
            self.table.remove(token);
        } else if self.order != Order::Interleaved {
            self.begun = Some(token);
        }
        self.r.push(beat);
    }

    /// A read that was taken in this clock.
    pub fn sample(&mut self, model: &Model) -> Result<Option<(Address, Kind)>, Error> {
        self.ar.sample(model)?;
        self.r.sample(model)?;
        if self.in_reset() {
            self.table.clear();
            self.r.queue.clear();
            self.begun = None;
        }
        let read = |address: Address| (address, Kind::Read { address: address.address, bytes: address.bytes() });
        Ok(self.ar.taken.take().map(read))
    }
}
