//! The engine's counters.

use espalier_regs::Event;

/// What the engine has counted since its counters were cleared last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters([u64; Event::ALL.len()]);

impl Default for Counters {
    fn default() -> Self {
        Self([0; Event::ALL.len()])
    }
}

impl Counters {
    /// Asks `read` for each of them.
    pub(crate) fn read<E>(mut read: impl FnMut(Event) -> Result<u64, E>) -> Result<Self, E> {
        let mut counters = [0; Event::ALL.len()];
        for (counter, event) in counters.iter_mut().zip(Event::ALL) {
            *counter = read(*event)?;
        }
        Ok(Self(counters))
    }

    /// How often it happened.
    #[must_use]
    pub fn get(&self, event: Event) -> u64 {
        self.0.get(usize::from(event.index())).copied().unwrap_or(0)
    }

    /// By the counter's name.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<u64> {
        self.iter().find(|(event, _)| event.name() == name).map(|(_, count)| count)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (Event, u64)> {
        Event::ALL.iter().copied().zip(self.0)
    }

    /// The sum of those that Linux counts under a name of /proc/net/xfrm_stat.
    #[must_use]
    pub fn mib(&self, name: &str) -> u64 {
        self.iter().filter(|(event, _)| event.xfrm().is_some_and(|xfrm| xfrm.mib == name)).map(|(_, count)| count).sum()
    }
}
