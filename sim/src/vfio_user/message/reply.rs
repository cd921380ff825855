//! What the server sends: replies, and commands that access memory.

use rustix::io::Errno;

use super::{Header, Kind, code};

/// A reply with these parts as its body.
#[must_use]
pub fn ok(id: u16, command: u16, parts: &[&[u8]]) -> Vec<u8> {
    Header::message(id, command, Kind::Reply { error: None }, parts)
}

/// A reply that says why not.
#[must_use]
pub fn error(id: u16, command: u16, errno: Errno) -> Vec<u8> {
    Header::message(id, command, Kind::Reply { error: Some(errno) }, &[])
}

/// Body of a reply about a region.
#[must_use]
pub fn region_info(index: u32, flags: u32, size: u64) -> Vec<u8> {
    let words = [32, flags, index, 0];
    [words.iter().flat_map(|word: &u32| word.to_le_bytes()).collect(), size.to_le_bytes().to_vec(), vec![0; 8]].concat()
}

/// Body of a reply about a kind of interrupts; of one about the device, with regions in the place of the index.
#[must_use]
pub fn irq_info(flags: u32, index: u32, count: u32) -> Vec<u8> {
    [16, flags, index, count].iter().flat_map(|word: &u32| word.to_le_bytes()).collect()
}

/// Asks for memory.
#[must_use]
pub fn dma_read(id: u16, address: u64, count: u64) -> Vec<u8> {
    let kind = Kind::Command { reply: true };
    Header::message(id, code::DMA_READ, kind, &[&address.to_le_bytes(), &count.to_le_bytes()])
}

/// Writes memory; `packed`: as QEMU 10.1 reads it, the count in 32 bits and the data right behind it.
#[must_use]
pub fn dma_write(id: u16, address: u64, data: &[u8], packed: bool) -> Vec<u8> {
    let kind = Kind::Command { reply: true };
    let (address, count) = (address.to_le_bytes(), (data.len() as u64).to_le_bytes());
    // Packed, four bytes of padding end the message instead of the count.
    let parts: &[&[u8]] = if packed { &[&address, &count[..4], data, &[0; 4]] } else { &[&address, &count, data] };
    Header::message(id, code::DMA_WRITE, kind, parts)
}
