//! Captures through boards.

use crate::rig::{board, fast, frames, run, simulated};

#[test]
fn a_board_and_a_simulated_nic_understand_each_other() {
    let some = frames("ipv4.pcap", |at, _| at % 6 == 0);
    let report = run("tunnel-aes256-esn.xfrm", &some, board(fast()), simulated());
    assert!(report.ok, "{report}");
    assert_eq!((report.packets_out, report.drops), (some.len(), 0));
    assert!(report.directions.iter().all(|way| way.protected > 3), "{report}");
    // What the board can say of its clocks, and no more.
    assert_eq!((report.clocks, report.bits_per_clock), (None, None));
    assert!(report.notes.iter().any(|note| note.starts_with("left, a board of its own count: ")), "{:?}", report.notes);
}

#[test]
fn two_boards_understand_each_other() {
    let some = frames("ipv6.pcap", |at, _| at % 9 == 0);
    let report = run("transport-aes128.xfrm", &some, board(fast()), board(fast()));
    assert!(report.ok, "{report}");
    assert_eq!((report.packets_out, report.drops), (some.len(), 0));
}
