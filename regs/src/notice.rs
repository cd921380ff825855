//! What the event queue tells: the words of EVENT.

use crate::map::event;
use crate::types::codes;

codes! {
    /// What happened to an SA, or to a queue of the host interface.
    Kind {
        /// It has reached its soft limit of packets or bytes; told once.
        LifetimeSoft = 1 "LIFETIME_SOFT";
        /// It has reached its hard limit of packets or bytes, and takes no more packets; told once.
        LifetimeHard = 2 "LIFETIME_HARD";
        /// Outbound: it has used its last sequence number (RFC 4303 section 3.3.3), and takes no more packets; told once.
        SeqExhausted = 3 "SEQ_EXHAUSTED";
        /// A queue has stopped, the one of frames to be sent if TX is set: QUEUE_STATE says why.
        QueueFault = 4 "QUEUE_FAULT";
    }
}

/// An entry of the event queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Notice {
    /// What happened; `None` is a code that this map does not know.
    pub kind: Option<Kind>,
    /// To an outbound SA, else to an inbound one.
    pub tx: bool,
    /// Number of the SA.
    pub sa: u16,
}

impl Notice {
    /// From the word read; `None` when the queue is empty.
    pub const fn decode(word: u32) -> Option<Notice> {
        if !event::VALID.is_set(word) {
            return None;
        }
        Some(Notice { kind: Kind::decode(event::KIND.get(word)), tx: event::TX.is_set(word), sa: event::SA.get(word) as u16 })
    }

    /// The word that the engine shows.
    pub const fn encode(self) -> u32 {
        let kind = match self.kind {
            Some(kind) => kind.code(),
            None => 0,
        };
        let word = event::SA.set(event::KIND.set(0, kind), self.sa as u32);
        event::VALID.set(event::TX.set(word, self.tx as u32), 1)
    }
}
