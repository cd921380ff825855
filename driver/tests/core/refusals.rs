//! Every row of "netlink level" and "core" of the contract's checks: errno, message, field, and that no device was asked.

use espalier_driver::core::{Offloaded, PolicyId};
use espalier_driver::core::{PolicyRequest, SoftwareReason, StateRequest, UserOffload, XfrmCore, XfrmError};
use espalier_driver::ops::{Callbacks, Features};
use espalier_driver::policy::{PolicyError, PolicyType};
use espalier_driver::sa::{ReplayState, SaError, SaFlags, SaParams};
use espalier_driver::xfrm::{Direction, Mode, PolicyDirection, Selector};
use espalier_driver::{Errno, Error};

use crate::fixtures::{START, core, inbound, on_device, out, packet, policy, policy_in};
use crate::mock::{Call, Mock};

/// An SA that is refused: what, message, field.
pub type Row = (StateRequest, &'static str, &'static str);

fn said(direction: Direction, change: impl FnOnce(&mut SaParams)) -> StateRequest {
    let mut params = if direction == Direction::Out { out(1) } else { inbound(1) };
    params.dir = Some(direction);
    change(&mut params);
    on_device(params)
}

fn replay(seq: u32, seq_hi: u32, oseq: u32, oseq_hi: u32) -> ReplayState {
    ReplayState { seq, seq_hi, oseq, oseq_hi }
}

pub fn netlink_rows() -> Vec<Row> {
    use Direction::{In, Out};
    const MAX: u32 = u32::MAX;
    let v6: std::net::IpAddr = "2001:db8::1".parse().expect("an address");
    let selector = |src: &str, dst: &str| Some(Selector::between(src.parse().expect("a prefix"), dst.parse().expect("a prefix")));
    vec![
        (said(Out, |sa| sa.saddr = v6), "Source 2001:db8::1 and destination 192.0.2.2 are of different families", "src"),
        (
            said(Out, |sa| sa.selector = selector("10.0.0.0/8", "2001:db8::/32")),
            "Selector: source 10.0.0.0/8 and destination 2001:db8::/32 are of different families",
            "sel",
        ),
        (
            said(Out, |sa| {
                sa.mode = Mode::Transport;
                sa.selector = selector("2001:db8::/32", "2001:db8::/32");
            }),
            "Selector of a transport mode SA must have the family of the SA",
            "sel",
        ),
        (said(Out, |sa| sa.replay_window = 32), "Replay window should be 0 for output SA", "replay-window"),
        (said(Out, |sa| sa.replay = replay(1, 0, 0, 0)), "Replay seq and seq_hi should be 0 for output SA", "replay-seq"),
        (said(Out, |sa| sa.replay = replay(0, 1, 0, 0)), "Replay seq and seq_hi should be 0 for output SA", "replay-seq"),
        (said(Out, |sa| sa.replay = replay(0, 0, 0, 1)), "Replay oseq_hi should be 0 in non-ESN mode for output SA", "replay-oseq-hi"),
        (
            said(Out, |sa| sa.replay = replay(0, 0, MAX, 0)),
            "Replay oseq should be less than 0xFFFFFFFF in non-ESN mode for output SA",
            "replay-oseq",
        ),
        (
            said(Out, |sa| {
                sa.flags.esn = true;
                sa.replay = replay(0, 0, MAX, MAX);
            }),
            "Replay oseq and oseq_hi should be less than 0xFFFFFFFF for output SA",
            "replay-oseq-hi",
        ),
        (said(In, |sa| sa.replay = replay(0, 0, 1, 0)), "Replay oseq and oseq_hi should be 0 for input SA", "replay-oseq"),
        (said(In, |sa| sa.replay = replay(0, 0, 0, 1)), "Replay oseq and oseq_hi should be 0 for input SA", "replay-oseq"),
        (said(In, |sa| sa.replay = replay(0, 1, 0, 0)), "Replay seq_hi should be 0 in non-ESN mode for input SA", "replay-seq-hi"),
        (
            said(In, |sa| sa.replay = replay(MAX, 0, 0, 0)),
            "Replay seq should be less than 0xFFFFFFFF in non-ESN mode for input SA",
            "replay-seq",
        ),
        (
            said(In, |sa| {
                sa.flags.esn = true;
                sa.replay = replay(MAX, MAX, 0, 0);
            }),
            "Replay seq and seq_hi should be less than 0xFFFFFFFF for input SA",
            "replay-seq-hi",
        ),
        (
            said(In, |sa| {
                sa.flags.esn = true;
                sa.replay_window = 0;
            }),
            "ESN replay window must be > 0",
            "replay-window",
        ),
        (
            on_device(SaParams { flags: SaFlags { esn: true, ..SaFlags::default() }, ..out(1) }),
            "ESN replay window must be > 0",
            "replay-window",
        ),
        (on_device(SaParams { replay_window: 4097, ..inbound(1) }), "ESN bitmap length must be <= 128", "replay-window"),
        (said(Out, |sa| sa.flags.decap_dscp = true), "Flag DECAP_DSCP should not be set for output SA", "flag"),
        (said(Out, |sa| sa.flags.icmp = true), "Flag ICMP should not be set for output SA", "flag"),
        (said(Out, |sa| sa.flags.wildrecv = true), "Flag WILDRECV should not be set for output SA", "flag"),
        (said(In, |sa| sa.flags.nopmtudisc = true), "Flag NOPMTUDISC should not be set for input SA", "flag"),
        (said(In, |sa| sa.flags.dont_encap_dscp = true), "Flag DONT_ENCAP_DSCP should not be set for input SA", "flag"),
        (said(In, |sa| sa.flags.oseq_may_wrap = true), "Flag OSEQ_MAY_WRAP should not be set for input SA", "flag"),
    ]
}

