//! Debian's packages by a private state of apt: the machine's own mirror and keys, nothing of it changed. apt verifies all that it
//! fetches against the archive's signatures. They are unpacked, not installed, and their programs run by their own dynamic linker.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;
use crate::output;

/// Whose packages run here and in the guest, whatever release the machine itself is.
const RELEASE: &str = "trixie";
/// Where its QEMU with vfio-user is.
const BACKPORTS: &str = "trixie-backports";
/// Suites by which a source of Debian itself is known among others.
const SUITES: [&str; 10] = ["bullseye", "bookworm", "trixie", "forky", "duke", "sid", "oldstable", "stable", "testing", "unstable"];
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// A folder with a state of apt in it.
pub struct Apt {
    folder: PathBuf,
}

impl Apt {
    /// Makes the state in `folder` and fetches the lists.
    pub fn update(folder: &Path) -> Result<Self, Error> {
        let mirror = mirror(Path::new("/etc/apt"))?;
        if !Path::new(KEYRING).exists() {
            return Err(Error::Debian(format!("{KEYRING} is not there: install debian-archive-keyring")));
        }
        let apt = Self { folder: folder.into() };
        for sub in ["lists/partial", "cache/archives/partial", "preferences"] {
            let path = folder.join(sub);
            fs::create_dir_all(&path).map_err(|source| Error::Io { path, source })?;
        }
        let suites = [RELEASE.into(), format!("{RELEASE}-updates"), BACKPORTS.into()];
        let sources: String = suites.map(|suite| format!("deb [signed-by={KEYRING}] {mirror} {suite} main\n")).concat();
        for (name, text) in [("status", ""), ("sources.list", &sources)] {
            let path = folder.join(name);
            fs::write(&path, text).map_err(|source| Error::Io { path, source })?;
        }
        output(apt.command("apt-get").arg("update"))?;
        Ok(apt)
    }

    /// Fetches `packages` and all that they depend on.
    pub fn fetch(&self, packages: &[&str]) -> Result<(), Error> {
        output(self.command("apt-get").args(["--yes", "--download-only", "-t", BACKPORTS, "install"]).args(packages))?;
        Ok(())
    }

    /// Fetches the package that `package` depends on and whose name begins with `prefix`, without what that one depends on.
    pub fn fetch_dependency(&self, package: &str, prefix: &str) -> Result<(), Error> {
        let depends = output(self.command("apt-cache").arg("depends").arg(format!("{package}/{RELEASE}")))?;
        let mut names = depends.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
        let name = names.find(|name| name.starts_with(prefix));
        let name = name.ok_or_else(|| Error::Debian(format!("{package} of {RELEASE} depends on no {prefix}*:\n{depends}")))?;
        output(self.command("apt-get").arg("download").arg(name).current_dir(self.folder.join("cache/archives")))?;
        Ok(())
    }

    /// The files of all that has been fetched.
    pub fn files(&self) -> Result<Vec<PathBuf>, Error> {
        let archives = self.folder.join("cache/archives");
        let entries = fs::read_dir(&archives).map_err(|source| Error::Io { path: archives, source })?;
        let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "deb"));
        files.sort();
        Ok(files)
    }

    /// On the command line: it wins over whatever the machine's own configuration says.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let folder = self.folder.display();
        for option in [
            "APT::Architecture=amd64".to_owned(),
            "APT::Install-Recommends=false".to_owned(),
            // Root would fetch as a user who can't write into our folders.
            "APT::Sandbox::User=root".to_owned(),
            "Acquire::Languages=none".to_owned(),
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned(),
            format!("Dir::State={folder}"),
            format!("Dir::State::status={folder}/status"),
            format!("Dir::State::lists={folder}/lists"),
            format!("Dir::Cache={folder}/cache"),
            format!("Dir::Etc::sourcelist={folder}/sources.list"),
            "Dir::Etc::sourceparts=-".to_owned(),
            format!("Dir::Etc::preferences={folder}/none"),
            format!("Dir::Etc::preferencesparts={folder}/preferences"),
        ] {
            command.args(["-o", &option]);
        }
        command.env("LC_ALL", "C").env("DEBIAN_FRONTEND", "noninteractive");
        command
    }
}

