//! What the five channels carry, and in which ports: `m_axi_ar` has `m_axi_arid`, `m_axi_araddr` ..

use super::BEAT;
use crate::stream::Payload;
use crate::{Error, Input, Model, Output};

/// What lies in a channel that is not valid.
const JUNK: u8 = 0xa5;

/// Names of valid and ready, the same for all.
fn handshake(name: &str) -> [String; 2] {
    [format!("{name}valid"), format!("{name}ready")]
}

/// AR or AW.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Address {
    pub id: u32,
    pub address: u64,
    pub beats: usize,
    /// `size` and `burst`, where the model has them.
    size: u32,
    burst: u32,
}

/// Ports of an [`Address`].
#[derive(Debug, Clone, Copy)]
pub struct AddressPorts<H> {
    id: H,
    address: H,
    length: H,
    size: Option<H>,
    burst: Option<H>,
}

/// 2^4 bytes a beat.
const SIZE: u32 = 4;
/// INCR (AMBA AXI table A3-3).
const INCR: u32 = 1;

impl Address {
    pub fn bytes(&self) -> usize {
        self.beats * BEAT
    }
}

impl Payload for Address {
    type Ports<H: Copy> = AddressPorts<H>;

    fn handshake(_: &Model, name: &str) -> [String; 2] {
        handshake(name)
    }

    fn ports<H: Copy>(name: &str, find: impl Fn(&str) -> Result<H, Error>) -> Result<AddressPorts<H>, Error> {
        let port = |signal: &str| find(&format!("{name}{signal}"));
        let (size, burst) = (port("size").ok(), port("burst").ok());
        Ok(AddressPorts { id: port("id")?, address: port("addr")?, length: port("len")?, size, burst })
    }

    /// Never: only a master offers addresses.
    fn write(&self, _: &mut Model, _: &AddressPorts<Input>) {}

    fn read(model: &Model, ports: &AddressPorts<Output>) -> Self {
        Self {
            id: model.read_u64(ports.id) as u32,
            address: model.read_u64(ports.address),
            beats: model.read_u64(ports.length) as usize + 1,
            size: ports.size.map_or(SIZE, |port| model.read_u64(port) as u32),
            burst: ports.burst.map_or(INCR, |port| model.read_u64(port) as u32),
        }
    }

    fn junk(_: &mut Model, _: &AddressPorts<Input>) {}

    fn flaw(&self) -> Option<&'static str> {
        if self.size != SIZE {
            Some("the size is not that of the bus")
        } else if self.burst != INCR {
            Some("the burst does not increment")
        } else if !self.address.is_multiple_of(BEAT as u64) {
            Some("the address is no multiple of 16")
        } else if self.address % 4096 + self.bytes() as u64 > 4096 {
            Some("the burst crosses 4 KiB")
        } else {
            None
        }
    }
}

/// R: a beat of read data.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadBeat {
    pub id: u32,
    pub data: u128,
    pub response: u8,
    pub last: bool,
}

impl Payload for ReadBeat {
    type Ports<H: Copy> = [H; 4];

    fn handshake(_: &Model, name: &str) -> [String; 2] {
        handshake(name)
    }

    fn ports<H: Copy>(name: &str, find: impl Fn(&str) -> Result<H, Error>) -> Result<[H; 4], Error> {
        let port = |signal: &str| find(&format!("{name}{signal}"));
        Ok([port("id")?, port("data")?, port("resp")?, port("last")?])
    }

    fn write(&self, model: &mut Model, &[id, data, response, last]: &[Input; 4]) {
        model.write(id, self.id);
        model.write(data, self.data);
        model.write(response, self.response);
        model.write(last, self.last);
    }

    fn read(model: &Model, &[id, data, response, last]: &[Output; 4]) -> Self {
        Self {
            id: model.read_u64(id) as u32,
            data: model.read_u128(data),
            response: model.read_u64(response) as u8,
            last: model.read_bool(last),
        }
    }

    fn junk(model: &mut Model, ports: &[Input; 4]) {
        ports.iter().for_each(|&port| model.fill(port, JUNK));
    }
}

/// W: a beat of data to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct WriteBeat {
    pub data: u128,
    pub strobes: u16,
    pub last: bool,
}

impl Payload for WriteBeat {
    type Ports<H: Copy> = [H; 3];

    fn handshake(_: &Model, name: &str) -> [String; 2] {
        handshake(name)
    }

    fn ports<H: Copy>(name: &str, find: impl Fn(&str) -> Result<H, Error>) -> Result<[H; 3], Error> {
        let port = |signal: &str| find(&format!("{name}{signal}"));
        Ok([port("data")?, port("strb")?, port("last")?])
    }

    /// Never: only a master offers data to be written.
    fn write(&self, _: &mut Model, _: &[Input; 3]) {}

    fn read(model: &Model, &[data, strobes, last]: &[Output; 3]) -> Self {
        Self { data: model.read_u128(data), strobes: model.read_u64(strobes) as u16, last: model.read_bool(last) }
    }

    fn junk(_: &mut Model, _: &[Input; 3]) {}
}

/// B: the response to a write.
#[derive(Debug, Clone, PartialEq)]
pub struct WriteResponse {
    pub id: u32,
    pub response: u8,
}

impl Payload for WriteResponse {
    type Ports<H: Copy> = [H; 2];

    fn handshake(_: &Model, name: &str) -> [String; 2] {
        handshake(name)
    }

    fn ports<H: Copy>(name: &str, find: impl Fn(&str) -> Result<H, Error>) -> Result<[H; 2], Error> {
        Ok([find(&format!("{name}id"))?, find(&format!("{name}resp"))?])
    }

    fn write(&self, model: &mut Model, &[id, response]: &[Input; 2]) {
        model.write(id, self.id);
        model.write(response, self.response);
    }

    fn read(model: &Model, &[id, response]: &[Output; 2]) -> Self {
        Self { id: model.read_u64(id) as u32, response: model.read_u64(response) as u8 }
    }

    fn junk(model: &mut Model, ports: &[Input; 2]) {
        ports.iter().for_each(|&port| model.fill(port, JUNK));
    }
}