pub fn core_rows() -> Vec<Row> {
    let flags = |flags| StateRequest { offload: Some(UserOffload { dev: "eth0".to_owned(), flags }), ..StateRequest::software(out(1)) };
    let mismatch = |dir, params| on_device(SaParams { dir: Some(dir), ..params });
    vec![
        (flags(8), "Unrecognized flags in offload request", "offload"),
        (flags(0x80 | UserOffload::PACKET), "Unrecognized flags in offload request", "offload"),
        (mismatch(Direction::Out, SaParams { replay_window: 0, ..inbound(1) }), "Mismatched SA and offload direction", "dir"),
        (mismatch(Direction::In, out(1)), "Mismatched SA and offload direction", "dir"),
        (on_device(SaParams { if_id: 5, ..inbound(1) }), "XFRM if_id is not supported in RX path", "if_id"),
        (on_device(SaParams { tfcpad: 64, ..out(1) }), "TFC padding can't be offloaded", "tfcpad"),
    ]
}

#[test]
fn every_check_of_netlink_and_core_is_made_before_the_device_is_asked() {
    for (request, message, field) in netlink_rows().into_iter().chain(core_rows()) {
        let (mut core, mock) = core();
        for (what, result) in [("add", core.state_add(request.clone())), ("update", core.state_update(request))] {
            let error = result.expect_err(message);
            assert_eq!(error.to_string(), message, "{what}");
            assert_eq!(error.errno(), Errno::Einval, "{message}");
            assert_eq!(error.field(), Some(field), "{message}");
        }
        assert_eq!(mock.calls(), [], "{message}");
        assert_eq!(core.states_allocated(), 0);
        assert!(core.next_event().is_none());
    }
}

#[test]
fn what_a_direction_forbids_is_allowed_without_one() {
    let (mut core, _) = core();
    let sa = SaParams { replay_window: 32, replay: replay(1, 0, 0, 0), ..out(1) };
    core.state_add(StateRequest::software(sa)).expect("it says no direction");
    let esn = SaFlags { esn: true, ..SaFlags::default() };
    let sa = SaParams { dir: Some(Direction::Out), flags: esn, ..out(2) };
    core.state_add(StateRequest::software(sa)).expect("an output SA needs no window for ESN");
}

#[test]
fn crypto_mode_without_such_a_device_is_software_and_says_so() {
    let (mut core, _) = core();
    let added = core.state_add(StateRequest::offloaded(out(1), "eth9")).expect("software");
    assert_eq!(added.offloaded, Offloaded::Software(SoftwareReason::NoDevice("eth9".to_owned())));

    let error = core.state_add(StateRequest::offloaded(packet(out(2)), "eth9")).expect_err("no software in its place");
    assert_eq!((error.to_string().as_str(), error.errno(), error.field()), ("No device eth9", Errno::Einval, Some("dev")));

    let (mut core, mock) = with_callbacks(Callbacks { state_add: false, ..Callbacks::ALL });
    let added = core.state_add(on_device(out(1))).expect("software");
    assert_eq!(added.offloaded, Offloaded::Software(SoftwareReason::NoStateOps("eth0".to_owned())));
    let error = core.state_add(on_device(packet(out(2)))).expect_err("no software in its place");
    assert_eq!((error.to_string().as_str(), error.errno()), ("Device eth0 does not offload states", Errno::Einval));
    assert_eq!(mock.calls(), []);
}

