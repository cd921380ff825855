//! Reads the words of one command from left to right.

use std::fmt::Display;

use super::ast::{Family, Prefix};
use super::error::{ParseError, Position};
use super::lexer::{Line, Word};
use super::value;

/// The words that are left of a command.
pub struct Cursor<'a> {
    words: &'a [Word],
    end: Position,
    /// The family that the next address must have: iproute2's `preferred_family`.
    pub family: Option<Family>,
}

/// A word and what it may be.
pub type Choice<T> = (&'static str, T);

impl<'a> Cursor<'a> {
    /// At the first word of `line`.
    pub fn new(line: &'a Line) -> Self {
        Self { words: &line.words, end: line.end, family: None }
    }

    /// The next word, left in place.
    pub fn peek(&self) -> Option<&'a Word> {
        self.words.first()
    }

    /// The next word's text, left in place.
    pub fn peek_text(&self) -> Option<&'a str> {
        self.peek().map(|word| word.text.as_str())
    }

    /// Where the next word is, or the end.
    pub fn at(&self) -> Position {
        self.peek().map_or(self.end, |word| word.at)
    }

    /// Takes the next word, which must be there.
    pub fn take(&mut self, expected: impl Display) -> Result<&'a Word, ParseError> {
        let (first, rest) = self.words.split_first().ok_or_else(|| ParseError::end(self.end, expected))?;
        self.words = rest;
        Ok(first)
    }

    /// Takes the next word if it is `word`.
    pub fn accept(&mut self, word: &str) -> bool {
        let found = self.peek_text() == Some(word);
        if found {
            self.words = &self.words[1..];
        }
        found
    }

    /// An error at the next word, or at the end.
    pub fn error(&self, expected: impl Display) -> ParseError {
        match self.peek() {
            Some(word) => ParseError::new(word.at, &word.text, expected),
            None => ParseError::end(self.end, expected),
        }
    }

    /// Takes a word and reads it by `read`, which says nothing of a word that is not `expected`.
    pub fn read<T>(&mut self, expected: impl Display, read: impl FnOnce(&str) -> Option<T>) -> Result<T, ParseError> {
        let word = self.take(&expected)?;
        read(&word.text).ok_or_else(|| ParseError::new(word.at, &word.text, expected))
    }

    /// A number that fits `T`.
    pub fn number<T: TryFrom<u64> + Bounded>(&mut self, what: &str) -> Result<T, ParseError> {
        self.read(format_args!("{what}, a number from 0 to {}", T::MAX), |word| T::try_from(value::number(word)?).ok())
    }

    /// An address of the preferred family, or a prefix.
    pub fn prefix(&mut self, what: &str) -> Result<Prefix, ParseError> {
        let family = self.family;
        self.read(format_args!("{what}, {}", family_words(family)), |word| value::prefix(word, family))
    }

    /// A device's name.
    pub fn device(&mut self) -> Result<String, ParseError> {
        self.read("a device's name", |word| value::is_device_name(word).then(|| word.to_owned()))
    }

    /// One of `choices`, spelt out.
    pub fn choice<T: Copy>(&mut self, what: &str, choices: &[Choice<T>]) -> Result<T, ParseError> {
        self.read(format_args!("{what}: {}", one_of(choices)), |word| {
            choices.iter().find(|(known, _)| *known == word).map(|(_, value)| *value)
        })
    }

    /// One of `choices`, or its beginning: the first that fits, as iproute2's `matches()` finds it.
    pub fn choice_by_prefix<T: Copy>(&mut self, what: &str, choices: &[Choice<T>]) -> Result<T, ParseError> {
        self.read(format_args!("{what}: {}", one_of(choices)), |word| {
            choices.iter().find(|(known, _)| !word.is_empty() && known.starts_with(word)).map(|(_, value)| *value)
        })
    }
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

/// `a, b or c`
pub fn one_of<T>(choices: &[Choice<T>]) -> String {
    let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

fn family_words(family: Option<Family>) -> &'static str {
    match family {
        None => "IPv4 or IPv6",
        Some(Family::Inet) => "IPv4 as the rest of the command",
        Some(Family::Inet6) => "IPv6 as the rest of the command",
    }
}
