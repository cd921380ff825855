//! Gives root's rights up, once everything that needs them is open.

use std::path::Path;
use std::{fs, io};

use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};
use rustix::process::{Resource, Rlimit, setrlimit};
use thiserror::Error;

/// Users of this machine.
const PASSWD: &str = "/etc/passwd";

/// Who to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// User.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

/// Why it could not be done.
#[derive(Debug, Error)]
pub enum PrivilegeError {
    /// The list of users can't be read.
    #[error("{PASSWD}: {0}")]
    Passwd(#[source] io::Error),
    /// Nobody has that name.
    #[error("--user {0}: {PASSWD} has no such user (UID:GID does without)")]
    NoUser(String),
    /// Root keeps every right.
    #[error("--user {0}: that is root")]
    Root(String),
    /// The kernel refuses.
    #[error("{what}: {error}")]
    Refused {
        /// What was tried.
        what: &'static str,
        /// Why.
        error: io::Error,
    },
    /// It was done, and root's rights can be had again.
    #[error("root's rights were given up and can be had again: nothing is safe here")]
    Regained,
}

impl User {
    /// By name, or `UID:GID`. Only /etc/passwd is asked: a static binary has no name service.
    ///
    /// # Errors
    /// There is no such user, or it is root.
    pub fn find(name: &str) -> Result<Self, PrivilegeError> {
        let numbers = name.split_once(':').and_then(|(uid, gid)| Some(Self { uid: uid.parse().ok()?, gid: gid.parse().ok()? }));
        let user = match numbers {
            Some(user) => user,
            None => {
                let passwd = fs::read_to_string(Path::new(PASSWD)).map_err(PrivilegeError::Passwd)?;
                listed(&passwd, name).ok_or_else(|| PrivilegeError::NoUser(name.to_owned()))?
            }
        };
        if user.uid == 0 { Err(PrivilegeError::Root(name.to_owned())) } else { Ok(user) }
    }
}

/// passwd(5): `name:password:UID:GID:...`
fn listed(passwd: &str, name: &str) -> Option<User> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name && !name.is_empty()).then_some(())?;
        let (uid, gid) = (fields.nth(1)?, fields.next()?);
        Some(User { uid: uid.parse().ok()?, gid: gid.parse().ok()? })
    })
}

/// Memory that a device reaches counts as locked: a device that is reset may need it anew, when raising the limit is not allowed any more.
///
/// # Errors
/// [`PrivilegeError::Refused`]
pub fn allow_locked_memory() -> Result<(), PrivilegeError> {
    let unlimited = Rlimit { current: None, maximum: None };
    setrlimit(Resource::Memlock, unlimited).map_err(|error| PrivilegeError::Refused { what: "RLIMIT_MEMLOCK", error: error.into() })
}

/// Becomes this user, for good. The process must have one thread only.
///
/// # Errors
/// Nothing may go on then.
pub fn become_user(user: User) -> Result<(), PrivilegeError> {
    let refused = |what| move |error: nix::Error| PrivilegeError::Refused { what, error: error.into() };
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    setgroups(&[gid]).map_err(refused("setgroups"))?;
    setgid(gid).map_err(refused("setgid"))?;
    setuid(uid).map_err(refused("setuid"))?;
    if setuid(Uid::from_raw(0)).is_ok() { Err(PrivilegeError::Regained) } else { Ok(()) }
}

/// No program that this one might start gains rights (PR_SET_NO_NEW_PRIVS).
///
/// # Errors
/// [`PrivilegeError::Refused`]
pub fn no_new_privileges() -> Result<(), PrivilegeError> {
    rustix::thread::set_no_new_privs(true).map_err(|error| PrivilegeError::Refused { what: "PR_SET_NO_NEW_PRIVS", error: error.into() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn users_are_found_by_name_and_by_numbers() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nbroken:x\nespalier:x:990:991::/:/bin/false\n";
        assert_eq!(listed(passwd, "espalier"), Some(User { uid: 990, gid: 991 }));
        assert_eq!([listed(passwd, "espal"), listed(passwd, "broken"), listed(passwd, "")], [None; 3]);
        assert_eq!(User::find("990:991").unwrap(), User { uid: 990, gid: 991 });
    }

    #[test]
    fn root_is_nobody_to_become() {
        assert!(matches!(User::find("0:5"), Err(PrivilegeError::Root(_))));
        assert!(matches!(User::find("no such user"), Err(PrivilegeError::NoUser(_))));
    }
}
