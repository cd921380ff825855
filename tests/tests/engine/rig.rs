//! The Verilated engine beside the reference model, both programmed by hand: what one does the other must do.

use std::collections::BTreeMap;
use std::net::IpAddr;

use espalier_driver::xfrm::Direction;
use espalier_reference_model::lifetime::Limits;
use espalier_reference_model::nic::{Counters, Nic as ModelNic, Offload, Outcome};
use espalier_reference_model::policy::{Action, Policy, PolicyId, Prefix, Requirement, Selector};
use espalier_regs::Event;
use espalier_regs::mailbox::{Op, accept, local, policy};
use espalier_regs::notice::Notice;
use espalier_sim::NicStalls;
use espalier_sim::stream::{Frame, Sent};

use crate::association::{Association, bits, limit_words, policy_words};
use crate::card::{Card, Words};
use crate::compare::{counters, frames, notices, rx_state, tx_state, words};
use crate::traffic::Shot;

/// Clocks without a beat after which nothing is under way any more: longer than a frame of these tests takes to be verified, stalls and all.
/// (1,000 were too few for ESPALIER_SEED=4770594542208058497: the last 512 beats of a jumbo frame took 1,024 clocks, with TX at rest. Why is not known.)
const QUIET: u64 = 20_000;
/// Clocks a batch may take.
const LIMIT: u64 = 300_000;
/// Priority of the policies that protect.
const PROTECT: u32 = 10;

/// What the model made of the frames so far, which has not been compared.
#[derive(Default)]
struct Due {
    wire: Vec<Vec<u8>>,
    host: Vec<Vec<u8>>,
    /// What runs beside the frames to the host.
    users: Vec<u32>,
    statuses: Vec<u32>,
    notices: Vec<Notice>,
}

/// An association installed in both.
struct Installed {
    association: Association,
    policy: PolicyId,
}

/// See the module's documentation.
pub struct Rig {
    card: Card,
    model: ModelNic,
    installed: BTreeMap<u8, Installed>,
    /// Words of the inbound policies, and their names in the model, by number.
    inbound: Vec<(Words, PolicyId)>,
    /// How many policies were written, which orders those of one priority.
    written: u16,
    due: Due,
}

impl Rig {
    /// An engine with empty tables, switched on.
    pub fn new(stalls: NicStalls) -> Self {
        let (card, model) = (Card::new(stalls), ModelNic::default());
        Self { card, model, installed: BTreeMap::new(), inbound: Vec::new(), written: 0, due: Due::default() }
    }

    /// The engine.
    pub fn card(&mut self) -> &mut Card {
        &mut self.card
    }

    /// What the model has counted.
    pub fn counters(&self) -> &Counters {
        self.model.counters()
    }

    /// Whether an association is installed.
    pub fn has(&self, index: u8) -> bool {
        self.installed.contains_key(&index)
    }

    /// Adds an outbound policy beside those of the associations: number `slot`, behind all of its priority.
    pub fn add_outbound(&mut self, slot: u16, given: Policy) -> PolicyId {
        let mut words = policy_words(&given, self.written);
        self.written += 1;
        match given.action {
            Action::Bypass => &mut words,
            Action::Block => words.put(policy::ACTION, 1u8),
            Action::Protect(None) => words.put(policy::ACTION, 2u8),
            Action::Protect(Some(sa)) => words.put(policy::ACTION, 2u8).put(policy::SA_VALID, true).put(policy::SA, sa),
        };
        self.card.command(Op::TxPolicyWrite, slot, &words);
        self.model.policies.insert(given)
    }

    /// Adds an inbound policy behind all of its priority. SAs that fit it are to come after it.
    pub fn add_inbound(&mut self, given: Policy<Requirement>) {
        let mut words = policy_words(&given, self.written);
        self.written += 1;
        match given.action {
            Requirement::Bypass => {}
            Requirement::Block => {
                words.put(policy::ACTION, 1u8);
            }
            Requirement::Protect { optional } => {
                words.put(policy::ACTION, 2u8).put(policy::OPTIONAL, optional);
            }
        }
        self.card.command(Op::RxPolicyWrite, self.inbound.len() as u16, &words);
        let id = self.model.rx_policies.insert(given);
        self.inbound.push((words, id));
    }

