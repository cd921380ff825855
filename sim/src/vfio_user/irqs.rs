//! Interrupts: the client's eventfds, and the part of the kernel that stands between it and the function.
//!
//! Whoever has a device by VFIO does not touch its MSI-X table: the kernel does, and gives the interrupts on. So does this one: entry
//! `v` of the function's table has the address [`MESSAGE_ADDRESS`] and `v` as its data, and is masked while nobody listens.

use std::os::fd::{AsFd, OwnedFd};

use espalier_regs::dma::{MSIX_ADDRESS_HI, MSIX_ADDRESS_LO, MSIX_CONTROL, MSIX_DATA, msix_control, vector};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, write};

use super::function::PciFunction;
use super::message::{IrqAction, IrqData, SetIrqs};
use crate::Error;

/// Where messages of the function go: far above what any IOMMU maps.
pub(super) const MESSAGE_ADDRESS: u64 = 0xffff_ffff_ffff_f000;

/// Kinds of interrupts (`VFIO_PCI_INTX_IRQ_INDEX` ...).
const INTX: u32 = 0;
const MSI: u32 = 1;
const MSIX: u32 = 2;
/// How many kinds there are.
pub(super) const KINDS: u32 = 3;

const EVENTFD: u32 = 1;
const MASKABLE: u32 = 2;
/// Masks itself when it is signalled, until it is unmasked.
const AUTOMASKED: u32 = 4;

/// One interrupt.
#[derive(Default)]
struct Irq {
    trigger: Option<OwnedFd>,
    masked: bool,
}

impl Irq {
    /// Signals it, if anybody listens. Never waits, whatever the client has given in the place of an eventfd.
    fn signal(&self) {
        let Some(trigger) = &self.trigger else { return };
        let mut ready = [PollFd::new(trigger, PollFlags::OUT)];
        // Not ready: its count is at the top, so it is signalled.
        if poll(&mut ready, Some(&Timespec::default())).is_ok_and(|ready| ready == 1)
            && let Err(error) = write(trigger.as_fd(), &1u64.to_ne_bytes())
        {
            tracing::debug!(%error, "an eventfd of the client refuses");
        }
    }
}

/// All interrupts.
#[derive(Default)]
pub(super) struct Irqs {
    intx: Irq,
    msix: [Irq; vector::COUNT as usize],
    /// The client has set MSI-X up.
    msix_used: bool,
    /// Mask bits of the function's table are not as they should be.
    changed: bool,
}

/// Number of interrupts of a kind, and their flags; `None`: no such kind.
pub(super) fn info(index: u32) -> Option<(u32, u32)> {
    match index {
        INTX => Some((1, EVENTFD | MASKABLE | AUTOMASKED)),
        MSI => Some((0, 0)),
        MSIX => Some((vector::COUNT.into(), EVENTFD | MASKABLE)),
        _ => None,
    }
}

impl Irqs {
    /// Carries a command out.
    ///
    /// # Errors
    /// EINVAL: there is no such interrupt, or it can't be done to one of this kind.
    pub fn set(&mut self, command: SetIrqs) -> Result<(), Errno> {
        let SetIrqs { index, start, count, action, data } = command;
        let (there, _) = info(index).ok_or(Errno::INVAL)?;
        let end = start.checked_add(count).filter(|&end| end <= there).ok_or(Errno::INVAL)?;
        let irqs = if index == MSIX { &mut self.msix[..] } else { std::slice::from_mut(&mut self.intx) };
        if count == 0 {
            // Switches the whole kind off, and nothing else is done to none.
            return match (action, data) {
                (IrqAction::Trigger, IrqData::None) if start == 0 => {
                    irqs.fill_with(Irq::default);
                    self.msix_used &= index != MSIX;
                    self.changed = true;
                    Ok(())
                }
                _ => Err(Errno::INVAL),
            };
        }
        let chosen = irqs.get_mut(start as usize..end as usize).ok_or(Errno::INVAL)?;
        match (action, data) {
            (IrqAction::Trigger, IrqData::Eventfd(fds)) => {
                let mut fds = fds.into_iter();
                chosen.iter_mut().for_each(|irq| *irq = Irq { trigger: fds.next(), masked: false });
                self.msix_used |= index == MSIX;
            }
            // Nobody is told that an interrupt was masked.
            (_, IrqData::Eventfd(_)) => return Err(Errno::OPNOTSUPP),
            (action, data) => {
                let wanted = |at: usize| !matches!(&data, IrqData::Bool(wanted) if !wanted.get(at).copied().unwrap_or(false));
                for (_, irq) in chosen.iter_mut().enumerate().filter(|(at, _)| wanted(*at)) {
                    match action {
                        IrqAction::Mask => irq.masked = true,
                        IrqAction::Unmask => irq.masked = false,
                        IrqAction::Trigger => irq.signal(),
                    }
                }
            }
        }
        self.changed = true;
        Ok(())
    }

    /// Whether the client has set MSI-X up.
    pub fn msix_used(&self) -> bool {
        self.msix_used
    }

    /// The function's MSI-X table as it is after a reset: fills it.
    ///
    /// # Errors
    /// The function fails.
    pub fn program(&mut self, function: &mut impl PciFunction) -> Result<(), Error> {
        for entry in 0..vector::COUNT {
            let mut write =
                |register: espalier_regs::Register, value| function.write(u32::from(register.offset + entry * register.stride), value, 0xf);
            write(MSIX_ADDRESS_LO, MESSAGE_ADDRESS as u32)?;
            write(MSIX_ADDRESS_HI, (MESSAGE_ADDRESS >> 32) as u32)?;
            write(MSIX_DATA, entry.into())?;
        }
        self.changed = true;
        self.update(function)
    }

    /// Brings the masks of the function's table up to date.
    ///
    /// # Errors
    /// The function fails.
    pub fn update(&mut self, function: &mut impl PciFunction) -> Result<(), Error> {
        if std::mem::take(&mut self.changed) {
            for (entry, irq) in (0..).zip(&self.msix) {
                let mask = irq.masked || irq.trigger.is_none();
                let address = MSIX_CONTROL.offset + entry * MSIX_CONTROL.stride;
                function.write(address.into(), msix_control::MASK.set(0, mask.into()), 0xf)?;
            }
        }
        Ok(())
    }

    /// A write of the function to [`MESSAGE_ADDRESS`]. False: it is none of its messages.
    pub fn message(&self, address: u64, data: &[u8]) -> bool {
        let Ok(data) = <[u8; 4]>::try_from(data) else { return false };
        let irq = usize::try_from(u32::from_le_bytes(data)).ok().and_then(|vector| self.msix.get(vector));
        let known = address == MESSAGE_ADDRESS && irq.is_some();
        if let Some(irq) = irq.filter(|_| known) {
            irq.signal();
        }
        known
    }

    /// What the function's interrupt wire is at, if INTx is on: signals it unless it is masked, which it then is.
    pub fn intx(&mut self, high: bool) {
        if high && !self.intx.masked && self.intx.trigger.is_some() {
            self.intx.signal();
            self.intx.masked = true;
        }
    }
}
