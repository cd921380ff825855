//! Captures: read from pcap and pcapng, written as pcap with nanoseconds.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use pcap_file::pcap::{PcapHeader, PcapPacket, PcapReader, PcapWriter};
use pcap_file::pcapng::blocks::interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption};
use pcap_file::pcapng::{Block, PcapNgReader};
use pcap_file::{DataLink, PcapError, TsResolution};

/// A frame of a capture: Ethernet, without FCS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// When it was seen.
    pub time: Duration,
    /// From the destination MAC address on.
    pub bytes: Vec<u8>,
}

/// Why a capture is refused.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The file can't be read or written.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is something else.
    #[error("{}: neither pcap nor pcapng: it begins with {start}", file.display())]
    Foreign {
        /// The file.
        file: PathBuf,
        /// Its first bytes.
        start: String,
    },
    /// It breaks off, or contradicts itself.
    #[error("{}: damaged after packet {after}: {}", file.display(), damage(source))]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Packets read before.
        after: usize,
        /// Why.
        source: PcapError,
    },
    /// Its frames are not Ethernet's.
    #[error("{}: frames of link type {link:?}; expected Ethernet", file.display())]
    Link {
        /// The file.
        file: PathBuf,
        /// What they are.
        link: DataLink,
    },
    /// A frame was cut short when it was captured.
    #[error("{}: packet {packet}: only {captured} of {original} bytes were captured; record whole frames (tcpdump -s 0)", file.display())]
    Cut {
        /// The file.
        file: PathBuf,
        /// Which, from 1.
        packet: usize,
        /// Bytes there are.
        captured: usize,
        /// Bytes there were.
        original: u32,
    },
}

fn damage(source: &PcapError) -> String {
    match source {
        PcapError::IncompleteBuffer => "the file ends in the middle of the next".to_owned(),
        PcapError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the file ends in the middle of the next".to_owned()
        }
        PcapError::IoError(error) => error.to_string(),
        other => other.to_string(),
    }
}

/// Reads a whole capture.
pub fn read(file: &Path) -> Result<Vec<Captured>, CaptureError> {
    let io = |source| CaptureError::Io { file: file.to_owned(), source };
    let mut magic = Vec::new();
    File::open(file).map_err(io)?.take(4).read_to_end(&mut magic).map_err(io)?;
    let reader = BufReader::new(File::open(file).map_err(io)?);
    match magic[..] {
        // pcap with microseconds or nanoseconds, in either byte order.
        [0xA1, 0xB2, 0xC3, 0xD4 | 0x4D] | [0xA1, 0xB2, 0x3C, 0x4D] | [0xD4, 0xC3, 0xB2, 0xA1] | [0x4D, 0x3C, 0xB2, 0xA1] => {
            read_pcap(file, reader)
        }
        [0x0A, 0x0D, 0x0D, 0x0A] => read_pcapng(file, reader),
        _ => {
            let start = match magic.len() {
                0 => "nothing".to_owned(),
                _ => magic.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "),
            };
            Err(CaptureError::Foreign { file: file.to_owned(), start })
        }
    }
}

fn read_pcap(file: &Path, reader: impl Read) -> Result<Vec<Captured>, CaptureError> {
    let mut frames = Vec::new();
    let damaged = |after, source| CaptureError::Damaged { file: file.to_owned(), after, source };
    let mut reader = PcapReader::new(reader).map_err(|source| damaged(0, source))?;
    ethernet(file, reader.header().datalink)?;
    while let Some(packet) = reader.next_packet() {
        let packet = packet.map_err(|source| damaged(frames.len(), source))?;
        push(file, &mut frames, packet.timestamp, &packet.data, packet.orig_len)?;
    }
    Ok(frames)
}

