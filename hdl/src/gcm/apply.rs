//! The key stream on the data: what is given out, and what is hashed.
//!
//! The networks are one level of LUT4 each; they have no register of their own.
//!
//! Latency 0 clocks.

use super::network::{Function, Net, Network};

/// `a` where `mask` (one bit a byte, the first byte in the most significant) is set, else zero.
fn masked(n: &mut Network, a: Net, mask: Net) -> Net {
    let zero = n.constant(0, 8);
    let bytes: Vec<_> = n.split(a, 8).into_iter().zip(n.split(mask, 1)).collect();
    let bytes: Vec<_> = bytes.into_iter().map(|(byte, mask)| n.select(mask, byte, zero)).collect();
    n.concat(&bytes)
}

/// Data, key stream, mask of the key stream: the block that is given out.
pub struct Output;

impl Function for Output {
    fn build(n: &mut Network, inputs: &[Net]) -> Net {
        let key_stream = masked(n, inputs[1], inputs[2]);
        n.xor(&[inputs[0], key_stream])
    }
}

/// Data, key stream, mask of the data, mask of the key stream: the block that is hashed, zero beyond its last byte
/// (SP 800-38D section 7.1 step 4).
pub struct Hashed;

impl Function for Hashed {
    fn build(n: &mut Network, inputs: &[Net]) -> Net {
        let data = masked(n, inputs[0], inputs[2]);
        let key_stream = masked(n, inputs[1], inputs[3]);
        n.xor(&[data, key_stream])
    }
}
