//! What a stream carries, and in which ports.

use num_bigint::BigUint;
use rust_hdl::prelude::Synth;

use crate::value::record;
use crate::{Error, Input, Model, Output};

/// An item of a stream.
pub trait Payload: Clone + PartialEq {
    /// Handles of its ports, all inputs or all outputs of the model.
    type Ports<H: Copy>;
    /// Names of the valid and ready ports of the stream `name`.
    fn handshake(model: &Model, name: &str) -> [String; 2];
    /// Looks up the other ports of the stream `name`.
    ///
    /// # Errors
    /// [`Error::NoSuchPort`], from `find`.
    fn ports<H: Copy>(name: &str, find: impl Fn(&str) -> Result<H, Error>) -> Result<Self::Ports<H>, Error>;
    /// Drives an input stream.
    fn write(&self, model: &mut Model, ports: &Self::Ports<Input>);
    /// Reads an output stream.
    fn read(model: &Model, ports: &Self::Ports<Output>) -> Self;
    /// Drives nonsense onto an input stream that is not valid: no block may look at it.
    fn junk(model: &mut Model, ports: &Self::Ports<Input>);
    /// What is wrong with it in itself.
    fn flaw(&self) -> Option<&'static str> {
        None
    }
}

/// A payload that is up to 16 bytes of a frame.
pub trait Lanes: Payload {
    /// 1 to 16 bytes.
    fn pack(bytes: &[u8], last: bool, user: u32) -> Self;
    /// Its bytes.
    fn bytes(&self) -> &[u8];
    /// The last of its frame.
    fn last(&self) -> bool;
    /// Side information: `tuser`, or the error flag in bit 0.
    fn user(&self) -> u32;
}

/// What lies in the bytes of a beat that do not count.
const JUNK: u8 = 0xa5;

fn padded(bytes: &[u8]) -> [u8; 16] {
    let mut lanes = [JUNK; 16];
    lanes[..bytes.len()].copy_from_slice(bytes);
    lanes
}

/// AXI4-Stream of 128 bits: ports `NAME_tdata`, `_tkeep`, `_tlast`, `_tvalid`, `_tready` and, where the model has it, `_tuser`.
/// Lane 0, `tdata[7:0]`, is the first byte.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    data: [u8; 16],
    keep: u16,
    last: bool,
    user: u32,
}

/// Ports of an [`Axis`].
#[derive(Debug, Clone, Copy)]
pub struct AxisPorts<H> {
    data: H,
    keep: H,
    last: H,
    user: Option<H>,
}

impl Payload for Axis {
    type Ports<H: Copy> = AxisPorts<H>;

    fn handshake(_: &Model, name: &str) -> [String; 2] {
        [format!("{name}_tvalid"), format!("{name}_tready")]
    }

    fn ports<H: Copy>(name: &str, find: impl Fn(&str) -> Result<H, Error>) -> Result<AxisPorts<H>, Error> {
        let port = |signal: &str| find(&format!("{name}_{signal}"));
        Ok(AxisPorts { data: port("tdata")?, keep: port("tkeep")?, last: port("tlast")?, user: port("tuser").ok() })
    }

    fn write(&self, model: &mut Model, ports: &AxisPorts<Input>) {
        model.write(ports.data, u128::from_le_bytes(self.data));
        model.write(ports.keep, self.keep);
        model.write(ports.last, self.last);
        if let Some(user) = ports.user {
            let width = model.input_width(user).min(32) as u32;
            model.write(user, self.user & (u32::MAX >> (32 - width)));
        }
    }

    fn read(model: &Model, ports: &AxisPorts<Output>) -> Self {
        Self {
            data: model.read_u128(ports.data).to_le_bytes(),
            keep: model.read_u64(ports.keep) as u16,
            last: model.read_bool(ports.last),
            user: ports.user.map_or(0, |user| model.read_u64(user) as u32),
        }
    }

    fn junk(model: &mut Model, ports: &AxisPorts<Input>) {
        for port in [Some(ports.data), Some(ports.keep), Some(ports.last), ports.user].into_iter().flatten() {
            model.fill(port, JUNK);
        }
    }

    fn flaw(&self) -> Option<&'static str> {
        match self.keep {
            0 => Some("tkeep is zero"),
            keep if keep & keep.wrapping_add(1) != 0 => Some("tkeep has a gap"),
            keep if !self.last && keep != u16::MAX => Some("tkeep is not full before the last beat"),
            _ => None,
        }
    }
}

impl Lanes for Axis {
    fn pack(bytes: &[u8], last: bool, user: u32) -> Self {
        Self { data: padded(bytes), keep: ((1u32 << bytes.len()) - 1) as u16, last, user }
    }