fn read_pcapng(file: &Path, reader: impl Read) -> Result<Vec<Captured>, CaptureError> {
    let mut frames = Vec::new();
    let mut interfaces = Vec::new();
    let damaged = |after, source| CaptureError::Damaged { file: file.to_owned(), after, source };
    let mut reader = PcapNgReader::new(reader).map_err(|source| damaged(0, source))?;
    while let Some(block) = reader.next_block() {
        match block.map_err(|source| damaged(frames.len(), source))? {
            Block::SectionHeader(_) => interfaces.clear(),
            Block::InterfaceDescription(interface) => interfaces.push((interface.linktype, Resolution::of(&interface))),
            Block::EnhancedPacket(packet) => {
                let id = packet.interface_id;
                let (link, resolution) =
                    interfaces.get(id as usize).ok_or_else(|| damaged(frames.len(), PcapError::InvalidInterfaceId(id)))?;
                ethernet(file, *link)?;
                push(file, &mut frames, resolution.time(packet.timestamp), &packet.data, packet.original_len)?;
            }
            // Has no time, and belongs to the first interface.
            Block::SimplePacket(packet) => {
                let (link, _) = interfaces.first().ok_or_else(|| damaged(frames.len(), PcapError::InvalidInterfaceId(0)))?;
                ethernet(file, *link)?;
                push(file, &mut frames, Duration::ZERO, &packet.data, packet.original_len)?;
            }
            _ => {}
        }
    }
    Ok(frames)
}

/// What a unit of an interface's times is: `if_tsresol` of pcapng.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Resolution {
    /// Units in a second.
    per_second: u128,
}

impl Resolution {
    /// Microseconds where the file says nothing, or a resolution finer than its times could hold.
    fn of(interface: &InterfaceDescriptionBlock<'_>) -> Self {
        let said = interface.options.iter().find_map(|option| match option {
            InterfaceDescriptionOption::IfTsResol(resolution) => Some(*resolution),
            _ => None,
        });
        let exponent = u32::from(said.unwrap_or(6) & 0x7f);
        let base: u128 = if said.unwrap_or(6) & 0x80 == 0 { 10 } else { 2 };
        Self { per_second: base.checked_pow(exponent).filter(|units| *units <= u64::MAX.into()).unwrap_or(1_000_000) }
    }

    /// The reader takes each unit for a nanosecond.
    fn time(self, read: Duration) -> Duration {
        let units = read.as_nanos();
        let nanoseconds = (units % self.per_second) * 1_000_000_000 / self.per_second;
        Duration::new(u64::try_from(units / self.per_second).unwrap_or(u64::MAX), nanoseconds as u32)
    }
}

fn ethernet(file: &Path, link: DataLink) -> Result<(), CaptureError> {
    match link {
        DataLink::ETHERNET => Ok(()),
        link => Err(CaptureError::Link { file: file.to_owned(), link }),
    }
}

fn push(file: &Path, frames: &mut Vec<Captured>, time: Duration, bytes: &[u8], original: u32) -> Result<(), CaptureError> {
    if bytes.len() < original as usize {
        return Err(CaptureError::Cut { file: file.to_owned(), packet: frames.len() + 1, captured: bytes.len(), original });
    }
    frames.push(Captured { time, bytes: bytes.to_vec() });
    Ok(())
}

