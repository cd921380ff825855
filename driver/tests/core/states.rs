//! The SAD: adding, fallback, replacing, deleting, flushing, and devices that go.

use espalier_driver::core::{AllocSpi, Offloaded, SoftwareReason, StateRequest, XfrmError};
use espalier_driver::ops::{Callbacks, KmState};
use espalier_driver::sa::{Encap, EncapKind, SaError, SaFlags, SaParams};
use espalier_driver::xfrm::info::Replay;
use espalier_driver::xfrm::{Limits, Mark, Mode, OffloadMode, SaId};
use espalier_driver::{Errno, Error};

use crate::fixtures::{HERE, NO_MARK, START, THERE, address, core, events, id, inbound, names, on_device, out, packet};
use crate::mock::{Call, Counted, Stage};

#[test]
fn an_sa_is_on_the_device_before_it_is_in_the_sad() {
    let (mut core, mock) = core();
    let added = core.state_add(on_device(out(1))).expect("a good SA");
    assert_eq!(added.offloaded, Offloaded::Offloaded);
    assert_eq!(mock.calls(), [Call::StateAdd { spi: 1, acquire: false }]);
    assert_eq!(core.sad_info().count, 1);
    let x = core.state(added.id).expect("it is there");
    assert_eq!((x.km_state, x.offload_handle()), (KmState::Valid, Some(mock.last_handle())));
    assert_eq!(names(&mut core), ["new state"]);
}

#[test]
fn eopnotsupp_in_crypto_mode_is_software_and_says_why() {
    let (mut core, mock) = core();
    mock.with(|books| books.refuse = Some(|| SaError::Esn.into()));
    let added = core.state_add(on_device(out(1))).expect("software");
    let Offloaded::Software(SoftwareReason::Refused { dev, field, errno, reason }) = &added.offloaded else {
        panic!("{:?}", added.offloaded);
    };
    assert_eq!((dev.as_str(), *field, *errno), ("eth0", Some("flag esn"), Errno::Eopnotsupp));
    assert_eq!(reason, &SaError::Esn.to_string());
    assert_eq!(core.offloaded(added.id), Some(&added.offloaded));
    assert_eq!(names(&mut core), ["new state", "fallback"]);
    assert!(core.state_get(&id(THERE, 1), NO_MARK).expect("there").offload.is_none());
    core.state_delete(&id(THERE, 1), NO_MARK).expect("there");
    assert_eq!(mock.calls(), [Call::StateAdd { spi: 1, acquire: false }], "what is not on the device is not taken from it");
}

#[test]
fn every_other_refusal_in_crypto_mode_and_every_one_in_packet_mode_fails() {
    let refusals: [(fn() -> Error, Errno); 6] = [
        (|| SaError::Spi.into(), Errno::Einval),
        (|| SaError::Exists.into(), Errno::Eexist),
        (|| SaError::LookupFull { installed: 3 }.into(), Errno::Enospc),
        (|| Error::Broken, Errno::Enodev),
        (|| Error::NoSuchSa, Errno::Esrch),
        (|| SaError::Flag("icmp").into(), Errno::Eopnotsupp),
    ];
    for (refuse, errno) in refusals {
        let (mut core, mock) = core();
        mock.with(|books| books.refuse = Some(refuse));
        let error = core.state_add(on_device(packet(out(1)))).expect_err("packet mode");
        assert_eq!(error.errno(), errno);
        let crypto = core.state_add(on_device(out(1)));
        match errno {
            Errno::Eopnotsupp => assert!(crypto.is_ok()),
            _ => assert_eq!(crypto.expect_err("no reason for software").errno(), errno),
        }
        assert_eq!(mock.states(), []);
    }
}

