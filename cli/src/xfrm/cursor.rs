//! Reads the words of one command from left to right.

use std::fmt::Display;

use super::ast::{Family, Prefix};
use super::error::{ParseError, Position};
use super::lexer::{Line, Word};
use super::value::{self, AddressError};

/// The words of a command, and how many of them have been read.
pub struct Cursor<'a> {
    words: &'a [Word],
    taken: usize,
    end: Position,
    /// The family that the next address must have: iproute2's `preferred_family`.
    pub family: Option<Family>,
}

/// A word and what it may be.
pub type Choice<T> = (&'static str, T);

impl<'a> Cursor<'a> {
    /// At the first word of `line`.
    pub fn new(line: &'a Line) -> Self {
        Self { words: &line.words, taken: 0, end: line.end, family: None }
    }

    /// The next word, left in place.
    pub fn peek(&self) -> Option<&'a Word> {
        self.words.get(self.taken)
    }

    /// The next word's text, left in place.
    pub fn peek_text(&self) -> Option<&'a str> {
        self.peek().map(|word| word.text.as_str())
    }

    /// Where the next word is, or the end.
    pub fn at(&self) -> Position {
        self.peek().map_or(self.end, |word| word.at)
    }

    /// Where the command ends.
    pub fn end(&self) -> Position {
        self.end
    }

    /// The word that was taken last.
    pub fn last(&self) -> Option<&'a Word> {
        self.words.get(self.taken.checked_sub(1)?)
    }

    /// Puts the word back that was taken last.
    pub fn back(&mut self) {
        self.taken = self.taken.saturating_sub(1);
    }

    /// Takes the next word, which must be there.
    pub fn take(&mut self, expected: impl Display) -> Result<&'a Word, ParseError> {
        self.next().ok_or_else(|| ParseError::incomplete(self.end).expecting(expected))
    }

    /// Takes the next word, if there is one.
    pub fn next(&mut self) -> Option<&'a Word> {
        let word = self.peek()?;
        self.taken += 1;
        Some(word)
    }

    /// Takes the next word if it is `word`.
    pub fn accept(&mut self, word: &str) -> bool {
        self.peek_text() == Some(word) && self.next().is_some()
    }

    /// An error at the next word, or at the end, in iproute2's words.
    pub fn error(&self, text: impl Display) -> ParseError {
        ParseError::new(self.at(), text)
    }

    /// Takes a word and reads it by `read`, which says nothing of a word that is not `expected`: it is `wrong` then.
    pub fn read<T>(&mut self, wrong: &str, expected: impl Display, read: impl FnOnce(&str) -> Option<T>) -> Result<T, ParseError> {
        let word = self.take(&expected)?;
        read(&word.text).ok_or_else(|| ParseError::wrong(word, wrong).expecting(expected))
    }

    /// A number that fits `T`.
    pub fn number<T: TryFrom<u64> + Bounded>(&mut self, wrong: &str) -> Result<T, ParseError> {
        let expected = format_args!("a number from 0 to {}", T::MAX);
        self.read(wrong, expected, |word| T::try_from(value::number(word)?).ok())
    }

    /// What stands after the word `of`: an address of the preferred family, or a prefix.
    pub fn prefix(&mut self, of: &str) -> Result<Prefix, ParseError> {
        let family = self.family;
        let word = self.take(family_words(family))?;
        value::prefix(&word.text, family).map_err(|error| address_error(word, "prefix", of, error, family))
    }

    /// A device's name, which is `wrong` otherwise.
    pub fn device(&mut self, wrong: &str) -> Result<String, ParseError> {
        self.read(wrong, "a device's name", |word| value::is_device_name(word).then(|| word.to_owned()))
    }

    /// One of `choices`, spelt out.
    pub fn choice<T: Copy>(&mut self, wrong: &str, choices: &[Choice<T>]) -> Result<T, ParseError> {
        self.read(wrong, one_of(choices), |word| choices.iter().find(|(known, _)| *known == word).map(|(_, value)| *value))
    }

    /// One of `choices`, or its beginning: the first that fits, as iproute2's `matches()` finds it.
    pub fn choice_by_prefix<T: Copy>(&mut self, wrong: &str, choices: &[Choice<T>]) -> Result<T, ParseError> {
        self.read(wrong, one_of(choices), |word| by_prefix(word, choices))
    }
}

/// The first of `choices` that begins with `word`.
pub fn by_prefix<T: Copy>(word: &str, choices: &[Choice<T>]) -> Option<T> {
    choices.iter().find(|(known, _)| !word.is_empty() && known.starts_with(word)).map(|(_, value)| *value)
}

/// Integers that know their largest value.
pub trait Bounded {
    /// The largest value.
    const MAX: u64;
}

impl Bounded for u8 {
    const MAX: u64 = u8::MAX as u64;
}
impl Bounded for u16 {
    const MAX: u64 = u16::MAX as u64;
}
impl Bounded for u32 {
    const MAX: u64 = u32::MAX as u64;
}
impl Bounded for u64 {
    const MAX: u64 = u64::MAX;
}

/// The words of `choices`: `a, b or c`.
pub fn one_of<T>(choices: &[Choice<T>]) -> String {
    any_of(&choices.iter().map(|(word, _)| *word).collect::<Vec<_>>())
}

/// `a, b or c`
pub fn any_of(words: &[&str]) -> String {
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// get_prefix() and get_addr() of iproute2, and what its callers say of an address of no family.
pub fn address_error(word: &Word, what: &str, of: &str, error: AddressError, family: Option<Family>) -> ParseError {
    match error {
        AddressError::NoFamily => ParseError::wrong(word, &format!("value after \"{of}\" has an unrecognized address family")),
        AddressError::NoAddress => ParseError::not_an_address(word, what, family),
    }
    .expecting(family_words(family))
}

fn family_words(family: Option<Family>) -> &'static str {
    match family {
        None => "an address, IPv4 or IPv6",
        Some(Family::Inet) => "an IPv4 address, as the rest of the command",
        Some(Family::Inet6) => "an IPv6 address, as the rest of the command",
    }
}
