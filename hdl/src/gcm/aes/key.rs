//! The key schedule (FIPS 197 section 5.2) as it runs beside the data, four words a round.
//!
//! Before round p of the pipeline a window holds eight words `w[4r-4..4r+4]`, `lower` then `upper`, where r = p - [`skipped`] is the round
//! of this key size; `upper` is the round key that round adds. A step makes the next four words n and moves on: `upper` becomes `lower`,
//! n becomes `upper`. Each `n[j]` is `w[i-Nk]` + `n[j-1]`, and in at most one j of a step something goes through SubWord:
//!
//! ```text
//! t = the word that goes through SubWord, rotated      [clock 1, with the S-box's first half]
//! prefix[j] = sum of w[i-Nk] and Rcon up to j          [clock 2, beside the S-box's second half]
//! n[j] = prefix[j] + SubWord(t), if it counts for j    [before the next round]
//! ```
//!
//! What t is, and where it counts, depends on key size and pass: that is found out one clock ahead ([`next_feed`], [`counts`]).

use super::super::network::{Function, Net, Network};
use super::state;
use crate::records::key_size;

/// Rounds at the front of the pipeline that a key size leaves out.
pub(super) fn skipped(size: u64) -> usize {
    match size {
        key_size::AES_128 => 4,
        key_size::AES_192 => 2,
        _ => 0,
    }
}

/// As [`key_size`] spells them.
const SIZES: [u64; 3] = [key_size::AES_128, key_size::AES_192, key_size::AES_256];

/// What a step does for one key size.
#[derive(Copy, Clone, Debug, PartialEq)]
enum Step {
    /// The rounds of this size have not begun: `lower` moves up for AES-192 (whose window was loaded one step early), `upper` stays for AES-128.
    Hold,
    /// No word goes through SubWord.
    Plain,
    /// Word `word` of the step adds SubWord of the word before, after RotWord and with Rcon where the standard says so.
    Sub { word: usize, rotate: bool },
}

/// `Rcon[i]` (FIPS 197 section 5.2): x^(i-1).
fn rcon(i: usize) -> u8 {
    (1..i).fold(1, |c: u8, _| (c << 1) ^ if c & 0x80 == 0 { 0 } else { 0x1b })
}

impl Step {
    /// The step in a round, and what is added as Rcon.
    fn of(size: u64, round: usize) -> (Self, u8) {
        let nk = [4, 6, 8][size as usize];
        let Some(r) = round.checked_sub(skipped(size)) else { return (Self::Hold, 0) };
        for word in 0..4 {
            let i = 4 * (r + 1) + word;
            if i % nk == 0 {
                return (Self::Sub { word, rotate: true }, rcon(i / nk));
            }
            if nk > 6 && i % nk == 4 {
                return (Self::Sub { word, rotate: false }, 0);
            }
        }
        (Self::Plain, 0)
    }
}

/// Set in one of these passes.
fn in_passes(n: &mut Network, pass: Net, passes: &[usize]) -> Net {
    let bits = n.split(pass, 1);
    let each: Vec<_> = passes
        .iter()
        .map(|p| {
            let bits: Vec<_> = bits.iter().enumerate().map(|(i, &bit)| if (p >> i) & 1 == 0 { n.not(bit) } else { bit }).collect();
            bits.into_iter().reduce(|a, b| n.and(a, b)).unwrap_or(pass)
        })
        .collect();
    n.xor(&each)
}

/// Chooses by pass: `keys` says what a pass needs, `build` makes it. What is the same in all passes costs nothing.
fn by_pass<K: Copy + PartialEq, const N: usize>(
    n: &mut Network,
    pass: Net,
    keys: &[K],
    mut build: impl FnMut(&mut Network, K) -> [Net; N],
) -> [Net; N] {
    let mut choice = build(n, keys[0]);
    for (first, &key) in keys.iter().enumerate().skip(1) {
        if keys[..first].contains(&key) {
            continue;
        }
        let passes: Vec<_> = (0..keys.len()).filter(|&j| keys[j] == key).collect();
        let (value, condition) = (build(n, key), in_passes(n, pass, &passes));
        choice = std::array::from_fn(|j| n.select(condition, value[j], choice[j]));
    }
    choice
}

