//! What the guest's tests said: a file of lines, a table, a verdict.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use espalier_guest::report::{Facts, Line};
use indicatif::ProgressBar;
use serde::Serialize;

use crate::error::Error;

/// Results so far.
pub struct Results {
    file: File,
    planned: Vec<String>,
    ended: BTreeMap<String, Outcome>,
    off: bool,
}

/// Of a test that came to its end.
#[derive(Serialize)]
struct Outcome {
    why: Option<String>,
    seconds: f64,
    facts: Facts,
}

/// As `--json` prints it.
#[derive(Serialize)]
struct Row<'a> {
    test: &'a str,
    passed: bool,
    why: Option<&'a str>,
    seconds: Option<f64>,
    facts: Option<&'a Facts>,
}

impl Results {
    /// None; all lines are kept in `path`.
    pub fn new(path: &Path) -> Result<Self, Error> {
        let file = File::create(path).map_err(|source| Error::Io { path: path.into(), source })?;
        Ok(Self { file, planned: Vec::new(), ended: BTreeMap::new(), off: false })
    }

    /// Takes a line of the guest.
    pub fn line(&mut self, text: &str, bar: &ProgressBar) {
        // A log that can't be written is no reason to lose the results.
        let _ = writeln!(self.file, "{text}");
        match serde_json::from_str(text) {
            Ok(Line::Plan { tests }) => self.planned = tests,
            Ok(Line::Start { test }) => bar.set_message(format!("guest: {} of {}: {test}", self.ended.len() + 1, self.planned.len())),
            Ok(Line::End { test, why, seconds, facts }) => {
                if let Some(why) = &why {
                    bar.println(format!("FAILED {test}: {why}"));
                }
                self.ended.insert(test, Outcome { why, seconds, facts });
            }
            Ok(Line::Off) => self.off = true,
            // The firmware and QEMU write there too; they are in the file.
            Err(_) => {}
        }
    }

    fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.planned.iter().map(|test| match self.ended.get(test) {
            Some(Outcome { why, seconds, facts }) => {
                Row { test, passed: why.is_none(), why: why.as_deref(), seconds: Some(*seconds), facts: Some(facts) }
            }
            None => Row { test, passed: false, why: Some("did not come to its end"), seconds: None, facts: None },
        })
    }

    /// Prints all of them.
    pub fn print(&self, json: bool) {
        if json {
            println!("{}", serde_json::json!(self.rows().collect::<Vec<_>>()));
            return;
        }
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(["test", "", "seconds", "counted"]);
        if let Some(column) = table.column_mut(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        for row in self.rows() {
            let facts = row.facts.map(|facts| facts.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", "));
            let [word, text] = match row.why {
                None => ["ok", &facts.unwrap_or_default()],
                Some(why) => ["FAILED", why],
            };
            table.add_row([row.test, word, &row.seconds.map_or("-".into(), |seconds| format!("{seconds:.1}")), text]);
        }
        println!("{table}");
    }

    /// Whether all has passed.
    pub fn verdict(&self, logs: &Path) -> Result<(), Error> {
        let failed = self.rows().filter(|row| !row.passed).count();
        if failed > 0 {
            return Err(Error::GuestTests { count: failed, total: self.planned.len(), logs: logs.into() });
        }
        if !self.off || self.planned.is_empty() {
            return Err(Error::Guest(format!("the guest ran no tests; {}/console.log may say why", logs.display())));
        }
        Ok(())
    }
}
