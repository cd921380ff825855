//! All rows, on as many engines as there are processors.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use espalier_hdl::engine::{Engine, Espalier, EspalierEcp5};
use espalier_sim::{Model, Nic, NicStalls};

use crate::Error;
use crate::card::Card;
use crate::case::{Family, Load, Mode, Pattern, Setup, Size, Traffic};
use crate::measure::measure;
use crate::row::Row;

/// SAs in each direction where there are many: as many as the engine has policies for.
pub const SAS: usize = 64;

/// A set-up and all that is measured in it.
#[derive(Debug, Clone)]
pub struct Job {
    /// Set-up.
    pub setup: Setup,
    /// Traffic, one kind after the other.
    pub traffic: Vec<Traffic>,
}

/// Every row, or of each dimension a few.
pub fn jobs(quick: bool) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (mode, family) in Mode::ALL {
        for key_bits in [128, 256] {
            for sas in [1, SAS] {
                let setup = Setup { mode, family, key_bits, sas };
                let patterns = Pattern::ALL.into_iter().filter(|pattern| (*pattern == Pattern::One) == (sas == 1));
                let traffic = patterns.flat_map(|pattern| traffic(pattern, quick)).collect();
                jobs.push(Job { setup, traffic });
            }
        }
    }
    if quick {
        jobs.retain(|Job { setup, .. }| setup.mode == Mode::Tunnel && setup.family == Family::V4 && setup.key_bits == 256);
    }
    jobs
}

fn traffic(pattern: Pattern, quick: bool) -> impl Iterator<Item = Traffic> {
    let sizes = Size::ALL.into_iter().filter(move |size| !quick || matches!(size, Size::Bytes(64 | 256 | 1518) | Size::Imix));
    sizes.flat_map(move |size| Load::ALL.map(|load| Traffic { size, load, pattern }))
}

/// A new Verilated engine, its streams at full speed.
///
/// # Errors
/// The simulator's.
pub fn engine() -> Result<Nic, Error> {
    Ok(Nic::new(Model::build::<Espalier>("espalier")?, NicStalls::never())?)
}

/// The build for ECP5, whose AES is folded.
///
/// # Errors
/// The simulator's.
pub fn engine_folded() -> Result<Nic, Error> {
    Ok(Nic::new(Model::build::<EspalierEcp5>("espalier_ecp5")?, NicStalls::never())?)
}

/// As [`engine`], with 256 SAs in each direction.
///
/// # Errors
/// The simulator's.
pub fn engine_256() -> Result<Nic, Error> {
    Ok(Nic::new(Model::build::<Engine<8, 3, 2, 7, 13, 14>>("espalier_256")?, NicStalls::never())?)
}

/// As [`engine`], with 1024 SAs in each direction.
///
/// # Errors
/// The simulator's.
pub fn engine_1024() -> Result<Nic, Error> {
    Ok(Nic::new(Model::build::<Engine<10, 3, 2, 9, 15, 14>>("espalier_1024")?, NicStalls::never())?)
}

/// Measures everything; `progress` is told each row. The rows are in the order of the jobs.
///
/// # Errors
/// The first failure; what is under way then is ended.
pub fn rows(jobs: &[Job], mut progress: impl FnMut(&Row)) -> Result<Vec<Row>, Error> {
    let next = AtomicUsize::new(0);
    let mut found = Vec::new();
    let workers = thread::available_parallelism().map_or(1, usize::from).min(jobs.len());
    thread::scope(|scope| -> Result<(), Error> {
        let (sender, results) = mpsc::channel();
        for _ in 0..workers {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                let result = work(jobs, next, |row| sender.send(Ok(row)).is_ok());
                if let Err(error) = result {
                    // Nobody listens any more only when another one failed first.
                    let _ = sender.send(Err(error));
                }
            });
        }
        drop(sender);
        for result in results {
            let (place, row) = result.inspect_err(|_| next.store(jobs.len(), Ordering::Relaxed))?;
            progress(&row);
            found.push((place, row));
        }
        Ok(())
    })?;
    found.sort_by_key(|(place, _)| *place);
    Ok(found.into_iter().map(|(_, row)| row).collect())
}

/// Takes jobs until there are none left, or nobody wants their rows.
fn work(jobs: &[Job], next: &AtomicUsize, mut send: impl FnMut(((usize, usize), Row)) -> bool) -> Result<(), Error> {
    let mut nic = engine()?;
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(Job { setup, traffic }) = jobs.get(index) else { return Ok(()) };
        let mut card = Card::new(nic, *setup)?;
        for (place, traffic) in traffic.iter().enumerate() {
            let row = Row::new(*setup, *traffic, measure(&mut card, *setup, *traffic)?);
            if !send(((index, place), row)) {
                return Ok(());
            }
        }
        nic = card.into_nic();
    }
}
