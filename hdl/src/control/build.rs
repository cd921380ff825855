//! What a build of the engine can do, from its parameters.

use espalier_regs::map::cap_features;
use espalier_regs::Capabilities;

use crate::parse::MAX_FRAME_BYTES;
use crate::policy::BANKS;
use crate::records::SaIndex;

/// What every build of the engine does, whatever its sizes: bits of CAP_FEATURES.
pub const FEATURES: u32 = Capabilities::features(&[
    cap_features::TRANSPORT,
    cap_features::TUNNEL,
    cap_features::IPV4,
    cap_features::IPV6,
    cap_features::ESN,
    cap_features::NAT_T_TRANSPORT,
    cap_features::NAT_T_TUNNEL,
    cap_features::AES_128,
    cap_features::AES_192,
    cap_features::AES_256,
    cap_features::ICV_16,
    cap_features::PACKET_OFFLOAD,
]);

/// Places in a row of the SA CAM.
const CAM_WAYS: u8 = 4;
/// Largest replay window.
const MAX_REPLAY_WINDOW: u16 = 4096;

/// What a build of the engine can do: 2^`A` SAs in each direction, 8 * 2^`R` policies, 4 * 2^`C` places in the SA CAM.
pub const fn capabilities<const A: usize, const R: usize, const C: usize>() -> Capabilities {
    assert!(A <= SaIndex::width() && R + 3 <= 10 && C <= 10, "wider than the ports");
    Capabilities {
        features: FEATURES,
        tx_sas: 1 << A,
        rx_sas: 1 << A,
        policies: (BANKS as u16) << R,
        rx_policies: 0,
        local_addresses: 0,
        events: 0,
        cam_ways: CAM_WAYS,
        cam_row_bits: C as u8,
        max_replay_window: MAX_REPLAY_WINDOW,
        max_frame_bytes: MAX_FRAME_BYTES as u16,
    }
}