/// Writes a capture.
pub fn write<'a>(file: &Path, frames: impl IntoIterator<Item = &'a Captured>) -> Result<(), CaptureError> {
    let io = |source| CaptureError::Io { file: file.to_owned(), source };
    let pcap = |source| match source {
        PcapError::IoError(source) => io(source),
        other => io(std::io::Error::other(other)),
    };
    let header = PcapHeader { ts_resolution: TsResolution::NanoSecond, ..PcapHeader::default() };
    let mut writer = PcapWriter::with_header(BufWriter::new(File::create(file).map_err(io)?), header).map_err(pcap)?;
    for frame in frames {
        let length = u32::try_from(frame.bytes.len()).map_err(|error| io(std::io::Error::other(error)))?;
        writer.write_packet(&PcapPacket::new(frame.time, length, &frame.bytes)).map_err(pcap)?;
    }
    writer.into_writer().flush().map_err(io)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn frame(nanos: u64, length: usize) -> Captured {
        Captured { time: Duration::from_nanos(nanos), bytes: vec![length as u8; length] }
    }

    fn error_of(bytes: &[u8]) -> String {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.pcap");
        std::fs::write(&file, bytes).unwrap();
        let error = read(&file).unwrap_err().to_string();
        error.strip_prefix(&format!("{}: ", file.display())).unwrap().to_owned()
    }

    fn written(frames: &[Captured]) -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.pcap");
        write(&file, frames).unwrap();
        assert_eq!(read(&file).unwrap(), frames);
        std::fs::read(&file).unwrap()
    }

    #[test]
    fn what_is_written_is_read_again() {
        written(&[frame(1_700_000_000_000_000_007, 60), frame(1_700_000_001_000_000_000, 9014)]);
        written(&[]);
    }

    #[test]
    fn pcapng_times_have_the_resolution_of_their_interface() {
        use pcap_file::pcapng::PcapNgWriter;
        use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
        for (said, units, time) in [
            (None, 1_500_000, Duration::from_millis(1_500)),
            (Some(6), 2_000_001, Duration::from_micros(2_000_001)),
            (Some(9), 2_000_001, Duration::from_nanos(2_000_001)),
            (Some(0x80 | 10), 1_536, Duration::from_millis(1_500)),
            // Finer than 64 bits of anything.
            (Some(0x7f), 3_000_000, Duration::from_secs(3)),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("c.pcapng");
            let mut writer = PcapNgWriter::new(File::create(&file).unwrap()).unwrap();
            let options = said.map(InterfaceDescriptionOption::IfTsResol).into_iter().collect();
            let interface = InterfaceDescriptionBlock { linktype: DataLink::ETHERNET, snaplen: 0, options };
            writer.write_pcapng_block(interface).unwrap();
            let packet = EnhancedPacketBlock {
                timestamp: Duration::from_nanos(units),
                original_len: 60,
                data: vec![1; 60].into(),
                interface_id: 0,
                options: Vec::new(),
            };
            writer.write_pcapng_block(packet).unwrap();
            drop(writer);
            assert_eq!(read(&file).unwrap()[0].time, time, "{said:?}");
        }
    }

    #[test]
    fn a_truncated_capture_is_an_error() {
        let whole = written(&[frame(0, 60), frame(1, 60)]);
        assert_eq!(error_of(&whole[..whole.len() - 1]), "damaged after packet 1: the file ends in the middle of the next");
        assert_eq!(error_of(&whole[..30]), "damaged after packet 0: the file ends in the middle of the next");
        assert_eq!(error_of(&whole[..20]), "damaged after packet 0: the file ends in the middle of the next");
    }

    #[test]
    fn a_foreign_file_is_an_error() {
        assert_eq!(error_of(b""), "neither pcap nor pcapng: it begins with nothing");
        assert_eq!(error_of(b"PK\x03\x04...."), "neither pcap nor pcapng: it begins with 50 4b 03 04");
        let mut raw_ip = written(&[frame(0, 60)]);
        raw_ip[20..24].copy_from_slice(&101_u32.to_be_bytes());
        assert_eq!(error_of(&raw_ip), "frames of link type RAW; expected Ethernet");
        let mut cut = written(&[frame(0, 60)]);
        cut[36..40].copy_from_slice(&100_u32.to_be_bytes());
        assert_eq!(error_of(&cut), "packet 1: only 60 of 100 bytes were captured; record whole frames (tcpdump -s 0)");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(kind in 0..3_usize, mut bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            let start = [&b""[..], b"\xD4\xC3\xB2\xA1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\xFF\xFF\x00\x00\x01\x00\x00\x00", b"\x0A\x0D\x0D\x0A"][kind];
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("c.pcap");
            let mut all = start.to_vec();
            all.append(&mut bytes);
            std::fs::write(&file, all).unwrap();
            let _ = read(&file);
        }
    }
}
