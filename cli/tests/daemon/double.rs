//! A device without hardware or simulator: takes no SA (so ESP is the core's), and its wire is in the test's hands.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use espalier::daemon::nic::Nic;
use espalier_driver::bus::{BusError, Interrupt};
use espalier_driver::net::{QueueFault, RxFrame, SendError, TxDone, TxOffload};
use espalier_driver::ops::{DeviceEvent, Features, RxOffload, XfrmPolicy, XfrmState, XfrmdevOps};
use espalier_driver::stats::Named;
use espalier_driver::xfrm::Direction;
use espalier_driver::{Caps, Counters, Error, Event, TxStatus};
use espalier_regs::dma::{Fault, vector};

/// What the test sees and does.
#[derive(Default)]
pub struct Shared {
    /// Sent by the daemon.
    pub sent: VecDeque<(Vec<u8>, TxOffload)>,
    /// To be received by the daemon.
    pub received: VecDeque<Vec<u8>>,
    /// Told by the daemon.
    pub addresses: Vec<IpAddr>,
    pub mtu: u16,
    pub running: bool,
    pub closed: bool,
    pub resets: u32,
    pub policies: u32,
    pub states: u32,
    /// A queue stops: the next recover tells it.
    pub fault: bool,
    /// Every access fails until this many resets were tried.
    pub broken: u32,
    /// The TX ring has no room.
    pub full: bool,
    /// Frames are taken, and nothing more happens to them, until a reset.
    pub stuck: bool,
    /// What becomes of sent frames.
    pub status: Option<Event>,
    done: VecDeque<TxDone>,
    numbers: u64,
    handles: u64,
}

/// The device.
pub struct Double {
    pub shared: Arc<Mutex<Shared>>,
    vectors: Vec<Interrupt>,
}

/// The other end of it.
#[derive(Clone)]
pub struct Peer {
    pub shared: Arc<Mutex<Shared>>,
    vectors: Vec<Interrupt>,
}

pub fn double() -> (Double, Peer) {
    let shared = Arc::new(Mutex::new(Shared { mtu: 1500, ..Shared::default() }));
    let vectors: Vec<Interrupt> = (0..vector::COUNT).map(|_| Interrupt::new().unwrap()).collect();
    (Double { shared: shared.clone(), vectors: vectors.clone() }, Peer { shared, vectors })
}

impl Peer {
    pub fn put(&self, frame: Vec<u8>) {
        self.shared.lock().unwrap().received.push_back(frame);
        self.fire(vector::RX);
    }

    pub fn fire(&self, vector: u16) {
        self.vectors[usize::from(vector)].fire().unwrap();
    }

    pub fn take(&self) -> Option<(Vec<u8>, TxOffload)> {
        self.shared.lock().unwrap().sent.pop_front()
    }
}

fn gone() -> Error {
    let fault = espalier_driver::bus::Fault::DecodeError;
    Error::Bus(BusError { access: espalier_driver::bus::Access::Read(0), fault })
}

impl Double {
    fn works(&self) -> Result<std::sync::MutexGuard<'_, Shared>, Error> {
        let shared = self.shared.lock().unwrap();
        if shared.broken > 0 { Err(gone()) } else { Ok(shared) }
    }
}

impl XfrmdevOps for Double {
    fn name(&self) -> &str {
        "esp0"
    }

    fn mtu(&self) -> u32 {
        self.shared.lock().unwrap().mtu.into()
    }

    fn features(&self) -> Features {
        Features { hw_esp: true, hw_esp_tx_csum: false }
    }

    fn xdo_dev_state_add(&mut self, x: &mut XfrmState) -> Result<(), Error> {
        let mut shared = self.works()?;
        shared.states += 1;
        shared.handles += 1;
        if let Some(xso) = &mut x.xso {
            xso.offload_handle = std::num::NonZeroU64::new(shared.handles);
        }
        Ok(())
    }

    fn xdo_dev_state_delete(&mut self, _x: &mut XfrmState) {
        self.shared.lock().unwrap().states -= 1;
    }