    /// Adds a local address.
    pub fn add_local(&mut self, slot: u16, address: IpAddr) {
        let mut words = Words::new();
        words.put(local::ADDRESS, bits(address)).put(local::V6, address.is_ipv6());
        self.card.command(Op::LocalWrite, slot, &words);
        self.model.local.insert(address);
    }

    /// ESP without an SA passes to the host, or not. Nothing may be under way.
    pub fn pass_unknown(&mut self, pass: bool) {
        self.card.switch(pass);
        self.model.pass_unknown = pass;
    }

    /// Installs a pair of SAs, and a policy that sends its hosts' packets through the outbound one.
    pub fn install(&mut self, association: &Association) {
        let (tx, rx) = (association.tx(), association.rx);
        self.card.command(Op::TxSaWrite, tx, &association.tx_words(false));
        self.card.command(Op::TxLimitsWrite, tx, &limit_words(&association.limits[0]));
        self.card.command(Op::RxSaWrite, rx, &association.rx_words());
        self.card.command(Op::RxLimitsWrite, rx, &limit_words(&association.limits[1]));
        self.card.command(Op::RxSelectorWrite, rx, &association.selector_words());
        self.model.tx_sas.insert(tx, association.tx_sa(Direction::Out));
        self.model.rx_sas.insert(association.sa_key(), association.rx_sa());
        let (src, dst) = association.inside(Direction::Out);
        let selector = Selector::between(Prefix::host(src), Prefix::host(dst));
        let given = Policy { selector, forward: false, priority: PROTECT, action: Action::Protect(Some(tx)) };
        let policy = self.add_outbound(tx, given);
        self.installed.insert(association.index, Installed { association: association.clone(), policy });
        self.accept(association.index, association.accepts);
        self.card.find(association.cam_key(), rx);
    }

    /// Takes an association out again. Nothing of it may be under way.
    pub fn remove(&mut self, index: u8) {
        let Installed { association, policy } = self.installed.remove(&index).expect("it was installed");
        self.card.lose(&association.cam_key());
        self.card.clear(Op::RxSaClear, association.rx);
        self.card.clear(Op::TxPolicyClear, association.tx());
        self.card.clear(Op::TxSaClear, association.tx());
        self.model.policies.remove(policy);
        self.model.tx_sas.remove(&association.tx());
        self.model.rx_sas.remove(&association.sa_key());
    }

    /// Writes the outbound SA again (TX_SA.KEEP). Only what says nothing to the packets under way may have changed.
    pub fn keep(&mut self, index: u8) {
        let association = &self.installed[&index].association;
        // SEQ does not count.
        let again = Association { last_seq: 12345, ..association.clone() };
        self.card.command(Op::TxSaWrite, association.tx(), &again.tx_words(true));
    }

    /// Writes what received packets of an association are judged by again, as it is.
    pub fn again(&mut self, index: u8) {
        for (slot, (words, _)) in (0..).zip(&self.inbound) {
            self.card.command(Op::RxPolicyWrite, slot, words);
        }
        let association = self.installed[&index].association.clone();
        self.card.command(Op::RxSelectorWrite, association.rx, &association.selector_words());
        self.accept(index, association.accepts);
    }

    /// Another MAX_PAYLOAD. Nothing may be under way.
    pub fn set_max_payload(&mut self, index: u8, max_payload: Option<u16>) {
        let association = &mut self.installed.get_mut(&index).expect("it was installed").association;
        association.max_payload = max_payload;
        self.model.tx_sas.get_mut(&association.tx()).expect("its SA").max_payload = max_payload;
        self.keep(index);
    }

    /// Other limits, at one end. Nothing may be under way.
    pub fn set_limits(&mut self, index: u8, direction: Direction, limits: Limits) {
        let association = &self.installed[&index].association;
        if direction == Direction::Out {
            self.card.command(Op::TxLimitsWrite, association.tx(), &limit_words(&limits));
            self.model.tx_sas.get_mut(&association.tx()).expect("its SA").lifetime.set_limits(limits);
        } else {
            self.card.command(Op::RxLimitsWrite, association.rx, &limit_words(&limits));
            self.model.rx_sas.get_mut(&association.sa_key()).expect("its SA").lifetime.set_limits(limits);
        }
    }

