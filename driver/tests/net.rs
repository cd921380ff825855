//! A device with rings on a software device: frames both ways, faults, and what is accounted for.

mod common;
mod software;

#[path = "net/accounts.rs"]
mod accounts;
#[path = "net/faults.rs"]
mod faults;
#[path = "net/life.rs"]
mod life;
#[path = "net/quarantine.rs"]
mod quarantine;
#[path = "net/traffic.rs"]
mod traffic;

use espalier_driver::net::NetDevice;
use espalier_driver::rings::RingConfig;
use software::Card;

/// Open and enabled.
fn net(config: RingConfig) -> NetDevice<Card> {
    let mut net = NetDevice::open(Card::new(), config).expect("bring-up");
    net.enable().expect("enabled");
    net
}

fn small() -> RingConfig {
    RingConfig { tx_entries: 8, rx_entries: 8, buffer_bytes: 64, ..RingConfig::default() }
}

/// Bytes that tell frames and places apart.
fn frame(number: usize, length: usize) -> Vec<u8> {
    (0..length).map(|at| (number * 31 + at * 7 + at / 256) as u8).collect()
}

/// No access went astray.
fn no_violation(net: &mut NetDevice<Card>) {
    assert_eq!(net.device().bus().violations, Vec::<u64>::new());
}
