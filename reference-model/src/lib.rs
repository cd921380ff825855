//! The software ESP that the engine is compared with: slow, obvious, each rule beside the clause it comes from.
//!
//! - [`gcm`]: AES-GCM (NIST SP 800-38D); [`rfc4106`]: as ESP uses it
//! - [`headers`]: what a parser finds in a frame
//! - [`sa`], [`lifetime`], [`replay`]: security associations, their limits, and the anti-replay window (RFC 4303 appendix A)
//! - [`esp`]: encapsulation and decapsulation of frames (RFC 4303), the rules of the engine
//! - [`policy`]: selectors and what they decide (RFC 4301 section 4.4.1); [`admit`]: what received packets must satisfy
//! - [`nic`]: all of it as a NIC, frame by frame, with the engine's counters
//! - `vectors` (feature of that name): known-answer vectors, for this model and for the RTL

pub mod admit;
pub mod esp;
pub mod gcm;
pub mod headers;
pub mod lifetime;
pub mod nic;
pub mod policy;
pub mod replay;
pub mod rfc4106;
pub mod sa;
#[cfg(feature = "vectors")]
pub mod vectors;
