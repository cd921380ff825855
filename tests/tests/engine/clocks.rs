//! What the engine takes, in clocks: a lost clock fails here.

use crate::association::Association;
use crate::choices::otherwise;
use crate::packet::{Bytes, Packet, Shape};
use crate::rig::Rig;
use espalier_driver::xfrm::Direction;
use espalier_reference_model::nic::Offload;
use espalier_sim::NicStalls;

/// Packets of a run; the first and last quarter do not count.
const PACKETS: usize = 64;

/// Clocks a packet in steady state, and clocks from the first beat in to the first beat out of a lone packet.
#[derive(Debug, PartialEq)]
struct Clocks {
    per_packet: f64,
    latency: u64,
}

/// An association of 256-bit keys with ESN, in tunnel or transport mode.
pub fn association(v6: bool, tunnel: bool) -> Association {
    Association::plain(1, v6, tunnel.then_some(v6))
}

/// A packet whose frame has this many bytes, FCS included.
pub fn packet(frame_bytes: usize, v6: bool) -> Packet {
    let headers = 14 + if v6 { 40 } else { 20 } + 4;
    let payload = Bytes(vec![0xA5; frame_bytes.saturating_sub(headers)]);
    Packet { tags: 0, tos: 0, flow_label: 0, dont_fragment: true, ttl: 64, protocol: 17, payload, padding: 0, shape: Shape::Plain }
}

/// Sends a lone packet, then many back to back.
fn measure(association: &Association, frame_bytes: usize, direction: Direction) -> Clocks {
    let mut rig = Rig::new(NicStalls::never());
    otherwise().for_each(|policy| rig.add_inbound(policy));
    rig.install(association);
    let mut peer = association.tx_sa(Direction::In);
    let mut send = |rig: &mut Rig| {
        let frame = packet(frame_bytes, association.v6).frame(association.inside(direction));
        if direction == Direction::Out {
            rig.send_host(&frame, Offload::None, false);
        } else {
            let seq = peer.next_seq().expect("a number");
            let frame = espalier_reference_model::esp::encapsulate(&frame, &peer, seq).expect("a packet");
            rig.send_wire(&frame, false);
        }
    };
    send(&mut rig);
    let (sent, came) = rig.settle_timed(direction).expect("as the model");
    let latency = came[0].first - sent[0].first;
    for _ in 0..PACKETS {
        send(&mut rig);
    }
    let (_, came) = rig.settle_timed(direction).expect("as the model");
    let (from, to) = (PACKETS / 4, PACKETS - PACKETS / 4);
    let per_packet = (came[to].last - came[from].last) as f64 / (to - from) as f64;
    Clocks { per_packet, latency }
}

#[test]
fn a_packet_takes_its_clocks_and_no_more() {
    // Of a 64-byte frame: TX takes the 8 clocks of the policies, RX the 8 of the replay window, unless the frame has more beats.
    let expected = [
        (Direction::Out, false, true, 64, 8.0, 45),
        (Direction::Out, false, true, 1518, 99.0, 136),
        (Direction::Out, false, false, 64, 8.0, 44),
        (Direction::Out, true, true, 64, 9.0, 44),
        (Direction::In, false, true, 64, 8.0, 127),
        (Direction::In, false, true, 1518, 99.0, 224),
        (Direction::In, false, false, 64, 8.0, 126),
        (Direction::In, true, true, 64, 9.0, 127),
    ];
    let measured = expected.map(|(direction, v6, tunnel, bytes, ..)| {
        let clocks = measure(&association(v6, tunnel), bytes, direction);
        (direction, v6, tunnel, bytes, clocks.per_packet, clocks.latency)
    });
    assert_eq!(measured, expected);
}
