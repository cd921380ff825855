//! What a build of the engine can do, and the words that say so.

use crate::map::{CAP_CAM, CAP_FEATURES, CAP_FRAME, CAP_POLICIES, CAP_REPLAY, CAP_SAS, CAP_TABLES};
use crate::map::{cap_cam, cap_frame, cap_policies, cap_replay, cap_sas, cap_tables};
use crate::{Field, Register};

/// The capability words, decoded. The engine is built from such a value, and the driver reads the same value back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Bits of [`map::cap_features`](crate::map::cap_features).
    pub features: u32,
    /// Outbound SAs.
    pub tx_sas: u16,
    /// Inbound SAs.
    pub rx_sas: u16,
    /// Outbound policies.
    pub policies: u16,
    /// Inbound and forward policies, together.
    pub rx_policies: u16,
    /// Local addresses.
    pub local_addresses: u8,
    /// Events that the queue holds, besides the one that EVENT shows.
    pub events: u8,
    /// Places in a row of the SA CAM.
    pub cam_ways: u8,
    /// Bits of the CAM's row number.
    pub cam_row_bits: u8,
    /// Largest replay window.
    pub max_replay_window: u16,
    /// Longest frame in bytes.
    pub max_frame_bytes: u16,
}

impl Capabilities {
    /// The registers that hold them.
    pub const REGISTERS: [Register; 7] = [CAP_FEATURES, CAP_SAS, CAP_POLICIES, CAP_CAM, CAP_REPLAY, CAP_FRAME, CAP_TABLES];

    /// The build has this feature, one of [`map::cap_features`](crate::map::cap_features).
    pub const fn has(&self, feature: Field) -> bool {
        feature.is_set(self.features)
    }

    /// Rows of the SA CAM.
    pub const fn cam_rows(&self) -> u32 {
        1 << self.cam_row_bits
    }

    /// What `register` reads in this build; `None` if it is no capability word.
    pub fn word(&self, register: Register) -> Option<u32> {
        Some(match register {
            CAP_FEATURES => self.features,
            CAP_SAS => cap_sas::RX.set(cap_sas::TX.set(0, self.tx_sas.into()), self.rx_sas.into()),
            CAP_POLICIES => cap_policies::RX.set(cap_policies::TX.set(0, self.policies.into()), self.rx_policies.into()),
            CAP_TABLES => cap_tables::EVENTS.set(cap_tables::LOCAL.set(0, self.local_addresses.into()), self.events.into()),
            CAP_CAM => {
                let word = cap_cam::WAYS.set(0, self.cam_ways.into());
                cap_cam::ROW_BITS.set(word, self.cam_row_bits.into())
            }
            CAP_REPLAY => cap_replay::MAX_WINDOW.set(0, self.max_replay_window.into()),
            CAP_FRAME => cap_frame::MAX_BYTES.set(0, self.max_frame_bytes.into()),
            _ => return None,
        })
    }

    /// Decodes what `read` finds in the capability words.
    ///
    /// # Errors
    /// The first error of `read`.
    pub fn read<E>(mut read: impl FnMut(Register) -> Result<u32, E>) -> Result<Self, E> {
        let sas = read(CAP_SAS)?;
        let cam = read(CAP_CAM)?;
        let policies = read(CAP_POLICIES)?;
        let tables = read(CAP_TABLES)?;
        Ok(Self {
            features: read(CAP_FEATURES)? & feature_mask(),
            tx_sas: cap_sas::TX.get(sas) as u16,
            rx_sas: cap_sas::RX.get(sas) as u16,
            policies: cap_policies::TX.get(policies) as u16,
            rx_policies: cap_policies::RX.get(policies) as u16,
            local_addresses: cap_tables::LOCAL.get(tables) as u8,
            events: cap_tables::EVENTS.get(tables) as u8,
            cam_ways: cap_cam::WAYS.get(cam) as u8,
            cam_row_bits: cap_cam::ROW_BITS.get(cam) as u8,
            max_replay_window: cap_replay::MAX_WINDOW.get(read(CAP_REPLAY)?) as u16,
            max_frame_bytes: cap_frame::MAX_BYTES.get(read(CAP_FRAME)?) as u16,
        })
    }

    /// Sets the bits of these features, each one of [`map::cap_features`](crate::map::cap_features).
    pub const fn features(features: &[Field]) -> u32 {
        let mut word = 0;
        let mut next = 0;
        while next < features.len() {
            word |= features[next].mask();
            next += 1;
        }
        word
    }
}

/// Bits that this map gives a meaning.
const fn feature_mask() -> u32 {
    Capabilities::features(CAP_FEATURES.fields)
}