/// A core with a device that lacks callbacks, and so HW_ESP.
fn with_callbacks(callbacks: Callbacks) -> (XfrmCore<Mock>, Mock) {
    let mock = Mock::new("eth0");
    mock.with(|books| {
        books.callbacks = callbacks;
        books.features = Features { hw_esp: callbacks.state_add && callbacks.state_delete, hw_esp_tx_csum: false };
    });
    let mut core = XfrmCore::new(START);
    core.register(mock.clone()).expect("a proper device");
    core.up("eth0").expect("it is there");
    (core, mock)
}

#[test]
fn esn_in_crypto_mode_needs_advance_esn() {
    let (mut core, mock) = with_callbacks(Callbacks { state_advance_esn: false, ..Callbacks::ALL });
    let esn = SaFlags { esn: true, ..SaFlags::default() };
    let sa = SaParams { flags: esn, ..inbound(1) };
    let error = core.state_add(on_device(sa.clone())).expect_err("no advance_esn");
    assert_eq!(error.to_string(), "Device doesn't support offload with ESN");
    assert_eq!((error.errno(), error.field()), (Errno::Einval, Some("flag esn")));
    assert_eq!(mock.calls(), []);
    core.state_add(on_device(packet(sa))).expect("packet mode keeps the numbers itself");
}

#[test]
fn features_that_contradict_each_other_are_refused_at_registration() {
    let all = Callbacks::ALL;
    let cases = [
        (Features { hw_esp: false, hw_esp_tx_csum: true }, all, false),
        (Features { hw_esp: true, hw_esp_tx_csum: false }, Callbacks { state_add: false, ..all }, false),
        (Features { hw_esp: true, hw_esp_tx_csum: false }, Callbacks { state_delete: false, ..all }, false),
        (Features { hw_esp: true, hw_esp_tx_csum: true }, all, true),
        (Features { hw_esp: true, hw_esp_tx_csum: false }, Callbacks { state_free: false, offload_ok: false, ..all }, true),
        (Features::default(), Callbacks { state_add: false, state_delete: false, ..all }, true),
    ];
    for (features, callbacks, good) in cases {
        let mock = Mock::new("eth0");
        mock.with(|books| (books.features, books.callbacks) = (features, callbacks));
        let mut core = XfrmCore::new(START);
        match core.register(mock) {
            Ok(()) => assert!(good, "{features:?} {callbacks:?}"),
            Err(error) => {
                assert!(!good, "{features:?} {callbacks:?}");
                assert!(matches!(error, XfrmError::Features(_)));
                assert_eq!(error.errno(), Errno::Eperm, "NOTIFY_BAD");
            }
        }
    }
    let (mut core, mock) = core();
    assert!(matches!(core.register(mock), Err(XfrmError::DeviceExists(_))));
}

