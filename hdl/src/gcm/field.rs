//! GF(2^128) as GHASH counts it (NIST SP 800-38D section 6.3).
//!
//! ```text
//! byte of a block          0                1            ...           15
//! bit of that byte    7 6 5 4 3 2 1 0  7 6 5 4 3 2 1 0   ...   7 6 5 4 3 2 1 0
//! Bits<128>          127 ......... 120 119 ........ 112  ...    7 ......... 0
//! SP 800-38D          x0 x1 x2 ..   x7  x8 ..       x15  ...   x120 ..    x127
//! coefficient of     x^0           x^7 x^8         x^15  ...   x^120      x^127
//! ```
//!
//! So the *most* significant bit is the coefficient of x^0, a multiplication by x is a shift to the right, and
//! x^128 = x^7 + x^2 + x + 1 comes back in at the left as 0xe1 << 120. A carry-less product of two such numbers, taken as
//! integers, has 255 bits with the coefficient of x^k in bit 254 - k: the same order, one bit longer to the right.

use super::network::{Function, Net, Network};

/// Bits of a block.
pub const BLOCK: usize = 128;
/// Bits of a leaf of the Karatsuba tree.
const LEAF: usize = 16;
/// Bits of a digit of a factor, where a product is made in 7 clocks.
pub const DIGIT: usize = 19;
/// Bits of 7 digits: a factor, and zeros for powers of x beyond x^127.
pub const DIGITS: usize = 7 * DIGIT;
/// Bits of all products of leaves: 27 of 31 bits.
pub const LEAVES: usize = 27 * (2 * LEAF - 1);

/// `v` times x^`exponent`.
pub fn times_x(v: u128, exponent: usize) -> u128 {
    (0..exponent).fold(v, |v, _| (v >> 1) ^ if v & 1 == 0 { 0 } else { 0xe1 << 120 })
}

/// SP 800-38D algorithm 1, for building networks and for tests.
pub fn multiply(x: u128, y: u128) -> u128 {
    (0..BLOCK).filter(|i| x & (1 << (127 - i)) != 0).fold(0, |z, i| z ^ times_x(y, i))
}

/// The network of a linear map, given as a function of numbers.
fn linear(n: &mut Network, a: Net, map: impl Fn(u128) -> u128) -> Net {
    let bits = n.split(a, 1);
    let images: Vec<_> = (0..BLOCK).map(|i| map(1 << i)).collect();
    let output: Vec<_> = (0..BLOCK)
        .map(|i| {
            let terms: Vec<_> = (0..BLOCK).filter(|&j| images[j] & (1 << i) != 0).map(|j| bits[j]).collect();
            n.xor(&terms)
        })
        .collect();
    n.concat(&output)
}

/// The square: linear, as every square in characteristic 2.
pub struct Square;

impl Function for Square {
    fn build(n: &mut Network, inputs: &[Net]) -> Net {
        linear(n, inputs[0], |v| multiply(v, v))
    }
}

/// Times a power of x.
pub(super) struct TimesX<const EXPONENT: usize>;

impl<const EXPONENT: usize> Function for TimesX<EXPONENT> {
    fn build(n: &mut Network, inputs: &[Net]) -> Net {
        linear(n, inputs[0], |v| times_x(v, EXPONENT))
    }
}

/// The carry-less product of integers `a` and `b`, column by column; `b` comes with its bits reversed, so that a column is an inner product.
pub(super) fn columns(n: &mut Network, a: Net, b_reversed: Net) -> Net {
    let (wide, narrow) = (n.width(a), n.width(b_reversed));
    let columns: Vec<_> = (0..wide + narrow - 1)
        .map(|column| {
            let low = column.saturating_sub(narrow - 1);
            let width = column.min(wide - 1) + 1 - low;
            let from_a = n.slice(a, low, width);
            let from_b = n.slice(b_reversed, narrow - 1 + low - column, width);
            n.dot(from_a, from_b)
        })
        .collect();
    n.concat(&columns)
}

/// Products of the leaves of the Karatsuba tree: low halves, high halves, sums of both.
fn leaves(n: &mut Network, a: Net, b_reversed: Net) -> Vec<Net> {
    let width = n.width(a);
    if width == LEAF {
        return vec![columns(n, a, b_reversed)];
    }
    let (a, mut b) = (n.split(a, width / 2), n.split(b_reversed, width / 2));
    b.reverse();
    let (a_sum, b_sum) = (n.xor(&a), n.xor(&b));
    [(a[0], b[0]), (a[1], b[1]), (a_sum, b_sum)].into_iter().flat_map(|(a, b)| leaves(n, a, b)).collect()
}

