//! The control of the host interface, Verilated: every register as the map has it, the states of a queue, interrupts and messages.

#![allow(clippy::unwrap_used)]

#[path = "hdl_dma_control/rig.rs"]
mod rig;

use std::collections::HashMap;

use espalier_hdl::dma::records::Fault;
use espalier_regs::dma::{self, REGISTERS, dma_cap, queue_control, queue_state, vector};
use espalier_regs::map::event;
use espalier_regs::notice::{Kind, Notice};
use espalier_regs::{Access, Register};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rig::{OKAY, Rig, SLVERR};

fn at(register: Register, index: u16) -> u16 {
    register.at(index).unwrap()
}

#[test]
fn every_address_answers_as_the_map_says_after_reset() {
    for msix in [true, false] {
        let mut rig = Rig::new(msix);
        let map: HashMap<u16, Register> = REGISTERS.iter().flat_map(|r| r.offsets().map(|at| (at, *r))).collect();
        for address in (dma::BASE..=0xfffc).step_by(4).chain([0x8001, 0x8002, 0x8043]) {
            let expected = match map.get(&address) {
                Some(&dma::DMA_CAP) => (OKAY, dma_cap::MSIX.set(dma::DMA_CAP.reset, msix.into())),
                Some(register) if register.access.readable() => (OKAY, register.reset),
                _ => (SLVERR, 0),
            };
            assert_eq!(rig.read(address), expected, "{address:#06x}");
        }
        for address in (dma::BASE..=0xfffc).step_by(4) {
            let writable = map.get(&address).is_some_and(|register| register.access.writable() && *register != dma::QUEUE_SIZE);
            let expected = if writable { OKAY } else { SLVERR };
            assert_eq!(rig.write(address, 0), expected, "{address:#06x}");
        }
    }
}

#[test]
fn what_is_written_is_read_and_nothing_else_changes() {
    let mut rig = Rig::new(true);
    let mut random = StdRng::seed_from_u64(1);
    let settable = |register: &&Register| register.access == Access::Rw && **register != dma::QUEUE_CONTROL;
    let rows: Vec<(Register, u16)> = REGISTERS.iter().filter(settable).flat_map(|r| (0..r.count).map(|i| (*r, i))).collect();
    let mut values: HashMap<u16, u32> = rows.iter().map(|(register, i)| (at(*register, *i), register.reset)).collect();
    for _ in 0..300 {
        let (register, index) = rows[random.random_range(0..rows.len())];
        let word: u32 = random.random();
        let fields = register.fields.iter().fold(0, |mask, field| mask | field.mask());
        let (word, kept) = match register {
            dma::QUEUE_RING_LO | dma::QUEUE_DONE_LO => (word & !0xfff, word & !0xfff),
            dma::MSIX_ADDRESS_LO => (word, word & !3),
            dma::QUEUE_SIZE => (word & !0xf | random.random_range(1..=10), word),
            _ if register.fields.is_empty() => (word, word),
            _ => (word, word & fields),
        };
        let kept = if register == dma::QUEUE_SIZE { word & 0xf } else { kept };
        // The doorbell of a queue that does not run rings for nobody.
        let kept = if register == dma::QUEUE_DOORBELL { 0 } else { kept };
        assert_eq!(rig.write(at(register, index), word), OKAY, "{}", register.name);
        values.insert(at(register, index), kept);
        let (register, index) = rows[random.random_range(0..rows.len())];
        assert_eq!(rig.read(at(register, index)), (OKAY, values[&at(register, index)]), "{}[{index}]", register.name);
    }
    for (register, index) in rows {
        assert_eq!(rig.read(at(register, index)), (OKAY, values[&at(register, index)]), "{}[{index}]", register.name);
    }
}

