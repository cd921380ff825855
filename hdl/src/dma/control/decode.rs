//! The address decoder: the registers of `espalier_regs::dma` as a look-up table.
//!
//! Purpose: tell what answers at an address. Ports: `address` in; `entry` and `target` out. Latency: none, combinational.
//!
//! Offsets come from `espalier_regs::dma` and from nowhere else. A register that nothing answers for stops the elaboration.

use std::collections::BTreeMap;

use espalier_regs::{dma, Register};
use rust_hdl::prelude::*;

use crate::control::decode::Entry;

/// What answers at an address.
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum DmaTarget {
    /// Nothing.
    Nothing,
    /// A constant: identification and capabilities.
    Value,
    /// INTERRUPT_PENDING.
    Pending,
    /// INTERRUPT_MASK.
    Mask,
    /// INTERRUPT_ARM.
    Arm,
    /// INTERRUPT_INTERVAL.
    Interval,
    /// QUEUE_CONTROL.
    Control,
    /// QUEUE_STATE.
    State,
    /// QUEUE_RING_LO.
    RingLow,
    /// QUEUE_RING_HI.
    RingHigh,
    /// QUEUE_DONE_LO.
    DoneLow,
    /// QUEUE_DONE_HI.
    DoneHigh,
    /// QUEUE_SIZE.
    Size,
    /// QUEUE_COALESCE.
    Coalesce,
    /// QUEUE_DOORBELL.
    Doorbell,
    /// QUEUE_HEAD.
    Head,
    /// QUEUE_FAULT_LO.
    FaultLow,
    /// QUEUE_FAULT_HI.
    FaultHigh,
    /// MSIX_ADDRESS_LO.
    MessageLow,
    /// MSIX_ADDRESS_HI.
    MessageHigh,
    /// MSIX_DATA.
    MessageData,
    /// MSIX_CONTROL.
    MessageControl,
    /// MSIX_PENDING.
    MessagePending,
}

/// What answers for a register.
fn target(register: &Register) -> DmaTarget {
    match *register {
        dma::DMA_MAGIC | dma::DMA_CAP => DmaTarget::Value,
        dma::INTERRUPT_PENDING => DmaTarget::Pending,
        dma::INTERRUPT_MASK => DmaTarget::Mask,
        dma::INTERRUPT_ARM => DmaTarget::Arm,
        dma::INTERRUPT_INTERVAL => DmaTarget::Interval,
        dma::QUEUE_CONTROL => DmaTarget::Control,
        dma::QUEUE_STATE => DmaTarget::State,
        dma::QUEUE_RING_LO => DmaTarget::RingLow,
        dma::QUEUE_RING_HI => DmaTarget::RingHigh,
        dma::QUEUE_DONE_LO => DmaTarget::DoneLow,
        dma::QUEUE_DONE_HI => DmaTarget::DoneHigh,
        dma::QUEUE_SIZE => DmaTarget::Size,
        dma::QUEUE_COALESCE => DmaTarget::Coalesce,
        dma::QUEUE_DOORBELL => DmaTarget::Doorbell,
        dma::QUEUE_HEAD => DmaTarget::Head,
        dma::QUEUE_FAULT_LO => DmaTarget::FaultLow,
        dma::QUEUE_FAULT_HI => DmaTarget::FaultHigh,
        dma::MSIX_ADDRESS_LO => DmaTarget::MessageLow,
        dma::MSIX_ADDRESS_HI => DmaTarget::MessageHigh,
        dma::MSIX_DATA => DmaTarget::MessageData,
        dma::MSIX_CONTROL => DmaTarget::MessageControl,
        dma::MSIX_PENDING => DmaTarget::MessagePending,
        other => panic!("nothing answers for register {}", other.name),
    }
}

/// The constant that a register reads in a build with an MSI-X table or without.
fn value(register: &Register, msix: bool) -> u32 {
    match *register {
        dma::DMA_CAP => dma::dma_cap::MSIX.set(register.reset, msix.into()),
        _ => register.reset,
    }
}

/// The look-up tables of a build.
fn tables(msix: bool) -> (BTreeMap<Bits<16>, Entry>, BTreeMap<Bits<16>, DmaTarget>) {
    let mut entries = BTreeMap::new();
    let mut targets = BTreeMap::new();
    for register in dma::REGISTERS {
        for (number, offset) in register.offsets().enumerate() {
            let entry = Entry {
                readable: register.access.readable(),
                writable: register.access.writable(),
                number: number.to_bits(),
                value: value(register, msix).to_bits(),
                ..Entry::default()
            };
            entries.insert(offset.to_bits(), entry);
            targets.insert(offset.to_bits(), target(register));
        }
    }
    (entries, targets)
}

/// See the module's documentation. `MSIX`: there is an MSI-X table.
#[derive(LogicBlock)]
pub struct Decode<const MSIX: u64> {
    pub address: Signal<In, Bits<16>>,
    /// Its `target` says nothing.
    pub entry: Signal<Out, Entry>,
    pub target: Signal<Out, DmaTarget>,
    entries: ROM<Entry, 16>,
    targets: ROM<DmaTarget, 16>,
}

impl<const MSIX: u64> Default for Decode<MSIX> {
    fn default() -> Self {
        let (entries, targets) = tables(MSIX != 0);
        Self {
            address: Default::default(),
            entry: Default::default(),
            target: Default::default(),
            entries: ROM::new(entries),
            targets: ROM::new(targets),
        }
    }
}

impl<const MSIX: u64> Logic for Decode<MSIX> {
    #[hdl_gen]
    fn update(&mut self) {
        self.entries.address.next = self.address.val();
        self.entry.next = self.entries.data.val();
        self.targets.address.next = self.address.val();
        self.target.next = self.targets.data.val();
    }
}
