//! The event queue runs over: what did not fit stands in the SAs.

use espalier_driver::xfrm::Direction;
use espalier_reference_model::lifetime::Limits;
use espalier_reference_model::nic::Offload;
use espalier_regs::mailbox::{Op, sa_state};
use espalier_regs::notice::{Kind, Notice};
use espalier_sim::NicStalls;

use crate::association::Association;
use crate::clocks::packet;
use crate::rig::Rig;

/// SAs that come to their end, each with two events; and how many the queue holds (CAP_TABLES.EVENTS).
const SAS: u8 = 40;
/// The queue, and the event that EVENT shows.
const DEPTH: usize = 64 + 1;

#[test]
fn what_the_event_queue_could_not_hold_stands_in_the_sas() {
    let mut rig = Rig::new(NicStalls::never());
    let limits = Limits { soft_packets: 1, hard_packets: 2, ..Limits::NONE };
    let associations: Vec<_> =
        (0..SAS).map(|index| Association { limits: [limits, Limits::NONE], ..Association::plain(index, false, Some(false)) }).collect();
    for association in &associations {
        rig.install(association);
    }
    let frames: Vec<_> = associations.iter().map(|association| packet(100, false).frame(association.inside(Direction::Out))).collect();
    // The third of each finds its SA expired.
    for frame in frames.iter().cycle().take(3 * usize::from(SAS)) {
        rig.send_host(frame, Offload::None, false);
    }
    rig.card().nic().run_until_quiet(1000, 100_000).expect("it comes to rest");

    let (told, lost) = rig.card().take_notices();
    assert!(lost, "{} events and room for {DEPTH}", 2 * SAS);
    let kinds = [Kind::LifetimeSoft, Kind::LifetimeHard];
    let all = kinds.into_iter().flat_map(|kind| (0..u16::from(SAS)).map(move |sa| Notice { kind: Some(kind), tx: true, sa }));
    assert_eq!(told, all.take(DEPTH).collect::<Vec<_>>(), "the oldest are kept, in order");
    for association in &associations {
        let state = rig.card().state(Op::ReadTxSa, association.tx());
        let flags = [sa_state::PACKETS, sa_state::SOFT, sa_state::HARD].map(|field| field.get(&state));
        assert_eq!(flags, [2, 1, 1], "outbound SA {}", association.tx());
    }
    // It goes on telling.
    rig.set_limits(0, Direction::Out, Limits { hard_packets: 3, ..Limits::NONE });
    rig.send_host(&frames[0], Offload::None, false);
    rig.card().nic().run_until_quiet(1000, 100_000).expect("it comes to rest");
    let (told, lost) = rig.card().take_notices();
    assert_eq!((told, lost), (vec![Notice { kind: Some(Kind::LifetimeHard), tx: true, sa: 0 }], false));
}
