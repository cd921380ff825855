//! The path of packets: TAP, XFRM core, device; and back.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};

use espalier_driver::core::{InputError, NotOffloadable, Output, OutputError, StateRef, XfrmCore};
use espalier_driver::net::{SendError, TxDone, TxOffload};
use espalier_driver::ops::SkBuff;
use espalier_driver::stats::Named;
use espalier_driver::xfrm::Mode;
use espalier_driver::{Error, Event};
use espalier_reference_model::headers::Headers;

use super::nic::Nic;
use super::tap::Frames;
use super::{fragment, icmp};

/// Frames taken from one side before the others have their turn.
const BURST: usize = 64;
/// Bytes of a frame that are kept until it was sent: more than an ICMP message about it quotes.
const QUOTED: usize = 22 + 1280;
/// The longest frame that a TAP may hand over.
const LONGEST_FRAME: usize = 64 * 1024;
/// The most by which ESP makes a packet longer: outer IPv6 header, UDP, ESP, IV, trailer, padding, ICV.
const MOST_OVERHEAD: u32 = 40 + 8 + 8 + 8 + 2 + 3 + 16;

/// Declares counters with their names.
macro_rules! counters {
    ($( $(#[doc = $doc:literal])+ $name:ident, )+) => {
        /// What the path has counted, one place for each frame that it dropped.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct PathCounters {
            $( $(#[doc = $doc])+ pub $name: u64, )+
        }

        impl PathCounters {
            /// By name.
            #[must_use]
            pub fn named(&self) -> Named {
                Named(vec![$((stringify!($name), self.$name)),+])
            }
        }
    };
}

counters! {
    /// Frames from the TAP.
    tap_received,
    /// Frames to the TAP, ICMP messages of our own left out.
    tap_sent,
    /// Frames from the device.
    device_received,
    /// Frames to the device.
    device_sent,
    /// Of these: protected in software.
    sent_software,
    /// Of these: prepared for crypto offload.
    sent_crypto,
    /// Of these: protected by the device.
    sent_packet,
    /// Pieces into which packets were cut that are too long once they are protected.
    fragments,
    /// ICMP messages about packets that are too long.
    too_big,
    /// From the TAP, dropped: the core says no; /proc/net/xfrm_stat has the cause.
    drop_output,
    /// From the TAP, dropped: too long for the device, or empty.
    drop_length,
    /// From the TAP, dropped: the SA ended on the way.
    drop_gone,
    /// From the TAP, dropped: the device, or its link, is down.
    drop_down,
    /// Given to the device, and lost there, by a fault or a reset of its queue.
    lost_queue,
    /// From the device, dropped: the core says no; /proc/net/xfrm_stat has the cause.
    drop_input,
    /// From the device: a dummy packet.
    dummy,
    /// From the device, dropped: the SA ended on the way.
    drop_input_gone,
    /// From the device, dropped: the TAP takes no more.
    drop_tap,
}

/// A frame that the device was given.
struct InFlight {
    /// Holds the SA.
    _sa: Option<StateRef>,
    /// Its beginning.
    quoted: Vec<u8>,
}

/// A frame that the device is to be given.
struct Ready {
    frame: Vec<u8>,
    offload: TxOffload,
    sa: Option<StateRef>,
    /// Its beginning as it came from the TAP.
    quoted: Vec<u8>,
}

/// The path between a TAP and a device.
pub struct Path {
    dev: String,
    counters: PathCounters,
    in_flight: VecDeque<InFlight>,
    /// What the device has no room for yet.
    waiting: VecDeque<Ready>,
    buffer: Vec<u8>,
}

impl Path {
    /// For the device of this name.
    #[must_use]
    pub fn new(dev: &str) -> Self {
        let dev = dev.to_owned();
        Self {
            dev,
            counters: PathCounters::default(),
            in_flight: VecDeque::new(),
            waiting: VecDeque::new(),
            buffer: vec![0; LONGEST_FRAME],
        }
    }

    /// What it has counted.
    #[must_use]
    pub const fn counters(&self) -> PathCounters {
        self.counters
    }

    /// Frames that the device has not completed.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Frames that the device has completed, or lost.
    #[must_use]
    pub fn completed(&self) -> u64 {
        self.counters.device_sent - self.in_flight.len() as u64
    }

    /// The device can be given no more frames now: none is taken from the TAP.
    #[must_use]
    pub fn is_full(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// From the TAP to the device. True: there may be more.
    ///
    /// # Errors
    /// What the TAP or the device says.
    pub fn transmit<N: Nic>(&mut self, core: &mut XfrmCore<N>, tap: &mut impl Frames) -> Result<bool, PathError> {
        self.flush(core)?;
        for _ in 0..BURST {
            if self.is_full() {
                return Ok(false);
            }
            let mut buffer = std::mem::take(&mut self.buffer);
            let done = tap.receive(&mut buffer).map_err(PathError::Tap).and_then(|length| match length {
                None => Ok(false),
                Some(length) => self.output(core, &buffer[..length], tap).map(|()| true),
            });
            self.buffer = buffer;
            if !done? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A frame from the TAP.
    fn output<N: Nic>(&mut self, core: &mut XfrmCore<N>, frame: &[u8], tap: &mut impl Frames) -> Result<(), PathError> {
        self.counters.tap_received += 1;
        match self.pieces(core, frame) {
            None => self.output_one(core, frame, tap),
            Some(pieces) => {
                self.counters.fragments += pieces.len() as u64;
                pieces.iter().try_for_each(|piece| self.output_one(core, piece, tap))
            }
        }
    }

    /// In tunnel mode a packet that may be fragmented, and is too long once it is protected, is cut before: a device protects whole
    /// packets only, and the other end need not put outer fragments together (RFC 4301 section 7, RFC 4459 section 3.3).
    fn pieces<N: Nic>(&self, core: &mut XfrmCore<N>, frame: &[u8]) -> Option<Vec<Vec<u8>>> {
        let headers = Headers::parse(frame);
        let mtu = core.device_ops(&self.dev).ok()?.mtu();
        if headers.ip_length as u64 + u64::from(MOST_OVERHEAD) <= u64::from(mtu) || !fragment::may_cut(frame, &headers) {
            return None;
        }
        let id = core.output_state(&self.dev, frame, 0, 0).filter(|id| core.state(*id).is_some_and(|x| x.params.mode == Mode::Tunnel))?;
        let mtu = core.state_mtu(&self.dev, id)? as usize;
        if headers.ip_length <= mtu { None } else { fragment::cut(frame, mtu) }
    }

    fn output_one<N: Nic>(&mut self, core: &mut XfrmCore<N>, frame: &[u8], tap: &mut impl Frames) -> Result<(), PathError> {
        let quoted = || frame[..frame.len().min(QUOTED)].to_vec();
        let ready = |frame: Vec<u8>, offload, sa| Ready { frame, offload, sa, quoted: quoted() };
        match core.output(&self.dev, &SkBuff { frame, gso_size: None }, 0, 0) {
            Ok(Output::Plain) => self.waiting.push_back(ready(frame.to_vec(), TxOffload::None, None)),
            Ok(Output::Packet { sa, .. }) => {
                self.counters.sent_packet += 1;
                self.waiting.push_back(ready(frame.to_vec(), TxOffload::Packet, Some(sa)));
            }
            Ok(Output::Crypto { frame, handle, sa }) => {
                self.counters.sent_crypto += 1;
                self.waiting.push_back(ready(frame, TxOffload::Crypto(handle), Some(sa)));
            }
            Ok(Output::Software { frame, sa }) => {
                self.counters.sent_software += 1;
                self.software(core, frame, &sa, &quoted());
            }
            Err(error) => {
                self.counters.drop_output += 1;
                tracing::debug!(dev = self.dev, %error, "a packet is not sent");
                self.tell_too_big(frame, error, tap)?;
            }
        }
        self.flush(core)
    }

    /// ESP of software. Longer than the link only in transport mode of a packet that may be fragmented: IP's part is done here.
    fn software<N: Nic>(&mut self, core: &mut XfrmCore<N>, frame: Vec<u8>, sa: &StateRef, quoted: &[u8]) {
        let mtu = core.device_ops(&self.dev).map_or(u32::MAX, |nic| nic.mtu()) as usize;
        let frames = if Headers::parse(&frame).ip_length > mtu { fragment::cut(&frame, mtu) } else { None };
        if let Some(frames) = &frames {
            self.counters.fragments += frames.len() as u64;
        }
        for frame in frames.unwrap_or_else(|| vec![frame]) {
            self.waiting.push_back(Ready { frame, offload: TxOffload::None, sa: Some(sa.clone()), quoted: quoted.to_vec() });
        }
    }

    fn tell_too_big(&mut self, frame: &[u8], error: OutputError, tap: &mut impl Frames) -> Result<(), PathError> {
        let (OutputError::TooBig { mtu, .. } | OutputError::NotOffloadable(NotOffloadable::TooLong { mtu })) = error else { return Ok(()) };
        self.send_too_big(frame, mtu, tap)
    }

    fn send_too_big(&mut self, frame: &[u8], mtu: u32, tap: &mut impl Frames) -> Result<(), PathError> {
        let Some(message) = icmp::too_big(frame, mtu) else { return Ok(()) };
        self.counters.too_big += 1;
        self.deliver(&message, tap).map(drop)
    }

    /// Gives the device what waits, as far as it has room.
    ///
    /// # Errors
    /// What the device says.
    pub fn flush<N: Nic>(&mut self, core: &mut XfrmCore<N>) -> Result<(), PathError> {
        while let Some(ready) = self.waiting.pop_front() {
            let nic = core.device_ops(&self.dev).map_err(PathError::Core)?;
            match nic.send(&ready.frame, ready.offload) {
                Ok(()) => {
                    self.counters.device_sent += 1;
                    self.in_flight.push_back(InFlight { _sa: ready.sa, quoted: ready.quoted });
                }
                Err(SendError::Full) => {
                    self.waiting.push_front(ready);
                    break;
                }
                Err(SendError::TooLong { .. } | SendError::Empty) => self.counters.drop_length += 1,
                Err(SendError::NoSuchSa) => self.counters.drop_gone += 1,
                Err(SendError::Stopped) => self.counters.drop_down += 1,
                Err(SendError::Bus(error)) => {
                    self.counters.drop_down += 1;
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }

    /// Hears what became of frames given to the device.
    ///
    /// # Errors
    /// What the TAP or the device says.
    pub fn completions<N: Nic>(&mut self, core: &mut XfrmCore<N>, tap: &mut impl Frames) -> Result<(), PathError> {
        let done = core.device_ops(&self.dev).map_err(PathError::Core)?.sent()?;
        let any = !done.is_empty();
        for TxDone { status, .. } in done {
            let Some(sent) = self.in_flight.pop_front() else { continue };
            match status {
                None => self.counters.lost_queue += 1,
                Some(status) if status.event == Event::TxDropTooBig => {
                    let id = core.output_state(&self.dev, &sent.quoted, 0, 0);
                    let mtu = id.and_then(|id| core.state_mtu(&self.dev, id));
                    if let Some(mtu) = mtu {
                        self.send_too_big(&sent.quoted, mtu, tap)?;
                    }
                }
                Some(_) => {}
            }
        }
        if any {
            core.collect_garbage();
        }
        self.flush(core)
    }

    /// From the device to the TAP. True: there may be more.
    ///
    /// # Errors
    /// What the TAP or the device says.
    pub fn receive<N: Nic>(&mut self, core: &mut XfrmCore<N>, tap: &mut impl Frames) -> Result<bool, PathError> {
        for _ in 0..BURST {
            let nic = core.device_ops(&self.dev).map_err(PathError::Core)?;
            let Some(frame) = nic.receive()? else { return Ok(false) };
            self.counters.device_received += 1;
            let offload = match nic.rx_offload(frame.word) {
                Ok(offload) => offload,
                Err(Error::NoSuchSa) => {
                    self.counters.drop_input_gone += 1;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            match core.input(&self.dev, &frame.bytes, offload, 0) {
                Ok(input) => {
                    if self.deliver(input.frame.as_deref().unwrap_or(&frame.bytes), tap)? {
                        self.counters.tap_sent += 1;
                    }
                }
                Err(InputError::Dummy) => self.counters.dummy += 1,
                Err(error) => {
                    self.counters.drop_input += 1;
                    tracing::debug!(dev = self.dev, %error, "a packet does not come in");
                }
            }
        }
        Ok(true)
    }

    /// Whether the TAP took it.
    fn deliver(&mut self, frame: &[u8], tap: &mut impl Frames) -> Result<bool, PathError> {
        match tap.send(frame) {
            Ok(()) => Ok(true),
            Err(error) if is_lost(&error) => {
                self.counters.drop_tap += 1;
                Ok(false)
            }
            Err(error) => Err(PathError::Tap(error)),
        }
    }
}

/// The frame does not get through, and that is all: the queue is full, the interface is down (EIO), or it is no frame (EINVAL).
fn is_lost(error: &io::Error) -> bool {
    const EIO: i32 = 5;
    const ENOBUFS: i32 = 105;
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::InvalidInput)
        || matches!(error.raw_os_error(), Some(EIO | ENOBUFS))
}

/// Why the path can't go on.
#[derive(Debug, thiserror::Error)]
pub enum PathError {
    /// The TAP fails.
    #[error("TAP: {0}")]
    Tap(#[source] io::Error),
    /// The device fails; a reset may help.
    #[error("device: {0}")]
    Device(#[from] Error),
    /// The device is not registered.
    #[error("{0}")]
    Core(#[source] espalier_driver::core::XfrmError),
}