/// Chooses by key size among values for AES-128, 192 and 256.
fn by_size(n: &mut Network, size: Net, values: [Net; 3]) -> Net {
    let [is_192, is_256] = [n.bit(size, 0), n.bit(size, 1)];
    let mut choice = values[0];
    for (condition, value) in [(is_192, values[1]), (is_256, values[2])] {
        if value != choice {
            choice = n.select(condition, value, choice);
        }
    }
    choice
}

/// The window before round 1: key, size; gives `lower` and `upper`.
///
/// AES-256 has all its eight words. AES-128 has four: both halves hold them until it begins. AES-192 has six: `w[0..4]` in `lower` and, of the
/// words "before" them that step 0 needs, `w[-2]` = `w[4]` + `w[3]` and `w[-1]` = `w[5]` + `w[4]`, chosen so that an ordinary step gives `w[4]` and `w[5]`.
pub struct Window;

impl Function for Window {
    fn build(n: &mut Network, inputs: &[Net]) -> Net {
        let words = state::words(n, inputs[0]);
        let w = n.split(words, 32);
        let before = [n.xor(&[w[3], w[4]]), n.xor(&[w[4], w[5]])];
        let upper: Vec<_> = (0..4)
            .map(|j| {
                let for_192 = if j < 2 { w[j + 4] } else { before[j - 2] };
                by_size(n, inputs[1], [w[j], for_192, w[j + 4]])
            })
            .collect();
        n.concat(&[&w[..4], &upper].concat())
    }
}

/// What SubWord is fed with in the round behind one of `rounds`, by pass: size, pass; gives two bits for [`sub_word_input`]. Both are 0 in round 1.
pub(super) fn next_feed(rounds: &[usize]) -> impl FnOnce(&mut Network, &[Net]) -> Net + use<> {
    let steps = SIZES.map(|size| rounds.iter().map(|&round| Step::of(size, round + 1).0).collect::<Vec<_>>());
    move |n, inputs| {
        let bits = [|step| matches!(step, Step::Sub { word: 2, .. }), |step| matches!(step, Step::Sub { rotate: false, .. })];
        let bits = bits.map(|bit: fn(Step) -> bool| choose(n, inputs, &steps, bit));
        n.concat(&bits)
    }
}

/// Which words of the step in one of `rounds` SubWord counts for, by pass: size, pass; gives a bit a word.
pub(super) fn counts(rounds: &[usize]) -> impl FnOnce(&mut Network, &[Net]) -> Net + use<> {
    let steps = SIZES.map(|size| rounds.iter().map(|&round| Step::of(size, round).0).collect::<Vec<_>>());
    move |n, inputs| {
        let bits: Vec<_> = (0..4).map(|j| choose(n, inputs, &steps, |step| matches!(step, Step::Sub { word, .. } if word <= j))).collect();
        n.concat(&bits)
    }
}

/// A property of the step by size and pass.
fn choose(n: &mut Network, inputs: &[Net], steps: &[Vec<Step>; 3], property: impl Fn(Step) -> bool) -> Net {
    let values = steps.each_ref().map(|steps| {
        let properties: Vec<_> = steps.iter().map(|&step| property(step)).collect();
        let [value] = by_pass(n, inputs[1], &properties, |n, value| [n.constant(value.into(), 1)]);
        value
    });
    by_size(n, inputs[0], values)
}

/// What goes through SubWord in one of `rounds`: lower, upper, and two bits of [`next_feed`]; gives one word.
pub(super) fn sub_word_input(rounds: &[usize]) -> impl FnOnce(&mut Network, &[Net]) -> Net + use<> {
    let steps: Vec<_> = SIZES.iter().flat_map(|&size| rounds.iter().map(move |&round| Step::of(size, round).0)).collect();
    move |n, inputs| {
        let (lower, upper) = (n.split(inputs[0], 32), n.split(inputs[1], 32));
        let mut word = upper[3];
        if steps.iter().any(|step| matches!(step, Step::Sub { word: 2, .. })) {
            // AES-192 in the middle of a step: n[1] = w[-1] + w[-2] + upper[3].
            let (middle, is_middle) = (n.xor(&[upper[3], lower[2], lower[3]]), n.bit(inputs[2], 0));
            word = n.select(is_middle, middle, word);
        }
        // RotWord: every row of a plane takes the next one's.
        let rows: Vec<_> = n.split(word, 4).into_iter().map(|row| n.rotate_right(row, 1)).collect();
        let rotated = n.concat(&rows);
        if !steps.iter().any(|step| matches!(step, Step::Sub { rotate: false, .. })) {
            return rotated;
        }
        let as_it_is = n.bit(inputs[2], 1);
        n.select(as_it_is, word, rotated)
    }
}