    fn bytes(&self) -> &[u8] {
        &self.data[..self.keep.trailing_ones() as usize]
    }

    fn last(&self) -> bool {
        self.last
    }

    fn user(&self) -> u32 {
        self.user
    }
}

/// The stream inside the engine (`espalier_hdl::stream::Beat`): ports `NAME_beat`, `NAME_valid`, `NAME_ready`.
#[derive(Debug, Clone, PartialEq)]
pub struct Beat {
    data: [u8; 16],
    bytes: u8,
    last: bool,
    error: bool,
}

impl Payload for Beat {
    type Ports<H: Copy> = H;

    fn handshake(_: &Model, name: &str) -> [String; 2] {
        [format!("{name}_valid"), format!("{name}_ready")]
    }

    fn ports<H: Copy>(name: &str, find: impl Fn(&str) -> Result<H, Error>) -> Result<H, Error> {
        find(&format!("{name}_beat"))
    }

    fn write(&self, model: &mut Model, &port: &Input) {
        let data = u128::from_be_bytes(self.data);
        let word = |i: u32| (data >> (32 * i)) as u32;
        let flags = u32::from(self.bytes) | (u32::from(self.last) << 5) | (u32::from(self.error) << 6);
        model.write(port, [word(0), word(1), word(2), word(3), flags]);
    }

    fn read(model: &Model, &port: &Output) -> Self {
        let mut words = [0; 5];
        model.read_words(port, &mut words);
        let data = words[..4].iter().rev().fold(0, |data, &word| (data << 32) | u128::from(word));
        let flags = words[4];
        Self { data: data.to_be_bytes(), bytes: (flags & 31) as u8, last: flags & 32 != 0, error: flags & 64 != 0 }
    }

    fn junk(model: &mut Model, &port: &Input) {
        model.fill(port, JUNK);
    }

    fn flaw(&self) -> Option<&'static str> {
        match self.bytes {
            16 => None,
            0 => Some("a beat of no bytes"),
            17.. => Some("a beat of more than 16 bytes"),
            _ if !self.last => Some("a short beat before the last"),
            _ => None,
        }
    }
}

impl Lanes for Beat {
    fn pack(bytes: &[u8], last: bool, user: u32) -> Self {
        Self { data: padded(bytes), bytes: bytes.len() as u8, last, error: last && user & 1 != 0 }
    }

    fn bytes(&self) -> &[u8] {
        &self.data[..usize::from(self.bytes.min(16))]
    }

    fn last(&self) -> bool {
        self.last
    }

    fn user(&self) -> u32 {
        self.error.into()
    }
}

/// Any other record: port `NAME`, with `NAME_valid` and `NAME_ready`; or, for a name such as `s_data`, `s_valid` and `s_ready`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record(pub BigUint);

impl Record {
    /// The bits of a rust-hdl value.
    pub fn of<T: Synth>(value: T) -> Self {
        Self(record(value))
    }
}

impl Payload for Record {
    type Ports<H: Copy> = H;

    fn handshake(model: &Model, name: &str) -> [String; 2] {
        let prefix = match name.rsplit_once('_') {
            Some((prefix, _)) if !model.has(&format!("{name}_valid")) => prefix,
            _ => name,
        };
        [format!("{prefix}_valid"), format!("{prefix}_ready")]
    }

    fn ports<H: Copy>(name: &str, find: impl Fn(&str) -> Result<H, Error>) -> Result<H, Error> {
        find(name)
    }

    fn write(&self, model: &mut Model, &port: &Input) {
        model.write(port, &self.0);
    }

    fn read(model: &Model, &port: &Output) -> Self {
        Self(model.read(port))
    }

    fn junk(model: &mut Model, &port: &Input) {
        model.fill(port, JUNK);
    }
}

/// One word of AXI4-Stream: ports `NAME_tdata`, `_tvalid`, `_tready`; every word stands alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word(pub u32);

impl Payload for Word {
    type Ports<H: Copy> = H;

    fn handshake(_: &Model, name: &str) -> [String; 2] {
        [format!("{name}_tvalid"), format!("{name}_tready")]
    }

    fn ports<H: Copy>(name: &str, find: impl Fn(&str) -> Result<H, Error>) -> Result<H, Error> {
        find(&format!("{name}_tdata"))
    }

    fn write(&self, model: &mut Model, &port: &Input) {
        model.write(port, self.0);
    }

    fn read(model: &Model, &port: &Output) -> Self {
        Self(model.read_u64(port) as u32)
    }

    fn junk(model: &mut Model, &port: &Input) {
        model.fill(port, JUNK);
    }
}
