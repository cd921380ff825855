//! What no driver of ours would write: bad descriptors. Each is refused with its cause, told as an event, touches nothing outside of what is
//! mapped, and the queue is as good as new after a reset of that queue.
#![allow(clippy::unwrap_used)]

use espalier_driver::Device;
use espalier_driver::bus::{Bus, DmaAccess, DmaBus, DmaMemory};
use espalier_hdl::card::EspalierCard;
use espalier_regs::dma::{self, Fault, queue_state, rx_completion, rx_descriptor, tx_completion, tx_descriptor};
use espalier_regs::notice::{Kind, Notice};
use espalier_regs::{Register, map};
use espalier_sim::Model;
use espalier_sim::card::CardOptions;
use espalier_sim::host::Host;

const LOG2: u32 = 2;

/// A queue that is run by hand.
struct Queue {
    number: u16,
    ring: DmaMemory,
    done: DmaMemory,
    buffer: DmaMemory,
}

impl Queue {
    fn new(host: &mut Host, number: u16) -> Self {
        let mut memory = || host.allocate(4096, DmaAccess::ReadWrite).unwrap();
        Self { number, ring: memory(), done: memory(), buffer: memory() }
    }

    fn at(&self, register: Register) -> u32 {
        register.at(self.number).unwrap().into()
    }

    fn start(&self, host: &mut Host) {
        for word in 0..1024 {
            self.ring.pages().store(4 * word, 0);
            self.done.pages().store(4 * word, 0);
        }
        let halves = |address: u64| [address as u32, (address >> 32) as u32];
        let [ring, done] = [&self.ring, &self.done].map(|memory| halves(memory.iova()));
        for (register, value) in [
            (dma::QUEUE_RING_LO, ring[0]),
            (dma::QUEUE_RING_HI, ring[1]),
            (dma::QUEUE_DONE_LO, done[0]),
            (dma::QUEUE_DONE_HI, done[1]),
            (dma::QUEUE_SIZE, LOG2),
            (dma::QUEUE_CONTROL, 1),
        ] {
            host.write(self.at(register), value).unwrap();
        }
    }

    fn stop(&self, host: &mut Host) {
        host.write(self.at(dma::QUEUE_CONTROL), 0).unwrap();
        host.run(2000).unwrap();
        assert_eq!(host.read(self.at(dma::QUEUE_STATE)).unwrap(), 0, "queue {} rests", self.number);
    }

    /// Writes descriptors from index 0 on, and rings.
    fn give(&self, host: &mut Host, descriptors: &[[u32; 4]]) {
        for (index, words) in descriptors.iter().enumerate() {
            for (at, word) in words.iter().enumerate() {
                self.ring.pages().store(16 * index + 4 * at, *word);
            }
        }
        host.write(self.at(dma::QUEUE_DOORBELL), descriptors.len() as u32).unwrap();
        host.run(3000).unwrap();
    }

    /// Words of completion 0, if it was written.
    fn completion(&self) -> Option<[u32; 4]> {
        let words = std::array::from_fn(|at| self.done.pages().load(4 * at));
        tx_completion::PHASE.is_set(words[3]).then_some(words)
    }

    /// A descriptor of the buffer.
    fn descriptor(&self, length: u32, last: bool) -> [u32; 4] {
        let address = self.buffer.iova();
        let word = tx_descriptor::PHASE.set(tx_descriptor::LAST.set(length, last.into()), 1);
        [address as u32, (address >> 32) as u32, word, 0]
    }
}

fn events(host: &mut Host) -> Vec<Notice> {
    let mut events = Vec::new();
    while let Some(notice) = Notice::decode(host.read(map::EVENT.offset.into()).unwrap()) {
        events.push(notice);
        host.write(map::EVENT_POP.offset.into(), 1).unwrap();
    }
    events
}

fn told(tx: bool) -> Notice {
    Notice { kind: Some(Kind::QueueFault), tx, sa: 0 }
}

fn rig() -> Device<Host> {
    let host = Host::new(Model::build::<EspalierCard>("espalier_card").unwrap(), CardOptions::default()).unwrap();
    let mut device = Device::open(host).unwrap();
    device.enable().unwrap();
    device
}

