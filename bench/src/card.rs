//! A Verilated engine under load: what is sent through it is checked against the reference model, and the clocks are read off.

use espalier_driver::xfrm::Direction;
use espalier_driver::{Device, SaHandle};
use espalier_reference_model::esp::encapsulate;
use espalier_reference_model::sa::TxSa;
use espalier_sim::Nic;
use espalier_sim::stream::{Frame, Sent};

use crate::Error;
use crate::association::Association;
use crate::case::{POLICIES, Setup};

/// Clocks between two looks at what has come out.
const STRIDE: u64 = 32;
/// Clocks without a beat after which an engine without work is at rest.
const QUIET: u64 = 64;

/// When the frames of a direction went in and came out, in order.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Passed {
    /// Into the engine.
    pub sent: Vec<Sent>,
    /// Out of it: clock of the first and of the last beat.
    pub came: Vec<(u64, u64)>,
    /// Bytes of all of them on the wire's side, without FCS.
    pub wire_bytes: usize,
}

/// Pairs of SAs in force between the same ends, the newest last, with the sending ends that the model needs.
struct Flow {
    newest: Association,
    ours: Vec<TxSa>,
    peers: Vec<TxSa>,
    handles: Vec<[SaHandle; 2]>,
}

/// A frame that must come out.
struct Due {
    flow: usize,
    plain: Vec<u8>,
}

/// See the module's documentation.
pub struct Card {
    /// The driver, on the simulated engine.
    pub device: Device<Nic>,
    setup: Setup,
    flows: Vec<Flow>,
    /// What must come out on the wire's and on the host's side.
    due: [Vec<Due>; 2],
    /// Bytes of the ESP frames that go in.
    esp_bytes: usize,
}

impl Card {
    /// Opens the engine, which empties it, and installs SAs and policies.
    ///
    /// # Errors
    /// The driver's.
    pub fn new(nic: Nic, setup: Setup) -> Result<Self, Error> {
        let mut card = Self::empty(nic, setup)?;
        let flows = setup.sas.min(POLICIES);
        for index in 0..flows {
            let association = Association::new(setup, index as u8);
            card.install(association)?;
            // The SA that the policy uses is the last: so those in use are spread over the table.
            for _ in 1..setup.sas / flows {
                card.renew(index)?;
            }
            for flow in [Direction::Out, Direction::In] {
                card.device.add_policy(&association.policy(flow))?;
            }
        }
        Ok(card)
    }

    /// Opens the engine with nothing in it.
    ///
    /// # Errors
    /// The driver's.
    pub fn empty(nic: Nic, setup: Setup) -> Result<Self, Error> {
        let mut device = Device::open(nic)?;
        device.clear_counters()?;
        device.enable()?;
        Ok(Self { device, setup, flows: Vec::new(), due: Default::default(), esp_bytes: 0 })
    }

    /// Installs both SAs of an association, as a flow of its own. They are in force until [`Card::retire`].
    ///
    /// # Errors
    /// The driver's.
    pub fn install(&mut self, association: Association) -> Result<(), Error> {
        let handles = vec![self.add(&association)?];
        let (ours, peers) = (vec![association.sender(Direction::Out)?], vec![association.sender(Direction::In)?]);
        self.flows.push(Flow { newest: association, ours, peers, handles });
        Ok(())
    }

    /// Installs the next pair of SAs of a flow.
    fn renew(&mut self, index: usize) -> Result<(), Error> {
        let next = self.flows[index].newest.rekeyed();
        let handles = self.add(&next)?;
        let flow = &mut self.flows[index];
        flow.newest = next;
        flow.ours.push(next.sender(Direction::Out)?);
        if flow.peers.len() <= next.generation() {
            flow.peers.push(next.sender(Direction::In)?);
        }
        flow.handles.push(handles);
        Ok(())
    }

    /// Frames may be offered from the peers' next SAs, which are to be installed by the time the frames come: see [`Card::rekey`].
    ///
    /// # Errors
    /// None that a key of a right length could have.
    pub fn foresee(&mut self) -> Result<(), Error> {
        for flow in &mut self.flows {
            flow.peers.push(flow.newest.rekeyed().sender(Direction::In)?);
        }
        Ok(())
    }

    fn add(&mut self, association: &Association) -> Result<[SaHandle; 2], Error> {
        Ok([self.device.add_sa(&association.sa(Direction::Out))?, self.device.add_sa(&association.sa(Direction::In))?])
    }

    /// Installs the next pair of SAs of each flow. The policies use them at once.
    ///
    /// # Errors
    /// The driver's.
    pub fn rekey(&mut self) -> Result<(), Error> {
        (0..self.flows.len()).try_for_each(|index| self.renew(index))
    }

