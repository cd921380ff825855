//! What can be written to a port, and how records lie in one.

use num_bigint::BigUint;
use rust_hdl::prelude::{Bits, Synth};

/// A value for an input port: words of 32 bits, least significant first, zeros beyond its end.
pub trait Value {
    /// How many words may be other than zero.
    fn words(&self) -> usize;
    /// Word `index`; only asked for `index < words()`.
    fn word(&self, index: usize) -> u32;
    /// The low 64 bits.
    fn low(&self) -> u64 {
        let word = |i| if i < self.words() { u64::from(self.word(i)) } else { 0 };
        word(0) | (word(1) << 32)
    }
    /// Whether no bit at or above `width` is set.
    fn fits(&self, width: usize) -> bool {
        (width / 32..self.words()).all(|i| {
            let word = u64::from(self.word(i));
            if i == width / 32 { (word >> (width % 32)) == 0 } else { word == 0 }
        })
    }
}

macro_rules! unsigned {
    ($($type:ty),*) => { $(
        impl Value for $type {
            fn words(&self) -> usize {
                size_of::<$type>().div_ceil(4)
            }
            fn word(&self, index: usize) -> u32 {
                ((*self as u128) >> (32 * index)) as u32
            }
            fn low(&self) -> u64 {
                *self as u64
            }
        }
    )* };
}
unsigned!(bool, u8, u16, u32, u64, usize, u128);

/// For literals without a suffix; a negative value fits no port.
impl Value for i32 {
    fn words(&self) -> usize {
        1
    }
    fn word(&self, _: usize) -> u32 {
        *self as u32
    }
    fn fits(&self, width: usize) -> bool {
        u32::try_from(*self).is_ok_and(|value| value.fits(width))
    }
}

impl Value for [u32] {
    fn words(&self) -> usize {
        self.len()
    }
    fn word(&self, index: usize) -> u32 {
        self[index]
    }
}

impl<const N: usize> Value for [u32; N] {
    fn words(&self) -> usize {
        N
    }
    fn word(&self, index: usize) -> u32 {
        self[index]
    }
}

impl Value for Vec<u32> {
    fn words(&self) -> usize {
        self.len()
    }
    fn word(&self, index: usize) -> u32 {
        self[index]
    }
}

impl Value for BigUint {
    fn words(&self) -> usize {
        self.iter_u32_digits().len()
    }
    fn word(&self, index: usize) -> u32 {
        self.iter_u32_digits().nth(index).unwrap_or(0)
    }
}

impl<const N: usize> Value for Bits<N> {
    fn words(&self) -> usize {
        N.div_ceil(32)
    }
    fn word(&self, index: usize) -> u32 {
        (32 * index..N.min(32 * index + 32)).rev().fold(0, |word, i| (word << 1) | u32::from(self.get_bit(i)))
    }
}

impl<V: Value + ?Sized> Value for &V {
    fn words(&self) -> usize {
        (**self).words()
    }
    fn word(&self, index: usize) -> u32 {
        (**self).word(index)
    }
    fn low(&self) -> u64 {
        (**self).low()
    }
    fn fits(&self, width: usize) -> bool {
        (**self).fits(width)
    }
}

/// The bits of a rust-hdl value (a `LogicStruct`, `Bits<N>`, `bool` ..) as they lie in a Verilog signal: first field lowest.
pub fn record<T: Synth>(value: T) -> BigUint {
    // `Synth` gives its bits only as a Verilog literal, `N'h...`.
    let literal = format!("{:x}", value.verilog());
    let digits = literal.rsplit('h').next().unwrap_or_default();
    BigUint::parse_bytes(digits.as_bytes(), 16).unwrap_or_default()
}

/// `width` bits of `value`, from bit `offset` on.
///
/// ```
/// # use num_bigint::BigUint;
/// assert_eq!(espalier_sim::field(&BigUint::from(0xabcd_u32), 4, 8), BigUint::from(0xbc_u32));
/// ```
pub fn field(value: &BigUint, offset: usize, width: usize) -> BigUint {
    (value >> offset) & ((BigUint::from(1u32) << width) - 1u32)
}
