//! Captures at the wire: the frames of one come as fast as the card takes them, once it receives; its own go into another.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use espalier_sim::vfio_user::LinkError;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use pcap_file::{PcapError, TsResolution};

use crate::run::capture::{self, CaptureError};

/// What is left of one, and the other.
pub struct Captures {
    frames: VecDeque<Vec<u8>>,
    output: PathBuf,
    writer: PcapWriter<File>,
}

impl Captures {
    /// Reads `input` (pcap or pcapng), and begins `output`.
    ///
    /// # Errors
    /// [`CaptureError`].
    pub fn open(input: &Path, output: &Path) -> Result<Self, CaptureError> {
        let frames = capture::read(input)?.into_iter().map(|captured| captured.bytes).collect();
        let failed = |source| CaptureError::Io { file: output.to_owned(), source };
        let header = PcapHeader { ts_resolution: TsResolution::NanoSecond, ..PcapHeader::default() };
        let writer = PcapWriter::with_header(File::create(output).map_err(failed)?, header).map_err(|error| failed(plain(error)))?;
        Ok(Self { frames, output: output.to_owned(), writer })
    }

    pub(super) fn receive(&mut self) -> Option<Vec<u8>> {
        self.frames.pop_front()
    }

    pub(super) fn send(&mut self, frame: &[u8]) -> Result<(), LinkError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // Frames of the card are far below 2^32.
        let written = self.writer.write_packet(&PcapPacket::new(now, frame.len() as u32, frame));
        written.map(|_| ()).map_err(|error| LinkError { wire: format!("pcap: {}", self.output.display()), source: plain(error) })
    }
}

fn plain(error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) => error,
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_can_be_read_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let [input, output, third] = ["in", "out", "third"].map(|name| folder.path().join(name));
        let frames = [vec![1; 60], vec![2; 1514]];
        let captured: Vec<_> =
            frames.iter().map(|bytes| capture::Captured { time: std::time::Duration::from_secs(1), bytes: bytes.clone() }).collect();
        capture::write(&input, &captured).unwrap();
        let mut captures = Captures::open(&input, &output).unwrap();
        for frame in &frames {
            assert_eq!(captures.receive().as_ref(), Some(frame));
            captures.send(frame).unwrap();
        }
        assert_eq!(captures.receive(), None);
        let mut again = Captures::open(&output, &third).unwrap();
        assert_eq!([again.receive(), again.receive(), again.receive()], [Some(frames[0].clone()), Some(frames[1].clone()), None]);
        assert!(Captures::open(&folder.path().join("none"), &third).is_err());
    }
}
