//! `ip xfrm` commands, read exactly as iproute2 takes them.
//!
//! The words, their order, their abbreviations and what is said of a wrong one are those of iproute2's ip/ipxfrm.c,
//! ip/xfrm_state.c, ip/xfrm_policy.c and ip/xfrm_monitor.c: objects, verbs, modes and what to monitor may be shortened,
//! and the first that fits in iproute2's order is meant (`ip x s add` is `ip xfrm state add`); all other words stand in
//! full. Nothing is looked up here: what a file says is understood or refused as a whole before anything is programmed.
//!
//! [`parse`] reads commands, [`filter`] tells what a command is about, [`show`] prints.
//!
//! Keys are wiped from memory when what holds them is dropped; whoever hands over a file's bytes wipes those.

mod algorithm;
mod ask;
pub mod ast;
mod command;
mod cursor;
pub mod error;
pub mod explain;
pub mod filter;
pub(crate) mod lexer;
mod monitor;
mod policy;
mod selector;
pub mod show;
mod state;
pub mod value;
mod words;

#[cfg(test)]
mod tests;

pub use ast::Command;
pub use error::{ParseError, Position};
use zeroize::Zeroizing;

/// Reads a file. Every line that is wrong is reported, in the order of the file.
pub fn parse(source: &[u8]) -> Result<Vec<Command>, Vec<ParseError>> {
    let source = match std::str::from_utf8(source) {
        Ok(source) => source,
        Err(error) => return Err(vec![not_text(source, error.valid_up_to())]),
    };
    let mut commands = Vec::new();
    let mut errors = Vec::new();
    for line in lexer::lex(source) {
        match line.and_then(|line| command::command(&line)) {
            Ok(command) => commands.push(command),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(commands) } else { Err(errors) }
}

/// Reads one command whose words are cut already, as a shell hands them to `ip`. Places are counted as if one blank stood between them.
///
/// # Errors
/// What is wrong with it.
pub fn parse_words(words: Vec<Zeroizing<String>>) -> Result<Command, ParseError> {
    let mut at = Position { line: 1, column: 1 };
    let mut line = lexer::Line { words: Vec::with_capacity(words.len()), end: at };
    for text in words {
        let length = text.chars().count();
        line.words.push(lexer::Word { text, at });
        line.end.column = at.column + length;
        at.column += length + 1;
    }
    command::command(&line)
}

/// The file is not text from byte `valid` on.
fn not_text(source: &[u8], valid: usize) -> ParseError {
    let before = String::from_utf8_lossy(&source[..valid]);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    let byte = source.get(valid).copied().unwrap_or_default();
    ParseError::refused(Position { line, column }, format_args!("byte {byte:#04x}"), "not UTF-8")
}
