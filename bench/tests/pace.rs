//! RX latency of frames that come as 10GbE brings them.

use espalier_bench::case::Load;
use espalier_bench::pace::paced;
use espalier_bench::suite::engine;

/// Clocks of a microsecond at 156.25 MHz, cut.
const MICROSECOND: u64 = 156;
/// What a longer frame may take beyond store-and-forward.
const BEHIND: u64 = 100;
/// From so many bytes on: a shorter frame has ended before its headers are judged.
const LONG: usize = 1024;

#[test]
fn long_frames_take_store_and_forward_and_less_than_100_clocks() {
    let (_, found) = paced(engine().unwrap()).unwrap();
    for of in &found {
        println!("{of:?}");
    }
    for of in &found {
        if of.frame_bytes == 64 {
            assert!(of.latency_clocks <= MICROSECOND, "{of:?}");
        }
        if of.frame_bytes >= LONG {
            assert!(of.behind_clocks <= BEHIND, "{of:?}");
        }
    }
    let of = |bytes, direction| found.iter().find(|of| (of.frame_bytes, of.direction) == (bytes, direction)).unwrap();
    assert_eq!(of(64, Load::Rx).latency_clocks, 139);
    assert_eq!([Load::Rx, Load::Both].map(|load| of(1518, load).behind_clocks), [94, 94]);
}