    fn xdo_dev_policy_add(&mut self, xp: &mut XfrmPolicy) -> Result<(), Error> {
        let mut shared = self.works()?;
        shared.policies += 1;
        shared.handles += 1;
        if let Some(xdo) = &mut xp.xdo {
            xdo.offload_handle = std::num::NonZeroU64::new(shared.handles);
        }
        Ok(())
    }

    fn xdo_dev_policy_delete(&mut self, _xp: &mut XfrmPolicy) {
        self.shared.lock().unwrap().policies -= 1;
    }

    fn next_event(&mut self) -> Option<DeviceEvent> {
        None
    }
}

impl Nic for Double {
    fn send(&mut self, frame: &[u8], offload: TxOffload) -> Result<(), SendError> {
        let mut shared = self.works().map_err(SendError::Bus)?;
        if shared.full {
            return Err(SendError::Full);
        }
        shared.sent.push_back((frame.to_vec(), offload));
        let status = Some(TxStatus { event: shared.status.unwrap_or(Event::TxBypassed), sa: None });
        let done = TxDone { frame_number: shared.numbers, status, fault: None };
        shared.numbers += 1;
        shared.done.push_back(done);
        drop(shared);
        self.vectors[usize::from(vector::TX)].fire().unwrap();
        Ok(())
    }

    fn sent(&mut self) -> Result<Vec<TxDone>, Error> {
        let mut shared = self.works()?;
        if shared.stuck {
            return Ok(Vec::new());
        }
        Ok(shared.done.drain(..).collect())
    }

    fn receive(&mut self) -> Result<Option<RxFrame>, Error> {
        Ok(self.works()?.received.pop_front().map(|bytes| RxFrame { bytes, word: 0 }))
    }

    fn rx_offload(&mut self, _word: u32) -> Result<Option<RxOffload>, Error> {
        Ok(None)
    }

    fn has_stopped(&self) -> bool {
        self.shared.lock().unwrap().fault
    }

    fn recover(&mut self) -> Result<Vec<QueueFault>, Error> {
        let mut shared = self.works()?;
        shared.fault = false;
        Ok(vec![QueueFault { direction: Direction::Out, cause: Some(Fault::Data), address: 0x1000, lost: 3 }])
    }

    fn reset(&mut self) -> Result<(), Error> {
        let mut shared = self.shared.lock().unwrap();
        if shared.broken > 0 {
            shared.broken -= 1;
        }
        if shared.broken > 0 {
            return Err(gone());
        }
        shared.resets += 1;
        shared.stuck = false;
        shared.done.iter_mut().for_each(|done| done.status = None);
        shared.running = false;
        shared.addresses.clear();
        Ok(())
    }

    fn interrupts(&self) -> &[Interrupt] {
        &self.vectors
    }

    fn arm(&mut self) -> Result<(), Error> {
        self.works().map(drop)
    }

    fn set_running(&mut self, running: bool) -> Result<(), Error> {
        self.works()?.running = running;
        Ok(())
    }

    fn set_mtu(&mut self, mtu: u16) -> Result<(), Error> {
        self.works()?.mtu = mtu;
        Ok(())
    }

    fn set_local_addresses(&mut self, addresses: &[IpAddr]) -> Result<(), Error> {
        self.works()?.addresses = addresses.to_vec();
        Ok(())
    }

    fn pass_unknown(&mut self, _pass: bool) -> Result<(), Error> {
        self.works().map(drop)
    }

    fn caps(&mut self) -> Caps {
        Caps::from(&espalier_regs::Capabilities::read(|register| Ok::<_, ()>(register.reset)).unwrap())
    }

    fn counters(&mut self) -> Result<Counters, Error> {
        drop(self.works()?);
        Ok(Counters::default())
    }

    fn ring_stats(&self) -> Named {
        Named(vec![("sent", self.shared.lock().unwrap().numbers)])
    }

    fn close(self) -> Result<(), Error> {
        self.shared.lock().unwrap().closed = true;
        Ok(())
    }
}
