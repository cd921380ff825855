//! Reads a scenario.
//!
//! A line that begins with `ip` is a command, as in an .xfrm file (and may be continued with a backslash); lines that begin with `|` are what the command
//! before them must print; everything else is words of the scenario's own, quoted as in a shell.

use std::net::IpAddr;
use std::path::Path;
use std::str::FromStr;

use super::ast::{
    DeviceChange, Expectation, Forgery, Issued, Made, Offloaded, Refused, SaField, Scenario, Step, Traffic, Upper, What, WireFault,
};
use crate::run::sides::Side;
use crate::xfrm::error::Shown;
use crate::xfrm::lexer::{self, Line};
use crate::xfrm::{self, ParseError};

/// Payload of made packets without `size`, in bytes: that of `ping`.
const SIZE: usize = 56;

/// Reads a scenario; paths in it are taken from `folder`. All that is wrong is told.
pub fn parse(source: &str, folder: &Path) -> Result<Scenario, Vec<ParseError>> {
    let mut reader =
        Reader { folder, scenario: Scenario { title: String::new(), steps: Vec::new() }, misread: Vec::new(), errors: Vec::new() };
    let mut lines = source.lines().enumerate().peekable();
    while let Some((index, line)) = lines.next() {
        if !line.trim_start().starts_with("refused") {
            reader.errors.append(&mut reader.misread);
        }
        // Blank lines in front keep the positions right.
        let mut text = "\n".repeat(index) + line;
        while text.ends_with('\\') {
            let Some((_, more)) = lines.next() else { break };
            text = text + "\n" + more;
        }
        match line.trim_start().strip_prefix('|') {
            Some(output) => reader.output(index + 1, output),
            None => reader.line(index + 1, &text),
        }
    }
    reader.errors.append(&mut reader.misread);
    if reader.errors.is_empty() { Ok(reader.scenario) } else { Err(reader.errors) }
}

struct Reader<'a> {
    folder: &'a Path,
    scenario: Scenario,
    /// Commands that iproute2 refuses, until the next line says that it must.
    misread: Vec<ParseError>,
    errors: Vec<ParseError>,
}

