//! The Verilated engine, programmed by the driver, beside the reference model, programmed by hand: what one does the other must do.

use std::net::IpAddr;

use espalier_driver::policy::{PolicyParams, Template};
use espalier_driver::sa::{Aead, EncapKind, Offload, RFC4106_GCM_AES, ReplayState, SaHandle, SaParams};
use espalier_driver::xfrm::{Direction, Mode, OffloadMode, PolicyDirection, SaId, Selector, protocol};
use espalier_driver::{Device, Errno, Key, PolicyHandle};
use espalier_hdl::engine::Espalier;
use espalier_reference_model::nic::{Nic as ModelNic, Outcome};
use espalier_reference_model::policy::Selector as ModelSelector;
use espalier_reference_model::policy::{Action, Policy, PolicyId, Prefix, Requirement};
use espalier_reference_model::replay::ReplayWindow;
use espalier_reference_model::rfc4106::{IcvLength, Rfc4106};
use espalier_reference_model::sa::{Encap, Endpoints, RxSa, SaKey, Tunnel, TxSa};
use espalier_regs::Event;
use espalier_sim::stream::{Frame, Sent};
use espalier_sim::{Model, Nic, NicStalls};

/// Clocks without a beat after which nothing is under way any more: longer than a frame of these tests takes to be verified, stalls and all.
const QUIET: u64 = 1000;
/// Clocks a batch may take.
const LIMIT: u64 = 300_000;

/// A pair of associations, one out and one in, as the tests choose them. `index` sets it apart from the others: addresses, SPIs and reqid
/// follow from it.
#[derive(Debug, Clone)]
pub struct Association {
    /// Tells associations apart.
    pub index: u8,
    /// AES key and salt.
    pub key_and_salt: Vec<u8>,
    /// Extended sequence numbers.
    pub esn: bool,
    /// Family of the packets inside.
    pub v6: bool,
    /// Tunnel mode, and the family outside.
    pub tunnel: Option<bool>,
    /// Inside UDP.
    pub encap: bool,
    /// Replay window of the receiving end.
    pub window: u32,
    /// The sequence number before the first.
    pub last_seq: u64,
    /// Flags of the sending end.
    pub dont_encap_dscp: bool,
    /// See above.
    pub no_ecn: bool,
    /// See above.
    pub no_pmtu_disc: bool,
}

impl Association {
    /// The hosts inside: (source, destination).
    pub fn inside(&self, flow: Direction) -> (IpAddr, IpAddr) {
        hosts(self.index, self.v6, if flow == Direction::Out { 1 } else { 2 })
    }

    /// The gateways outside, or in transport mode the hosts themselves.
    pub fn outside(&self, flow: Direction) -> (IpAddr, IpAddr) {
        match self.tunnel {
            Some(v6) => hosts(self.index, v6, if flow == Direction::Out { 3 } else { 4 }),
            None => self.inside(flow),
        }
    }

    fn spi(&self, flow: Direction) -> u32 {
        let base = if flow == Direction::Out { 0xC000_0100 } else { 0xC000_0200 };
        base + u32::from(self.index)
    }

    fn cipher(&self) -> Rfc4106 {
        Rfc4106::new(&self.key_and_salt, IcvLength::Sixteen).expect("a key of a right length")
    }

    /// The sending end, for the model: ours, or that of the peer who sends to us.
    pub fn tx_sa(&self, flow: Direction) -> TxSa {
        let tunnel = self.tunnel.map(|_| Tunnel {
            dont_encap_dscp: self.dont_encap_dscp,
            no_ecn: self.no_ecn,
            no_pmtu_disc: self.no_pmtu_disc,
            ..Tunnel::new(match self.outside(flow) {
                (IpAddr::V4(src), IpAddr::V4(dst)) => Endpoints::V4 { src, dst },
                (IpAddr::V6(src), IpAddr::V6(dst)) => Endpoints::V6 { src, dst },
                _ => unreachable!("one family outside"),
            })
        });
        let encap = self.encap.then_some(Encap { sport: 4500, dport: 4500 });
        TxSa { esn: self.esn, tunnel, encap, last_seq: self.last_seq, ..TxSa::new(self.spi(flow), self.cipher()) }
    }

    /// The receiving end, for the model.
    pub fn rx_sa(&self) -> (SaKey, RxSa) {
        let key = SaKey { dst: self.outside(Direction::In).1, spi: self.spi(Direction::In), encap: self.encap };
        let replay = ReplayWindow::starting_at(self.window, self.esn, self.last_seq).expect("a window where there is ESN");
        (key, RxSa { tunnel: self.tunnel.is_some(), no_ecn: true, ..RxSa::new(self.index.into(), self.cipher(), replay) })
    }

