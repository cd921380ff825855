//! What the driver itself costs a packet: wall time of its calls on a device in software, whose registers are the recorder's and whose own work is not
//! counted. Prints JSON: an array of `frame_bytes, send_ns, sent_ns, receive_ns`.

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/software/mod.rs"]
mod software;

use std::error::Error;
use std::time::{Duration, Instant};

use espalier_driver::net::{NetDevice, TxOffload};
use espalier_driver::rings::RingConfig;
use software::Card;

/// Frames of a round: as many as a ring takes at once.
const BATCH: u32 = 256;
/// Rounds; the fastest counts, call by call.
const ROUNDS: usize = 400;

fn main() -> Result<(), Box<dyn Error>> {
    let rows = [60, 1514].map(measure).into_iter().collect::<Result<Vec<_>, _>>()?;
    println!("{}", serde_json::to_string(&rows)?);
    Ok(())
}

fn measure(bytes: usize) -> Result<serde_json::Value, Box<dyn Error>> {
    let mut net =
        NetDevice::open(Card::new(), RingConfig { tx_entries: 512, rx_entries: 512, buffer_bytes: 2048, ..RingConfig::default() })?;
    net.enable()?;
    net.device().bus().looped = true;
    let frame = vec![0xA5; bytes];
    let mut fastest = [Duration::MAX; 3];
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..BATCH {
            net.send(&frame, TxOffload::None)?;
        }
        let send = start.elapsed();
        // The device's own work, and what it has recorded.
        net.device().bus().work();
        net.device().bus().engine.take();
        let start = Instant::now();
        let done = net.sent()?;
        let sent = start.elapsed();
        let start = Instant::now();
        let mut received = 0;
        while net.receive()?.is_some() {
            received += 1;
        }
        let receive = start.elapsed();
        if (done.len(), received) != (BATCH as usize, BATCH) {
            return Err(format!("of {BATCH} frames {} were sent and {received} received", done.len()).into());
        }
        for (fastest, took) in fastest.iter_mut().zip([send, sent, receive]) {
            *fastest = took.min(*fastest);
        }
    }
    let [send, sent, receive] = fastest.map(|took| took.as_secs_f64() * 1e9 / f64::from(BATCH));
    Ok(serde_json::json!({ "frame_bytes": bytes + 4, "send_ns": send, "sent_ns": sent, "receive_ns": receive }))
}