#[test]
fn auto_tries_packet_then_crypto_then_none() {
    // strongSwan, `hw_offload=auto`.
    let auto = |core: &mut espalier_driver::core::XfrmCore<crate::mock::Mock>| {
        let requests = [on_device(packet(out(1))), on_device(out(1)), StateRequest::software(out(1))];
        let mut tried = 0;
        for request in requests {
            tried += 1;
            if let Ok(added) = core.state_add(request) {
                return (tried, added);
            }
        }
        panic!("software does it");
    };
    let (mut all, _) = core();
    let (tried, added) = auto(&mut all);
    assert_eq!(tried, 1);
    assert!(all.state(added.id).expect("there").is_packet_offload());

    let (mut crypto_only, mock) = core();
    mock.with(|books| books.refuse_packet = Some(|| SaError::Offload(OffloadMode::Packet).into()));
    let (tried, added) = auto(&mut crypto_only);
    assert_eq!((tried, &added.offloaded), (2, &Offloaded::Offloaded));
    assert!(!crypto_only.state(added.id).expect("there").is_packet_offload());

    let (mut none, mock) = core();
    mock.with(|books| books.refuse = Some(|| SaError::LookupFull { installed: 0 }.into()));
    let (tried, added) = auto(&mut none);
    assert_eq!((tried, added.offloaded), (3, Offloaded::Software(SoftwareReason::NotRequested)));
    assert_eq!(none.sad_info().count, 1);
}

#[test]
fn an_sa_that_exists_is_taken_back_from_the_device() {
    let (mut core, mock) = core();
    core.state_add(on_device(out(1))).expect("the first");
    let first = mock.last_handle();
    mock.calls();
    let error = core.state_add(on_device(out(1))).expect_err("the second");
    assert_eq!(error.errno(), Errno::Eexist);
    let second = mock.last_handle();
    let add = Call::StateAdd { spi: 1, acquire: false };
    assert_eq!(mock.calls(), [add, Call::StateDelete(second), Call::StateFree(second)]);
    assert_eq!((core.sad_info().count, core.states_allocated()), (1, 1));

    core.state_delete(&id(THERE, 1), NO_MARK).expect("there");
    assert_eq!(core.state_delete(&id(THERE, 1), NO_MARK).expect_err("gone").errno(), Errno::Esrch);
    assert_eq!(mock.calls(), [Call::UpdateStats(first), Call::StateDelete(first), Call::StateFree(first)]);
}

#[test]
fn an_sa_that_differs_in_its_mark_is_another() {
    let (mut core, _) = core();
    let marked = |value| SaParams { mark: Mark { value, mask: 0xff }, ..out(1) };
    core.state_add(StateRequest::software(marked(1))).expect("mark 1");
    core.state_add(StateRequest::software(marked(2))).expect("mark 2");
    assert!(matches!(core.state_add(StateRequest::software(marked(2))), Err(XfrmError::StateExists)));
    assert!(core.state_lookup(&id(THERE, 1), 0x102).is_some(), "compared under the mask");
    assert!(core.state_lookup(&id(THERE, 1), 3).is_none());
    core.state_delete(&id(THERE, 1), Mark { value: 1, mask: 0xff }).expect("mark 1");
    assert_eq!(core.sad_info().count, 1);
}

#[test]
fn a_packet_in_flight_keeps_a_deleted_sa_from_being_freed() {
    let (mut core, mock) = core();
    let sa = core.state_add(on_device(out(1))).expect("good").id;
    let held = core.state_lookup(&id(THERE, 1), 0).expect("there");
    let twice = held.clone();
    core.state_delete(&id(THERE, 1), NO_MARK).expect("there");
    assert_eq!(mock.states(), [Stage::Deleted], "at once");
    assert_eq!(core.state(sa).expect("held").km_state, KmState::Dead);
    assert!(core.state_lookup(&id(THERE, 1), 0).is_none());
    drop(held);
    core.collect_garbage();
    assert_eq!(mock.states(), [Stage::Deleted], "one is left");
    drop(twice);
    core.collect_garbage();
    assert_eq!(mock.states(), [Stage::Freed]);
    assert!(core.state(sa).is_none());
    assert_eq!(core.states_allocated(), 0);
}

