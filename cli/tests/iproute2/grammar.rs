//! iproute2 as a judge of what we understand: what it refuses before it asks the kernel, we refuse in the same words; what
//! it sends to the kernel, we understand.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use espalier::xfrm::parse;
use proptest::prelude::*;

use crate::{RECORDED, ip};

/// Whether commands can be given in a network namespace of their own; said once and loudly if not.
pub static NAMESPACE: LazyLock<bool> = LazyLock::new(|| {
    let works =
        ip::VERSION.is_some() && Command::new("unshare").args(["-rn", "ip", "-V"]).output().is_ok_and(|output| output.status.success());
    if !works {
        eprintln!("*** no network namespace here: iproute2 is given no commands, only what it is recorded to have said is compared ***");
    }
    works
});

/// What iproute2 says of a command: its exit status and the first line of stderr.
fn said(words: &[&str]) -> Option<(i32, String)> {
    NAMESPACE.then(|| {
        let output = Command::new("unshare").arg("-rn").args(words).env("LC_ALL", "C").output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or_default().to_owned();
        (output.status.code().unwrap(), text)
    })
}

/// Exit statuses of what iproute2 refuses itself; 2 is the kernel's refusal.
const REFUSED: [i32; 2] = [1, 255];

/// What we say of it.
fn refused(command: &str) -> Option<String> {
    parse(command.as_bytes()).err().map(|errors| errors[0].text.clone())
}

#[test]
fn wrong_commands_are_refused_in_iproute2s_words() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/iproute2/errors.txt");
    let record = std::fs::read_to_string(&path).unwrap();
    let (header, lines) = record.split_once('\n').unwrap();
    let mut anew = format!("{header}\n");
    let mut lines = lines.lines().peekable();
    let mut wrong = Vec::new();
    while let Some(command) = lines.next() {
        let recorded = lines.next_if(|line| line.starts_with('\t')).map(|line| line[1..].to_owned());
        let now = said(&command.split(' ').collect::<Vec<_>>());
        if let Some((status, text)) = &now {
            assert!(REFUSED.contains(status), "{command}: {status} {text}");
            if ip::VERSION.as_deref() == Some(RECORDED) && std::env::var_os("ESPALIER_RECORD").is_none() {
                assert_eq!(recorded.as_ref(), Some(text), "{command}");
            }
        }
        let expected = recorded.filter(|_| std::env::var_os("ESPALIER_RECORD").is_none()).or(now.map(|(_, text)| text)).unwrap();
        anew += &format!("{command}\n\t{expected}\n");
        let ours = refused(command);
        if ours.as_ref() != Some(&expected) {
            wrong.push(format!("{command}\n  iproute2: {expected}\n  Espalier: {}", ours.unwrap_or_else(|| "understood".to_owned())));
        }
    }
    if std::env::var_os("ESPALIER_RECORD").is_some() {
        std::fs::write(&path, anew).unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Words that bring both parsers into every state; those that only newer versions know are not among them.
const WORDS: &str = "src dst proto spi esp ah comp hao tcp icmp gre any aead enc auth auth-trunc digest_null mode tunnel t ro beet mark mask \
    reqid in out fwd seq replay-window replay-seq replay-oseq-hi flag esn noecn localok 0x80 0x3 extra-flag dont-encap-dscp sel limit \
    byte-soft packet-hard time-use-hard encap espinudp coa ctx output-mark if_id tfcpad index ptype main sub action block allow priority \
    tmpl level use required sport dport type code key dev lo none nokeys nosock min max 10.0.0.1 10.0.0.0/24 fd00::1 fd00::/64 \
    1.2.3.4/33 10.8 default 0 1 0x07 010 -1 128 4096 4294967295 4294967296 18446744073709551615 0x0001020304050607";
const VERBS: &str = "state-add state-update state-allocspi state-delete state-get state-list state-deleteall state-flush \
    policy-add policy-update policy-delete policy-get policy-list policy-deleteall policy-flush";
/// What words often stand together.
const PHRASES: &str = "src 10.0.0.1|dst 10.0.0.2|src fd00::1 dst fd00::2|proto esp|proto ah|proto esp spi 7|mode tunnel|reqid 5|dir in|dir out|\
    enc cipher_null 0x00|aead gcm 0x0001 128|auth digest_null 0x00|comp deflate|sel src 10.0.0.0/8 proto tcp dport 80|proto udp sport 1|\
    proto icmp type 8 code 0|proto gre key 1.2.3.4|tmpl proto esp mode tunnel|tmpl src 10.0.0.1 dst 10.0.0.2 proto esp reqid 3 level use|\
    flag esn|replay-window 64|limit byte-soft 5|mark 3 mask 7|output-mark 1|encap espinudp 4500 4500 0.0.0.0|priority 5|action block|\
    index 9|min 256 max 512|ptype sub|coa fd00::9";

/// Two words of a verb, then phrases with a stray word here and there.
fn command() -> impl Strategy<Value = String> {
    let choose = |list: &str, at: fn(char) -> bool| {
        proptest::sample::select(list.split(at).filter(|word| !word.is_empty()).map(|word| word.trim().to_owned()).collect::<Vec<_>>())
    };
    let part = prop_oneof![4 => choose(PHRASES, |c| c == '|'), 1 => choose(WORDS, char::is_whitespace)];
    let option = prop_oneof![6 => Just(""), 1 => Just("-4 "), 1 => Just("-6 ")];
    (option, choose(VERBS, char::is_whitespace), proptest::collection::vec(part, 0..9))
        .prop_map(|(option, verb, parts)| format!("ip {option}xfrm {} {}", verb.replace('-', " "), parts.join(" ")).trim_end().to_owned())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn both_understand_and_refuse_the_same(command in command()) {
        // Before 6.10 an SA has no direction.
        let newer = ip::VERSION.as_ref().is_none_or(|version| ip::at_least(version, [6, 10]));
        prop_assume!(newer || !(command.contains("xfrm state") && command.contains(" dir ")));
        // A device must exist for iproute2.
        let words: Vec<_> = command.split_whitespace().collect();
        prop_assume!(words.windows(2).all(|pair| pair[0] != "dev" || ["lo", "none"].contains(&pair[1])));
        if let Some((status, theirs)) = said(&words) {
            let ours = refused(&command);
            // What may be a key is not repeated; why it is wrong is.
            let why = |text: &str| text.rsplit_once("\" is wrong: ").map(|(_, why)| why.to_owned());
            let hidden = ours.as_ref().filter(|text| text.contains(" characters hidden>>")).and_then(|text| why(text));
            if ip::VERSION.as_deref() != Some(RECORDED) {
                // Another version's words may be others.
                prop_assert_eq!(ours.is_some(), REFUSED.contains(&status), "{}: {}", command, theirs);
            } else if let Some(hidden) = hidden {
                prop_assert_eq!((Some(hidden), true), (why(&theirs), REFUSED.contains(&status)), "{}", command);
            } else if REFUSED.contains(&status) {
                prop_assert_eq!(ours, Some(theirs), "{}", command);
            } else {
                prop_assert_eq!(ours, None, "{}", command);
            }
        }
    }
}
