//! What a host may ask of the TX queue, right and wrong.

use std::collections::HashSet;

use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{Rng, RngExt, SeedableRng};

use crate::expect::Segment;

/// What is wrong with a descriptor.
#[derive(Debug, Clone, Copy)]
pub enum Flaw {
    Phase,
    Empty,
    Odd,
    Long,
    Address,
}

/// One life of the queue, from `clear` to `idle`.
#[derive(Debug, Clone)]
pub struct Life {
    /// Lengths of the segments of each frame.
    pub frames: Vec<Vec<u64>>,
    /// The last frame lacks its last segment.
    pub lacks_last: bool,
    pub flaw: Option<(usize, Flaw)>,
    /// Beats that can't be read: number of the segment, of the beat in it; both modulo how many there are.
    pub broken: Vec<(usize, usize)>,
    /// After so many clocks the queue is drained; else when nothing moves any more.
    pub drain: Option<u64>,
    /// Per cent of clocks in which `tx_enabled` changes.
    pub toggles: u32,
    /// Buffers begin in one of so many places behind a multiple of 256 bytes.
    pub places: u64,
    pub seed: u64,
}

pub fn lives() -> impl Strategy<Value = Life> {
    let sixteens = (1u64..=40).prop_map(|beats| 16 * beats);
    let many = (proptest::collection::vec(sixteens, 1..4), 1u64..600).prop_map(|(mut all, last)| {
        all.push(last);
        all
    });
    let frame = prop_oneof![6 => (1u64..150).prop_map(|n| vec![n]), 3 => many, 1 => (1u64..=9234).prop_map(|n| vec![n]),
        1 => Just(vec![4096, 4096, 1042]), 1 => Just(vec![16])];
    let flaw = prop_oneof![Just(Flaw::Phase), Just(Flaw::Empty), Just(Flaw::Odd), Just(Flaw::Long), Just(Flaw::Address)];
    (
        proptest::collection::vec(frame, 0..30),
        any::<bool>(),
        proptest::option::of((any::<usize>(), flaw)),
        prop_oneof![3 => Just(Vec::new()), 2 => proptest::collection::vec((any::<usize>(), any::<usize>()), 1..3)],
        proptest::option::of(prop_oneof![0u64..100, 0u64..1500]),
        prop_oneof![Just(0u32), Just(1), Just(20)],
        any::<u64>(),
    )
        .prop_map(|(frames, lacks_last, flaw, broken, drain, toggles, seed)| Life {
            frames,
            lacks_last,
            flaw,
            broken,
            drain,
            toggles,
            places: 32,
            seed,
        })
}

impl Life {
    pub fn simple(frames: &[&[u64]]) -> Self {
        let frames = frames.iter().map(|lengths| lengths.to_vec()).collect();
        Self { frames, lacks_last: false, flaw: None, broken: Vec::new(), drain: None, toggles: 0, places: 1, seed: 1 }
    }

    /// Its descriptors with their data, and where reads fail.
    pub fn segments(&self) -> (Vec<Segment>, HashSet<u64>) {
        let mut rng = SmallRng::seed_from_u64(self.seed);
        let mut segments = Vec::new();
        let base = [0x1_0000_0000_u64, 0xffff_ff00, 0x7fff_ffff_0000_0000][rng.random_range(0..3)];
        for lengths in &self.frames {
            for (i, &length) in lengths.iter().enumerate() {
                let address = base + 0x4000 * segments.len() as u64 + 16 * rng.random_range(0..self.places);
                let (last, user) = (i + 1 == lengths.len(), rng.next_u32());
                let bytes = crate::support::random_bytes(&mut rng, length as usize);
                segments.push(Segment { address, length, last, user, wrong_phase: false, bytes });
            }
        }
        if self.lacks_last {
            segments.pop();
        }
        let mut broken = HashSet::new();
        for (at, beat) in self.broken.iter().filter(|_| !segments.is_empty()) {
            let segment = &segments[at % segments.len()];
            broken.insert(segment.address + 16 * (*beat as u64 % segment.length.div_ceil(16)));
        }
        if let Some((at, flaw)) = self.flaw.filter(|_| !segments.is_empty()) {
            let at = at % segments.len();
            let segment = &mut segments[at];
            match flaw {
                Flaw::Phase => segment.wrong_phase = true,
                Flaw::Empty => segment.length = 0,
                Flaw::Odd => (segment.last, segment.length) = (false, segment.length / 16 * 16 + 1 + self.seed % 15),
                Flaw::Long => segment.length = 9235 + self.seed % (65536 - 9235),
                Flaw::Address => segment.address += 1 + self.seed % 15,
            }
        }
        (segments, broken)
    }
}