/// The sums that need no SubWord in one of `rounds`: lower, upper, size, pass; gives four words.
pub(super) fn prefix(rounds: &[usize]) -> impl FnOnce(&mut Network, &[Net]) -> Net + use<> {
    let steps = SIZES.map(|size| rounds.iter().map(|&round| Step::of(size, round)).collect::<Vec<_>>());
    move |n, inputs| {
        let (lower, upper) = (n.split(inputs[0], 32), n.split(inputs[1], 32));
        let mut sizes = SIZES.into_iter();
        let words = steps.each_ref().map(|steps| {
            let size = sizes.next();
            let (kinds, rcons): (Vec<_>, Vec<_>) = steps.iter().copied().unzip();
            let rcon = first_byte(n, inputs[3], &rcons);
            by_pass(n, inputs[3], &kinds, |n, step| {
                // w[i-Nk] of each word of the step.
                let base = match size {
                    Some(key_size::AES_128) => [upper[0], upper[1], upper[2], upper[3]],
                    Some(key_size::AES_192) if step != Step::Hold => [lower[2], lower[3], upper[0], upper[1]],
                    _ => [lower[0], lower[1], lower[2], lower[3]],
                };
                if step == Step::Hold {
                    return base;
                }
                let mut sum = upper[3];
                let mut word = 0..;
                base.map(|base| {
                    sum = match (step, word.next(), rcon) {
                        // SubWord comes in place of the word before.
                        (Step::Sub { word, rotate: true }, j, Some(rcon)) if j == Some(word) => n.xor(&[base, rcon]),
                        (Step::Sub { word, .. }, j, _) if j == Some(word) => base,
                        _ => n.xor(&[base, sum]),
                    };
                    sum
                })
            })
        });
        let words: Vec<_> = (0..4).map(|j| by_size(n, inputs[2], words.map(|words| words[j]))).collect();
        n.concat(&words)
    }
}

/// A word whose first byte is the pass's of `values`, in planes; none if they are all zero.
fn first_byte(n: &mut Network, pass: Net, values: &[u8]) -> Option<Net> {
    if let [value] = values {
        let word = (0..8).filter(|b| value & (1 << b) != 0).map(|b| 1 << (4 * b)).sum();
        return (*value != 0).then(|| n.constant(word, 32));
    }
    let planes: Vec<_> = (0..8)
        .flat_map(|b| {
            let passes: Vec<_> = (0..values.len()).filter(|&j| values[j] & (1 << b) != 0).collect();
            let zero = n.constant(0, 1);
            [if passes.is_empty() { zero } else { in_passes(n, pass, &passes) }, zero, zero, zero]
        })
        .collect();
    values.iter().any(|&value| value != 0).then(|| n.concat(&planes))
}

/// The next four words: prefix, SubWord(t), the bits of [`counts`].
pub(super) fn expand(n: &mut Network, inputs: &[Net]) -> Net {
    let (prefix, counts) = (n.split(inputs[0], 32), n.split(inputs[2], 1));
    let zero = n.constant(0, 32);
    let words: Vec<_> = (0..4)
        .map(|j| {
            let sub = n.select(counts[j], inputs[1], zero);
            n.xor(&[prefix[j], sub])
        })
        .collect();
    n.concat(&words)
}