impl Reader<'_> {
    /// A line that the command before it must print. One blank after the bar belongs to the bar.
    fn output(&mut self, line: usize, text: &str) {
        let text = text.strip_prefix(' ').unwrap_or(text).to_owned();
        match self.scenario.steps.last_mut().map(|step| &mut step.what) {
            Some(What::Command(issued)) => issued.output.get_or_insert_default().push(text),
            _ => {
                let at = xfrm::Position { line, column: 1 };
                self.errors.push(ParseError::new(at, "'|'").expecting("an `ip` command before what it prints"));
            }
        }
    }

    fn line(&mut self, number: usize, text: &str) {
        if text.trim_start().starts_with("ip ") {
            match xfrm::parse(text.as_bytes()) {
                Ok(commands) => commands.into_iter().for_each(|command| self.command(number, command)),
                Err(errors) => self.misread.extend(errors),
            }
            return;
        }
        if let Some(title) = text.trim_start().strip_prefix("title ") {
            self.scenario.title = title.trim().to_owned();
            return;
        }
        for line in lexer::lex(text) {
            let step = line.and_then(|line| self.words(&line));
            match step {
                Ok(Some(what)) => self.scenario.steps.push(Step { line: number, what }),
                Ok(None) => {}
                Err(error) => self.errors.push(error),
            }
        }
    }

    fn command(&mut self, line: usize, command: xfrm::Command) {
        let host = match command.netns.as_deref() {
            None | Some("left") => Side::Left,
            Some("right") => Side::Right,
            Some(other) => {
                self.errors.push(ParseError::refused(command.at, other, "the hosts of a scenario are left and right"));
                return;
            }
        };
        let what = What::Command(Box::new(Issued { host, command, refused: None, output: None }));
        self.scenario.steps.push(Step { line, what });
    }

    /// A line of the scenario's own; nothing for one that belongs to the step before it.
    fn words(&mut self, line: &Line) -> Result<Option<What>, ParseError> {
        let mut words = Words { line, next: 0 };
        let what = match words.one_of(&["title", "refused", "time", "wire", "expect", "left", "right"])? {
            // Without words of its own.
            "title" => return words.word("what it is about").map(|_| None),
            "refused" if !self.misread.is_empty() => {
                words.parsed("ip: iproute2 itself refuses the command", |word| (word == "ip").then_some(()))?;
                let message = words.word("a message")?;
                for error in std::mem::take(&mut self.misread) {
                    if !error.text.contains(message) {
                        self.errors.push(error.expecting(format_args!("it to be refused with {message:?}")));
                    }
                }
                return words.end().map(|()| None);
            }
            "refused" => {
                let refused =
                    Refused { errno: words.parsed("an error number, as EINVAL", errno)?, message: words.word("a message")?.to_owned() };
                match self.scenario.steps.last_mut().map(|step| &mut step.what) {
                    Some(What::Command(issued)) => issued.refused = Some(refused),
                    _ => return Err(words.wrong("refused", "an `ip` command before it")),
                }
                return words.end().map(|()| None);
            }
            "time" => What::Time(words.number("seconds")?),
            "wire" => What::Wire(words.side()?, wire(&mut words)?),
            "expect" => What::Expect(expectation(&mut words)?),
            "left" => self.host(Side::Left, &mut words)?,
            _ => self.host(Side::Right, &mut words)?,
        };
        words.end().map(|()| Some(what))
    }

    fn host(&self, side: Side, words: &mut Words<'_>) -> Result<What, ParseError> {
        Ok(match words.one_of(&["address", "device", "ping", "udp", "tcp", "send"])? {
            "address" => {
                let mut addresses = vec![words.number("an address")?];
                while words.more() {
                    addresses.push(words.number("an address")?);
                }
                What::Address(side, addresses)
            }
            "device" => {
                let device = words.word("the device's name")?.to_owned();
                let change = match words.one_of(&["up", "down", "unregister", "mtu"])? {
                    "up" => DeviceChange::Up,
                    "down" => DeviceChange::Down,
                    "unregister" => DeviceChange::Unregister,
                    _ => DeviceChange::Mtu(words.number("bytes")?),
                };
                What::Device(side, device, change)
            }
            "ping" => {
                let (src, dst) = (words.number("a source address")?, words.number("a destination address")?);
                What::Send(side, Traffic::Made(made(Upper::Ping, src, dst, words)?))
            }
            "send" => What::Send(side, Traffic::Capture(self.folder.join(words.word("a capture")?))),
            protocol => {
                let src = words.number("a source address")?;
                let sport = words.number("a source port")?;
                let dst = words.number("a destination address")?;
                let dport = words.number("a destination port")?;
                let upper = if protocol == "udp" { Upper::Udp(sport, dport) } else { Upper::Tcp(sport, dport) };
                What::Send(side, Traffic::Made(made(upper, src, dst, words)?))
            }
        })
    }
}

fn made(upper: Upper, src: IpAddr, dst: IpAddr, words: &mut Words<'_>) -> Result<Made, ParseError> {
    if src.is_ipv4() != dst.is_ipv4() {
        return Err(words.wrong(&dst.to_string(), "an address of the source's family"));
    }
    let mut made = Made { upper, src, dst, count: 1, size: SIZE, tos: 0, df: false, options: false, fragment: false };
    while words.more() {
        match words.one_of(&["count", "size", "tos", "df", "options", "fragment"])? {
            "count" => made.count = words.number("how many")?,
            "size" => made.size = words.number("bytes")?,
            "tos" => made.tos = words.number("a TOS byte")?,
            "df" => made.df = true,
            "options" => made.options = true,
            _ => made.fragment = true,
        }
    }
    Ok(made)
}

