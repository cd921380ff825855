//! Function reset under load, and a driver that goes away without a word.

use espalier_driver::net::{NetDevice, TxOffload};
use espalier_driver::rings::RingConfig;
use espalier_sim::CardOptions;
use espalier_sim::host::{Faults, Reason, Refusal};
use espalier_sim::nic::Side;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::frames::{Flow, frame};
use crate::link::Link;
use crate::random::seed;
use crate::station::host;

#[test]
fn a_function_reset_at_any_moment_leaves_nothing_under_way() {
    let seed = seed();
    let mut rng = SmallRng::seed_from_u64(seed);
    let config = RingConfig { tx_entries: 16, rx_entries: 16, buffer_bytes: 512, ..RingConfig::default() };
    let mut link = Link::new(config, |seed| CardOptions::random(seed, 10), seed);
    for round in 0..12 {
        link.set_faults(if round % 2 == 0 { 0 } else { 100 });
        for _ in 0..rng.random_range(1..30) {
            for station in &mut link.stations {
                station.send(6, 4000);
                let clocks = station.random(300);
                station.rest(clocks);
            }
            link.cross();
        }
        link.reset();
        link.stations.iter_mut().for_each(|station| assert_eq!(station.violations(), []));
    }
    link.set_faults(0);
    link.run(40, 4000);
    link.check();
}

/// Its memory is unmapped under the card. That costs the queues, no more: the next driver finds a device that comes up.
#[test]
fn a_driver_that_is_killed_leaves_a_device_for_the_next_one() {
    let seed = seed();
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut host = host(CardOptions::random(seed, 10));
    for round in 0..6 {
        host.set_faults(Faults::none());
        let mut net = NetDevice::open(&mut host, RingConfig::default()).expect("bring-up");
        net.enable().expect("traffic on");
        let mut received = 0;
        for serial in 0..20 {
            let bytes = frame(&mut rng, Flow::Bypass, Side::Left, serial, 2000);
            net.send(&bytes, TxOffload::None).expect("room for it");
            let clocks = rng.random_range(0..200);
            let bus = net.device().bus();
            bus.run(clocks).expect("the card keeps the rules");
            for frame in bus.take_wire() {
                bus.send_wire(&frame.bytes, false);
            }
            while net.receive().expect("a sane RX ring").is_some() {
                received += 1;
            }
        }
        assert!(received > 0 || round > 0);
        drop(net);
        assert_eq!(host.mapped(), 0);
        host.run(rng.random_range(0..20_000)).expect("the card keeps the rules");
        host.take_wire();
        let violations = host.take_violations();
        assert!(violations.iter().all(|violation| violation.why == Reason::Iommu(Refusal::Unmapped)), "{violations:?}");
    }
    let net = NetDevice::open(&mut host, RingConfig::default()).expect("bring-up");
    net.close().expect("a quiet device");
    assert_eq!((host.mapped(), host.outstanding()), (0, 0));
    assert_eq!(host.take_violations(), []);
}