#[test]
fn down_flushes_the_device_though_packets_are_in_flight() {
    let (mut core, mock) = core();
    core.state_add(on_device(out(1))).expect("crypto");
    core.state_add(on_device(packet(inbound(2)))).expect("packet");
    let software = core.state_add(StateRequest::software(out(3))).expect("software").id;
    let held = core.state_lookup(&id(THERE, 1), 0).expect("there");
    // Deleted before, but held: the device still owes its free.
    core.state_add(on_device(out(4))).expect("good");
    let waiting = core.state_lookup(&id(THERE, 4), 0).expect("there");
    core.state_delete(&id(THERE, 4), NO_MARK).expect("there");
    names(&mut core);

    core.down("eth0").expect("there");
    assert_eq!(mock.states(), [Stage::Freed; 3]);
    assert_eq!(core.sad_info().count, 1);
    assert_eq!(core.state(software).expect("not on the device").km_state, KmState::Valid);
    let x = core.state(held.id()).expect("held");
    assert_eq!((x.km_state, x.xso.as_ref()), (KmState::Dead, None));
    assert_eq!(core.offloaded(held.id()), Some(&Offloaded::Software(SoftwareReason::DeviceDown("eth0".to_owned()))));
    assert_eq!(names(&mut core), ["deleted state", "deleted state"]);
    drop((held, waiting));
    core.collect_garbage();
    assert_eq!(core.states_allocated(), 1);
    assert_eq!(mock.states(), [Stage::Freed; 3], "exactly once");

    core.up("eth0").expect("there");
    core.state_add(on_device(out(1))).expect("again");
}

#[test]
fn without_hw_esp_down_leaves_the_sas_and_unregister_does_not() {
    let mock = crate::mock::Mock::new("eth0");
    mock.with(|books| books.features = Default::default());
    let mut core = espalier_driver::core::XfrmCore::new(START);
    core.register(mock.clone()).expect("good");
    core.state_add(on_device(out(1))).expect("it has the callbacks");
    core.down("eth0").expect("there");
    assert_eq!(mock.states(), [Stage::Added]);
    core.unregister("eth0").expect("there");
    assert_eq!(mock.states(), [Stage::Freed]);
    assert_eq!(core.states_allocated(), 0);
    assert!(matches!(core.unregister("eth0"), Err(XfrmError::NoDevice(_))));
}

#[test]
fn flush_takes_those_of_one_protocol_and_an_empty_table_is_no_event() {
    let (mut core, mock) = core();
    core.state_flush(0);
    assert_eq!(names(&mut core), [""; 0]);
    core.state_add(on_device(out(1))).expect("good");
    core.state_add(StateRequest::software(inbound(2))).expect("good");
    names(&mut core);
    core.state_flush(51);
    assert_eq!((names(&mut core).len(), core.sad_info().count), (0, 2), "no AH");
    core.state_flush(50);
    assert_eq!(names(&mut core), ["flushed states"]);
    assert_eq!((core.sad_info().count, mock.states()), (0, vec![Stage::Freed]));
}