fn wire(words: &mut Words<'_>) -> Result<WireFault, ParseError> {
    Ok(match words.one_of(&["damage", "lose", "ce", "again", "forge"])? {
        "damage" => WireFault::Damage(words.number("a byte, negative from the end")?),
        "lose" => WireFault::Lose,
        "ce" => WireFault::CongestionMark,
        "again" => WireFault::Again(words.number("which frame, from 1")?),
        _ => {
            let number = words.number("which frame, from 1")?;
            let forgery = match words.one_of(&["dummy", "trailer", "mode"])? {
                "dummy" => Forgery::Dummy,
                "trailer" => Forgery::Trailer,
                _ => Forgery::Mode,
            };
            WireFault::Forge(number, forgery)
        }
    })
}

fn expectation(words: &mut Words<'_>) -> Result<Expectation, ParseError> {
    let side = words.side()?;
    Ok(match words.one_of(&["received", "marked", "counter", "mib", "sa", "offload", "event", "states", "policies"])? {
        "received" => Expectation::Received(side, words.number("how many")?),
        "counter" => Expectation::Counter(side, words.word("the counter's name")?.to_owned(), words.number("its value")?),
        "mib" => Expectation::Mib(side, words.word("the counter's name")?.to_owned(), words.number("its value")?),
        "sa" => {
            let spi = words.parsed("an SPI", spi)?;
            let field = match words.one_of(&["packets", "bytes", "oseq", "seq", "replay", "replay-window", "failed"])? {
                "packets" => SaField::Packets,
                "bytes" => SaField::Bytes,
                "oseq" => SaField::Oseq,
                "seq" => SaField::Seq,
                "replay" => SaField::Replay,
                "replay-window" => SaField::ReplayWindow,
                _ => SaField::Failed,
            };
            Expectation::Sa(side, spi, field, words.parsed("its value", hex_or_decimal)?)
        }
        "offload" => {
            let spi = words.parsed("an SPI", spi)?;
            let offloaded = match words.one_of(&["packet", "crypto", "software"])? {
                "packet" => Offloaded::Packet,
                "crypto" => Offloaded::Crypto,
                _ => Offloaded::Software,
            };
            Expectation::Offload(side, spi, offloaded)
        }
        "marked" => Expectation::Marked(side, words.number("how many")?),
        "event" => {
            let mut texts = vec![words.word("what the event holds")?.to_owned()];
            while words.more() {
                texts.push(words.word("what the event holds")?.to_owned());
            }
            Expectation::Event(side, texts)
        }
        "states" => Expectation::States(side, words.number("how many")?),
        _ => Expectation::Policies(side, words.number("how many")?),
    })
}

/// As errno.h has it.
fn errno(word: &str) -> Option<String> {
    let is_name = word.starts_with('E') && word.chars().all(|c| c.is_ascii_uppercase());
    is_name.then(|| word.to_owned())
}

fn hex_or_decimal(word: &str) -> Option<u64> {
    match word.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    }
}

fn spi(word: &str) -> Option<u32> {
    hex_or_decimal(word).and_then(|spi| spi.try_into().ok())
}

/// The words of a line, one after the other.
struct Words<'a> {
    line: &'a Line,
    next: usize,
}

impl<'a> Words<'a> {
    fn more(&self) -> bool {
        self.next < self.line.words.len()
    }

