//! What is wrong with a line: where, which word, and what was expected there.

use std::fmt;

/// A place in a file; both counts begin at 1, columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

/// A line that is not a command, or asks for what can't be done: `LINE:COLUMN: 'word': expected ...`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}:{}: {word}: {wrong}", at.line, at.column)]
pub struct ParseError {
    /// Where.
    pub at: Position,
    /// The word found there.
    pub word: Found,
    /// What was expected instead, or why it is refused.
    pub wrong: String,
}

/// The word an error is about, fit to be printed: nothing that may be a key is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A word that is there.
    Word(String),
    /// Key material, or a word where key material may stand: only its length is told.
    Hidden(usize),
    /// The line ends where a word is needed.
    End,
}

impl ParseError {
    /// `word` stands at `at`, where `expected` was.
    pub fn new(at: Position, word: impl ToString, expected: impl fmt::Display) -> Self {
        Self { at, word: Found::of(&word.to_string()), wrong: format!("expected {expected}") }
    }

    /// Like [`ParseError::new`], but the word may be a key and is not shown.
    pub fn hidden(at: Position, word: &str, expected: impl fmt::Display) -> Self {
        Self { at, word: Found::Hidden(word.chars().count()), wrong: format!("expected {expected}") }
    }

    /// The command ends at `at`, where `expected` was.
    pub fn end(at: Position, expected: impl fmt::Display) -> Self {
        Self { at, word: Found::End, wrong: format!("expected {expected}") }
    }

    /// The word is understood and refused, for `reason`.
    pub fn refused(at: Position, word: impl ToString, reason: impl fmt::Display) -> Self {
        Self { at, word: Found::of(&word.to_string()), wrong: reason.to_string() }
    }
}

impl Found {
    /// A misplaced key is most likely hexadecimal and long: such a word is never shown.
    fn of(word: &str) -> Self {
        const LONGEST_NUMBER: usize = "0x".len() + 16;
        let hex = word.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0x"));
        if hex && word.len() > LONGEST_NUMBER { Self::Hidden(word.chars().count()) } else { Self::Word(word.to_owned()) }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => write!(f, "'{}'", word.escape_debug()),
            Self::Hidden(length) => write!(f, "(a word of {length} characters, not shown)"),
            Self::End => f.write_str("end of the command"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_place_word_and_expectation() {
        let at = Position { line: 3, column: 14 };
        assert_eq!(ParseError::new(at, "tunel", "a mode").to_string(), "3:14: 'tunel': expected a mode");
        assert_eq!(ParseError::end(at, "a mode").to_string(), "3:14: end of the command: expected a mode");
    }

    #[test]
    fn what_may_be_a_key_is_never_shown() {
        let at = Position { line: 1, column: 1 };
        let text = ParseError::new(at, "0x44434241343332312423222114131211f4f3f2f1", "a number").to_string();
        assert_eq!(text, "1:1: (a word of 42 characters, not shown): expected a number");
    }
}
