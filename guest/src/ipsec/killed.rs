//! The daemon is killed as it protects traffic; the next one takes over.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use espalier_guest::report::Facts;

use super::case::Case;
use super::run::{address, flush, program};
use crate::error::{Error, at};
use crate::host::Host;
use crate::traffic::ping::Pinger;
use crate::world::Nic;

/// Kills it twice amid traffic both ways. After each time the case passes: with new keys, as a key daemon would agree on them, because
/// the old ones' sequence numbers are gone with the daemon.
pub fn daemon_killed(nic: &mut Nic, facts: &mut Facts) -> Result<(), Error> {
    let case = Case::tunnel();
    for round in 0..2 {
        program(&case)?;
        let to = address(&case, Host::Far)?;
        let mut pinger = Pinger::new(Host::Near, to, 4)?;
        for size in [0, 100, 1000] {
            pinger.ping(size)?;
        }
        // It goes on when there is nobody any more: datagrams that nobody waits for.
        let socket = Host::Near.on(|| UdpSocket::bind((address(&case, Host::Near)?, 0)).map_err(at("a socket")))?;
        let stop = AtomicBool::new(false);
        let killed = thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    // Refused, unreachable: all the same.
                    let _ = socket.send_to(&[0x55; 1000], (to, 9));
                    thread::sleep(Duration::from_micros(500));
                }
            });
            thread::sleep(Duration::from_millis(500));
            let killed = nic.kill();
            thread::sleep(Duration::from_millis(200));
            stop.store(true, Ordering::Relaxed);
            killed
        });
        killed?;
        flush(&case, Host::Near)?;
        nic.start()?;
        super::run(&case, true, facts)?;
        facts.insert("kills".into(), (round + 1).into());
    }
    Ok(())
}