#[test]
fn a_queue_starts_runs_drains_and_rests() {
    let mut rig = Rig::new(true);
    for (queue, name) in [(dma::queue::TX, "tx"), (dma::queue::RX, "rx")] {
        let port = |what: &str| format!("{name}_{what}");
        let [control, state] = [dma::QUEUE_CONTROL, dma::QUEUE_STATE].map(|register| at(register, queue));
        rig.model.set(&port("idle"), false);
        assert_eq!(rig.write(at(dma::QUEUE_RING_LO, queue), 0x1000), OKAY);
        assert_eq!(rig.write(at(dma::QUEUE_RING_HI, queue), 0xabcd), OKAY);
        assert_eq!(rig.write(at(dma::QUEUE_DONE_LO, queue), 0x2000), OKAY);
        assert_eq!(rig.write(at(dma::QUEUE_SIZE, queue), 10), OKAY);
        for wrong in [0, 11, 15] {
            assert_eq!(rig.write(at(dma::QUEUE_SIZE, queue), wrong), SLVERR);
        }
        assert_eq!(rig.write(at(dma::QUEUE_RING_LO, queue), 0x1800), SLVERR, "not aligned");
        assert_eq!(rig.write(control, queue_control::ENABLE.mask()), OKAY);
        assert_eq!(rig.pulses[&port("clear")], 1);
        assert!(rig.model.get_bool(&port("run")) && !rig.model.get_bool(&port("drain")));
        assert_eq!(rig.model.get_u64(&port("base")), 0xabcd_0000_1000);
        assert_eq!(rig.model.get_u64(&port("done_base")), 0x2000);
        assert_eq!(rig.model.get_u64(&port("size")), 10);
        assert_eq!(rig.read(control), (OKAY, 1));
        assert_eq!(rig.read(state), (OKAY, queue_state::RUNNING.mask()));
        // What may not be changed while it runs.
        for register in [dma::QUEUE_RING_LO, dma::QUEUE_RING_HI, dma::QUEUE_DONE_LO, dma::QUEUE_DONE_HI] {
            assert_eq!(rig.write(at(register, queue), 0x3000), SLVERR, "{}", register.name);
        }
        assert_eq!(rig.write(at(dma::QUEUE_SIZE, queue), 4), SLVERR);
        assert_eq!(rig.write(control, 1), SLVERR, "enabled twice");
        assert_eq!(rig.write(at(dma::QUEUE_DOORBELL, queue), 0xffff_1234), OKAY);
        assert_eq!(rig.model.get_u64(&port("doorbell")), 0x1234);
        rig.model.set(&port("head"), 0x77u64);
        assert_eq!(rig.read(at(dma::QUEUE_HEAD, queue)), (OKAY, 0x77));
        // It drains for as long as the blocks need, and 16 clocks.
        assert_eq!(rig.write(control, 0), OKAY);
        assert!(!rig.model.get_bool(&port("run")) && rig.model.get_bool(&port("drain")));
        rig.clocks(100);
        assert_eq!(rig.read(state), (OKAY, queue_state::DRAINING.mask()));
        assert_eq!(rig.write(control, 1), SLVERR, "enabled while it drains");
        rig.model.set(&port("idle"), true);
        rig.clocks(10);
        rig.model.set(&port("idle"), false);
        rig.clocks(10);
        assert!(rig.model.get_bool(&port("drain")), "not idle for long enough");
        rig.model.set(&port("idle"), true);
        rig.clocks(17);
        assert!(!rig.model.get_bool(&port("drain")));
        assert_eq!(rig.read(state), (OKAY, 0));
        // A new life has a doorbell at 0.
        assert_eq!(rig.write(control, 1), OKAY);
        assert_eq!(rig.model.get_u64(&port("doorbell")), 0);
        assert_eq!(rig.pulses[&port("clear")], 2);
        assert_eq!(rig.write(control, 0), OKAY);
        rig.clocks(20);
    }
}

