//! Every known-answer vector, as encrypt, decrypt and decrypt_modified.

use espalier_reference_model::gcm::{Gcm, TagMismatch};
use espalier_reference_model::rfc4106::{Header, IcvLength, Rfc4106};
use espalier_reference_model::vectors::{self, Case};

fn run(cases: impl Iterator<Item = Case>, expected: usize) {
    let mut count = 0;
    for case in cases {
        let gcm = Gcm::new(&case.key).expect("a key");
        if case.valid {
            encrypt(&gcm, &case);
            decrypt(&gcm, &case);
            decrypt_modified(&gcm, &case);
        } else {
            assert_eq!(gcm.open(&case.iv, &case.aad, &case.ct, &case.tag), Err(TagMismatch), "{}", case.name);
        }
        count += 1;
    }
    assert_eq!(count, expected);
}

fn encrypt(gcm: &Gcm, case: &Case) {
    let (ct, tag) = gcm.seal(&case.iv, &case.aad, &case.pt);
    assert_eq!(ct, case.ct, "{}", case.name);
    assert_eq!(tag[..case.tag.len()], case.tag, "{}", case.name);
}

fn decrypt(gcm: &Gcm, case: &Case) {
    let pt = gcm.open(&case.iv, &case.aad, &case.ct, &case.tag);
    assert_eq!(pt.as_deref(), Ok(&case.pt[..]), "{}", case.name);
}

/// One bit at a time: the first and last of IV, AAD, ciphertext and tag.
fn decrypt_modified(gcm: &Gcm, case: &Case) {
    for part in 0..4 {
        for last in [false, true] {
            let mut case = case.clone();
            let bytes = match part {
                0 => &mut case.iv[..],
                1 => &mut case.aad,
                2 => &mut case.ct,
                _ => &mut case.tag,
            };
            let bit = match (last, bytes) {
                (_, []) => continue,
                (false, [first, ..]) => (first, 0x80),
                (true, [.., last]) => (last, 0x01),
            };
            *bit.0 ^= bit.1;
            assert_eq!(gcm.open(&case.iv, &case.aad, &case.ct, &case.tag), Err(TagMismatch), "{}", case.name);
        }
    }
}

#[test]
fn nist_cavp() {
    run(vectors::nist_cavp(), 1350);
}

#[test]
fn draft_mcgrew() {
    run(vectors::draft_mcgrew(), 16);
}

#[test]
fn wycheproof() {
    run(vectors::wycheproof(), 197);
}

/// The draft's cases are packets: key || salt, SPI, sequence number and IV give the same ciphertext through RFC 4106.
#[test]
fn draft_mcgrew_as_packets() {
    for case in vectors::draft_mcgrew() {
        let (salt, iv) = case.iv.split_first_chunk::<4>().expect("salt");
        let iv = iv.try_into().expect("8 bytes");
        let (spi, seq) = case.aad.split_first_chunk::<4>().expect("spi");
        let seq = seq.iter().fold(0, |seq, byte| seq << 8 | u64::from(*byte));
        let header = Header { spi: u32::from_be_bytes(*spi), seq, esn: case.aad.len() == 12 };
        for icv_length in IcvLength::ALL {
            let cipher = Rfc4106::new(&[&case.key[..], salt].concat(), icv_length).expect("a key");
            let sealed = cipher.seal(&header, &iv, &case.pt);
            assert_eq!(sealed, [&case.ct[..], &case.tag[..icv_length.bytes()]].concat(), "{}", case.name);
            assert_eq!(cipher.open(&header, &iv, &sealed), Ok(case.pt.clone()), "{}", case.name);
            let other = Header { spi: header.spi ^ 1, ..header };
            assert!(cipher.open(&other, &iv, &sealed).is_err(), "{}", case.name);
        }
    }
}
