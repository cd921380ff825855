//! What is wrong with a line: where, in iproute2's own words where it has some, and what was expected there.

use std::fmt::{self, Display};

use super::ast::Family;
use super::lexer::Word;

/// A place in a file; both counts begin at 1, columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

/// A line that is not a command, or asks for what can't be done: `LINE:COLUMN: TEXT (expected ...)`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ParseError {
    /// Where.
    pub at: Position,
    /// What iproute2 says of it, to the letter; of what it does not refuse itself, our own words. Nothing that may be a
    /// key is in it.
    pub text: String,
    /// What was expected there, where that helps.
    pub expected: Option<String>,
}

impl Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.at.line, self.at.column, self.text)?;
        self.expected.as_ref().map_or(Ok(()), |expected| write!(f, " (expected {expected})"))
    }
}

impl ParseError {
    /// In these words.
    pub fn new(at: Position, text: impl Display) -> Self {
        Self { at, text: text.to_string(), expected: None }
    }

    /// iproute2's invarg(): `word` is no good.
    pub fn wrong(word: &Word, why: &str) -> Self {
        Self::new(word.at, format_args!("Error: argument \"{}\" is wrong: {why}", Shown(&word.text)))
    }

    /// Like [`ParseError::wrong`] of a word that stands where a key may stand, and so is never shown.
    pub fn hidden(word: &Word, why: &str) -> Self {
        Self::new(word.at, format_args!("Error: argument \"{}\" is wrong: {why}", Hidden(&word.text)))
    }

    /// iproute2's missarg(): `what` is not there.
    pub fn missing(at: Position, what: &str) -> Self {
        Self::new(at, format_args!("Error: argument \"{what}\" is required"))
    }

    /// iproute2's duparg(): `word` is the second of `what`.
    pub fn duplicate(word: &Word, what: &str) -> Self {
        Self::new(word.at, format_args!("Error: duplicate \"{what}\": \"{}\" is the second value.", Shown(&word.text)))
    }

    /// iproute2's incomplete_command(): the command ends where a word is needed.
    pub fn incomplete(end: Position) -> Self {
        Self::new(end, "Command line is not complete. Try option \"help\"")
    }

    /// iproute2's get_prefix() and get_addr(): `word` is none of the family.
    pub fn not_an_address(word: &Word, what: &str, family: Option<Family>) -> Self {
        let family = family.map_or_else(|| "any valid".to_owned(), |family| family.to_string());
        Self::new(word.at, format_args!("Error: {family} {what} is expected rather than \"{}\".", Shown(&word.text)))
    }

    /// iproute2's get_addr32(), of a GRE key.
    pub fn no_ip_address(word: &Word) -> Self {
        Self::new(word.at, format_args!("Error: an IP address is expected rather than \"{}\"", Shown(&word.text)))
    }

    /// The word is understood and refused, for `reason`.
    pub fn refused(at: Position, word: impl Display, reason: impl Display) -> Self {
        Self::new(at, format_args!("'{}': {reason}", Shown(&word.to_string())))
    }

    /// Something is missing that is not iproute2's to ask for.
    pub fn end(at: Position, expected: impl Display) -> Self {
        Self::new(at, "end of the command").expecting(expected)
    }

    /// With what was expected.
    #[must_use]
    pub fn expecting(self, expected: impl Display) -> Self {
        Self { expected: Some(expected.to_string()), ..self }
    }
}

/// A word, unless it may be a key in the wrong place: that is most likely long and hexadecimal.
pub struct Shown<'a>(pub &'a str);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST_NUMBER: usize = "0x".len() + 16;
        let hex = self.0.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0x"));
        if hex && self.0.len() > LONGEST_NUMBER {
            return Hidden(self.0).fmt(f);
        }
        // Nothing of a file acts on the terminal.
        for c in self.0.chars() {
            if c.is_control() { write!(f, "{}", c.escape_default())? } else { write!(f, "{c}")? }
        }
        Ok(())
    }
}

/// Of a key only its length.
struct Hidden<'a>(&'a str);

impl Display for Hidden<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<<{} characters hidden>>", self.0.chars().count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> Word {
        Word { text: text.to_owned().into(), at: Position { line: 3, column: 14 } }
    }

    #[test]
    fn an_error_names_place_word_and_expectation() {
        assert_eq!(
            ParseError::wrong(&word("tunel"), "MODE value is invalid").expecting("a mode").to_string(),
            "3:14: Error: argument \"tunel\" is wrong: MODE value is invalid (expected a mode)"
        );
        assert_eq!(ParseError::wrong(&word("\u{1b}[2J"), "unknown").text, "Error: argument \"\\u{1b}[2J\" is wrong: unknown");
    }

    #[test]
    fn what_may_be_a_key_is_never_shown() {
        let key = "0x44434241343332312423222114131211f4f3f2f1";
        for error in [ParseError::wrong(&word(key), ""), ParseError::duplicate(&word(key), ""), ParseError::hidden(&word("secret"), "")] {
            assert!(error.text.contains("characters hidden>>") && !error.text.contains("444") && !error.text.contains("secret"), "{error}");
        }
    }
}
