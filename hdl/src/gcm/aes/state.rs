//! The linear steps of AES on the state in bit planes (FIPS 197 sections 5.1.2 to 5.1.4).

use super::super::network::{Function, Net, Network};

/// The bits of byte string `a`, first byte most significant, as planes: bit b of byte k goes to `b * bytes + k`.
pub(super) fn to_planes(n: &mut Network, a: Net) -> Net {
    let bytes = n.width(a) / 8;
    let bits: Vec<_> = (0..8).flat_map(|b| (0..bytes).map(move |k| 8 * (bytes - 1 - k) + b)).map(|i| n.bit(a, i)).collect();
    n.concat(&bits)
}

/// The inverse of [`to_planes`].
pub(super) fn from_planes(n: &mut Network, a: Net) -> Net {
    let bytes = n.width(a) / 8;
    let bits: Vec<_> = (0..bytes).rev().flat_map(|k| (0..8).map(move |b| b * bytes + k)).map(|i| n.bit(a, i)).collect();
    n.concat(&bits)
}

/// Four words as the key schedule holds them to the planes of a state: rows of four, word by word, become rows plane by plane.
pub(super) fn words_to_state(n: &mut Network, words: Net) -> Net {
    let rows: Vec<_> = (0..8).flat_map(|b| (0..4).map(move |c| 32 * c + 4 * b)).map(|i| n.slice(words, i, 4)).collect();
    n.concat(&rows)
}

/// Of each plane the bits `mask`, moved down by `by` lanes.
fn lanes(n: &mut Network, plane: Net, by: usize, mask: u64) -> Net {
    let mask = n.constant(mask, 16);
    let moved = if by == 0 { plane } else { n.rotate_right(plane, by) };
    n.and(moved, mask)
}

/// ShiftRows: `s'[r, c] = s[r, (c + r) mod 4]`; lane r + 4c is byte (r, c).
fn shift_rows(n: &mut Network, planes: &[Net]) -> Vec<Net> {
    let row = |n: &mut Network, plane, r: usize| lanes(n, plane, 4 * r, 0x1111 << r);
    planes
        .iter()
        .map(|&plane| {
            let rows: Vec<_> = (0..4).map(|r| row(n, plane, r)).collect();
            n.xor(&rows)
        })
        .collect()
}

/// Each column rotated: row r becomes row (r + by) mod 4.
fn next_row(n: &mut Network, plane: Net, by: usize) -> Net {
    let low = [0, 0x7777, 0x3333][by];
    let here = lanes(n, plane, by, low);
    let wrapped = lanes(n, plane, 16 - (4 - by), 0xffff ^ low);
    n.xor(&[here, wrapped])
}

/// MixColumns: `2 s[r] + 3 s[r+1] + s[r+2] + s[r+3] = 2 t[r] + s[r+1] + t[r+2]` with `t[r] = s[r] + s[r+1]`.
fn mix_columns(n: &mut Network, planes: &[Net]) -> Vec<Vec<Net>> {
    let next: Vec<_> = planes.iter().map(|&plane| next_row(n, plane, 1)).collect();
    let t: Vec<_> = planes.iter().zip(&next).map(|(&a, &b)| n.xor(&[a, b])).collect();
    (0..8)
        .map(|b| {
            // Times x: shift by one plane, and x^8 = x^4 + x^3 + x + 1.
            let mut terms = vec![t[(b + 7) % 8], next[b], next_row(n, t[b], 2)];
            if [1, 3, 4].contains(&b) {
                terms.push(t[7]);
            }
            terms
        })
        .collect()
}

/// AddRoundKey after MixColumns after ShiftRows: state, four key words.
pub struct Linear;

impl Function for Linear {
    fn build(n: &mut Network, inputs: &[Net]) -> Net {
        let planes = n.split(inputs[0], 16);
        let shifted = shift_rows(n, &planes);
        let mixed = mix_columns(n, &shifted);
        let key = words_to_state(n, inputs[1]);
        let key = n.split(key, 16);
        let planes: Vec<_> = mixed.into_iter().zip(key).map(|(terms, key)| n.xor(&[&terms[..], &[key]].concat())).collect();
        n.concat(&planes)
    }
}

/// The last round's AddRoundKey after ShiftRows: state, four key words; gives the block.
pub struct Finish;

impl Function for Finish {
    fn build(n: &mut Network, inputs: &[Net]) -> Net {
        let planes = n.split(inputs[0], 16);
        let shifted = shift_rows(n, &planes);
        let key = words_to_state(n, inputs[1]);
        let key = n.split(key, 16);
        let planes: Vec<_> = shifted.into_iter().zip(key).map(|(plane, key)| n.xor(&[plane, key])).collect();
        let state = n.concat(&planes);
        from_planes(n, state)
    }
}

/// The first AddRoundKey: block, key; gives the whitened block as four words.
pub struct Prepare;

impl Function for Prepare {
    fn build(n: &mut Network, inputs: &[Net]) -> Net {
        let round_key = n.slice(inputs[1], 128, 128);
        let sum = n.xor(&[inputs[0], round_key]);
        words(n, sum)
    }
}

/// A byte string as words `w[0]`, `w[1]` .., each in planes.
pub(super) fn words(n: &mut Network, bytes: Net) -> Net {
    let mut words = n.split(bytes, 32);
    words.reverse();
    let words: Vec<_> = words.into_iter().map(|word| to_planes(n, word)).collect();
    n.concat(&words)
}

/// Four words to a state, as [`words_to_state`]: how the first round takes its block.
pub struct ToState;

impl Function for ToState {
    fn build(n: &mut Network, inputs: &[Net]) -> Net {
        words_to_state(n, inputs[0])
    }
}
