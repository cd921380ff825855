//! A device that does nothing but keep books. It fails the test when the core breaks the order of calls.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use espalier_driver::Error;
use espalier_driver::ops::{Callbacks, DeviceEvent, Features, Mib, MibCounters, OffloadHandle, SkBuff, XfrmPolicy, XfrmState, XfrmdevOps};

/// A callback that was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    StateAdd { spi: u32, acquire: bool },
    StateDelete(OffloadHandle),
    StateFree(OffloadHandle),
    OffloadOk,
    AdvanceEsn { seq: u64, oseq: u64 },
    UpdateStats(OffloadHandle),
    StateUpdate(OffloadHandle),
    PolicyAdd,
    PolicyDelete(OffloadHandle),
    PolicyFree(OffloadHandle),
}

/// Where something is that was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Added,
    Deleted,
    Freed,
}

/// What an SA has counted since it was asked last.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted {
    pub packets: u64,
    pub bytes: u64,
    pub replay: u32,
    /// The sequence number reached.
    pub seq: Option<u64>,
}

/// The books.
pub struct Books {
    pub calls: Vec<Call>,
    pub states: BTreeMap<OffloadHandle, Stage>,
    pub policies: BTreeMap<OffloadHandle, Stage>,
    pub counted: BTreeMap<OffloadHandle, Counted>,
    pub events: VecDeque<DeviceEvent>,
    /// The next additions are refused.
    pub refuse: Option<fn() -> Error>,
    /// Additions in packet mode are refused.
    pub refuse_packet: Option<fn() -> Error>,
    pub refuse_policy: Option<fn() -> Error>,
    pub refuse_update: bool,
    pub takes_packets: bool,
    pub mib: Vec<(Mib, u64)>,
    pub features: Features,
    pub callbacks: Callbacks,
    pub mtu: u32,
    last: u64,
}

/// A device, and the test's hand on its books.
#[derive(Clone)]
pub struct Mock {
    name: String,
    books: Rc<RefCell<Books>>,
}

impl Mock {
    pub fn new(name: &str) -> Self {
        let books = Books {
            calls: Vec::new(),
            states: BTreeMap::new(),
            policies: BTreeMap::new(),
            counted: BTreeMap::new(),
            events: VecDeque::new(),
            refuse: None,
            refuse_packet: None,
            refuse_policy: None,
            refuse_update: false,
            takes_packets: true,
            mib: Vec::new(),
            features: Features { hw_esp: true, hw_esp_tx_csum: true },
            callbacks: Callbacks { state_update: true, ..Callbacks::ALL },
            mtu: 1500,
            last: 0,
        };
        Self { name: name.to_owned(), books: Rc::new(RefCell::new(books)) }
    }

    /// Changes the books.
    pub fn with<R>(&self, change: impl FnOnce(&mut Books) -> R) -> R {
        change(&mut self.books.borrow_mut())
    }

    /// What was called since the last time.
    pub fn calls(&self) -> Vec<Call> {
        self.with(|books| std::mem::take(&mut books.calls))
    }

    /// Stages of all states, in the order of their addition.
    pub fn states(&self) -> Vec<Stage> {
        self.with(|books| books.states.values().copied().collect())
    }

    pub fn policies(&self) -> Vec<Stage> {
        self.with(|books| books.policies.values().copied().collect())
    }

    /// The handle of the last addition.
    pub fn last_handle(&self) -> OffloadHandle {
        self.with(|books| OffloadHandle::new(books.last).expect("something was added"))
    }
}

impl Books {
    fn handle(&mut self) -> OffloadHandle {
        self.last += 1;
        OffloadHandle::new(self.last).expect("counts from 1")
    }
}

fn advance(table: &mut BTreeMap<OffloadHandle, Stage>, handle: Option<OffloadHandle>, from: Stage, to: Stage) -> OffloadHandle {
    let handle = handle.expect("a handle");
    let stage = table.get_mut(&handle).expect("a handle of this device");
    assert_eq!(*stage, from, "{handle} can't become {to:?}");
    *stage = to;
    handle
}

impl XfrmdevOps for Mock {
    fn name(&self) -> &str {
        &self.name
    }

    fn mtu(&self) -> u32 {
        self.books.borrow().mtu
    }

    fn features(&self) -> Features {
        self.books.borrow().features
    }

    fn callbacks(&self) -> Callbacks {
        self.books.borrow().callbacks
    }

