//! The bus against a device in software, which answers, refuses, lies and keeps silent.
#![allow(clippy::unwrap_used)]

use std::collections::{HashMap, VecDeque};
use std::io;

use espalier_regs::uart::{ESC, Frame, Refusal, beats};
use proptest::prelude::*;

use super::*;

/// A device that holds registers, and what it does wrong.
#[derive(Default)]
struct Double {
    decoder: Decoder,
    registers: HashMap<u16, u32>,
    looks: HashMap<u16, u32>,
    /// Answers wait until somebody reads; and so long, in reads.
    out: VecDeque<Vec<u8>>,
    raw: VecDeque<u8>,
    slow: u32,
    waited: u32,
    /// Requests and beats without an answer, and the most there were.
    open: (usize, usize),
    most: (usize, usize),
    mute: bool,
    /// These registers refuse.
    refuses: Vec<u16>,
    resets: u32,
    gone: bool,
}

impl Double {
    fn new() -> Self {
        let looks = [(MAGIC, MAGIC.reset), (VERSION, VERSION.reset), (CLOCK, 156_000_000), (DIVIDER, 52)];
        Self { looks: looks.into_iter().map(|(register, value)| (register.offset, value)).collect(), ..Self::default() }
    }

    fn take(&mut self, message: &[u8]) {
        let (kind, tag) = (message[0], message[1]);
        let half = u16::from_be_bytes([message[2], message[3]]);
        self.open.0 += 1;
        let refused = self.refuses.contains(&half);
        let answer = match Request::decode(kind.into()).unwrap() {
            Request::Read | Request::Write if refused => Err(2),
            Request::Read => Ok(self.registers.get(&half).copied().unwrap_or(0)),
            Request::Write => {
                self.registers.insert(half, u32::from_be_bytes(message[4..].try_into().unwrap()));
                Ok(0)
            }
            Request::Look => self.looks.get(&half).copied().ok_or(3),
            Request::Reset => {
                self.resets += 1;
                self.out.clear();
                self.open = (1, 0);
                Ok(0)
            }
            Request::HostFrame | Request::WireFrame => {
                self.open.1 += beats(message.len() - 4);
                Ok(77)
            }
        };
        self.most = (self.most.0.max(self.open.0), self.most.1.max(self.open.1));
        let (flag, word) = answer.map_or_else(|code| (FAILED, code), |word| (DONE, word));
        let mut answer = vec![kind | flag, tag];
        answer.extend(u32::to_be_bytes(word));
        answer.extend(((message.len() - 4) as u32).to_be_bytes());
        if !self.mute {
            self.out.push_back(answer);
        }
    }

    fn say(&mut self, message: &[u8]) {
        self.raw.extend(encode(message));
    }
}

impl Read for Double {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.gone {
            return Ok(0);
        }
        self.waited += 1;
        if self.raw.is_empty() && self.waited > self.slow {
            self.waited = 0;
            if let Some(mut answer) = self.out.pop_front() {
                let length = u32::from_be_bytes(answer.split_off(6).try_into().unwrap()) as usize;
                self.open.0 -= 1;
                if answer[0] & 0x3F >= Request::HostFrame.code() as u8 {
                    self.open.1 -= beats(length);
                }
                self.say(&answer);
            }
        }
        let count = bytes.len().min(self.raw.len());
        bytes.iter_mut().zip(self.raw.drain(..count)).for_each(|(place, byte)| *place = byte);
        if count == 0 { Err(ErrorKind::TimedOut.into()) } else { Ok(count) }
    }
}

