//! The software ESP that the engine is compared with: slow, obvious, each rule beside the clause it comes from.
//!
//! - [`gcm`]: AES-GCM (NIST SP 800-38D), [`rfc4106`]: as ESP uses it
//! - [`replay`]: the anti-replay window (RFC 4303 appendix A)
//! - `vectors` (feature of that name): known-answer vectors, for this model and for the RTL

pub mod gcm;
pub mod replay;
pub mod rfc4106;
#[cfg(feature = "vectors")]
pub mod vectors;
