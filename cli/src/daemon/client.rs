//! The other end of the control socket: `espalier xfrm`, `espalier stats`, `espalier caps`.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use super::control::wiped::Wiped;

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("{}: {error}{}", path.display(), hint(error))]
    Connect {
        /// The socket.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The connection broke.
    #[error("control socket: {0}")]
    Connection(#[source] io::Error),
    /// The daemon went before it answered.
    #[error("control socket: closed without an answer")]
    Closed,
    /// What came is no answer.
    #[error("control socket: not an answer of a daemon: {0}")]
    Answer(#[source] serde_json::Error),
    /// Output can't be written.
    #[error("output: {0}")]
    Output(#[source] io::Error),
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => " (does espalier daemon run? --socket names another place)",
        io::ErrorKind::PermissionDenied => " (the socket is its owner's alone)",
        _ => "",
    }
}

#[derive(Serialize)]
struct Request<'a> {
    argv: &'a [&'a str],
}

#[derive(Deserialize)]
struct Response {
    status: Option<u8>,
    #[serde(default)]
    stdout: Zeroizing<String>,
    #[serde(default)]
    stderr: String,
}

/// Asks the daemon at `path`, prints what it says, and gives the exit status. `xfrm monitor` goes on until the daemon goes.
///
/// # Errors
/// [`ClientError`]
pub fn ask(path: &Path, argv: &[&str], out: &mut dyn Write, err: &mut dyn Write) -> Result<u8, ClientError> {
    let mut stream = UnixStream::connect(path).map_err(|error| ClientError::Connect { path: path.to_owned(), error })?;
    let mut request = Wiped::default();
    serde_json::to_writer(&mut request, &Request { argv }).map_err(ClientError::Answer)?;
    request.extend(b"\n");
    stream.write_all(request.bytes()).map_err(ClientError::Connection)?;
    let mut lines = BufReader::new(stream);
    let mut streamed = false;
    loop {
        let mut line = Zeroizing::new(String::new());
        if lines.read_line(&mut line).map_err(ClientError::Connection)? == 0 {
            return if streamed { Ok(0) } else { Err(ClientError::Closed) };
        }
        let response: Response = serde_json::from_str(&line).map_err(ClientError::Answer)?;
        let print = |to: &mut dyn Write, text: &str| to.write_all(text.as_bytes()).and_then(|()| to.flush());
        print(out, &response.stdout).and_then(|()| print(err, &response.stderr)).map_err(ClientError::Output)?;
        match response.status {
            Some(status) => return Ok(status),
            None => streamed = true,
        }
    }
}