/// Unpacks a package's file into a folder.
pub fn unpack(file: &Path, folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.into(), source })?;
    output(Command::new("dpkg-deb").arg("--extract").arg(file).arg(folder))?;
    Ok(())
}

/// The dynamic linker of what is unpacked in `folder`: it takes a program and its arguments.
pub fn linker(folder: &Path) -> Command {
    let mut command = Command::new(folder.join("usr/lib64/ld-linux-x86-64.so.2"));
    command.arg("--library-path").arg(folder.join("usr/lib/x86_64-linux-gnu"));
    command
}

/// The URI of Debian's archive by which this machine gets its own packages.
fn mirror(etc: &Path) -> Result<String, Error> {
    let mut files = vec![etc.join("sources.list")];
    if let Ok(entries) = fs::read_dir(etc.join("sources.list.d")) {
        files.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
    }
    files.sort();
    let found = files.iter().find_map(|path| {
        let text = fs::read_to_string(path).ok()?;
        match path.extension()?.to_str()? {
            "sources" => text.split("\n\n").find_map(stanza),
            "list" => text.lines().find_map(line),
            _ => None,
        }
    });
    found.ok_or_else(|| {
        let etc = etc.display();
        Error::Debian(format!(
            "no source of Debian in {etc}/sources.list or {etc}/sources.list.d: QEMU, the guest's kernel and Icarus Verilog come from there"
        ))
    })
}

/// A stanza of a deb822 file (sources.list(5)).
fn stanza(text: &str) -> Option<String> {
    let lines = || text.lines().filter(|line| !line.starts_with('#'));
    let field = |name: &str| {
        let mut values = lines().filter_map(|line| line.split_once(':'));
        values.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    if field("Enabled").is_some_and(|enabled| enabled.eq_ignore_ascii_case("no")) {
        return None;
    }
    field("Types")?.split_whitespace().find(|kind| *kind == "deb")?;
    field("Suites")?.split_whitespace().find(|suite| SUITES.contains(suite))?;
    field("URIs")?.split_whitespace().next().map(str::to_owned)
}

/// A line in the old style: `deb [option=value ...] URI suite component ...`.
fn line(text: &str) -> Option<String> {
    let rest = text.trim().strip_prefix("deb")?.strip_prefix([' ', '\t'])?.trim_start();
    let rest = if rest.starts_with('[') { rest.split_once(']')?.1 } else { rest };
    let mut words = rest.split_whitespace();
    let uri = words.next()?;
    SUITES.contains(&words.next()?).then(|| uri.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_is_found_in_both_styles_of_sources() {
        let other = "Types: deb\nURIs: https://packages.example/x\nSuites: nodistro\nComponents: main\n";
        assert_eq!(stanza(other), None);
        let debian = "Types: deb deb-src\n# a comment: here\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\n";
        assert_eq!(stanza(debian).as_deref(), Some("http://mirror.example/debian"));
        assert_eq!(stanza(&format!("Enabled: no\n{debian}")), None);
        assert_eq!(line("# deb http://mirror.example/debian trixie main"), None);
        assert_eq!(line("deb https://packages.example/apt cloud-sdk-bookworm main"), None);
        assert_eq!(line("deb http://mirror.example/security bookworm-security main"), None);
        let signed = "deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian trixie main contrib";
        assert_eq!(line(signed).as_deref(), Some("http://mirror.example/debian"));
        assert_eq!(line("deb\thttp://mirror.example/debian stable main").as_deref(), Some("http://mirror.example/debian"));
    }

    #[test]
    fn a_machine_without_debian_sources_is_told_so() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("sources.list"), "deb http://mirror.example/other noble main\n").unwrap();
        assert!(mirror(folder.path()).unwrap_err().to_string().contains("no source of Debian"));
    }
}
