//! Structured logs: what is said goes to standard error, as text or as JSON. Keys are never said.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Begins to log; `filter` as tracing-subscriber's `EnvFilter` has it (`info`, `espalier_driver=debug`).
///
/// # Errors
/// A filter that is none.
pub fn start(filter: &str, format: Format) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("--log {filter}: {error}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // Somebody else's subscriber (a test's) may stay.
    let _ = match format {
        Format::Text => builder.with_ansi(io::stderr().is_terminal()).try_init(),
        Format::Json => builder.json().try_init(),
    };
    Ok(())
}
