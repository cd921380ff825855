//! The networks of [`super`]: words and state in the order of bits that [`super::super`] tells.

use super::super::super::network::{Function, Net, Network};
use super::super::state;

/// A key as words `w[0]` .., each in planes.
pub struct KeyWords;

impl Function for KeyWords {
    fn build(n: &mut Network, inputs: &[Net]) -> Net {
        state::words(n, inputs[0])
    }
}

/// Four words to the block.
pub struct ToBlock;

impl Function for ToBlock {
    fn build(n: &mut Network, inputs: &[Net]) -> Net {
        let mut words = n.split(inputs[0], 32);
        words.reverse();
        let words: Vec<_> = words.into_iter().map(|word| state::from_planes(n, word)).collect();
        n.concat(&words)
    }
}

/// The planes of a word, after `change` of each.
fn each_plane(n: &mut Network, word: Net, change: impl Fn(&mut Network, Net) -> Net) -> Net {
    let planes: Vec<_> = n.split(word, 4).into_iter().map(|plane| change(n, plane)).collect();
    n.concat(&planes)
}

/// RotWord.
pub struct RotWord;

impl Function for RotWord {
    fn build(n: &mut Network, inputs: &[Net]) -> Net {
        each_plane(n, inputs[0], |n, plane| n.rotate_right(plane, 1))
    }
}

/// Column 0 after ShiftRows: row r comes from word r.
pub struct ShiftedColumn;

impl Function for ShiftedColumn {
    fn build(n: &mut Network, inputs: &[Net]) -> Net {
        let bits: Vec<_> = (0..8).flat_map(|b| (0..4).map(move |r| 32 * r + 4 * b + r)).map(|i| n.bit(inputs[0], i)).collect();
        n.concat(&bits)
    }
}

/// The next word of the schedule: `w[j]`, what is added to it, Rcon.
pub struct NextWord;

impl Function for NextWord {
    fn build(n: &mut Network, inputs: &[Net]) -> Net {
        let zero = n.constant(0, 1);
        // Rcon is the word's first byte.
        let bits: Vec<_> = (0..8).flat_map(|b| [n.bit(inputs[2], b), zero, zero, zero]).collect();
        let rcon = n.concat(&bits);
        n.xor(&[inputs[0], inputs[1], rcon])
    }
}

/// A finished column: the S-boxes' output, its round key, and whether MixColumns is left out.
pub struct Column;

impl Function for Column {
    fn build(n: &mut Network, inputs: &[Net]) -> Net {
        let planes = n.split(inputs[0], 4);
        let next: Vec<_> = planes.iter().map(|&plane| n.rotate_right(plane, 1)).collect();
        let t: Vec<_> = planes.iter().zip(&next).map(|(&a, &b)| n.xor(&[a, b])).collect();
        let mixed: Vec<_> = (0..8)
            .map(|b| {
                let across = n.rotate_right(t[b], 2);
                let mut terms = vec![t[(b + 7) % 8], next[b], across];
                if [1, 3, 4].contains(&b) {
                    terms.push(t[7]);
                }
                n.xor(&terms)
            })
            .collect();
        let mixed = n.concat(&mixed);
        let column = n.select(inputs[2], inputs[0], mixed);
        n.xor(&[column, inputs[1]])
    }
}
