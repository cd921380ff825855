//! Negotiation: the first command of a connection.

use rustix::io::Errno;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::message::{MAX_FDS, MAX_TRANSFER, Version};

/// Bytes of one beat of the function: what a client must be able to move at once.
const LEAST_TRANSFER: u64 = 16;

#[derive(Deserialize, Default)]
struct Data {
    #[serde(default)]
    capabilities: Capabilities,
}

#[derive(Deserialize, Default)]
struct Capabilities {
    max_msg_fds: Option<u64>,
    max_data_xfer_size: Option<u64>,
    pgsizes: Option<u64>,
}

/// Why there is no agreement.
#[derive(Debug, thiserror::Error)]
pub enum VersionError {
    /// Its major version is another one.
    #[error("protocol version {0}.{1}, where 0.0 is served")]
    Major(u16, u16),
    /// Its data are not as they should be.
    #[error("version data: {0}")]
    Data(#[from] serde_json::Error),
    /// It moves too little at once.
    #[error("max_data_xfer_size is {0}, less than {LEAST_TRANSFER}")]
    Transfer(u64),
}

impl VersionError {
    /// For the reply.
    pub fn errno(&self) -> Errno {
        match self {
            Self::Major(..) => Errno::OPNOTSUPP,
            Self::Data(_) | Self::Transfer(_) => Errno::INVAL,
        }
    }
}

/// What was agreed.
#[derive(Debug)]
pub(super) struct Agreed {
    /// Most bytes that an access to the client's memory moves.
    pub max_transfer: usize,
    /// Body of the reply.
    pub reply: Vec<u8>,
}

/// Version 0.0, and of the capabilities that the client knows those that the server has.
pub(super) fn negotiate(version: &Version) -> Result<Agreed, VersionError> {
    if version.major != 0 {
        return Err(VersionError::Major(version.major, version.minor));
    }
    let data: Data = version.data.as_deref().map(serde_json::from_str).transpose()?.unwrap_or_default();
    let Capabilities { max_msg_fds, max_data_xfer_size, pgsizes } = data.capabilities;
    let theirs = max_data_xfer_size.unwrap_or(MAX_TRANSFER as u64);
    if theirs < LEAST_TRANSFER {
        return Err(VersionError::Transfer(theirs));
    }
    let mut ours = Map::new();
    let mut offer = |name: &str, known: Option<u64>, value: Value| known.map(|_| ours.insert(name.to_owned(), value));
    offer("max_msg_fds", max_msg_fds, MAX_FDS.into());
    offer("max_data_xfer_size", max_data_xfer_size, MAX_TRANSFER.into());
    offer("pgsizes", pgsizes, 4096.into());
    let text = json!({ "capabilities": ours }).to_string();
    let reply = [&[0; 4], text.as_bytes(), &[0]].concat();
    Ok(Agreed { max_transfer: theirs.min(MAX_TRANSFER as u64) as usize, reply })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(data: Option<&str>) -> Version {
        Version { major: 0, minor: 3, data: data.map(str::to_owned) }
    }

    #[test]
    fn only_what_the_client_knows_is_offered() {
        let agreed = negotiate(&version(Some(r#"{"capabilities":{"max_msg_fds":16,"migration":{"pgsize":4096},"new":[]}}"#))).unwrap();
        assert_eq!(agreed.reply, b"\0\0\0\0{\"capabilities\":{\"max_msg_fds\":8}}\0");
        assert_eq!(agreed.max_transfer, MAX_TRANSFER);
        assert_eq!(negotiate(&version(None)).unwrap().reply, b"\0\0\0\0{\"capabilities\":{}}\0");
        assert_eq!(negotiate(&version(Some(r#"{"capabilities":{"max_data_xfer_size":64}}"#))).unwrap().max_transfer, 64);
    }

    #[test]
    fn nonsense_is_refused() {
        for data in ["", "{", "[1]", r#"{"capabilities":{"max_data_xfer_size":15}}"#, r#"{"capabilities":{"max_msg_fds":"8"}}"#] {
            let refused = negotiate(&version(Some(data))).unwrap_err();
            assert_eq!(refused.errno(), Errno::INVAL, "{data}");
        }
        let refused = negotiate(&Version { major: 1, minor: 0, data: None }).unwrap_err();
        assert_eq!(refused.to_string(), "protocol version 1.0, where 0.0 is served");
    }
}