/// The product from the products of the leaves.
fn combine(n: &mut Network, leaves: &[Net]) -> Net {
    if let [leaf] = leaves {
        return *leaf;
    }
    let parts: Vec<_> = leaves.chunks(leaves.len() / 3).map(|leaves| combine(n, leaves)).collect();
    let (low, high) = (parts[0], parts[1]);
    // low + middle x^h + high x^2h: the middle lies over the halves of both.
    let width = n.width(low);
    let h = width.div_ceil(2);
    let middle = n.xor(&parts);
    let [middle_low, middle_bit, middle_high] = [n.slice(middle, 0, h - 1), n.bit(middle, h - 1), n.slice(middle, h, h - 1)];
    let [low_low, low_high] = [n.slice(low, 0, h), n.slice(low, h, h - 1)];
    let [high_low, high_high] = [n.slice(high, 0, h - 1), n.slice(high, h - 1, h)];
    let sums = [n.xor(&[low_high, middle_low]), n.xor(&[high_low, middle_high])];
    n.concat(&[low_low, sums[0], middle_bit, sums[1], high_high])
}

/// With zeros at the left.
pub(super) fn widen(n: &mut Network, a: Net, width: usize) -> Net {
    if n.width(a) == width {
        return a;
    }
    let padding = zeros(n, width - n.width(a));
    n.concat(&[a, padding])
}

/// Horner's step: `sum` times x^d, and `product`, the carry-less product of 128 bits and a digit of d.
pub(super) fn next_digit(n: &mut Network, sum: Net, product: Net) -> Net {
    let width = n.width(product) + 1;
    // The sum has its x^0 d places further left than the product; x^0 of that comes to the left by a zero at the right.
    let sum = widen(n, sum, width);
    let zero = n.constant(0, 1);
    let product = n.concat(&[zero, product]);
    let both = n.xor(&[sum, product]);
    reduce(n, both)
}

/// Any number of zeros.
fn zeros(n: &mut Network, width: usize) -> Net {
    let zero = n.constant(0, 1);
    n.concat(&vec![zero; width])
}

/// A product of 128 + e bits, e from 1 to 127, modulo the polynomial.
pub(super) fn reduce(n: &mut Network, product: Net) -> Net {
    let excess = n.width(product) - BLOCK;
    // Times 1 + x + x^2 + x^7, dropping what goes beyond x^127.
    let fold = |n: &mut Network, v: Net| {
        let [v1, v2, v7] = [1, 2, 7].map(|by| n.shift_right(v, by));
        n.xor(&[v, v1, v2, v7])
    };
    // Coefficients x^128 and up, as if they were x^0 and up.
    let padding = zeros(n, BLOCK - excess);
    let low = n.slice(product, 0, excess);
    let mut over = n.concat(&[padding, low]);
    if excess > BLOCK - 7 {
        // What folding drops: x^126 times x^2, and x^121 .. x^126 times x^7. x^127 does not occur.
        let dropped = n.slice(over, 1, 6);
        let by_2 = n.bit(over, 1);
        let padding = zeros(n, BLOCK - 6);
        let (most, first) = (n.slice(dropped, 0, 5), n.bit(dropped, 5));
        let first = n.xor(&[first, by_2]);
        let again = n.concat(&[padding, most, first]);
        over = n.xor(&[over, again]);
    }
    let high = n.slice(product, excess, BLOCK);
    let folded = fold(n, over);
    n.xor(&[high, folded])
}

/// First half of the multiplication: both factors to the products of the leaves.
pub struct Leaves;

impl Function for Leaves {
    fn build(n: &mut Network, inputs: &[Net]) -> Net {
        let reversed = n.reverse(inputs[1]);
        let leaves = leaves(n, inputs[0], reversed);
        n.concat(&leaves)
    }
}

/// Second half: the products of the leaves to the reduced product.
pub struct Combine;

impl Function for Combine {
    fn build(n: &mut Network, inputs: &[Net]) -> Net {
        let leaves = n.split(inputs[0], 2 * LEAF - 1);
        let product = combine(n, &leaves);
        reduce(n, product)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The diagram's ends: "x0" is the unit, and x^127 times x comes back as 0xe1.
    #[test]
    fn the_first_bit_of_a_block_is_the_coefficient_of_1() {
        let first_bit_of_first_byte = u128::from_be_bytes(*b"\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        let last_bit_of_last_byte = u128::from_be_bytes(*b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01");
        assert_eq!(times_x(first_bit_of_first_byte, 127), last_bit_of_last_byte);
        assert_eq!(times_x(last_bit_of_last_byte, 1) >> 120, 0xe1);
        for v in [1, 0x1234_5678_9abc_def0_0fed_cba9_8765_4321, u128::MAX] {
            assert_eq!(multiply(first_bit_of_first_byte, v), v);
            assert_eq!(multiply(v, first_bit_of_first_byte >> 9), times_x(v, 9));
        }
    }
}
