//! The lines of JSON that come out of the guest's second serial port, one for each thing that happened.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "lowercase")]
pub enum Line {
    /// The first: what is going to be tested. A test that is missing in the end has not passed.
    Plan {
        /// The names of all tests, in their order.
        tests: Vec<String>,
    },
    /// A test begins.
    Start {
        /// Its name: `group/what/of which kind`.
        test: String,
    },
    /// A test is over.
    End {
        /// Its name.
        test: String,
        /// Why it failed; none: it has passed.
        why: Option<String>,
        /// How long it took.
        seconds: f64,
        /// What was counted and measured.
        facts: Facts,
    },
    /// The last: the guest switches itself off.
    Off,
}

/// What was counted and measured in a test, by name.
pub type Facts = BTreeMap<String, Value>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let facts = Facts::from([("pings".into(), 12.into())]);
        let end = Line::End { test: "ipsec/tunnel".into(), why: Some("3 of 12 pings lost".into()), seconds: 0.5, facts };
        for line in [Line::Plan { tests: vec!["a".into()] }, Line::Start { test: "a".into() }, end, Line::Off] {
            let text = serde_json::to_string(&line).unwrap();
            assert!(!text.contains('\n'));
            assert_eq!(serde_json::from_str::<Line>(&text).unwrap(), line);
        }
    }
}
