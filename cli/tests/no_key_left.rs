//! No key of a file stays in memory: every block that is given back is searched for it.

#![allow(clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use espalier::daemon::control::protocol;
use espalier::daemon::control::wiped::Wiped;
use espalier::xfrm::{parse, parse_words};
use zeroize::Zeroizing;

/// What is looked for: the middle of a key in hexadecimal, the bytes it stands for, and a key that is a plain word.
const SECRETS: [&[u8]; 3] = [b"5e5f5a5b5c5d5e5f50", &[0x5e, 0x5f, 0x5a, 0x5b, 0x5c, 0x5d, 0x5e, 0x5f, 0x50], b"correct-horse-battery"];

static WATCHING: AtomicBool = AtomicBool::new(false);
static FREED: AtomicUsize = AtomicUsize::new(0);
static FOUND: AtomicUsize = AtomicUsize::new(0);

struct Watcher;

/// Looks at a block before it is given back.
fn look(block: &[u8]) {
    FREED.fetch_add(1, Ordering::Relaxed);
    if SECRETS.iter().any(|secret| block.windows(secret.len()).any(|window| window == *secret)) {
        FOUND.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: every call goes to the system's allocator with what it was given.
unsafe impl GlobalAlloc for Watcher {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is handed on. The block is set to zero, so that what is looked at is always written.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if WATCHING.load(Ordering::Relaxed) {
            // SAFETY: the block is live and has this size until the next line.
            look(unsafe { std::slice::from_raw_parts(block, layout.size()) });
        }
        // SAFETY: the caller's promise is handed on.
        unsafe { System.dealloc(block, layout) }
    }
    // `realloc` is by default a new block, a copy, and a `dealloc` of the old one: it is looked at too.
}

#[global_allocator]
static ALLOCATOR: Watcher = Watcher;

/// Parses with the watch on; how many blocks with a key in them were given back, and how many in all.
fn leaked(source: &'static str) -> (usize, usize) {
    let source = Zeroizing::new(source.as_bytes().to_vec());
    FOUND.store(0, Ordering::SeqCst);
    FREED.store(0, Ordering::SeqCst);
    WATCHING.store(true, Ordering::SeqCst);
    let result = parse(&source);
    let copy = result.clone();
    drop((result, copy, source));
    WATCHING.store(false, Ordering::SeqCst);
    (FOUND.load(Ordering::SeqCst), FREED.load(Ordering::SeqCst))
}

/// The same of a request of the control socket, which comes in pieces, and of its answer.
fn leaked_request(words: &[&str]) -> (usize, usize) {
    let line = Zeroizing::new(serde_json::json!({ "argv": words }).to_string());
    FOUND.store(0, Ordering::SeqCst);
    FREED.store(0, Ordering::SeqCst);
    WATCHING.store(true, Ordering::SeqCst);
    let mut input = Wiped::default();
    line.as_bytes().chunks(7).for_each(|piece| input.extend(piece));
    let words = protocol::request(input.bytes());
    let command = words.map(|words| {
        let mut stdout = Wiped::default();
        words.iter().for_each(|word| stdout.extend(word.as_bytes()));
        let mut output = Wiped::default();
        protocol::answer(&protocol::Answer { stdout, ..Default::default() }, &mut output).unwrap();
        output.consume(10);
        parse_words(words)
    });
    drop((command, input));
    WATCHING.store(false, Ordering::SeqCst);
    (FOUND.load(Ordering::SeqCst), FREED.load(Ordering::SeqCst))
}

// One test: what is watched is the whole process.
#[test]
fn no_key_is_left_in_memory() {
    for source in [
        "ip x s a proto esp spi 1 aead 'rfc4106(gcm(aes))' 0x5e5f5a5b5c5d5e5f505152535455565758595a5b 128",
        "ip x s a proto esp spi 1 aead 'rfc4106(gcm(aes))' 0x05e5f5a5b5c5d5e5f505152535455565758595a5 128",
        "ip x s a proto esp spi 1 aead 'rfc4106(gcm(aes))' \"0x5e5f5a5b5c5d5e5f50\"'5152535455565758595a5b' 128 mode tunel",
        "ip x s a proto esp spi 1 enc aes correct-horse-battery-staple auth sha correct-horse-battery\\-staple",
        "ip x s a proto esp spi 1 enc aes 0x5e5f5a5b5c5d5e5f50515253x",
        "ip x s a proto esp aead 0x5e5f5a5b5c5d5e5f505152535455565758595a5b 128",
        "ip x s a proto esp aead gcm 128 0x5e5f5a5b5c5d5e5f505152535455565758595a5b",
        "ip x s a proto esp spi 0x5e5f5a5b5c5d5e5f505152535455565758595a5b",
        "0x5e5f5a5b5c5d5e5f505152535455565758595a5b",
        "ip x s a proto esp enc aes 0x5e5f5a5b5c5d5e5f505152535455565758595a5b $x",
    ] {
        let (found, freed) = leaked(source);
        assert!(freed > 3, "the watch was not on");
        assert_eq!(found, 0, "{source}");
    }

    const KEY: &str = "0x5e5f5a5b5c5d5e5f505152535455565758595a5b";
    for words in [
        &["state", "add", "proto", "esp", "spi", "1", "aead", "rfc4106(gcm(aes))", KEY, "128"][..],
        &["state", "add", "proto", "esp", "spi", KEY],
        &[KEY],
    ] {
        let (found, freed) = leaked_request(words);
        assert!(freed > 3, "the watch was not on");
        assert_eq!(found, 0, "{words:?}");
    }

    // The watch does find what is left.
    WATCHING.store(true, Ordering::SeqCst);
    drop(SECRETS[2].to_vec());
    WATCHING.store(false, Ordering::SeqCst);
    assert_eq!(FOUND.load(Ordering::SeqCst), 1);
}