/// After which of `rounds` a key size begins: size, pass; gives one bit.
pub(super) fn begins(rounds: &[usize]) -> impl FnOnce(&mut Network, &[Net]) -> Net + use<> {
    let begins =
        [key_size::AES_128, key_size::AES_192].map(|size| (0..rounds.len()).filter(|&j| rounds[j] == skipped(size)).collect::<Vec<_>>());
    let single = rounds.len() == 1;
    move |n, inputs| {
        let [is_192, is_256] = [n.bit(inputs[0], 0), n.bit(inputs[0], 1)];
        let [not_192, not_256] = [n.not(is_192), n.not(is_256)];
        let is_128 = n.and(not_192, not_256);
        // Zero, but of an input: in Verilog a block of constants alone would never be evaluated.
        let mut any = n.and(is_192, not_192);
        for (passes, is_size) in begins.iter().zip([is_128, is_192]).filter(|(passes, _)| !passes.is_empty()) {
            let now = if single {
                is_size
            } else {
                let passes = in_passes(n, inputs[1], passes);
                n.and(is_size, passes)
            };
            any = n.xor(&[any, now]);
        }
        any
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;

    use super::*;
    use crate::gcm::network::Function;
    use crate::gcm::sbox::{Bottom, Top};

    const NK: [usize; 3] = [4, 6, 8];

    #[test]
    fn at_most_one_word_of_a_step_goes_through_sub_word() {
        for (size, nk) in (0..).zip(NK) {
            for round in skipped(size)..=14 {
                let r = round - skipped(size);
                let subs = (4 * (r + 1)..4 * (r + 2)).filter(|i| i % nk == 0 || (nk > 6 && i % nk == 4)).count();
                assert!(subs <= 1, "size {size}, round {round}");
                assert_eq!(subs == 1, matches!(Step::of(size, round).0, Step::Sub { word: 0 | 2, .. }));
            }
        }
    }

    /// A network of inputs `a`, `b`, `c`, `d` of these widths and values.
    fn evaluate(build: impl FnOnce(&mut Network, &[Net]) -> Net, inputs: &[(usize, &BigUint)]) -> BigUint {
        let ports: Vec<_> = ["a", "b", "c", "d"].into_iter().zip(inputs).map(|(name, input)| (name, input.0)).collect();
        let values: Vec<_> = inputs.iter().map(|input| input.1.clone()).collect();
        Network::new(&ports, build).evaluate(&values)
    }

    /// Bytes as words in planes.
    fn planes(bytes: &[u8]) -> BigUint {
        evaluate(|n, inputs| state::words(n, inputs[0]), &[(8 * bytes.len(), &BigUint::from_bytes_be(bytes))])
    }

    /// FIPS 197 appendix A: the last round key of each of its expansions.
    #[test]
    fn steps_expand_the_keys_of_the_standard() {
        let cases = [
            ("2b7e151628aed2a6abf7158809cf4f3c", "d014f9a8c9ee2589e13f0cc8b6630ca6"),
            ("8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b", "e98ba06f448c773c8ecc720401002202"),
            ("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", "fe4890d1e6188d0b046df344706c631e"),
        ];
        let bytes = |text: &str| BigUint::parse_bytes(text.as_bytes(), 16).map(|v| v.to_bytes_be()).unwrap_or_default();
        // Each round in hardware of its own, and all rounds in two, by pass.
        let folded = [vec![1, 3, 5, 7, 9, 11, 13], vec![2, 4, 6, 8, 10, 12, 14]];
        let alone: Vec<_> = (1..15).map(|round| vec![round]).collect();
        for ((size, (key, last)), hardware) in (0u64..).zip(cases).flat_map(|case| [(case, &folded[..]), (case, &alone[..])]) {
            let mut key = bytes(key);
            key.resize(32, 0);
            let size = BigUint::from(size);
            let window = evaluate(Window::build, &[(256, &BigUint::from_bytes_be(&key)), (2, &size)]);
            let mask = (BigUint::from(1u8) << 128) - 1u8;
            let (mut lower, mut upper) = (&window & &mask, &window >> 128);
            for round in 1..14 {
                let (rounds, pass) = (&hardware[(round - 1) % hardware.len()], BigUint::from((round - 1) / hardware.len()));
                let before = round.saturating_sub(1).max(1);
                let (rounds_before, pass_before) = (&hardware[(before - 1) % hardware.len()], BigUint::from((before - 1) / hardware.len()));
                let feed = evaluate(next_feed(rounds_before), &[(2, &size), (3, &pass_before)]);
                let feed = if round == 1 { BigUint::ZERO } else { feed };
                let t = evaluate(sub_word_input(rounds), &[(128, &lower), (128, &upper), (2, &feed)]);
                let cut = evaluate(Top::build, &[(32, &t)]);
                let sub = evaluate(Bottom::build, &[(32, &t), (16, &cut)]);
                let prefix = evaluate(prefix(rounds), &[(128, &lower), (128, &upper), (2, &size), (3, &pass)]);
                let counts = evaluate(counts(rounds), &[(2, &size), (3, &pass)]);
                let next = evaluate(expand, &[(128, &prefix), (32, &sub), (4, &counts)]);
                (lower, upper) = (upper, next);
            }
            assert_eq!(upper, planes(&bytes(last)), "size {size}");
        }
    }
}