#[test]
fn a_bad_descriptor_of_a_frame_to_be_sent_stops_its_queue_and_nothing_else() {
    let mut device = rig();
    let host = device.bus();
    let queue = Queue::new(host, dma::queue::TX);
    queue.buffer.pages().write(0, &[0x5a; 64]);
    let good = queue.descriptor(60, true);
    let wrong_phase = [good[0], good[1], good[2] & !tx_descriptor::PHASE.mask(), 0];
    let odd = [good[0] + 2, good[1], good[2], 0];
    let unmapped = [0x10, 0x7fff_0000, good[2], 0];
    let cases: [(&str, Vec<[u32; 4]>, Fault); 7] = [
        ("nothing", vec![queue.descriptor(0, true)], Fault::Length),
        ("longer than any frame", vec![queue.descriptor(65_535, true)], Fault::Length),
        ("a segment that is not whole", vec![queue.descriptor(17, false), good], Fault::Length),
        (
            "too long together",
            vec![queue.descriptor(4096, false), queue.descriptor(4096, false), queue.descriptor(2048, true)],
            Fault::Length,
        ),
        ("an odd address", vec![odd], Fault::Address),
        ("not the device's", vec![wrong_phase], Fault::Phase),
        ("memory that is not there", vec![unmapped], Fault::Data),
    ];
    for (what, descriptors, fault) in cases {
        queue.start(host);
        queue.give(host, &descriptors);
        let state = host.read(queue.at(dma::QUEUE_STATE)).unwrap();
        assert!(queue_state::FAULT.is_set(state) && queue_state::CAUSE.get(state) == fault.code(), "{what}: {state:#x}");
        let words = queue.completion().unwrap_or_else(|| panic!("{what}: no completion"));
        assert_eq!(tx_completion::CAUSE.get(words[3]), fault.code(), "{what}");
        assert_eq!(events(host), [told(true)], "{what}");
        assert!(host.take_wire().is_empty(), "{what}");
        assert_eq!(host.take_violations().is_empty(), fault != Fault::Data, "{what}");
        queue.stop(host);
        // As good as new.
        queue.start(host);
        queue.give(host, &[good]);
        let sent: Vec<_> = host.take_wire().into_iter().map(|frame| frame.bytes).collect();
        assert_eq!(sent, [vec![0x5a; 60]], "after: {what}");
        let words = queue.completion().unwrap();
        assert_eq!((tx_completion::CAUSE.get(words[3]), tx_completion::INDEX.get(words[1])), (0, 1), "after: {what}");
        queue.stop(host);
        assert_eq!(events(host), []);
    }
    // A doorbell further ahead than the ring is long: nothing is completed, since nothing is known.
    queue.start(host);
    host.write(queue.at(dma::QUEUE_DOORBELL), (1 << LOG2) + 1).unwrap();
    host.run(1000).unwrap();
    let state = host.read(queue.at(dma::QUEUE_STATE)).unwrap();
    assert_eq!(queue_state::CAUSE.get(state), Fault::Doorbell.code());
    assert_eq!(events(host), [told(true)]);
    queue.stop(host);
}

#[test]
fn a_bad_buffer_for_a_received_frame_loses_that_frame_alone() {
    let mut device = rig();
    let host = device.bus();
    let queue = Queue::new(host, dma::queue::RX);
    let good = queue.descriptor(2048, false);
    let wrong_phase = [good[0], good[1], good[2] & !rx_descriptor::PHASE.mask(), 0];
    let cases: [(&str, [u32; 4], Fault); 5] = [
        ("no bytes", queue.descriptor(0, false), Fault::Length),
        ("not whole", queue.descriptor(2047, false), Fault::Length),
        ("an odd address", [good[0] + 8, good[1], good[2], 0], Fault::Address),
        ("not the device's", wrong_phase, Fault::Phase),
        ("memory that is not there", [0x20, 0x7fff_0000, good[2], 0], Fault::Data),
    ];
    for (what, descriptor, fault) in cases {
        queue.start(host);
        host.send_wire([0xa5; 100], false);
        queue.give(host, &[descriptor]);
        let state = host.read(queue.at(dma::QUEUE_STATE)).unwrap();
        assert!(queue_state::FAULT.is_set(state) && queue_state::CAUSE.get(state) == fault.code(), "{what}: {state:#x}");
        let words = queue.completion().unwrap_or_else(|| panic!("{what}: no completion"));
        assert_eq!((rx_completion::CAUSE.get(words[3]), rx_completion::LENGTH.get(words[2])), (fault.code(), 0), "{what}");
        assert_eq!(events(host), [told(false)], "{what}");
        assert_eq!(host.take_violations().is_empty(), fault != Fault::Data, "{what}");
        queue.stop(host);
        queue.start(host);
        host.send_wire([0xc3; 77], false);
        queue.give(host, &[good]);
        let words = queue.completion().unwrap();
        assert_eq!((rx_completion::CAUSE.get(words[3]), rx_completion::LENGTH.get(words[2])), (0, 77), "after: {what}");
        let mut bytes = [0; 78];
        queue.buffer.pages().read(0, &mut bytes);
        assert!(bytes[..77] == [0xc3; 77], "after: {what}");
        queue.stop(host);
        assert_eq!(events(host), []);
    }
    let lost = device.counters().unwrap().get(espalier_driver::Event::RxDropHostFault);
    assert_eq!(lost, 5, "each counted once");
}
