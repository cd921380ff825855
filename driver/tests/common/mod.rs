//! A recorder that answers as a device, and what its tables hold after the writes recorded.

#![allow(dead_code, reason = "each test uses its own part")]

use std::collections::BTreeMap;
use std::net::IpAddr;

use espalier_driver::bus::Recorder;
use espalier_driver::sa::{Aead, Offload, RFC4106_GCM_AES, SaParams};
use espalier_driver::xfrm::{Direction, Mode, OffloadMode, SaId, protocol};
use espalier_driver::{Capabilities, Device, Key};
use espalier_regs::mailbox::{MAIL_WORDS, MailField, Op};
use espalier_regs::map::cap_features as cap;
use espalier_regs::{Field, map};

/// All but NAT_T_IPV6_OUT.
const FEATURES: u32 = Capabilities::features(&[
    cap::TRANSPORT,
    cap::TUNNEL,
    cap::IPV4,
    cap::IPV6,
    cap::ESN,
    cap::NAT_T_TRANSPORT,
    cap::NAT_T_TUNNEL,
    cap::AES_128,
    cap::AES_192,
    cap::AES_256,
    cap::ICV_8,
    cap::ICV_12,
    cap::ICV_16,
    cap::PACKET_OFFLOAD,
    cap::CRYPTO_OFFLOAD,
    cap::LIFETIMES,
    cap::RX_SELECTORS,
    cap::DECAP_DSCP_ECN,
]);

pub const CAPABILITIES: Capabilities = Capabilities {
    rx_policies: 64,
    local_addresses: 8,
    events: 64,
    features: FEATURES,
    tx_sas: 8,
    rx_sas: 8,
    policies: 8,
    cam_ways: 4,
    cam_row_bits: 5,
    max_replay_window: 4096,
    max_frame_bytes: 9216,
};

/// A build without one feature.
pub fn without(feature: Field) -> Capabilities {
    Capabilities { features: CAPABILITIES.features & !feature.mask(), ..CAPABILITIES }
}

/// STATUS: done, no error.
pub const DONE: u32 = map::status::DONE.mask();

/// A recorder that answers as an idle device with these capabilities.
pub fn recorder(capabilities: &Capabilities) -> Recorder {
    let mut recorder = Recorder::new();
    for register in [map::MAGIC, map::VERSION] {
        recorder.answer(register.offset.into(), register.reset);
    }
    for register in Capabilities::REGISTERS {
        recorder.answer(register.offset.into(), capabilities.word(register).expect("a capability word"));
    }
    recorder.answer(map::STATUS.offset.into(), DONE);
    recorder
}

/// A device that was brought up, with an empty record.
pub fn device_with(capabilities: &Capabilities) -> Device<Recorder> {
    let mut device = Device::open(recorder(capabilities)).expect("bring-up");
    device.bus().take();
    device
}

pub fn device() -> Device<Recorder> {
    device_with(&CAPABILITIES)
}

pub fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// AES key of `bytes` bytes 0, 1, 2 .. with the salt a0a1a2a3 behind it.
pub fn key(bytes: u8) -> Key {
    Key::new((0..bytes).chain([0xa0, 0xa1, 0xa2, 0xa3]).collect())
}

/// A plain AES-128 SA.
pub fn sa(saddr: &str, daddr: &str, spi: u32, mode: Mode, direction: Direction) -> SaParams {
    let id = SaId { daddr: address(daddr), spi, proto: protocol::ESP };
    let aead = Aead { name: RFC4106_GCM_AES.to_owned(), key: key(16), icv_bits: 128 };
    let offload = Offload { mode: OffloadMode::Packet, direction };
    SaParams::new(id, address(saddr), mode, offload, aead)
}

/// One command as the device saw it: the operation, INDEX, WAY, and the MAIL words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub op: Op,
    pub index: u16,
    pub way: u8,
    pub words: [u32; MAIL_WORDS],
}

impl Command {
    pub fn get(&self, field: MailField) -> u128 {
        field.get(&self.words)
    }
}

/// The commands among recorded writes. Everything else written is an error.
pub fn commands(writes: &[(u32, u32)]) -> Vec<Command> {
    let mail: BTreeMap<u32, usize> = map::MAIL.offsets().map(u32::from).zip(0..).collect();
    let mut words = [0; MAIL_WORDS];
    let mut commands = Vec::new();
    for (offset, value) in writes {
        if let Some(word) = mail.get(offset) {
            words[*word] = *value;
        } else {
            assert_eq!(*offset, u32::from(map::COMMAND.offset), "only MAIL and COMMAND are written");
            let op = Op::decode(map::command::OP.get(*value)).expect("an operation");
            let index = map::command::INDEX.get(*value) as u16;
            let way = map::command::WAY.get(*value) as u8;
            commands.push(Command { op, index, way, words });
            words = [0; MAIL_WORDS];
        }
    }
    commands
}
