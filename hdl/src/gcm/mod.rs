//! The AES-GCM core (NIST SP 800-38D): one block a clock for both directions together.

pub mod aes;
pub mod network;
pub mod sbox;
