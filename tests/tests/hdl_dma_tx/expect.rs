//! What is to become of descriptors, said simply.

use std::collections::HashSet;

use espalier_regs::dma::Fault;

/// The longest frame.
pub const MAX_BYTES: u64 = 9234;

/// A descriptor, and what stands where it points.
#[derive(Debug, Clone)]
pub struct Segment {
    pub address: u64,
    pub length: u64,
    pub last: bool,
    pub user: u32,
    pub wrong_phase: bool,
    pub bytes: Vec<u8>,
}

/// A frame, as far as its descriptors tell.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// What the engine gets; nothing if the first segment is refused.
    pub bytes: Vec<u8>,
    pub user: u32,
    pub damaged: bool,
    pub cause: u32,
    pub index: u64,
    /// Its end is known: LAST, or a fault.
    pub ended: bool,
}

/// Of the descriptors that were taken: frames, reads, and faults (cause, address) of read errors and of the refusal.
#[derive(Debug, Default)]
pub struct Expected {
    pub frames: Vec<Outcome>,
    pub reads: Vec<(u64, u64)>,
    pub data_faults: Vec<(u32, u64)>,
    pub refusal: Option<(u32, u64)>,
}

impl Expected {
    pub fn of(taken: &[Segment], broken: &HashSet<u64>) -> Self {
        let mut all = Self::default();
        let (mut open, mut length) = (false, 0);
        for (index, segment) in (1..).zip(taken) {
            assert!(all.refusal.is_none(), "a descriptor was taken behind a refused one");
            if !open {
                (open, length) = (true, 0);
                all.frames.push(Outcome { user: segment.user & 0x1ffe, ..Outcome::default() });
            }
            let frame = all.frames.last_mut().unwrap();
            let refused = if segment.wrong_phase {
                Some((Fault::Phase, 0))
            } else if segment.length == 0 || !segment.last && segment.length % 16 != 0 || length + segment.length > MAX_BYTES {
                Some((Fault::Length, segment.address))
            } else {
                (segment.address % 16 != 0).then_some((Fault::Address, segment.address))
            };
            if let Some((cause, address)) = refused {
                all.refusal = Some((cause.code(), address));
                if !frame.ended {
                    let begun = length > 0;
                    *frame = Outcome { damaged: begun, cause: cause.code(), index, ended: true, ..frame.clone() };
                    frame.bytes.extend([0; 16].iter().filter(|_| begun));
                }
                continue;
            }
            length += segment.length;
            let mut at = 0;
            while at < segment.length {
                let address = segment.address + at;
                let end = ((address / 256 + 1) * 256 - segment.address).min(segment.length);
                all.reads.push((address, (end - at).div_ceil(16)));
                for beat in (at..end).step_by(16) {
                    if frame.ended {
                        break;
                    }
                    if broken.contains(&(segment.address + beat)) {
                        all.data_faults.push((Fault::Data.code(), address));
                        frame.bytes.extend([0; 16]);
                        *frame = Outcome { damaged: true, cause: Fault::Data.code(), index, ended: true, ..frame.clone() };
                    } else {
                        frame.bytes.extend(&segment.bytes[beat as usize..(beat + 16).min(segment.length) as usize]);
                    }
                }
                at = end;
            }
            if segment.last {
                open = false;
                if !frame.ended {
                    (frame.ended, frame.index) = (true, index);
                }
            }
        }
        all
    }
}
