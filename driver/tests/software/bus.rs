//! The driver's transport.

use std::time::Duration;

use espalier_driver::Event;
use espalier_driver::bus::{Bus, BusError, DmaAccess, DmaBus, DmaError, DmaMemory, Interrupt, InterruptBus, Mapping, Pages, ResetBus};
use espalier_regs::dma;
use espalier_regs::map;

use super::{Card, Iommu, Queue, State};

struct Mapped(Iommu, u64);

impl Mapping for Mapped {}

impl Drop for Mapped {
    fn drop(&mut self) {
        self.0.lock().expect("no panic").remove(&self.1);
    }
}

/// The queue and the register of queue 0 that an offset names.
fn of_queue(offset: u32) -> Option<(bool, u32)> {
    let first = u32::from(dma::QUEUE_CONTROL.offset);
    let stride = u32::from(dma::QUEUE_CONTROL.stride);
    let queue = offset.checked_sub(first)? / stride;
    (queue < 2).then_some((queue == u32::from(dma::queue::TX), offset - queue * stride))
}

impl Card {
    fn queue(&mut self, tx: bool) -> &mut Queue {
        if tx { &mut self.tx } else { &mut self.rx }
    }
}

impl Bus for Card {
    fn read(&mut self, offset: u32) -> Result<u32, BusError> {
        if self.gone {
            return Ok(u32::MAX);
        }
        let at = |register: espalier_regs::Register| u32::from(register.offset);
        if let Some((tx, register)) = of_queue(offset) {
            let queue = self.queue(tx);
            return Ok(match register {
                r if r == at(dma::QUEUE_STATE) => queue.word(),
                r if r == at(dma::QUEUE_HEAD) => queue.head.into(),
                r if r == at(dma::QUEUE_FAULT_LO) => queue.fault_address as u32,
                r if r == at(dma::QUEUE_FAULT_HI) => (queue.fault_address >> 32) as u32,
                _ => panic!("read of {offset:#x}"),
            });
        }
        if offset == at(map::EVENT) {
            return Ok(self.events.front().copied().unwrap_or(0));
        }
        let counted = Event::ALL.iter().find(|event| u32::from(event.offset()) == offset & !4);
        if let Some(event) = counted {
            let count = self.counter(*event);
            return Ok(if offset & 4 == 0 { count as u32 } else { (count >> 32) as u32 });
        }
        self.engine.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32) -> Result<(), BusError> {
        if self.gone {
            return Ok(());
        }
        let at = |register: espalier_regs::Register| u32::from(register.offset);
        if let Some((tx, register)) = of_queue(offset) {
            let queue = self.queue(tx);
            let half = |old: u64, high: bool| {
                if high { old & 0xffff_ffff | u64::from(value) << 32 } else { old >> 32 << 32 | u64::from(value) }
            };
            let idle = queue.state == State::Idle;
            match register {
                r if r == at(dma::QUEUE_CONTROL) => queue.control(value == 1),
                r if r == at(dma::QUEUE_DOORBELL) => queue.doorbell = value as u16,
                r if r == at(dma::QUEUE_COALESCE) => {}
                r if !idle => panic!("write to {r:#x} of a queue at work"),
                r if r == at(dma::QUEUE_RING_LO) => queue.ring = half(queue.ring, false),
                r if r == at(dma::QUEUE_RING_HI) => queue.ring = half(queue.ring, true),
                r if r == at(dma::QUEUE_DONE_LO) => queue.completions = half(queue.completions, false),
                r if r == at(dma::QUEUE_DONE_HI) => queue.completions = half(queue.completions, true),
                r if r == at(dma::QUEUE_SIZE) => queue.log2 = value,
                _ => panic!("write to {offset:#x}"),
            }
            return Ok(());
        }
        match offset {
            o if o == at(dma::INTERRUPT_MASK) => self.mask = value,
            o if o == at(dma::INTERRUPT_ARM) => self.armed |= value,
            o if o == at(map::CONTROL) => self.control = value,
            o if o == at(map::COUNTER_CLEAR) => {
                self.clear_counters();
                return self.engine.write(offset, value);
            }
            o if o == at(map::EVENT_POP) => drop(self.events.pop_front()),
            _ => return self.engine.write(offset, value),
        }
        if self.events.is_empty() {
            self.pending &= !(1 << dma::vector::EVENT);
        }
        self.fire();
        Ok(())
    }

    fn now(&self) -> Duration {
        self.engine.now()
    }

    fn pause(&mut self) -> Result<(), BusError> {
        self.engine.pause()?;
        self.work();
        Ok(())
    }
}

impl DmaBus for Card {
    fn allocate(&mut self, bytes: usize, access: DmaAccess) -> Result<DmaMemory, DmaError> {
        let pages = Pages::new(bytes).map_err(DmaError::Memory)?;
        let iova = self.next_iova;
        self.next_iova += (pages.len() + 4096) as u64;
        self.iommu.lock().expect("no panic").insert(iova, (pages.clone(), access));
        Ok(DmaMemory::new(pages, iova, Box::new(Mapped(self.iommu.clone(), iova))))
    }
}

impl InterruptBus for Card {
    fn interrupts(&mut self, count: u16) -> Result<Vec<Interrupt>, BusError> {
        self.interrupts = (0..count).map(|_| Interrupt::new().expect("an eventfd")).collect();
        Ok(self.interrupts.clone())
    }

    fn wait(&mut self, interrupts: &[Interrupt], limit: Duration) -> Result<bool, BusError> {
        let end = self.now() + limit;
        loop {
            // Put back: whoever waits does not take.
            let mut fired = false;
            for interrupt in interrupts {
                if interrupt.take().expect("an eventfd") {
                    interrupt.fire().expect("an eventfd");
                    fired = true;
                }
            }
            if fired || self.now() >= end {
                return Ok(fired);
            }
            self.pause()?;
        }
    }
}

impl ResetBus for Card {
    fn reset(&mut self) -> Result<(), BusError> {
        self.resets += 1;
        (self.tx, self.rx) = (Queue::default(), Queue::default());
        (self.mask, self.armed, self.pending, self.control, self.written) = (7, 0, 0, 0, 0);
        self.events.clear();
        self.incoming.clear();
        self.clear_counters();
        Ok(())
    }
}