    fn word(&mut self, wanted: &str) -> Result<&'a str, ParseError> {
        match self.line.words.get(self.next) {
            Some(word) => {
                self.next += 1;
                Ok(&word.text)
            }
            None => Err(ParseError::end(self.line.end, wanted)),
        }
    }

    fn parsed<T>(&mut self, wanted: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, ParseError> {
        let word = self.word(wanted)?;
        parse(word).ok_or_else(|| self.wrong(word, wanted))
    }

    fn number<T: FromStr>(&mut self, wanted: &str) -> Result<T, ParseError> {
        self.parsed(wanted, |word| word.parse().ok())
    }

    fn one_of<'w>(&mut self, words: &[&'w str]) -> Result<&'w str, ParseError> {
        let wanted = format!("one of: {}", words.join(", "));
        self.parsed(&wanted, |word| words.iter().copied().find(|known| *known == word))
    }

    fn side(&mut self) -> Result<Side, ParseError> {
        Ok(if self.one_of(&["left", "right"])? == "left" { Side::Left } else { Side::Right })
    }

    fn end(&mut self) -> Result<(), ParseError> {
        match self.line.words.get(self.next) {
            Some(word) => Err(ParseError::new(word.at, format_args!("'{}'", Shown(&word.text))).expecting("the end of the line")),
            None => Ok(()),
        }
    }

    /// The word before the next one is not what it should be.
    fn wrong(&self, word: &str, wanted: &str) -> ParseError {
        let at = self.line.words.get(self.next.saturating_sub(1)).map_or(self.line.end, |word| word.at);
        ParseError::new(at, format_args!("'{}'", Shown(word))).expecting(wanted)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(source: &str) -> Result<Scenario, String> {
        parse(source, Path::new("here")).map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn a_scenario_is_read_line_by_line() {
        let scenario = read(
            "title an example\n\
             # nothing\n\
             left address 192.0.2.1 2001:db8::1\n\
             ip -n right xfrm state \\\n    count\n\
             | \t SAD count 0\n\
             ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 1 enc null ''\n\
             refused EINVAL \"no such thing\"\n\
             left udp 10.1.0.1 500 10.2.0.1 4500 count 3 size 100 df\n\
             wire left damage -1\n\
             expect right sa 0x1001 replay-window 0x10\n",
        )
        .unwrap();
        assert_eq!(scenario.title, "an example");
        assert_eq!(scenario.steps.iter().map(|step| step.line).collect::<Vec<_>>(), [3, 4, 7, 9, 10, 11]);
        let What::Command(counted) = &scenario.steps[1].what else { panic!("{:?}", scenario.steps[1]) };
        assert_eq!((counted.host, counted.output.as_deref()), (Side::Right, Some(&["\t SAD count 0".to_owned()][..])));
        let What::Command(added) = &scenario.steps[2].what else { panic!("{:?}", scenario.steps[2]) };
        assert_eq!(added.refused, Some(Refused { errno: "EINVAL".to_owned(), message: "no such thing".to_owned() }));
        let What::Send(Side::Left, Traffic::Made(made)) = &scenario.steps[3].what else { panic!("{:?}", scenario.steps[3]) };
        assert_eq!((made.upper, made.count, made.size, made.df), (Upper::Udp(500, 4500), 3, 100, true));
        assert!(matches!(scenario.steps[5].what, What::Expect(Expectation::Sa(Side::Right, 0x1001, SaField::ReplayWindow, 16))));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (source, message) in [
            ("left jump", "1:6: 'jump' (expected one of: address, device, ping, udp, tcp, send)"),
            ("\nwire right again x", "2:18: 'x' (expected which frame, from 1)"),
            ("| output", "1:1: '|' (expected an `ip` command before what it prints)"),
            ("left ping 10.0.0.1 fd00::1", "1:20: 'fd00::1' (expected an address of the source's family)"),
            ("expect left states", "1:19: end of the command (expected how many)"),
            ("time 1 2", "1:8: '2' (expected the end of the line)"),
            ("ip -n middle xfrm state count", "middle"),
            ("ip xfrm state counts", "1:15:"),
            ("ip xfrm state counts\nrefused ip other", "expected it to be refused with \"other\""),
        ] {
            let told = read(source).unwrap_err();
            assert!(told.contains(message), "{source:?}: {told}");
        }
    }
}
