//! What the stage takes, in clocks: a lost clock fails here.

use espalier_hdl::parse::MAX_FRAME_BYTES;
use espalier_hdl::records::Meta;
use espalier_sim::stream::Stalls;

use crate::bench::Bench;
use crate::rules::Write;

/// Clocks from first beat in to first beat out of a lone frame, besides its beats, of which 5 count at most.
const LATENCY: u64 = 23;
/// Frames of a run; the first quarter does not count.
const FRAMES: usize = 40;

fn measure(bytes: usize, is_protected: bool) -> (u64, f64) {
    let mut bench = Bench::new(Stalls::never(), Stalls::never());
    bench.write(&Write::Sa(0, false));
    bench.write(&Write::Selector(0, Default::default()));
    bench.write(&Write::Accept(0, 0));
    let meta = Meta { is_protected, ..Meta::default() };
    bench.push(&vec![0x55; bytes], meta, meta, false);
    bench.drain();
    let latency = bench.passages[0].first - bench.passages[0].sent;
    for _ in 0..FRAMES {
        bench.push(&vec![0x55; bytes], meta, meta, false);
    }
    bench.drain();
    let last = |i: usize| bench.passages[i].last;
    let counted = FRAMES - FRAMES / 4;
    (latency, (last(FRAMES) - last(FRAMES / 4)) as f64 / counted as f64)
}

#[test]
fn pace_and_latency_are_as_documented() {
    for bytes in [14, 33, 60, 64, 65, 96, 97, 128, 129, 145, 300, 1518, MAX_FRAME_BYTES] {
        for is_protected in [false, true] {
            let beats = bytes.div_ceil(16) as u64;
            let (latency, pace) = measure(bytes, is_protected);
            println!("{bytes} bytes: {latency} clocks, one every {pace}");
            assert_eq!(latency, LATENCY + beats.min(5), "{bytes} bytes");
            assert_eq!(pace, beats.max(8) as f64, "{bytes} bytes");
        }
    }
}

/// The host takes nothing: the stage fills and stops, and nothing is lost.
#[test]
fn untaken_frames_stop_the_stream() {
    for (bytes, taken) in [(14, 10), (60, 9), (300, 4), (4000, 1)] {
        let mut bench = Bench::new(Stalls::never(), Stalls::pattern(&[true]));
        for _ in 0..40 {
            bench.push(&vec![0x55; bytes], Meta::default(), Meta::default(), false);
        }
        for _ in 0..600 {
            bench.step(None);
        }
        assert_eq!(40 - bench.queued(), taken, "{bytes} bytes");
        assert!(bench.passages.is_empty());
        bench.set_sink(Stalls::never());
        bench.drain();
        assert_eq!(bench.passages.len(), 40);
    }
}
