//! The AES-GCM core (NIST SP 800-38D), shared by both directions: one block a clock, no bubble, any order of SAs.
//!
//! A packet costs one slot for each block of payload and one in front, in which AES makes E(J0) and GHASH takes the AAD. The lengths
//! block costs none ([`lengths`]). Key, nonce and hash subkey come with every slot, so that each slot may be another packet's.
//!
//! ```text
//! clock 0       1, 2       3         .. 32                   33                 34 35 36 37         38 (folded: 45)
//! tx ─┐                          ┌─> aes ──────── key stream ─┬─> ⊕ ──> tx_beat, rx_beat
//!     ├─> admit ──> prepare ─────┼─> delay ────── data ───────┴─> mask ⊕ ──> ghash ─────────────────> tx_tag, rx_tag
//! rx ─┘        (alternates)      └─> delay ────── h, h3 ────> powers, lengths ─^
//! hkey ──> aes::zero ──> hash_key ──> hkey_h, hkey_h3    (beside the pipeline: new SAs take no slot)
//! ```
//!
//! Modules in the order in which a slot meets them; [`field`] has the diagram of bit and byte order.

mod gcm_core;
pub mod network;
pub mod admit;
pub mod progress;
pub mod prepare;
pub mod work;
pub mod sbox;
pub mod aes;
pub mod delay;
pub mod apply;
pub mod field;
pub mod powers;
pub mod lengths;
pub mod multiplier;
pub mod contexts;
pub mod ghash;
pub mod hash_key;

pub use gcm_core::GcmCore;

/// Clocks in [`admit`] and [`prepare`].
const FRONT: usize = admit::LATENCY + prepare::LATENCY;
/// Clocks from the acceptance of a slot (`d_slot_valid` and `d_slot_ready`) to its beat (`d_beat_valid`).
pub const LATENCY: usize = FRONT + aes::LATENCY + 1;
/// Clocks from the acceptance of a packet's last slot to its tag (`d_tag_valid`), with `R` rounds of AES.
pub const fn tag_latency<const R: usize>() -> usize {
    FRONT + aes::LATENCY + ghash::Ghash::<R>::LATENCY
}
/// Clocks from the acceptance of `hkey`, a key of so many words, to `hkey_done`.
pub const fn hkey_latency(key_words: usize) -> usize {
    aes::zero::latency(key_words) + hash_key::LATENCY
}
/// Beats of one direction that its consumer must have space for when it raises `d_room`: all that are on their way, and those of that clock and
/// the next.
pub const BEAT_ROOM: usize = LATENCY + 2;
/// Tags, likewise: a packet may be a single slot. A folded core has fewer on their way.
pub const TAG_ROOM: usize = tag_latency::<14>() + 2;
/// What the buffers behind the core have (TxPath, RxPath, Hold).
const _: () = assert!(BEAT_ROOM <= 64 && TAG_ROOM <= 64);
