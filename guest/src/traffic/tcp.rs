//! A TCP connection on which both ends send random bytes at the same time; SHA-256 tells whether they arrived.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rustix::rand::{GetRandomFlags, getrandom};
use sha2::{Digest, Sha256};

use crate::error::{Error, at, ensure};
use crate::host::Host;

/// How long nothing may come or go.
const PATIENCE: Duration = Duration::from_secs(30);
const CHUNK: usize = 16 << 10;

/// Moves `bytes` each way between `client` and the other host, whose address is `to`. How long it took.
pub fn exchange(client: Host, to: IpAddr, bytes: usize) -> Result<Duration, Error> {
    let listener = client.other().on(|| TcpListener::bind(SocketAddr::new(to, 0)).map_err(at(format!("listen on {to}"))))?;
    let address = listener.local_addr().map_err(at("listen"))?;
    let start = Instant::now();
    // The kernel shakes hands for the listener; nobody has to accept meanwhile.
    let near = client.on(|| TcpStream::connect_timeout(&address, PATIENCE).map_err(at(format!("connect to {address}"))))?;
    let (far, _) = listener.accept().map_err(at("accept"))?;
    let results = thread::scope(|scope| {
        let ways = [(&near, &far), (&far, &near)];
        let threads = ways.map(|(from, to)| [scope.spawn(move || send(from, bytes)), scope.spawn(move || receive(to))]);
        threads.map(|pair| pair.map(|thread| thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread panicked")))))
    });
    for [sent, received] in results {
        let (sent, received) = (sent.map_err(at("send by TCP"))?, received.map_err(at("receive by TCP"))?);
        ensure(sent == received, || format!("TCP delivered other bytes: {} of {} came", received.1, sent.1))?;
    }
    Ok(start.elapsed())
}

type Sum = ([u8; 32], usize);

fn send(mut stream: &TcpStream, bytes: usize) -> io::Result<Sum> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut hash = Sha256::new();
    let mut buffer = [0; CHUNK];
    let mut left = bytes;
    while left > 0 {
        let chunk = &mut buffer[..left.min(CHUNK)];
        getrandom(&mut *chunk, GetRandomFlags::empty())?;
        hash.update(&*chunk);
        stream.write_all(chunk)?;
        left -= chunk.len();
    }
    stream.shutdown(Shutdown::Write)?;
    Ok((hash.finalize().into(), bytes))
}

fn receive(mut stream: &TcpStream) -> io::Result<Sum> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut hash = Sha256::new();
    let mut buffer = [0; CHUNK];
    let mut bytes = 0;
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok((hash.finalize().into(), bytes)),
            length => {
                hash.update(&buffer[..length]);
                bytes += length;
            }
        }
    }
}
