//! Captures through boards.

use crate::rig::{board, fast, frames, run, simulated};

#[test]
fn a_board_and_a_simulated_nic_understand_each_other() {
    let some = frames("ipv4.pcap", |at, _| at % 10 == 0);
    let report = run("tunnel-aes256-esn.xfrm", &some, board(fast()), simulated());
    assert!(report.ok, "{report}");
    assert_eq!((report.packets_out, report.drops), (some.len(), 0));
    assert!(report.directions.iter().all(|way| way.protected > 0), "{report}");
    // What the board can say of its clocks, and no more.
    assert_eq!((report.clocks, report.bits_per_clock), (None, None));
    // Alone in the engine, a packet takes no more than its own beats and some: tests/engine/clocks.rs.
    let told = report.notes.iter().find_map(|note| note.strip_prefix("left, a board of its own count: ")).unwrap();
    let most: u64 = told.trim_end_matches(" clocks").rsplit(' ').next().unwrap().parse().unwrap();
    assert!((40..300).contains(&most), "{told}");
}

#[test]
fn two_boards_understand_each_other() {
    let some = frames("ipv6.pcap", |at, _| at % 20 == 0);
    let report = run("transport-aes128.xfrm", &some, board(fast()), board(fast()));
    assert!(report.ok, "{report}");
    assert_eq!((report.packets_out, report.drops), (some.len(), 0));
}