    /// Either end, for the driver.
    fn params(&self, direction: Direction) -> SaParams {
        let (saddr, daddr) = self.outside(direction);
        let id = SaId { daddr, spi: self.spi(direction), proto: protocol::ESP };
        let mode = if self.tunnel.is_some() { Mode::Tunnel } else { Mode::Transport };
        let offload = Offload { mode: OffloadMode::Packet, direction };
        let aead = Aead { name: RFC4106_GCM_AES.into(), key: Key::new(self.key_and_salt.clone()), icv_bits: 128 };
        let mut params = SaParams::new(id, saddr, mode, offload, aead);
        let (low, high) = (self.last_seq as u32, (self.last_seq >> 32) as u32);
        match direction {
            Direction::In => {
                params.replay_window = self.window;
                params.replay = ReplayState { seq: low, seq_hi: high, ..Default::default() };
            }
            Direction::Out => params.replay = ReplayState { oseq: low, oseq_hi: high, ..Default::default() },
        }
        params.reqid = u32::from(self.index) + 1;
        params.flags.esn = self.esn;
        params.flags.noecn = self.no_ecn;
        params.flags.nopmtudisc = self.no_pmtu_disc;
        params.flags.dont_encap_dscp = self.dont_encap_dscp;
        params.flags.af_unspec = true;
        params.encap = self.encap.then(|| espalier_driver::sa::Encap {
            kind: EncapKind::EspInUdp,
            sport: 4500,
            dport: 4500,
            oaddr: "0.0.0.0".parse().expect("an address"),
        });
        params
    }
}

/// Two hosts of an association in a network of their own.
pub fn hosts(index: u8, v6: bool, net: u8) -> (IpAddr, IpAddr) {
    let host = |last: u8| -> IpAddr {
        if v6 {
            IpAddr::from([0x20, 1, 0xD, 0xB8, 0, net, 0, index, 0, 0, 0, 0, 0, 0, 0, last])
        } else {
            IpAddr::from([10, net, index, last])
        }
    };
    (host(1), host(2))
}

/// An association installed in both.
struct Installed {
    association: Association,
    tx: SaHandle,
    rx: SaHandle,
    policy: PolicyHandle,
    model_policy: PolicyId,
}

/// See the module's documentation.
pub struct Rig {
    device: Device<Nic>,
    model: ModelNic,
    accept: [PolicyId; 2],
    installed: Vec<Installed>,
    /// What the model sends onto the wire, and gives to the host, and has not been compared.
    wire: Vec<Vec<u8>>,
    host: Vec<Vec<u8>>,
}

impl Rig {
    /// An engine with empty tables, switched on.
    pub fn new(stalls: NicStalls) -> Self {
        let model = Model::build::<Espalier>("espalier").expect("the engine builds");
        let nic = Nic::new(model, stalls).expect("the engine has a card's ports");
        let mut device = Device::open(nic).expect("bring-up");
        device.enable().expect("enable");
        // Inbound policies that take everything.
        let mut model = ModelNic::default();
        let action = Requirement::Protect { optional: true };
        let accept = ModelSelector::ALL.map(|selector| model.rx_policies.insert(Policy { selector, forward: false, priority: 0, action }));
        Self { device, model, accept, installed: Vec::new(), wire: Vec::new(), host: Vec::new() }
    }

    /// The driver's side.
    pub fn device(&mut self) -> &mut Device<Nic> {
        &mut self.device
    }

    /// Fills the table of inbound SAs with strangers.
    pub fn fill(&mut self, like: &Association) {
        for index in 128.. {
            let stranger = Association { index, ..like.clone() };
            match self.device.add_sa(&stranger.params(Direction::In)) {
                Ok(_) => {}
                Err(error) => {
                    assert_eq!(error.errno(), Errno::Enospc, "{error}");
                    return;
                }
            }
        }
    }

