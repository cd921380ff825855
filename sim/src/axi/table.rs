//! Accesses that wait for their answer, or whose answer waits for its time.

use rand::RngExt;
use rand::rngs::SmallRng;

use super::Order;

struct Entry<A> {
    token: u64,
    id: u32,
    beats: usize,
    due: u64,
    /// With its number among all answers.
    answer: Option<(u64, A)>,
}

/// Accesses of one direction, in the order in which they came.
pub(super) struct Table<A> {
    entries: Vec<Entry<A>>,
    answers: u64,
}

impl<A> Table<A> {
    pub fn new() -> Self {
        Self { entries: Vec::new(), answers: 0 }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// The answer goes back in clock `due` or later.
    pub fn insert(&mut self, token: u64, id: u32, beats: usize, due: u64) {
        self.entries.push(Entry { token, id, beats, due, answer: None });
    }

    fn find(&mut self, token: u64) -> Option<&mut Entry<A>> {
        self.entries.iter_mut().find(|entry| entry.token == token)
    }

    pub fn delay(&mut self, token: u64, clocks: u64) {
        if let Some(entry) = self.find(token) {
            entry.due += clocks;
        }
    }

    /// Answers an access that is there and has no answer; `answer` gets its id and beats.
    pub fn answer(&mut self, token: u64, answer: impl FnOnce(u32, usize) -> A) {
        let number = self.answers;
        if let Some(entry) = self.find(token).filter(|entry| entry.answer.is_none()) {
            entry.answer = Some((number, answer(entry.id, entry.beats)));
            self.answers += 1;
        }
    }

    /// The access whose answer goes back next, if one is due.
    pub fn choose(&self, order: Order, rng: &mut SmallRng, now: u64) -> Option<u64> {
        let first = |index: usize| self.entries[..index].iter().all(|before| before.id != self.entries[index].id);
        let mut ready: Vec<(u64, u64)> = Vec::new();
        for (index, entry) in self.entries.iter().enumerate() {
            if let Some((number, _)) = entry.answer
                && entry.due <= now
                && first(index)
            {
                ready.push((number, entry.token));
            }
        }
        match order {
            Order::Answered => ready.into_iter().min().map(|(_, token)| token),
            Order::Random | Order::Interleaved if ready.is_empty() => None,
            Order::Random | Order::Interleaved => Some(ready[rng.random_range(0..ready.len())].1),
        }
    }

    /// The answer of an access, and its id.
    pub fn get(&mut self, token: u64) -> Option<(u32, &mut A)> {
        self.find(token).and_then(|entry| entry.answer.as_mut().map(|(_, answer)| (entry.id, answer)))
    }

    pub fn remove(&mut self, token: u64) {
        self.entries.retain(|entry| entry.token != token);
    }
}