#[test]
fn the_first_fault_stops_a_queue_and_is_told() {
    let mut rig = Rig::new(true);
    let (tx, rx) = (dma::queue::TX, dma::queue::RX);
    for queue in [tx, rx] {
        assert_eq!(rig.write(at(dma::QUEUE_CONTROL, queue), 1), OKAY);
    }
    let fault = |cause: dma::Fault, address: u64| Fault { cause: u64::from(cause.code()).into(), address: address.into() };
    rig.fault("tx_queue", fault(dma::Fault::Data, 0x1_2345_6780));
    rig.fault("tx_done", fault(dma::Fault::Completion, 0x99));
    rig.fault("rx_ring", fault(dma::Fault::RingRead, 0x55));
    assert!(!rig.model.get_bool("tx_run") && !rig.model.get_bool("tx_drain"));
    let told = |cause: dma::Fault| queue_state::CAUSE.set(queue_state::FAULT.mask(), cause.code());
    assert_eq!(rig.read(at(dma::QUEUE_STATE, tx)), (OKAY, told(dma::Fault::Data)));
    assert_eq!(rig.read(at(dma::QUEUE_STATE, rx)), (OKAY, told(dma::Fault::RingRead)));
    assert_eq!(rig.read(at(dma::QUEUE_FAULT_LO, tx)), (OKAY, 0x2345_6780));
    assert_eq!(rig.read(at(dma::QUEUE_FAULT_HI, tx)), (OKAY, 1));
    rig.take_events = true;
    rig.clocks(4);
    let mut told: Vec<_> = rig.events.iter().map(|word| Notice::decode(word | event::VALID.mask()).unwrap()).collect();
    told.sort_by_key(|notice| notice.tx);
    let notice = |tx| Notice { kind: Some(Kind::QueueFault), tx, sa: 0 };
    assert_eq!(told, [notice(false), notice(true)]);
    assert_eq!(rig.write(at(dma::QUEUE_CONTROL, tx), 1), SLVERR, "a stopped queue must be drained first");
    assert_eq!(rig.write(at(dma::QUEUE_CONTROL, tx), 0), OKAY);
    rig.clocks(20);
    assert_eq!(rig.read(at(dma::QUEUE_STATE, tx)), (OKAY, 0));
    assert_eq!(rig.read(at(dma::QUEUE_FAULT_LO, tx)), (OKAY, 0x2345_6780), "the address stays");
    assert_eq!(rig.write(at(dma::QUEUE_CONTROL, tx), 1), OKAY);
    assert_eq!(rig.read(at(dma::QUEUE_FAULT_LO, tx)), (OKAY, 0));
    rig.clocks(20);
    assert_eq!(rig.events.len(), 2, "told once");
}

#[test]
fn halt_drains_what_runs_and_keeps_it_so() {
    let mut rig = Rig::new(true);
    assert_eq!(rig.write(at(dma::QUEUE_CONTROL, 0), 1), OKAY);
    assert_eq!(rig.write(at(dma::QUEUE_CONTROL, 1), 1), OKAY);
    rig.model.set("rx_idle", false);
    rig.model.set("halt", true);
    rig.clocks(30);
    assert!(!rig.model.get_bool("resting") && rig.model.get_bool("rx_drain") && !rig.model.get_bool("tx_drain"));
    rig.model.set("rx_idle", true);
    rig.clocks(20);
    assert!(rig.model.get_bool("resting"));
    assert_eq!(rig.write(at(dma::QUEUE_CONTROL, 0), 1), SLVERR);
    rig.model.set("halt", false);
    assert_eq!(rig.write(at(dma::QUEUE_CONTROL, 0), 1), OKAY);
    assert!(!rig.model.get_bool("resting"));
}