    /// Installs a pair of SAs, and a policy that sends its hosts' packets through the outbound one.
    pub fn install(&mut self, association: &Association) {
        let tx = self.device.add_sa(&association.params(Direction::Out)).expect("outbound SA");
        let rx = self.device.add_sa(&association.params(Direction::In)).expect("inbound SA");
        let (src, dst) = association.inside(Direction::Out);
        let mut policy = PolicyParams::new(Selector::between(src.into(), dst.into()), PolicyDirection::Out);
        let params = association.params(Direction::Out);
        policy.templates = vec![Template {
            id: SaId { spi: 0, ..params.id },
            saddr: params.saddr,
            mode: params.mode,
            reqid: params.reqid,
            level: Default::default(),
        }];
        let policy = self.device.add_policy(&policy).expect("policy");

        let index = u16::from(association.index);
        self.model.tx_sas.insert(index, association.tx_sa(Direction::Out));
        let (key, mut rx_sa) = association.rx_sa();
        rx_sa.accepts.extend(self.accept);
        self.model.rx_sas.insert(key, rx_sa);
        let selector = ModelSelector::between(Prefix::host(src), Prefix::host(dst));
        let model_policy =
            self.model.policies.insert(Policy { selector, forward: false, priority: 0, action: Action::Protect(Some(index)) });
        self.installed.push(Installed { association: association.clone(), tx, rx, policy, model_policy });
    }

    /// Takes an association out again. Nothing of it may be under way.
    pub fn remove(&mut self, index: u8) {
        let at = self.installed.iter().position(|installed| installed.association.index == index).expect("it was installed");
        let installed = self.installed.remove(at);
        self.device.delete_policy(installed.policy).expect("policy deleted");
        self.device.delete_sa(installed.tx).expect("outbound SA deleted");
        self.device.delete_sa(installed.rx).expect("inbound SA deleted");
        self.model.policies.remove(installed.model_policy);
        self.model.tx_sas.remove(&u16::from(index));
        self.model.rx_sas.remove(&installed.association.rx_sa().0);
    }

    /// A frame from the host.
    pub fn send_host(&mut self, frame: &[u8], error: bool) -> Outcome {
        let outcome = self.model.transmit(frame, error);
        self.wire.extend(outcome.frame.clone());
        if error {
            self.device.bus().send_host_damaged(frame)
        } else {
            self.device.bus().send_host(frame)
        }
        outcome
    }

    /// A frame from the wire.
    pub fn send_wire(&mut self, frame: &[u8], error: bool) -> Outcome {
        let outcome = self.model.receive(frame, error);
        self.host.extend(outcome.frame.clone());
        self.device.bus().send_wire(frame, error);
        outcome
    }

    /// Lets everything come out, and compares it, and the counters.
    pub fn settle(&mut self) -> Result<(), String> {
        self.settle_timed(Direction::Out).map(|_| ())
    }

    /// As [`Rig::settle`]; also when the frames of a direction went in and came out.
    pub fn settle_timed(&mut self, direction: Direction) -> Result<(Vec<Sent>, Vec<Frame>), String> {
        let nic = self.device.bus();
        nic.run_until_quiet(QUIET, LIMIT).map_err(|error| error.to_string())?;
        let (host_sent, wire_sent) = (std::mem::take(nic.host_sent()).into(), std::mem::take(nic.wire_sent()).into());
        let (wire_frames, host_frames) = (nic.take_wire(), nic.take_host());
        let wire: Vec<_> = wire_frames.iter().map(|frame| frame.bytes.clone()).collect();
        let host: Vec<_> = host_frames.iter().map(|frame| frame.bytes.clone()).collect();
        let counters = self.device.counters().map_err(|error| error.to_string())?;
        let wire = compare("the wire", &wire, &std::mem::take(&mut self.wire));
        let host = compare("the host", &host, &std::mem::take(&mut self.host));
        let counted = Event::ALL.iter().filter(|event| counters.get(**event) != self.model.counters().get(**event));
        let differences: Vec<_> = counted
            .map(|event| format!("{}: {}, model {}", event.name(), counters.get(*event), self.model.counters().get(*event)))
            .collect();
        let counters = if differences.is_empty() { Ok(()) } else { Err(format!("counters differ: {}", differences.join("; "))) };
        let errors: Vec<_> = [wire, host, counters].into_iter().filter_map(Result::err).collect();
        match errors.is_empty() {
            true if direction == Direction::Out => Ok((host_sent, wire_frames)),
            true => Ok((wire_sent, host_frames)),
            false => Err(errors.join("\n")),
        }
    }
}

fn compare(what: &str, engine: &[Vec<u8>], model: &[Vec<u8>]) -> Result<(), String> {
    for (at, (engine, model)) in engine.iter().zip(model).enumerate() {
        if engine != model {
            let byte = engine.iter().zip(model).position(|(a, b)| a != b).unwrap_or(engine.len().min(model.len()));
            return Err(format!(
                "{what}: frame {at} differs from byte {byte} on ({} bytes, model {}):\n engine {}\n model  {}",
                engine.len(),
                model.len(),
                hex(engine),
                hex(model)
            ));
        }
    }
    if engine.len() != model.len() {
        return Err(format!("{what}: {} frames, model {}", engine.len(), model.len()));
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