    /// Deletes all but the newest SAs of each flow.
    ///
    /// # Errors
    /// The driver's.
    pub fn retire(&mut self) -> Result<(), Error> {
        for flow in &mut self.flows {
            let newest = flow.handles.len().saturating_sub(1);
            for handle in flow.handles.drain(..newest).flatten() {
                self.device.delete_sa(handle)?;
            }
        }
        Ok(())
    }

    /// Gives the engine back.
    pub fn into_nic(self) -> Nic {
        self.device.into_bus()
    }

    /// Queues a frame of `bytes` bytes (with FCS): from the wire through SA number `sa`, from the host through the SA that the policy of the same
    /// hosts uses. (SAs are counted from the first of each flow to the second of each, and so on.)
    ///
    /// # Errors
    /// When the model refuses the frame, and when there is no such SA.
    pub fn offer(&mut self, direction: Direction, sa: usize, bytes: usize) -> Result<(), Error> {
        let setup = self.setup;
        let wrong = move |what: &str| Error::wrong(setup, what);
        let flows = self.flows.len().max(1);
        let (index, generation) = (sa % flows, sa / flows);
        let flow = self.flows.get_mut(index).ok_or_else(|| wrong("no such flow"))?;
        let plain = flow.newest.frame(direction, bytes);
        let [to_wire, to_host] = &mut self.due;
        if direction == Direction::Out {
            self.device.bus().send_host(&plain);
            to_wire.push(Due { flow: index, plain });
        } else {
            let peer = flow.peers.get_mut(generation).ok_or_else(|| wrong("no such SA"))?;
            let seq = peer.next_seq().ok_or_else(|| wrong("the sequence numbers are used up"))?;
            let esp = encapsulate(&plain, peer, seq).map_err(|error| wrong(&error.to_string()))?;
            self.esp_bytes += esp.len();
            self.device.bus().send_wire(&esp, false);
            to_host.push(Due { flow: index, plain });
        }
        Ok(())
    }

    /// Runs until everything offered has come out, compares it, and tells when: TX, RX.
    ///
    /// # Errors
    /// A frame is missing, or not what the model says; the simulator's.
    pub fn pass(&mut self) -> Result<[Passed; 2], Error> {
        let [to_wire, to_host] = std::mem::take(&mut self.due);
        let setup = self.setup;
        let wrong = |what: String| Error::wrong(setup, what);
        let nic = self.device.bus();
        let bytes: usize = to_wire.iter().chain(&to_host).map(|due| due.plain.len()).sum();
        let limit = nic.cycles() + 20_000 + bytes as u64;
        let (mut wire, mut host) = (nic.take_wire(), nic.take_host());
        while wire.len() < to_wire.len() || host.len() < to_host.len() {
            if nic.cycles() > limit {
                let missing = (to_wire.len() - wire.len(), to_host.len() - host.len());
                return Err(wrong(format!("{} frames were never sent, {} never received", missing.0, missing.1)));
            }
            nic.run(STRIDE)?;
            wire.extend(nic.take_wire());
            host.extend(nic.take_host());
        }
        nic.run(QUIET)?;
        nic.take_tx_status();
        wire.extend(nic.take_wire());
        host.extend(nic.take_host());
        let (sent, received) = (nic.host_sent().drain(..).collect(), nic.wire_sent().drain(..).collect());
        if wire.len() > to_wire.len() || host.len() > to_host.len() {
            return Err(wrong("more frames came out than went in".into()));
        }
        for (index, (frame, due)) in wire.iter().zip(&to_wire).enumerate() {
            let senders = self.flows[due.flow].ours.iter_mut();
            let made = |sa: &TxSa| encapsulate(&due.plain, sa, sa.last_seq + 1).is_ok_and(|esp| esp == frame.bytes);
            let sa = senders.rev().find(|sa| made(sa));
            sa.and_then(TxSa::next_seq).ok_or_else(|| wrong(format!("frame {index} that was sent is not what the model makes")))?;
        }
        if let Some(index) = host.iter().zip(&to_host).position(|(frame, due)| frame.bytes != due.plain) {
            return Err(wrong(format!("frame {index} that was received is not what the peer sent")));
        }
        let came = |frames: &[Frame]| frames.iter().map(|frame| (frame.first, frame.last)).collect();
        let out = wire.iter().map(|frame| frame.bytes.len()).sum();
        let r#in = std::mem::take(&mut self.esp_bytes);
        Ok([Passed { sent, came: came(&wire), wire_bytes: out }, Passed { sent: received, came: came(&host), wire_bytes: r#in }])
    }
}
