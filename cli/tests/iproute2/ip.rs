//! iproute2 itself, where there is one.

use std::process::{Command, Output};
use std::sync::LazyLock;

/// `iproute2-6.1.0`: what `ip -V` calls itself; none, said once and loudly, where there is no `ip`.
pub static VERSION: LazyLock<Option<String>> = LazyLock::new(|| {
    let found = Command::new("ip").arg("-V").output().ok().and_then(|output| {
        let text = String::from_utf8(output.stdout).ok()?;
        text.split([' ', ',', '\n']).find(|word| word.starts_with("iproute2-")).map(str::to_owned)
    });
    if found.is_none() {
        eprintln!("*** no iproute2 on this machine: what it prints is not compared, only what it is recorded to have printed ***");
    }
    found
});

/// What it printed; `None` where there is none.
pub fn run(args: &[&str], timezone: &str) -> Option<Output> {
    VERSION.as_ref()?;
    Command::new("ip").args(args).env("TZ", timezone).env("LC_ALL", "C").output().ok()
}

/// Whether it is as new as `release`: `[6, 2]`.
pub fn at_least(version: &str, release: [u32; 2]) -> bool {
    let mut numbers = version.trim_start_matches("iproute2-").split('.').map(|number| number.parse().unwrap_or(0));
    [numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)] >= release
}

/// The fields that this version has: from what is printed, take what it has no words for.
pub fn known_to(version: &str, text: &str) -> String {
    let (mode, direction) = (at_least(version, [6, 2]), at_least(version, [6, 10]));
    let line = |line: &str| {
        let parts = line.split('\\').filter(|part| direction || !matches!(*part, "\tdir in" | "\tdir out"));
        let parts = parts.map(|part| {
            if mode || !part.contains("crypto offload parameters: ") {
                return part.to_owned();
            }
            // It shows no mode, and a direction also for a policy, which has its own.
            let part = part.trim_end_matches(" mode packet").trim_end_matches(" mode crypto");
            if part.contains(" dir ") { part.to_owned() } else { format!("{part} dir out") }
        });
        parts.collect::<Vec<_>>().join("\\")
    };
    let lines = text.split('\n').filter(|line| direction || !matches!(*line, "\tdir in" | "\tdir out"));
    lines.map(line).collect::<Vec<_>>().join("\n")
}