#[test]
fn every_check_of_a_policy_is_made_before_the_device_is_asked() {
    let offloaded = |params| PolicyRequest::offloaded(params, "eth0");
    let flags = |flags| PolicyRequest { offload: Some(UserOffload { dev: "eth0".to_owned(), flags }), ..PolicyRequest::software(policy()) };
    let mut deep = policy();
    deep.templates = vec![deep.templates[0]; 7];
    let mut nested = policy();
    nested.templates = vec![nested.templates[0]; 2];
    let mut families = policy();
    families.selector.src = "2001:db8::/32".parse().expect("a prefix");
    let mut template = policy();
    template.templates[0].saddr = "2001:db8::1".parse().expect("an address");
    let sub = espalier_driver::PolicyParams { ptype: PolicyType::Sub, ..policy() };
    let icmp = espalier_driver::PolicyParams { icmp: true, ..policy() };
    let rows = [
        (PolicyRequest::software(sub), "Only the main policy type is done in software", "ptype", Errno::Eopnotsupp),
        (PolicyRequest::software(icmp), "Flag icmp is not done in software", "flag", Errno::Eopnotsupp),
        (flags(0), "Unrecognized flags in offload request", "offload", Errno::Einval),
        (flags(UserOffload::INBOUND), "Unrecognized flags in offload request", "offload", Errno::Einval),
        (flags(UserOffload::PACKET | 8), "Unrecognized flags in offload request", "offload", Errno::Einval),
        (PolicyRequest::offloaded(policy(), "eth9"), "No device eth9", "dev", Errno::Einval),
        (offloaded(deep), "Template count must be <= XFRM_MAX_DEPTH (6)", "tmpl", Errno::Einval),
        (PolicyRequest::software(nested), "Only one template is done in software", "tmpl", Errno::Eopnotsupp),
        (PolicyRequest { index: 8, ..PolicyRequest::software(policy()) }, "Policy index doesn't match direction", "index", Errno::Einval),
        (offloaded(families), "Source and destination of the selector are of different families", "selector", Errno::Einval),
        (offloaded(template), "Source and destination of the template are of different families", "tmpl", Errno::Einval),
    ];
    for (request, message, field, errno) in rows {
        let (mut core, mock) = core();
        let error = core.policy_add(request).expect_err(message);
        assert_eq!((error.to_string().as_str(), error.errno(), error.field()), (message, errno, Some(field)));
        assert_eq!(mock.calls(), [], "{message}");
        assert_eq!(core.policies_allocated(), 0);
    }
}

#[test]
fn a_device_without_policies_refuses_them() {
    let (mut core, mock) = with_callbacks(Callbacks { policy_add: false, policy_delete: false, policy_free: false, ..Callbacks::ALL });
    let error = core.policy_add(PolicyRequest::offloaded(policy(), "eth0")).expect_err("no policy_add");
    assert_eq!((error.to_string().as_str(), error.errno()), ("Policy offload is not supported", Errno::Einval));
    assert_eq!(mock.calls(), []);
}

#[test]
fn a_device_s_refusal_is_handed_on_with_its_reason() {
    let (mut core, mock) = core();
    mock.with(|books| {
        books.refuse = Some(|| SaError::Flag("decap-dscp").into());
        books.refuse_policy = Some(|| PolicyError::IcmpFlag.into());
    });
    let error = core.state_add(on_device(packet(out(1)))).expect_err("packet mode");
    assert_eq!(error.to_string(), SaError::Flag("decap-dscp").to_string());
    assert_eq!((error.errno(), error.field()), (Errno::Eopnotsupp, Some("flag")));
    let error = core.policy_add(PolicyRequest::offloaded(policy_in(), "eth0")).expect_err("refused");
    assert_eq!(error.to_string(), PolicyError::IcmpFlag.to_string());
    assert_eq!((error.errno(), error.field()), (Errno::Eopnotsupp, Some("flag")));
    assert_eq!(mock.calls(), [Call::StateAdd { spi: 1, acquire: false }, Call::PolicyAdd]);
    assert_eq!((core.states_allocated(), core.policies_allocated()), (0, 0));
}

#[test]
fn a_device_that_fails_is_told_in_the_kernel_s_words() {
    let (mut core, mock) = core();
    mock.with(|books| {
        books.refuse = Some(|| Error::Broken);
        books.refuse_policy = Some(|| Error::Broken);
    });
    let error = core.state_add(on_device(out(1))).expect_err("ENODEV is no reason for software");
    assert!(error.to_string().starts_with("Device failed to offload this state"), "{error}");
    assert_eq!(error.errno(), Errno::Enodev);
    let error = core.policy_add(PolicyRequest::offloaded(policy(), "eth0")).expect_err("refused");
    assert!(error.to_string().starts_with("Device failed to offload this policy"), "{error}");
}

#[test]
fn what_is_not_there_is_not_found() {
    let (mut core, _) = core();
    let error = core.state_update(StateRequest::software(out(1))).expect_err("not there");
    assert_eq!(error.errno(), Errno::Esrch);
    let error = core.policy_delete(&PolicyId::of(&policy())).expect_err("not there");
    assert_eq!(error.errno(), Errno::Enoent);
    assert!(matches!(core.down("eth9"), Err(XfrmError::NoDevice(_))));
    let index = PolicyRequest { index: 1, ..PolicyRequest::software(policy()) };
    assert_eq!(core.policy_add(index).expect("out is 1"), 1);
    assert_eq!(core.policy_get(&PolicyId::index(1, PolicyDirection::Out)).expect("by index").index, 1);
}
