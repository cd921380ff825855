//! What the daemon needs of a device with rings.

use std::net::IpAddr;

use espalier_driver::bus::{DmaBus, Interrupt, InterruptBus, ResetBus};
use espalier_driver::net::{NetDevice, QueueFault, RxFrame, SendError, TxDone, TxOffload};
use espalier_driver::ops::{RxOffload, XfrmdevOps};
use espalier_driver::stats::Named;
use espalier_driver::{Caps, Counters, Error};

/// A device behind the TAP: [`NetDevice`], on whatever bus, or what stands in its place in a test. The methods are its own.
///
/// # Errors
/// Of each: what the device or its bus says.
#[expect(missing_docs, clippy::missing_errors_doc, reason = "named as those of NetDevice and Device")]
pub trait Nic: XfrmdevOps {
    fn send(&mut self, frame: &[u8], offload: TxOffload) -> Result<(), SendError>;
    fn sent(&mut self) -> Result<Vec<TxDone>, Error>;
    fn receive(&mut self) -> Result<Option<RxFrame>, Error>;
    fn rx_offload(&mut self, word: u32) -> Result<Option<RxOffload>, Error>;
    fn has_stopped(&self) -> bool;
    fn recover(&mut self) -> Result<Vec<QueueFault>, Error>;
    fn reset(&mut self) -> Result<(), Error>;
    fn interrupts(&self) -> &[Interrupt];
    fn arm(&mut self) -> Result<(), Error>;
    /// Lets traffic in, or holds it back.
    fn set_running(&mut self, running: bool) -> Result<(), Error>;
    fn set_mtu(&mut self, mtu: u16) -> Result<(), Error>;
    fn set_local_addresses(&mut self, addresses: &[IpAddr]) -> Result<(), Error>;
    fn pass_unknown(&mut self, pass: bool) -> Result<(), Error>;
    fn caps(&mut self) -> Caps;
    fn counters(&mut self) -> Result<Counters, Error>;
    /// What its rings have counted.
    fn ring_stats(&self) -> Named;
    fn close(self) -> Result<(), Error>;
}

impl<B: DmaBus + InterruptBus + ResetBus> Nic for NetDevice<B> {
    fn send(&mut self, frame: &[u8], offload: TxOffload) -> Result<(), SendError> {
        Self::send(self, frame, offload)
    }

    fn sent(&mut self) -> Result<Vec<TxDone>, Error> {
        Self::sent(self)
    }

    fn receive(&mut self) -> Result<Option<RxFrame>, Error> {
        Self::receive(self)
    }

    fn rx_offload(&mut self, word: u32) -> Result<Option<RxOffload>, Error> {
        self.device().rx_offload(word)
    }

    fn has_stopped(&self) -> bool {
        Self::has_stopped(self)
    }

    fn recover(&mut self) -> Result<Vec<QueueFault>, Error> {
        Self::recover(self)
    }

    fn reset(&mut self) -> Result<(), Error> {
        Self::reset(self)
    }

    fn interrupts(&self) -> &[Interrupt] {
        Self::interrupts(self)
    }

    fn arm(&mut self) -> Result<(), Error> {
        Self::arm(self)
    }

    fn set_running(&mut self, running: bool) -> Result<(), Error> {
        if running { self.enable() } else { self.disable() }
    }

    fn set_mtu(&mut self, mtu: u16) -> Result<(), Error> {
        self.device().set_mtu(mtu)
    }

    fn set_local_addresses(&mut self, addresses: &[IpAddr]) -> Result<(), Error> {
        self.device().set_local_addresses(addresses)
    }

    fn pass_unknown(&mut self, pass: bool) -> Result<(), Error> {
        self.device().pass_unknown(pass)
    }

    fn caps(&mut self) -> Caps {
        self.device().caps()
    }

    fn counters(&mut self) -> Result<Counters, Error> {
        self.device().counters()
    }

    fn ring_stats(&self) -> Named {
        let stats = self.stats();
        let counts = [
            ("sent", stats.sent),
            ("completed", stats.completed),
            ("faults", stats.faults),
            ("lost", stats.lost),
            ("received", stats.received),
            ("rx_damaged", stats.rx_damaged),
            ("rx_gone", stats.rx_gone),
        ];
        Named(counts.to_vec())
    }

    fn close(self) -> Result<(), Error> {
        Self::close(self).map(drop)
    }
}
