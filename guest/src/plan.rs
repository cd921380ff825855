//! All tests: group by group, each in its world.

use std::fs::File;
use std::io::Write;
use std::time::Instant;

use espalier_guest::report::{Facts, Line};

use crate::error::{Error, at};
use crate::ipsec::{self, Case, Offload};
use crate::world::{self, Nic};
use crate::{Options, Test, driver, faults, init};

/// Where the lines go.
struct Report(File);

impl Report {
    fn say(&mut self, line: &Line) -> Result<(), Error> {
        let mut text = serde_json::to_string(line).map_err(|error| Error::Wrong(error.to_string()))?;
        text.push('\n');
        self.0.write_all(text.as_bytes()).map_err(at("the tests' serial port"))
    }

    /// Carries out a test: its lines, and a copy for the console.
    fn test(&mut self, name: &str, work: impl FnOnce(&mut Facts) -> Result<(), Error>) -> Result<(), Error> {
        self.say(&Line::Start { test: name.into() })?;
        eprintln!("test {name}");
        let start = Instant::now();
        let mut facts = Facts::new();
        let why = work(&mut facts).err().map(|error| error.to_string());
        if let Some(why) = &why {
            eprintln!("failed: {why}");
        }
        self.say(&Line::End { test: name.into(), why, seconds: start.elapsed().as_secs_f64(), facts })
    }
}

/// Tests of the daemon itself, in the order in which they are carried out: after all the others.
const DAEMON: [&str; 2] = ["faults/daemon-killed", "daemon/ends-when-asked"];

/// Runs those that are asked for.
///
/// # Errors
/// There is no guest around us. A test that fails is reported, and is no error here.
pub fn run(options: &Options) -> Result<(), Error> {
    init::set_up()?;
    let mut report = Report(init::report().map_err(at("/dev/ttyS1"))?);
    let wanted = |name: &str| options.only.is_empty() || options.only.iter().any(|prefix| name.starts_with(prefix.as_str()));
    let cases: Vec<_> = ipsec::cases(options.quick).into_iter().filter(|case| wanted(&case.name())).collect();
    let (kernel, nic): (Vec<Case>, Vec<Case>) = cases.into_iter().partition(|case| case.offload == Offload::None);
    let bare: Vec<(&str, Test)> = driver::TESTS.iter().chain(faults::TESTS).copied().filter(|(name, _)| wanted(name)).collect();
    let daemon: Vec<&str> = DAEMON.into_iter().filter(|name| wanted(name)).collect();

    let mut tests: Vec<String> = kernel.iter().map(Case::name).collect();
    tests.extend(bare.iter().map(|(name, _)| (*name).to_owned()));
    tests.extend(nic.iter().map(Case::name));
    tests.extend(daemon.iter().map(|name| (*name).to_owned()));
    report.say(&Line::Plan { tests })?;

    if !kernel.is_empty() {
        let world = world::Pair::new();
        for case in &kernel {
            report.test(&case.name(), |facts| there(&world).and_then(|()| ipsec::run(case, options.quick, facts)))?;
        }
        told(world.and_then(world::Pair::end));
    }
    if !bare.is_empty() {
        let world = world::near_alone();
        for (name, test) in &bare {
            report.test(name, |facts| there(&world).and_then(|()| test(facts)))?;
        }
    }
    if !nic.is_empty() || !daemon.is_empty() {
        let mut world = Nic::new();
        for case in &nic {
            report.test(&case.name(), |facts| {
                let world = world.as_mut().map_err(|error| Error::Wrong(format!("no hosts: {error}")))?;
                world.running()?;
                ipsec::run(case, options.quick, facts)
            })?;
        }
        for name in &daemon {
            report.test(name, |facts| {
                let world = world.as_mut().map_err(|error| Error::Wrong(format!("no hosts: {error}")))?;
                if *name == DAEMON[0] { ipsec::daemon_killed(world, facts) } else { world.stop() }
            })?;
        }
    }
    report.say(&Line::Off)
}

fn there<T>(world: &Result<T, Error>) -> Result<(), Error> {
    world.as_ref().map(drop).map_err(|error| Error::Wrong(format!("no hosts: {error}")))
}

fn told(result: Result<(), Error>) {
    if let Err(error) = result {
        eprintln!("error: {error}");
    }
}
