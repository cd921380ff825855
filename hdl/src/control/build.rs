//! What a build of the engine can do, from its parameters.

use espalier_regs::map::cap_features;
use espalier_regs::Capabilities;

use crate::parse::MAX_FRAME_BYTES;
use crate::policy::PLACES;
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
    cap_features::ICV_8,
    cap_features::ICV_12,
    cap_features::ICV_16,
    cap_features::PACKET_OFFLOAD,
    cap_features::CRYPTO_OFFLOAD,
    cap_features::LIFETIMES,
    cap_features::RX_SELECTORS,
    cap_features::DECAP_DSCP_ECN,
]);

/// Places in a row of the SA CAM.
const CAM_WAYS: u8 = 4;
/// Local addresses.
const LOCAL_ADDRESSES: u8 = 8;
/// Bits of the number of events that the queue holds.
pub(super) const EVENT_BITS: usize = 6;
/// Largest replay window.
const MAX_REPLAY_WINDOW: u16 = 4096;

/// What a build of the engine can do: 2^`A` SAs and 4 * `G` * 2^`R` policies in each direction, 4 * 2^`C` places in the SA CAM.
///
/// `R` is at most 3 (look-ups of 8 clocks), and the policies at most 64: the record `Accept` has a bit for each inbound one.
pub const fn capabilities<const A: usize, const R: usize, const G: usize, const C: usize>() -> Capabilities {
    assert!(A <= SaIndex::width() && C <= 10, "wider than the ports");
    assert!(R <= 3, "more rows of policies than a look-up has clocks for");
    assert!((PLACES * G) << R <= 64, "more inbound policies than an SA has bits for");
    Capabilities {
        features: FEATURES,
        tx_sas: 1 << A,
        rx_sas: 1 << A,
        policies: ((PLACES * G) as u16) << R,
        rx_policies: ((PLACES * G) as u16) << R,
        local_addresses: LOCAL_ADDRESSES,
        events: 1 << EVENT_BITS,
        cam_ways: CAM_WAYS,
        cam_row_bits: C as u8,
        max_replay_window: MAX_REPLAY_WINDOW,
        max_frame_bytes: MAX_FRAME_BYTES as u16,
    }
}
