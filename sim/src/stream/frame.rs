//! Whole frames over a stream of beats.

use std::collections::VecDeque;

use super::{Agent, Lanes, Sink, Source, Stalls};
use crate::{Error, Model};

/// A frame that left the model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frame {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Side information of the last beat: `tuser`, or the error flag in bit 0.
    pub user: u32,
    /// Clock in which its first beat was taken.
    pub first: u64,
    /// Clock in which its last beat was taken.
    pub last: u64,
}

/// When a frame was taken by the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sent {
    /// Clock in which its first beat was taken.
    pub first: u64,
    /// Clock in which its last beat was taken.
    pub last: u64,
}

/// Sends frames into the model.
pub struct FrameSource<L: Lanes> {
    source: Source<L>,
    first: Option<u64>,
    waiting: usize,
    /// One entry for each frame sent, in order; may be emptied by the user.
    pub sent: VecDeque<Sent>,
}

impl<L: Lanes> FrameSource<L> {
    /// A source for the stream `name`; `L` says what its ports are called.
    ///
    /// # Errors
    /// [`Error::NoSuchPort`].
    pub fn new(model: &Model, name: &str, stalls: Stalls) -> Result<Self, Error> {
        Ok(Self { source: Source::new(model, name, stalls)?, first: None, waiting: 0, sent: VecDeque::new() })
    }

    /// Queues a frame; `user` goes with its last beat. An empty frame is not sent: a stream cannot carry one.
    pub fn push(&mut self, bytes: impl AsRef<[u8]>, user: u32) {
        self.push_with(bytes, |_, last| if last { user } else { 0 });
    }

    /// Queues a frame; `user` says what goes with each beat: whether it is the first, and whether it is the last.
    pub fn push_with(&mut self, bytes: impl AsRef<[u8]>, user: impl Fn(bool, bool) -> u32) {
        let mut chunks = bytes.as_ref().chunks(16).peekable();
        self.waiting += usize::from(chunks.peek().is_some());
        let mut first = true;
        while let Some(chunk) = chunks.next() {
            let last = chunks.peek().is_none();
            self.source.push(L::pack(chunk, last, user(first, last)));
            first = false;
        }
    }

    /// Whether a beat was taken in the cycle sampled last.
    pub fn moved(&self) -> bool {
        self.source.taken.is_some()
    }

    /// Frames that are not yet sent to their end.
    pub fn pending(&self) -> usize {
        self.waiting
    }

    /// Other stalls from here on.
    pub fn set_stalls(&mut self, stalls: Stalls) {
        self.source.set_stalls(stalls);
    }
}

impl<L: Lanes> Agent for FrameSource<L> {
    fn drive(&mut self, model: &mut Model) {
        self.source.drive(model);
    }

    fn sample(&mut self, model: &Model) -> Result<(), Error> {
        self.source.sample(model)?;
        if let Some(beat) = &self.source.taken {
            let first = *self.first.get_or_insert(model.cycles());
            if beat.last() {
                self.first = None;
                self.waiting -= 1;
                self.sent.push_back(Sent { first, last: model.cycles() });
            }
        }
        Ok(())
    }
}

/// Takes frames from the model.
pub struct FrameSink<L: Lanes> {
    sink: Sink<L>,
    partial: Frame,
    gapless: bool,
    constant_user: bool,
    /// Every frame taken, in order; may be emptied by the user.
    pub frames: Vec<Frame>,
}

impl<L: Lanes> FrameSink<L> {
    /// A sink for the stream `name`; `L` says what its ports are called.
    ///
    /// # Errors
    /// [`Error::NoSuchPort`].
    pub fn new(model: &Model, name: &str, stalls: Stalls) -> Result<Self, Error> {
        Ok(Self {
            sink: Sink::new(model, name, stalls)?,
            partial: Frame::default(),
            gapless: false,
            constant_user: false,
            frames: Vec::new(),
        })
    }

    /// Makes it an error when the sink is ready inside a frame and gets nothing: a MAC that has begun a frame cannot wait for its rest.
    pub fn gapless(mut self) -> Self {
        self.gapless = true;
        self
    }

    /// Makes it an error when the side information changes inside a frame.
    pub fn constant_user(mut self) -> Self {
        self.constant_user = true;
        self
    }

    /// Whether a beat was taken in the cycle sampled last.
    pub fn moved(&self) -> bool {
        self.sink.taken.is_some()
    }

    /// Whether a frame has begun and not ended.
    pub fn in_frame(&self) -> bool {
        !self.partial.bytes.is_empty()
    }

    /// Other stalls from here on.
    pub fn set_stalls(&mut self, stalls: Stalls) {
        self.sink.set_stalls(stalls);
    }
}

impl<L: Lanes> Agent for FrameSink<L> {
    fn drive(&mut self, model: &mut Model) {
        self.sink.drive(model);
    }

    fn sample(&mut self, model: &Model) -> Result<(), Error> {
        self.sink.sample(model)?;
        if self.sink.cycles_in_reset > 0 {
            self.partial = Frame::default();
        }
        let breach = |rule| Err(Error::Protocol { stream: self.sink.name.clone(), cycle: model.cycles(), rule });
        let Some(beat) = &self.sink.taken else {
            let gap = self.gapless && self.in_frame() && self.sink.taking;
            return if gap { breach("a gap inside a frame") } else { Ok(()) };
        };
        if self.partial.bytes.is_empty() {
            self.partial.first = model.cycles();
        } else if self.constant_user && beat.user() != self.partial.user {
            return breach("tuser changes inside a frame");
        }
        self.partial.user = beat.user();
        self.partial.bytes.extend_from_slice(beat.bytes());
        if beat.last() {
            self.partial.last = model.cycles();
            self.frames.push(std::mem::take(&mut self.partial));
        }
        Ok(())
    }
}
