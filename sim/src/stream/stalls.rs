use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// When an agent pauses: a source offers nothing new, a sink is not ready.
#[derive(Debug, Clone)]
pub struct Stalls(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Never,
    Random { rng: SmallRng, percent: u32 },
    Bursts { rng: SmallRng, percent: u32, left: u32, stalled: bool },
    Pattern { pattern: Vec<bool>, at: usize },
}

impl Stalls {
    /// Full speed.
    pub fn never() -> Self {
        Self(Kind::Never)
    }

    /// Each cycle by itself, with this chance in per cent.
    pub fn random(seed: u64, percent: u32) -> Self {
        Self(Kind::Random { rng: SmallRng::seed_from_u64(seed), percent })
    }

    /// Runs of 1 to 64 cycles, stalled with this chance in per cent: fills and drains what is between the streams.
    pub fn bursts(seed: u64, percent: u32) -> Self {
        Self(Kind::Bursts { rng: SmallRng::seed_from_u64(seed), percent, left: 0, stalled: false })
    }

    /// This pattern over and over; `true` is a stall.
    pub fn pattern(pattern: &[bool]) -> Self {
        Self(if pattern.is_empty() { Kind::Never } else { Kind::Pattern { pattern: pattern.into(), at: 0 } })
    }

    /// Stalls of the same kind that fall on other cycles, for another stream.
    pub fn derive(&self, index: usize) -> Self {
        let mut other = self.clone();
        match &mut other.0 {
            Kind::Never => {}
            Kind::Random { rng, .. } | Kind::Bursts { rng, .. } => (0..=index).for_each(|_| *rng = rng.fork()),
            Kind::Pattern { pattern, at } => *at = (*at + index) % pattern.len(),
        }
        other
    }

    /// Whether the next cycle is stalled.
    #[expect(clippy::should_implement_trait, reason = "endless, and no iterator is needed")]
    pub fn next(&mut self) -> bool {
        match &mut self.0 {
            Kind::Never => false,
            Kind::Random { rng, percent } => rng.random_range(0..100) < *percent,
            Kind::Bursts { rng, percent, left, stalled } => {
                if *left == 0 {
                    *left = rng.random_range(1..=64);
                    *stalled = rng.random_range(0..100) < *percent;
                }
                *left -= 1;
                *stalled
            }
            Kind::Pattern { pattern, at } => {
                *at = (*at + 1) % pattern.len();
                pattern[*at]
            }
        }
    }
}
