//! Serves the metrics: `GET /metrics`. Slow clients keep only this thread waiting: the data path is asked for the text, and gives it.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, thread};

use espalier_driver::bus::Interrupt;
use tiny_http::{Header, Method, Request, Response, Server};

use super::metrics::CONTENT_TYPE;

/// How long the data path may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the text goes.
type Reply = SyncSender<String>;

/// The server.
pub struct Metrics {
    server: Arc<Server>,
    address: Option<SocketAddr>,
    wake: Interrupt,
    asked: Receiver<Reply>,
    thread: Option<JoinHandle<()>>,
}

impl Metrics {
    /// Serves on a socket that is open already.
    ///
    /// # Errors
    /// No thread, no eventfd.
    pub fn serve(listener: TcpListener) -> io::Result<Self> {
        let address = listener.local_addr().ok();
        let server = Arc::new(Server::from_listener(listener, None).map_err(io::Error::other)?);
        let wake = Interrupt::new()?;
        let (sender, asked) = channel();
        let (serving, waking) = (server.clone(), wake.clone());
        let thread = thread::Builder::new().name("metrics".to_owned()).spawn(move || {
            while let Ok(request) = serving.recv() {
                if let Err(error) = answer(request, &sender, &waking) {
                    tracing::debug!(%error, "metrics");
                }
            }
        })?;
        Ok(Self { server, address, wake, asked, thread: Some(thread) })
    }

    /// Where it is.
    #[must_use]
    pub const fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Gives the text to those who have asked for it.
    ///
    /// # Errors
    /// The eventfd refuses.
    pub fn turn(&mut self, text: impl FnOnce() -> String) -> io::Result<()> {
        if !self.wake.take()? {
            return Ok(());
        }
        let waiting: Vec<Reply> = self.asked.try_iter().collect();
        if !waiting.is_empty() {
            let text = text();
            // One that has gone meanwhile does not matter.
            waiting.iter().for_each(|reply| drop(reply.try_send(text.clone())));
        }
        Ok(())
    }
}

impl AsFd for Metrics {
    /// Readable: somebody asks.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        self.server.unblock();
        // Whoever waits for a text hears that there is none.
        drop(std::mem::replace(&mut self.asked, channel().1));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(request: Request, ask: &Sender<Reply>, wake: &Interrupt) -> io::Result<()> {
    let status = |status: u16| Response::from_string("").with_status_code(status);
    if request.url() != "/metrics" {
        return request.respond(status(404));
    }
    if !matches!(request.method(), Method::Get | Method::Head) {
        return request.respond(status(405));
    }
    let (reply, text) = sync_channel(1);
    if ask.send(reply).is_err() {
        return request.respond(status(503));
    }
    wake.fire()?;
    match (text.recv_timeout(PATIENCE), Header::from_bytes("Content-Type", CONTENT_TYPE)) {
        (Ok(text), Ok(content_type)) => request.respond(Response::from_string(text).with_header(content_type)),
        _ => request.respond(status(503)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;

    fn ask(metrics: &mut Metrics, request: &str) -> String {
        let mut client = TcpStream::connect(metrics.address().unwrap()).unwrap();
        client.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        client.write_all(format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
        let mut answer = Vec::new();
        for _ in 0..100 {
            metrics.turn(|| "espalier_build_total 1\n# EOF\n".to_owned()).unwrap();
            if client.read_to_end(&mut answer).is_ok() {
                break;
            }
        }
        String::from_utf8(answer).unwrap()
    }

    #[test]
    fn metrics_are_at_one_place() {
        let mut metrics = Metrics::serve(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
        // One that never says what it wants keeps nobody waiting.
        let _quiet = TcpStream::connect(metrics.address().unwrap()).unwrap();
        let answer = ask(&mut metrics, "GET /metrics");
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("openmetrics-text") && answer.contains("# EOF"), "{answer}");
        assert!(ask(&mut metrics, "GET /").starts_with("HTTP/1.1 404"));
        assert!(ask(&mut metrics, "POST /metrics").starts_with("HTTP/1.1 405"));
    }
}
