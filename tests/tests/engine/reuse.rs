//! An SA's number goes to another SA while packets of the old one are still held.

use espalier_driver::xfrm::Direction;
use espalier_reference_model::esp::encapsulate;
use espalier_regs::Event;
use espalier_sim::NicStalls;
use espalier_sim::stream::Stalls;

use crate::association::Association;
use crate::choices::otherwise;
use crate::clocks::{association, packet};
use crate::rig::Rig;

/// Packets of each SA.
const PACKETS: u64 = 40;

fn sealed(association: &Association, seq: u64) -> (Vec<u8>, Vec<u8>) {
    let plain = packet(200, association.v6).frame(association.inside(Direction::In));
    let sealed = encapsulate(&plain, &association.tx_sa(Direction::In), seq).expect("a packet");
    (plain, sealed)
}

#[test]
fn packets_of_a_deleted_sa_do_not_move_the_window_of_its_successor() {
    let mut old = association(false, true);
    old.last_seq = 1_000_000;
    let new = Association { index: 2, last_seq: 0, ..old.clone() };

    // The host takes nothing, so that packets are held; then the new SA gets the number of the old one.
    let mut rig = Rig::new(NicStalls { host_out: Stalls::pattern(&[true]), ..NicStalls::never() });
    otherwise().for_each(|policy| rig.add_inbound(policy));
    rig.install(&old);
    for packet in 1..=PACKETS {
        rig.card().nic().send_wire(sealed(&old, old.last_seq + packet).1, false);
    }
    rig.card().nic().run(3000).expect("no rule broken");
    rig.remove(old.index);
    rig.install(&new);
    for packet in 1..=PACKETS {
        rig.card().nic().send_wire(sealed(&new, packet).1, false);
    }
    rig.card().nic().set_stalls(NicStalls::never());
    rig.card().nic().run_until_quiet(1000, 100_000).expect("it comes to rest");

    let frames = rig.card().nic().take_host();
    let gone = rig.card().counter(Event::RxDropNoSa);
    assert!(gone > 0, "some packets of the old SA must be under way when it goes, or the test tests nothing");
    assert_eq!(rig.card().counter(Event::RxDecrypted) + gone, 2 * PACKETS, "a packet arrives or has no SA: no window refuses it");
    assert_eq!(frames.len() as u64, 2 * PACKETS - gone);
    let (plain, _) = sealed(&new, 1);
    assert!(frames.iter().rev().take(PACKETS as usize).all(|frame| frame.bytes == plain), "every packet of the new SA arrives");
}

#[test]
fn a_wire_that_takes_nothing_holds_no_command_up() {
    // As a MAC that is told to pause: the outbound path fills up, and SAs still come and go.
    let mut rig = Rig::new(NicStalls { wire_out: Stalls::pattern(&[true]), ..NicStalls::never() });
    let old = association(false, true);
    rig.install(&old);
    let frame = packet(1000, false).frame(old.inside(Direction::Out));
    for _ in 0..PACKETS {
        rig.card().nic().send_host(&frame);
    }
    rig.card().nic().run(5000).expect("no rule broken");
    assert!(rig.card().nic().pending() > 0, "the path must be full, or the test tests nothing");
    rig.install(&Association { index: old.index + 1, ..old.clone() });
    rig.remove(old.index);
    rig.card().nic().set_stalls(NicStalls::never());
    rig.card().nic().run_until_quiet(1000, 100_000).expect("it comes to rest");
    let [protected, without] = [Event::TxProtected, Event::TxDropNoSa].map(|event| rig.card().counter(event));
    let bypassed = rig.card().counter(Event::TxBypassed);
    assert_eq!(protected + without + bypassed, PACKETS, "one outcome each");
    assert!(protected > 0);
}