    fn xdo_dev_state_add(&mut self, x: &mut XfrmState) -> Result<(), Error> {
        let mut books = self.books.borrow_mut();
        let packet = x.is_packet_offload();
        let xso = x.xso.as_mut().expect("an offload");
        assert_eq!(xso.dev, self.name);
        books.calls.push(Call::StateAdd { spi: x.params.id.spi, acquire: xso.acquire });
        if let Some(error) = books.refuse {
            return Err(error());
        }
        if let Some(error) = books.refuse_packet.filter(|_| packet) {
            return Err(error());
        }
        let handle = books.handle();
        xso.offload_handle = Some(handle);
        books.states.insert(handle, Stage::Added);
        Ok(())
    }

    fn xdo_dev_state_delete(&mut self, x: &mut XfrmState) {
        let mut books = self.books.borrow_mut();
        let handle = advance(&mut books.states, x.offload_handle(), Stage::Added, Stage::Deleted);
        books.calls.push(Call::StateDelete(handle));
    }

    fn xdo_dev_state_free(&mut self, x: &mut XfrmState) {
        let mut books = self.books.borrow_mut();
        let handle = advance(&mut books.states, x.offload_handle(), Stage::Deleted, Stage::Freed);
        books.calls.push(Call::StateFree(handle));
    }

    fn xdo_dev_offload_ok(&self, _skb: &SkBuff<'_>, _x: &XfrmState) -> bool {
        let mut books = self.books.borrow_mut();
        books.calls.push(Call::OffloadOk);
        books.takes_packets
    }

    fn xdo_dev_state_advance_esn(&mut self, x: &XfrmState) {
        let whole = |hi: u32, lo: u32| u64::from(hi) << 32 | u64::from(lo);
        let (seq, oseq) = (whole(x.replay.seq_hi, x.replay.seq), whole(x.replay.oseq_hi, x.replay.oseq));
        self.books.borrow_mut().calls.push(Call::AdvanceEsn { seq, oseq });
    }

    fn xdo_dev_state_update_stats(&mut self, x: &mut XfrmState) {
        let mut books = self.books.borrow_mut();
        let handle = x.offload_handle().expect("a handle");
        assert_eq!(books.states[&handle], Stage::Added, "a state that was deleted has no counts");
        books.calls.push(Call::UpdateStats(handle));
        let Counted { packets, bytes, replay, seq } = std::mem::take(books.counted.entry(handle).or_default());
        x.curlft.packets += packets;
        x.curlft.bytes += bytes;
        x.stats.replay += replay;
        if let Some(seq) = seq {
            (x.replay.oseq, x.replay.oseq_hi) = (seq as u32, (seq >> 32) as u32);
        }
    }

    fn state_update(&mut self, x: &mut XfrmState) -> Result<(), Error> {
        let mut books = self.books.borrow_mut();
        books.calls.push(Call::StateUpdate(x.offload_handle().expect("a handle")));
        if books.refuse_update { Err(Error::Broken) } else { Ok(()) }
    }

    fn xdo_dev_policy_add(&mut self, xp: &mut XfrmPolicy) -> Result<(), Error> {
        let mut books = self.books.borrow_mut();
        books.calls.push(Call::PolicyAdd);
        if let Some(error) = books.refuse_policy {
            return Err(error());
        }
        let handle = books.handle();
        xp.xdo.as_mut().expect("an offload").offload_handle = Some(handle);
        books.policies.insert(handle, Stage::Added);
        Ok(())
    }

    fn xdo_dev_policy_delete(&mut self, xp: &mut XfrmPolicy) {
        let mut books = self.books.borrow_mut();
        let handle = advance(&mut books.policies, xp.offload_handle(), Stage::Added, Stage::Deleted);
        books.calls.push(Call::PolicyDelete(handle));
    }

    fn xdo_dev_policy_free(&mut self, xp: &mut XfrmPolicy) {
        let mut books = self.books.borrow_mut();
        let handle = advance(&mut books.policies, xp.offload_handle(), Stage::Deleted, Stage::Freed);
        books.calls.push(Call::PolicyFree(handle));
    }

    fn next_event(&mut self) -> Option<DeviceEvent> {
        self.books.borrow_mut().events.pop_front()
    }

    fn update_mib(&mut self, mib: &mut MibCounters) {
        for (name, count) in self.books.borrow_mut().mib.drain(..) {
            mib.add(name, count);
        }
    }
}
