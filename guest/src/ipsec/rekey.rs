//! New SAs in place of old ones while packets flow, as a key daemon does it (RFC 7296 section 2.8): both ends first take the new SA, then
//! send by it, and give the old one up when nothing can be under way any more.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::case::Case;
use super::run::{Packets, Pair, address, packets_of, stack};
use crate::error::Error;
use crate::host::Host;
use crate::traffic::ping::Pinger;
use crate::traffic::tcp;
use espalier_guest::report::Facts;

const REKEYS: u32 = 3;
/// At least this much goes each way.
const TCP_BYTES: usize = 1 << 20;
/// Of a pair of SAs, at least. Of two that fit, the one that was added in a later second is taken (xfrm_state_look_at).
const LIFE: Duration = Duration::from_millis(1100);
/// For what was sent by an old SA to be counted.
const UNDER_WAY: Duration = Duration::from_millis(500);

/// Pings and TCP for as long as it takes to change the keys [`REKEYS`] times. What all the SAs have counted.
pub fn traffic(case: &Case, pair: &mut Pair, facts: &mut Facts) -> Result<Packets, Error> {
    let done = AtomicBool::new(false);
    let until_done = |mut work: Box<dyn FnMut() -> Result<(), Error> + Send>| {
        let mut rounds = 0_u64;
        while !done.load(Ordering::Relaxed) || rounds == 0 {
            work()?;
            rounds += 1;
        }
        Ok::<_, Error>(rounds)
    };
    let mut pinger = Pinger::new(Host::Far, address(case, Host::Near)?, 2)?;
    let to = address(case, Host::Far)?;
    thread::scope(|scope| {
        let pings = scope.spawn(|| until_done(Box::new(move || pinger.ping(500).map(drop))));
        let transfers = scope.spawn(|| until_done(Box::new(move || tcp::exchange(Host::Near, to, TCP_BYTES).map(drop))));
        let changed = change(case, pair);
        done.store(true, Ordering::Relaxed);
        for (name, thread) in [("pings", pings), ("transfers", transfers)] {
            let rounds = thread.join().unwrap_or_else(|_| Err(Error::Wrong("a thread of the test panicked".into())))?;
            facts.insert(name.into(), rounds.into());
        }
        facts.insert("rekeys".into(), REKEYS.into());
        Ok(changed? + packets_of(case, pair)?)
    })
}

/// Changes the keys; gives what the SAs that are gone had counted.
fn change(case: &Case, pair: &mut Pair) -> Result<Packets, Error> {
    let mut counted = Packets::default();
    for number in 0..REKEYS {
        thread::sleep(LIFE);
        let new = Pair::new(2 + number, case.key_bits)?;
        // Who receives is ready before who sends.
        for host in [Host::Near, Host::Far] {
            stack(case, host).xfrm(host, &case.state_add(host, new.sa(host.other())))?;
        }
        for host in [Host::Near, Host::Far] {
            stack(case, host).xfrm(host, &case.state_add(host, new.sa(host)))?;
        }
        let old = std::mem::replace(pair, new);
        // Nothing more is sent by the old ones, and all that was arrives.
        thread::sleep(UNDER_WAY);
        counted = counted + packets_of(case, &old)?;
        for host in [Host::Near, Host::Far] {
            for sa in [&old.near, &old.far] {
                stack(case, host).xfrm(host, &case.state_delete(sa))?;
            }
        }
    }
    Ok(counted)
}