#[test]
fn update_replaces_limits_and_ports_and_nothing_else() {
    let (mut core, mock) = core();
    let encap = |sport| Some(Encap { kind: EncapKind::EspInUdp, sport, dport: 4500, oaddr: address("0.0.0.0") });
    let first = SaParams { encap: encap(4500), ..out(1) };
    core.state_add(on_device(packet(first.clone()))).expect("good");
    let handle = mock.last_handle();
    mock.calls();
    let limits = Limits { hard_packets: 10, ..Limits::NONE };
    let second = SaParams { encap: encap(4501), limits, reqid: 99, mode: Mode::Transport, ..first };
    core.state_update(on_device(packet(second.clone()))).expect("in force");
    assert_eq!(mock.calls(), [Call::StateUpdate(handle)], "no second SA on the device");
    let info = core.state_get(&id(THERE, 1), NO_MARK).expect("there");
    assert_eq!((info.limits, info.encap, info.reqid, info.mode), (limits, encap(4501), 7, Mode::Tunnel));
    mock.calls();

    mock.with(|books| books.refuse_update = true);
    let third = SaParams { limits: Limits { hard_packets: 20, ..Limits::NONE }, ..second };
    core.state_update(on_device(packet(third.clone()))).expect_err("the device failed");
    assert_eq!(core.state_get(&id(THERE, 1), NO_MARK).expect("there").limits, limits, "as it was");
    assert_eq!(names(&mut core), ["new state", "updated state"]);

    mock.with(|books| books.callbacks = Callbacks::ALL);
    let (mut core, mock) = core_with_the_nine();
    core.state_add(on_device(packet(out(1)))).expect("good");
    let error = core.state_update(on_device(packet(SaParams { limits, ..out(1) }))).expect_err("it can't be told");
    assert_eq!(error.to_string(), "Device eth0 can't change the limits of a state in force");
    assert_eq!(error.errno(), Errno::Eopnotsupp);
    core.state_update(on_device(packet(out(1)))).expect("nothing changes for the device");
    assert_eq!(mock.states(), [Stage::Added]);
}

fn core_with_the_nine() -> (espalier_driver::core::XfrmCore<crate::mock::Mock>, crate::mock::Mock) {
    let mock = crate::mock::Mock::new("eth0");
    mock.with(|books| books.callbacks = Callbacks::ALL);
    let mut core = espalier_driver::core::XfrmCore::new(START);
    core.register(mock.clone()).expect("good");
    (core, mock)
}

#[test]
fn a_dump_is_the_newest_first_and_as_of_now() {
    let (mut core, mock) = core();
    core.state_add(on_device(packet(out(1)))).expect("good");
    let handle = mock.last_handle();
    core.state_add(StateRequest::software(inbound(2))).expect("good");
    mock.with(|books| books.counted.insert(handle, Counted { packets: 3, bytes: 300, replay: 1, seq: Some(3) }));
    let dump = core.state_dump();
    assert_eq!(dump.iter().map(|info| info.id).collect::<Vec<_>>(), [id(HERE, 2), id(THERE, 1)]);
    let info = &dump[1];
    assert_eq!((info.current.packets, info.current.bytes, info.stats.replay), (3, 300, 1));
    assert_eq!(info.replay, Replay::Legacy { oseq: 3, seq: 0, bitmap: 0 });
    assert_eq!(info.current.add_time, START);
    let offload = info.offload.as_ref().expect("offloaded");
    assert_eq!((offload.dev.as_str(), offload.mode), ("eth0", OffloadMode::Packet));
    mock.with(|books| books.counted.insert(handle, Counted { packets: 2, ..Counted::default() }));
    assert_eq!(core.state_get(&id(THERE, 1), NO_MARK).expect("there").current.packets, 5, "deltas add up");
}

#[test]
fn software_refuses_what_it_can_t_do() {
    let (mut core, _) = core();
    let mut ah = out(1);
    ah.id.proto = 51;
    let mut icv = out(1);
    icv.aead.as_mut().expect("an aead").icv_bits = 100;
    let mut key = out(1);
    key.aead.as_mut().expect("an aead").key = espalier_driver::Key::new(vec![0; 21]);
    let mut wrap = out(1);
    wrap.flags.oseq_may_wrap = true;
    let mut spi = out(1);
    spi.id.spi = 0;
    let beet = SaParams { mode: Mode::Beet, ..out(1) };
    let flag = |flags| SaParams { flags, ..out(1) };
    let icmp = flag(SaFlags { icmp: true, ..SaFlags::default() });
    let wildrecv = flag(SaFlags { wildrecv: true, ..SaFlags::default() });
    let mark = SaParams { output_mark: Mark { value: 1, mask: 1 }, ..out(1) };
    let padded = SaParams { tfcpad: 64, ..out(1) };
    let rows = [
        (ah, "proto"),
        (icv, "aead"),
        (key, "aead"),
        (wrap, "flag"),
        (icmp, "flag"),
        (wildrecv, "flag"),
        (spi, "spi"),
        (beet, "mode"),
        (mark, "output-mark"),
        (padded, "tfcpad"),
    ];
    for (sa, field) in rows {
        let error = core.state_add(StateRequest::software(sa)).expect_err(field);
        assert_eq!((error.errno(), error.field()), (Errno::Eopnotsupp, Some(field)), "{error}");
    }
    assert_eq!((core.states_allocated(), events(&mut core).len()), (0, 0));
}

