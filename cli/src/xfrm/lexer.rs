//! Cuts a file into commands and commands into words, as a shell would: quotes, backslashes, `#` comments, continued lines.
//!
//! Only quoting is done. What a shell would run or expand (`$`, backquotes, `;`, pipes, redirections) is refused, so
//! that a script that needs a shell is not half understood. Parentheses may stand bare, as in a file for `ip -batch`.

use std::fmt;

use zeroize::Zeroizing;

use super::error::{ParseError, Position};

/// A word and where it begins. It may be a key: it is wiped when dropped, and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Word {
    /// The word without its quotes.
    pub text: Zeroizing<String>,
    /// Where it begins in the file.
    pub at: Position,
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Word({} bytes at {}:{})", self.text.len(), self.at.line, self.at.column)
    }
}

/// One command: the words of a line and of the lines that continue it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// At least one word.
    pub words: Vec<Word>,
    /// Where the command ends: errors about a missing word point here.
    pub end: Position,
}

/// Cuts `source` into commands. A line that can't be cut is an `Err` in its place, so that the others are still checked.
pub fn lex(source: &str) -> Vec<Result<Line, ParseError>> {
    let mut lexer = Lexer { rest: source.chars().peekable(), at: Position { line: 1, column: 1 } };
    let mut lines = Vec::new();
    while lexer.rest.peek().is_some() {
        match lexer.line() {
            Ok(line) if line.words.is_empty() => {}
            other => lines.push(other),
        }
    }
    lines
}

struct Lexer<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    at: Position,
}

impl Lexer<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        if c == '\n' {
            self.at.line += 1;
            self.at.column = 1;
        } else {
            self.at.column += 1;
        }
        Some(c)
    }

    /// Reads up to and with the newline; after an error, skips to it.
    fn line(&mut self) -> Result<Line, ParseError> {
        let mut words = Vec::new();
        loop {
            match self.rest.peek() {
                None => break,
                Some('\n') => break,
                Some('\\') => match self.continuation() {
                    true => {}
                    false => words.push(self.word()?),
                },
                Some('#') => self.skip_to_newline(),
                Some(c) if c.is_whitespace() => {
                    self.next();
                }
                Some(_) => words.push(self.word()?),
            }
        }
        let end = self.at;
        self.next();
        Ok(Line { words, end })
    }

    /// Takes a backslash and the newline after it, if that is what comes next.
    fn continuation(&mut self) -> bool {
        let mut ahead = self.rest.clone();
        ahead.next();
        let newline = match ahead.next() {
            Some('\n') => 2,
            Some('\r') if ahead.next() == Some('\n') => 3,
            _ => return false,
        };
        for _ in 0..newline {
            self.next();
        }
        true
    }

    fn word(&mut self) -> Result<Word, ParseError> {
        let at = self.at;
        let mut text = Text::default();
        while let Some(&c) = self.rest.peek() {
            let here = self.at;
            match c {
                c if c.is_whitespace() => break,
                '\\' if self.continuation() => {}
                '\\' => {
                    self.next();
                    match self.next() {
                        Some(escaped) => text.push(escaped),
                        None => return Err(expected(here, '\\', "a character after the backslash")),
                    }
                }
                '\'' | '"' => self.quoted(c, &mut text)?,
                '$' | '`' | ';' | '|' | '&' | '<' | '>' => {
                    self.skip_to_newline();
                    return Err(expected(here, c, "plain words: no shell runs here (quote the word to keep the character)"));
                }
                c => {
                    text.push(c);
                    self.next();
                }
            }
        }
        Ok(Word { text: text.0, at })
    }

    fn quoted(&mut self, quote: char, text: &mut Text) -> Result<(), ParseError> {
        let opened = self.at;
        self.next();
        while let Some(&c) = self.rest.peek() {
            match c {
                '\n' => break,
                c if c == quote => {
                    self.next();
                    return Ok(());
                }
                '\\' if quote == '"' => {
                    if self.continuation() {
                        continue;
                    }
                    self.next();
                    // POSIX 2.2.3: in double quotes a backslash escapes only these.
                    match self.rest.peek() {
                        Some(&escaped @ ('$' | '`' | '"' | '\\')) => {
                            text.push(escaped);
                            self.next();
                        }
                        _ => text.push('\\'),
                    }
                }
                '$' | '`' if quote == '"' => {
                    let here = self.at;
                    self.skip_to_newline();
                    return Err(expected(here, c, "plain words: no shell runs here (use single quotes to keep the character)"));
                }
                c => {
                    text.push(c);
                    self.next();
                }
            }
        }
        Err(expected(opened, quote, "the closing quote on the same line"))
    }

    fn skip_to_newline(&mut self) {
        while self.rest.peek().is_some_and(|&c| c != '\n') {
            self.next();
        }
    }
}

fn expected(at: Position, found: char, expected: &str) -> ParseError {
    ParseError::new(at, format_args!("'{found}' is not understood")).expecting(expected)
}

/// A word as it grows: memory that it leaves for more is wiped.
#[derive(Default)]
struct Text(Zeroizing<String>);

impl Text {
    fn push(&mut self, c: char) {
        if self.0.capacity() - self.0.len() < c.len_utf8() {
            let mut wider = Zeroizing::new(String::with_capacity(32.max(self.0.capacity() * 2)));
            wider.push_str(&self.0);
            self.0 = wider;
        }
        self.0.push(c);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn words(source: &str) -> Vec<Vec<String>> {
        lex(source).into_iter().map(|line| line.unwrap().words.into_iter().map(|w| w.text.to_string()).collect()).collect()
    }

    #[test]
    fn quotes_and_escapes_are_a_shells() {
        assert_eq!(words(r#"a 'b c' "d \" \x" e\ f g'h'"i" ''"#), [["a", "b c", "d \" \\x", "e f", "ghi", ""]]);
        assert_eq!(words("rfc4106(gcm(aes)) 'rfc4106(gcm(aes))'"), [["rfc4106(gcm(aes))", "rfc4106(gcm(aes))"]]);
    }

    #[test]
    fn comments_begin_a_word_and_end_the_line() {
        assert_eq!(words("# one\n\n  a#b # c \\\nd\n"), [vec!["a#b"], vec!["d"]]);
    }

    #[test]
    fn continued_lines_are_one_command() {
        assert_eq!(words("a \\\n  b\\\r\nc\nd"), [vec!["a", "bc"], vec!["d"]]);
    }

    #[test]
    fn positions_count_lines_and_characters() {
        let line = lex("a \\\n  'é' c\n").remove(0).unwrap();
        let at: Vec<_> = line.words.iter().map(|w| (w.at.line, w.at.column)).collect();
        assert_eq!(at, [(1, 1), (2, 3), (2, 7)]);
        assert_eq!((line.end.line, line.end.column), (2, 8));
    }

    #[test]
    fn what_needs_a_shell_is_refused_where_it_stands() {
        for (source, line, column) in [("a $B", 1, 3), ("a\nb;c", 2, 2), ("a 'b", 1, 3), ("\"`x`\"", 1, 2), ("a \\", 1, 3)] {
            let error = lex(source).into_iter().find_map(Result::err).unwrap();
            assert_eq!((error.at.line, error.at.column), (line, column), "{source}");
        }
        // The line after a bad one is still read.
        assert!(lex("a $B\nc").last().unwrap().is_ok());
    }
}
