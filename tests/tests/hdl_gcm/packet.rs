//! Packets as slots of the core, with what must come out for each slot.

use std::sync::Arc;

use espalier_hdl::gcm::field::multiply;
use espalier_hdl::records::{CryptoContext, Slot};
use espalier_hdl::stream::Beat;
use espalier_reference_model::gcm::Gcm;
use espalier_sim::record;
use num_bigint::BigUint;
use rand::{Rng, RngExt};
use rust_hdl::prelude::*;

/// Most AAD that the `first` slot carries.
const FIRST_AAD: usize = 12;

/// A slot, and what comes of it.
#[derive(Clone)]
pub struct Entry {
    pub slot: Slot,
    /// The same for all slots of a packet; also as it lies on the port.
    pub crypto: Arc<(CryptoContext, BigUint)>,
    pub beat: Option<Expected>,
    pub tag: Option<u128>,
    /// Clocks to pass after the slot before was taken until this one is offered.
    pub wait: u32,
}

/// A beat of the result.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    pub bytes: Vec<u8>,
    pub last: bool,
    pub error: bool,
}

/// An SA as the core sees it.
pub struct Key {
    pub key: Vec<u8>,
    pub gcm: Gcm,
    pub h: u128,
    pub h3: u128,
}

impl Key {
    pub fn new(key: &[u8]) -> Self {
        let gcm = Gcm::new(key).expect("a key");
        let h = u128::from_be_bytes(gcm.hash_subkey());
        Self { key: key.to_vec(), gcm, h, h3: multiply(h, multiply(h, h)) }
    }

    /// A random key of 16, 24 or 32 bytes.
    pub fn random(random: &mut impl Rng, length: usize) -> Self {
        let mut key = vec![0; length];
        random.fill_bytes(&mut key);
        Self::new(&key)
    }

    /// The key left aligned, and its size as the engine spells it.
    pub fn port(&self) -> (Bits<256>, Bits<2>) {
        (bits(&self.key), (self.key.len() as u64 / 8 - 2).into())
    }
}

/// Bytes as a left-aligned port.
fn bits<const N: usize>(bytes: &[u8]) -> Bits<N> {
    let mut padded = bytes.to_vec();
    padded.resize(N / 8, 0);
    BigUint::from_bytes_be(&padded).into()
}

/// One block, with other bits than zero where no byte is.
fn block(bytes: &[u8], junk: &mut impl Rng) -> Bits<128> {
    let mut block = bytes.to_vec();
    block.resize_with(16, || junk.random());
    self::bits(&block)
}

/// The slots of a protected packet that encrypts `text`, or decrypts it.
pub fn protected(key: &Key, nonce: &[u8; 12], aad: &[u8], text: &[u8], decrypt: bool, random: &mut impl Rng) -> Vec<Entry> {
    let (size_key, key_size) = key.port();
    let in_first = aad.len() <= FIRST_AAD;
    let context = CryptoContext {
        key: size_key,
        key_size,
        nonce: bits(nonce),
        // Bits behind its length must not count.
        aad: if in_first { block(aad, random).get_bits::<96>(32) } else { block(&[], random).get_bits::<96>(32) },
        aad_bytes: if in_first { aad.len() as u64 } else { 0 }.into(),
        decrypt,
        h: bits(&key.h.to_be_bytes()),
        h3: bits(&key.h3.to_be_bytes()),
    };
    let crypto = Arc::new((context, record(context)));
    // Counter mode is its own inverse; the tag is always that of the ciphertext.
    let (result, mut tag) = key.gcm.seal(nonce, aad, text);
    if decrypt {
        tag = key.gcm.seal(nonce, aad, &result).1;
    }
    let further = if in_first { &[] } else { aad };
    let blocks: Vec<(bool, &[u8])> =
        further.chunks(16).map(|chunk| (true, chunk)).chain(text.chunks(16).map(|chunk| (false, chunk))).collect();
    let mut results = result.chunks(16);
    let count = blocks.len();
    let mut entries = vec![Entry {
        slot: Slot {
            first: true,
            remaining: (count.min(3) as u64).into(),
            beat: Beat { data: block(&[], random), bytes: random.random_range(0..17u64).into(), last: count == 0, error: false },
            ..Default::default()
        },
        crypto: crypto.clone(),
        beat: None,
        tag: None,
        wait: 0,
    }];
    for (i, (aad, chunk)) in blocks.into_iter().enumerate() {
        let last = i + 1 == count;
        let beat = Beat { data: block(chunk, random), bytes: (chunk.len() as u64).into(), last, error: false };
        let slot = Slot { first: false, aad, bypass: false, remaining: ((count - 1 - i).min(3) as u64).into(), beat };
        let beat = if aad { None } else { results.next().map(|bytes| Expected { bytes: bytes.to_vec(), last, error: false }) };
        entries.push(Entry { slot, crypto: crypto.clone(), beat, tag: None, wait: 0 });
    }
    if let Some(last) = entries.last_mut() {
        last.tag = Some(u128::from_be_bytes(tag));
    }
    entries
}

/// The slots of a frame that passes unencrypted; `error` on its last beat.
pub fn bypass(frame: &[u8], error: bool, random: &mut impl Rng) -> Vec<Entry> {
    let context = CryptoContext { key: bits(&[0xa5; 32]), aad_bytes: 8.into(), decrypt: random.random(), ..Default::default() };
    let crypto = Arc::new((context, record(context)));
    let count = frame.chunks(16).len();
    let slots = frame.chunks(16).enumerate().map(|(i, chunk)| {
        let last = i + 1 == count;
        let error = error && last;
        let beat = Beat { data: block(chunk, random), bytes: (chunk.len() as u64).into(), last, error };
        let slot = Slot { bypass: true, remaining: random.random_range(0..4u64).into(), beat, ..Default::default() };
        let beat = Some(Expected { bytes: chunk.to_vec(), last, error });
        Entry { slot, crypto: crypto.clone(), beat, tag: None, wait: 0 }
    });
    slots.collect()
}