fn spi_request(range: std::ops::RangeInclusive<u32>) -> AllocSpi {
    let SaParams { id, saddr, mode, reqid, mark, .. } = inbound(0);
    AllocSpi { id, saddr, mode, reqid, mark, if_id: 0, km_seq: 0, dir: None, range }
}

#[test]
fn an_spi_is_kept_for_an_sa_to_come() {
    let (mut core, mock) = core();
    core.state_add(StateRequest::software(inbound(0x100))).expect("good");
    let (stub, spi) = core.state_alloc_spi(spi_request(0x100..=0x1ff)).expect("there are more");
    assert_eq!(spi, 0x101, "the lowest that is free");
    assert_eq!(core.state(stub).expect("there").km_state, KmState::Acq);
    assert!(matches!(core.state_add(on_device(inbound(spi))), Err(XfrmError::StateExists)), "as in the kernel: update it");
    core.state_update(on_device(inbound(spi))).expect("the keys are there");
    assert_eq!(core.sad_info().count, 2);
    assert_eq!(core.state_lookup(&id(HERE, spi), 0).map(|sa| core.state(sa.id()).expect("held").km_state), Some(KmState::Valid));
    assert_eq!(mock.states(), [Stage::Freed, Stage::Added]);
    assert!(core.state(stub).is_none());
}

#[test]
fn a_stub_that_waits_gets_the_spi_and_keeps_it() {
    let (mut core, _) = core();
    let first = core.state_alloc_spi(spi_request(7..=7)).expect("free");
    let mut same = spi_request(9..=9);
    same.km_seq = 5;
    assert_ne!(core.state_alloc_spi(same.clone()).expect("another"), first);
    assert_eq!(core.state_alloc_spi(AllocSpi { range: 10..=20, ..same }).expect("the same").1, 9, "named by its number");
    core.set_time(START + 30);
    assert_eq!(core.sad_info().count, 0, "nobody answered");
}

#[test]
fn no_spi_is_a_reason_too() {
    let (mut core, _) = core();
    core.state_add(StateRequest::software(inbound(5))).expect("good");
    let with = |proto, range| AllocSpi { id: SaId { proto, ..inbound(0).id }, ..spi_request(range) };
    let rows = [
        (with(17, 1..=2), "Invalid protocol, must be one of AH, ESP, IPCOMP", Errno::Einval),
        (with(108, 1..=65536), "IPCOMP SPI must be <= 65535", Errno::Einval),
        (with(50, std::ops::RangeInclusive::new(3, 2)), "Invalid SPI range: min > max", Errno::Einval),
        (with(50, 5..=5), "Requested SPI is already in use", Errno::Enoent),
        (with(50, 0..=0), "Requested SPI is already in use", Errno::Enoent),
    ];
    for (request, message, errno) in rows {
        let error = core.state_alloc_spi(request).expect_err(message);
        assert_eq!((error.to_string().as_str(), error.errno()), (message, errno));
    }
    core.state_add(StateRequest::software(inbound(6))).expect("good");
    let error = core.state_alloc_spi(spi_request(5..=6)).expect_err("both are taken");
    assert_eq!(error.to_string(), "No SPI available in the requested range");
    assert_eq!(core.sad_info().count, 2);
}