impl Write for Double {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let messages: Vec<_> = bytes.iter().filter_map(|&byte| self.decoder.push(byte)).collect();
        messages.into_iter().for_each(|message| self.take(&message.unwrap()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A transport that is only read.
struct Endless(io::Repeat);

impl Read for Endless {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

impl Write for Endless {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Nothing comes later than at once, here.
const LIMITS: Limits = Limits { answer: Duration::ZERO };
/// And here it may take its time, in looks.
const PATIENT: Limits = Limits { answer: Duration::from_secs(60) };

fn open(double: Double) -> Uart<Double> {
    Uart::open(double, LIMITS).unwrap()
}

fn refused(double: Double) -> String {
    Uart::open(double, LIMITS).err().unwrap().to_string()
}

#[test]
fn a_device_is_reset_and_known() {
    let uart = open(Double::new());
    assert_eq!((uart.clock_hz(), uart.baud()), (156_000_000, 3_000_000));
    assert_eq!(uart.into_line().resets, 1);
}

#[test]
fn a_wrong_device_is_refused_and_not_reset() {
    let silent = refused(Double { mute: true, ..Double::new() });
    assert_eq!(silent, "LOOK: no answer within 0ns: is the board on, and is the rate of the line right?");
    let mut babble = Double { mute: true, ..Double::new() };
    babble.raw.extend(b"$GPGGA,\r\n");
    assert_eq!(refused(babble), "no Espalier at this line, or another rate than its: it said 9 bytes, and no message among them");
    // One that never stops.
    let endless = Uart::open(Endless(io::repeat(b'$')), LIMITS).err().unwrap().to_string();
    assert!(endless.contains("and no message among them"), "{endless}");
    for (register, text) in [
        (MAGIC, "no Espalier at this line: its first word is 0x00000007, not 0x45535055"),
        (VERSION, "the device has version 7 of the serial line's messages, this driver is for version 1"),
    ] {
        let mut double = Double::new();
        double.looks.insert(register.offset, 7);
        let mut line = double;
        assert_eq!(Uart::open(&mut line, LIMITS).err().unwrap().to_string(), text);
        assert_eq!(line.resets, 0);
    }
    assert!(matches!(Uart::open(Double { gone: true, ..Double::new() }, LIMITS), Err(UartError::Line(_))));
}

#[test]
fn what_an_earlier_host_left_is_passed_over() {
    let mut double = Double::new();
    // The end of a message that began before, and answers to requests of another.
    double.raw.extend([1, 2, 3, END]);
    double.say(&[0x81, 1, 0, 0, 0, 9]);
    double.say(&[Notice::Refused as u8, 0, 0, 0, 0, 1]);
    let mut uart = open(double);
    uart.write(0x100, 5).unwrap();
    assert_eq!(uart.read(0x100).unwrap(), 5);
}

#[test]
fn an_access_that_fails_is_told_by_its_name() {
    let mut uart = open(Double { refuses: vec![0x104, 0x108], ..Double::new() });
    assert_eq!(uart.read(0x104).err().unwrap().to_string(), "read of the register at 0x0104 failed: the device answered SLVERR");
    // A write is posted: the access after it tells, once.
    uart.write(0x108, 1).unwrap();
    assert_eq!(uart.read(0x100).err().unwrap().to_string(), "write to the register at 0x0108 failed: the device answered SLVERR");
    assert_eq!(uart.read(0x100).unwrap(), 0);
    for offset in [0x102, 0x1_0000] {
        assert!(matches!(uart.read(offset), Err(BusError { fault: Fault::Offset, .. })));
    }
}

#[test]
fn trouble_of_the_line_is_told_once_and_a_reset_ends_it() {
    let mut uart = open(Double::new());
    let mut line = encode(&[0x81, 0, 0, 0, 0, 0]);
    line[3] ^= 1;
    uart.line().raw.extend(line);
    let damaged = uart.read(0x100).err().unwrap().to_string();
    assert_eq!(damaged, "read of the register at 0x0100 failed: a message of the device was damaged on the line");
    uart.line().say(&[Notice::Refused as u8, 0, 0, 0, 0, 1 << Refusal::Damaged as u8 | 1 << Refusal::Busy as u8]);
    uart.line().out.clear();
    let told = uart.read(0x100).err().unwrap().to_string();
    assert_eq!(told, "read of the register at 0x0100 failed: the device has thrown a message away: DAMAGED, BUSY");
    uart.line().mute = true;
    assert!(uart.read(0x100).err().unwrap().to_string().contains("READ: no answer within"));
    uart.line().mute = false;
    uart.restart().unwrap();
    assert_eq!(uart.read(0x100).unwrap(), 0);
    uart.line().gone = true;
    assert!(uart.pause().is_err());
}

#[test]
fn frames_and_notices_are_kept_apart() {
    let mut uart = open(Double::new());
    let mut frame = vec![Frame::Host as u8, 0, 0, 3];
    frame.extend([0, 0, 0, 9, 0, 0, 0, 10, 0, 0, 0, 11, END, ESC, 1]);
    uart.line().say(&frame);
    uart.line().say(&[Notice::TxStatus as u8, 0, 0, 0, 0, 2]);
    uart.line().say(&[Notice::Interrupt as u8, 0, 0, 0, 0, 1]);
    uart.send(Way::Wire, &[1; 60], 0).unwrap();
    while uart.listen().unwrap() {}
    assert_eq!(uart.frames(), [LineFrame { way: Way::Host, user: 9, first: 10, last: 11, bytes: vec![END, ESC, 1] }]);
    assert_eq!((uart.statuses(), uart.interrupt(), uart.waiting()), (vec![2], true, 0));
    assert_eq!(uart.given(), [Given { way: Way::Wire, first: 77 }]);
    // A frame whose length is not the one it tells.
    frame.push(0);
    uart.line().say(&frame);
    uart.listen().unwrap();
    assert!(matches!(uart.check(), Err(UartError::Damaged)));
    assert!(uart.frames().is_empty());
    let told = [vec![], vec![0; 16_000]].map(|frame| uart.send(Way::Host, &frame, 0).err().unwrap().to_string());
    assert_eq!(told, ["a frame of 0 bytes: the device takes 1 to 15984", "a frame of 16000 bytes: the device takes 1 to 15984"]);
}

proptest! {
    #[test]
    fn no_more_is_under_way_than_the_device_holds(acts in proptest::collection::vec((0u8..4, 1usize..9300), 1..120), slow in 0u32..3) {
        let mut uart = Uart::open(Double { slow, ..Double::new() }, PATIENT).unwrap();
        let (mut sent, mut value) = (0, 0);
        for (act, length) in acts {
            match act {
                0 => prop_assert_eq!(uart.read(0x100).unwrap(), value),
                1 => {
                    value = length as u32;
                    uart.write(0x100, value).unwrap();
                }
                2 => {
                    uart.send(Way::Host, &vec![0; length], 0).unwrap();
                    sent += 1;
                }
                _ => {
                    uart.send(Way::Wire, &vec![0; length.min(200)], 1).unwrap();
                    sent += 1;
                }
            }
        }
        while uart.waiting() > 0 {
            uart.listen().unwrap();
        }
        prop_assert_eq!(uart.given().len(), sent);
        let most = uart.into_line().most;
        prop_assert!(most.0 <= WINDOW && most.1 <= STORE_BEATS, "{:?}", most);
    }

    #[test]
    fn whatever_a_line_says_is_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..6)) {
        let mut double = Double::new();
        double.raw.extend(&bytes);
        if let Ok(mut uart) = Uart::open(double, LIMITS) {
            messages.iter().for_each(|message| uart.line().say(message));
            let _ = uart.read(0x100);
            let _ = uart.count();
            uart.line().raw.extend(&bytes);
            let _ = uart.restart();
        }
    }
}