#[test]
fn a_vector_fires_once_until_it_is_armed() {
    let mut rig = Rig::new(false);
    for (number, cause) in [(vector::TX, "tx_cause"), (vector::RX, "rx_cause"), (vector::EVENT, "event_cause")] {
        let bit = 1 << number;
        let wires = |rig: &Rig| rig.model.get_u64("wires") as u32;
        rig.pulse(cause);
        rig.clocks(4);
        assert_eq!(wires(&rig), 0, "masked");
        assert_eq!(rig.read(dma::INTERRUPT_PENDING.offset), (OKAY, bit));
        assert_eq!(rig.write(dma::INTERRUPT_MASK.offset, 7 & !bit), OKAY);
        rig.clocks(2);
        assert_eq!(wires(&rig), bit);
        assert_eq!(rig.read(dma::INTERRUPT_PENDING.offset), (OKAY, 0));
        rig.pulse(cause);
        rig.clocks(4);
        assert_eq!(rig.read(dma::INTERRUPT_PENDING.offset), (OKAY, bit), "it waits until the vector is armed");
        assert_eq!(rig.write(dma::INTERRUPT_ARM.offset, 7 & !bit), OKAY);
        assert_eq!(wires(&rig), bit, "others were armed");
        assert_eq!(rig.write(dma::INTERRUPT_ARM.offset, bit), OKAY);
        rig.clocks(2);
        assert_eq!(wires(&rig), bit, "what was pending fires at once");
        assert_eq!(rig.write(dma::INTERRUPT_ARM.offset, bit), OKAY);
        rig.clocks(4);
        assert_eq!(wires(&rig), 0);
        assert_eq!(rig.write(dma::INTERRUPT_MASK.offset, 7), OKAY);
    }
}

#[test]
fn an_interval_keeps_interrupts_apart() {
    let mut rig = Rig::new(false);
    assert_eq!(rig.write(dma::INTERRUPT_MASK.offset, 0), OKAY);
    assert_eq!(rig.write(at(dma::INTERRUPT_INTERVAL, vector::RX), 20), OKAY);
    let mut fired = Vec::new();
    for clock in 0..2000u32 {
        rig.pulse("rx_cause");
        if rig.model.get_u64("wires") == 2 {
            fired.push(clock);
            assert_eq!(rig.write(dma::INTERRUPT_ARM.offset, 2), OKAY);
        }
    }
    assert!(fired.len() > 3);
    let times = &rig.risen;
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 320), "{times:?}");
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] <= 330), "{times:?}");
}

#[test]
fn messages_go_where_the_table_says() {
    let mut rig = Rig::new(true);
    let mut random = StdRng::seed_from_u64(2);
    rig.model.set("msix_enable", true);
    assert_eq!(rig.write(dma::INTERRUPT_MASK.offset, 0), OKAY);
    let causes = ["tx_cause", "rx_cause", "event_cause"];
    for _ in 0..60 {
        let number = random.random_range(0..vector::COUNT);
        let (address, data) = (random.random::<u64>() & !3, random.random::<u32>());
        assert_eq!(rig.write(at(dma::MSIX_ADDRESS_LO, number), address as u32), OKAY);
        assert_eq!(rig.write(at(dma::MSIX_ADDRESS_HI, number), (address >> 32) as u32), OKAY);
        assert_eq!(rig.write(at(dma::MSIX_DATA, number), data), OKAY);
        let [entry, function] = [random.random_ratio(1, 3), random.random_ratio(1, 3)];
        assert_eq!(rig.write(at(dma::MSIX_CONTROL, number), entry.into()), OKAY);
        rig.model.set("msix_mask", function);
        rig.pulse(causes[usize::from(number)]);
        rig.clocks(20);
        if entry || function {
            assert!(rig.messages.is_empty());
            assert_eq!(rig.read(dma::MSIX_PENDING.offset), (OKAY, 1 << number));
            rig.model.set("msix_mask", false);
            assert_eq!(rig.write(at(dma::MSIX_CONTROL, number), 0), OKAY);
            rig.clocks(20);
        }
        assert_eq!(rig.read(dma::MSIX_PENDING.offset), (OKAY, 0));
        assert_eq!(std::mem::take(&mut rig.messages), [(address, data)]);
        assert_eq!(rig.model.get_u64("wires"), 0, "no wire with MSI-X");
        assert_eq!(rig.write(dma::INTERRUPT_ARM.offset, 7), OKAY);
    }
    // Halted, nothing goes out.
    rig.model.set("halt", true);
    rig.pulse("rx_cause");
    rig.clocks(20);
    assert!(rig.messages.is_empty() && rig.model.get_bool("resting"));
}