    /// The inbound SA fits these policies. If they are others than before, nothing may be under way.
    pub fn accept(&mut self, index: u8, accepts: u64) {
        let association = &mut self.installed.get_mut(&index).expect("it was installed").association;
        association.accepts = accepts;
        let mut words = Words::new();
        words.put(accept::POLICIES, accepts);
        self.card.command(Op::RxAcceptWrite, association.rx, &words);
        let fits = self.inbound.iter().enumerate().filter(|(slot, _)| accepts >> slot & 1 == 1).map(|(_, (_, id))| *id);
        self.model.rx_sas.get_mut(&association.sa_key()).expect("its SA").accepts = fits.collect();
    }

    /// A frame from the host or the wire, or a rest.
    pub fn shoot(&mut self, shot: &Shot) -> Result<(), String> {
        match shot {
            Shot::Host { frame, offload, error } => self.send_host(frame, *offload, *error),
            Shot::Wire { frame, error } => self.send_wire(frame, *error),
            Shot::Rest => self.settle()?,
        }
        Ok(())
    }

    /// A frame from the host.
    pub fn send_host(&mut self, frame: &[u8], offload: Offload, error: bool) {
        let outcome = self.model.transmit_as(frame, offload, error);
        self.due.statuses.push(outcome.tx_status());
        let Outcome { frame: sent, notices, .. } = outcome;
        self.due.wire.extend(sent);
        self.due.notices.extend(notices);
        self.card.nic().send_host_as(frame, offload.word(), error);
    }

    /// A frame from the wire.
    pub fn send_wire(&mut self, frame: &[u8], error: bool) {
        let outcome = self.model.receive(frame, error);
        self.due.users.extend(outcome.frame.is_some().then(|| outcome.rx_user()));
        let Outcome { frame: received, notices, .. } = outcome;
        self.due.host.extend(received);
        self.due.notices.extend(notices);
        self.card.nic().send_wire(frame, error);
    }

    /// Lets everything come out, and compares it, and the counters and notices.
    pub fn settle(&mut self) -> Result<(), String> {
        self.settle_timed(Direction::Out).map(|_| ())
    }

    /// As [`Rig::settle`]; also when the frames of a direction went in and came out.
    pub fn settle_timed(&mut self, direction: Direction) -> Result<(Vec<Sent>, Vec<Frame>), String> {
        let nic = self.card.nic();
        nic.run_until_quiet(QUIET, LIMIT).map_err(|error| error.to_string())?;
        let (host_sent, wire_sent) = (std::mem::take(nic.host_sent()).into(), std::mem::take(nic.wire_sent()).into());
        let (wire, host, statuses) = (nic.take_wire(), nic.take_host(), nic.take_tx_status());
        let users: Vec<u32> = host.iter().map(|frame| frame.user).collect();
        let due = std::mem::take(&mut self.due);
        let counted: Vec<u64> = Event::ALL.iter().map(|event| self.card.counter(*event)).collect();
        let results = [
            frames("the wire", &wire, &due.wire),
            frames("the host", &host, &due.host),
            words("beside frame", &users, &due.users),
            words("status of frame", &statuses, &due.statuses),
            notices(self.card.take_notices(), due.notices),
            counters(&counted, self.model.counters()),
        ];
        let errors: Vec<_> = results.into_iter().filter_map(Result::err).collect();
        match errors.is_empty() {
            true if direction == Direction::Out => Ok((host_sent, wire)),
            true => Ok((wire_sent, host)),
            false => Err(errors.join("\n")),
        }
    }

    /// As [`Rig::settle`], and compares what the engine tells of each SA.
    pub fn verify(&mut self) -> Result<(), String> {
        self.settle()?;
        for Installed { association, .. } in self.installed.values() {
            let (tx, rx) = (association.tx(), association.rx);
            tx_state(tx, &self.card.state(Op::ReadTxSa, tx), &self.model.tx_sas[&tx])?;
            rx_state(rx, &self.card.state(Op::ReadRxSa, rx), &self.model.rx_sas[&association.sa_key()])?;
        }
        Ok(())
    }
}
