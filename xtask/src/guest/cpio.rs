//! An initramfs: a cpio archive in the new ASCII format (the kernel's Documentation/driver-api/early-userspace/buffer-format.rst).

use std::collections::BTreeSet;
use std::io::{self, Write};

const DIRECTORY: u32 = 0o040_755;
const EXECUTABLE: u32 = 0o100_755;

/// Writes an archive; all files belong to root and are executable. Folders are made as files need them.
pub struct Archive<W> {
    out: W,
    written: u64,
    entries: u32,
    folders: BTreeSet<String>,
}

impl<W: Write> Archive<W> {
    /// An empty one.
    pub fn new(out: W) -> Self {
        Self { out, written: 0, entries: 0, folders: BTreeSet::new() }
    }

    /// Adds a file; `name` without the first slash.
    ///
    /// # Errors
    /// The writer's; a file of 4 GiB or more.
    pub fn file(&mut self, name: &str, data: &[u8]) -> io::Result<()> {
        if let Some((folder, _)) = name.rsplit_once('/') {
            self.folder(folder)?;
        }
        self.entry(name, EXECUTABLE, data)
    }

    /// Adds a folder and those above it, if they aren't there.
    ///
    /// # Errors
    /// The writer's.
    pub fn folder(&mut self, name: &str) -> io::Result<()> {
        if !self.folders.insert(name.to_owned()) {
            return Ok(());
        }
        if let Some((above, _)) = name.rsplit_once('/') {
            self.folder(above)?;
        }
        self.entry(name, DIRECTORY, &[])
    }

    /// Ends the archive.
    ///
    /// # Errors
    /// The writer's.
    pub fn finish(mut self) -> io::Result<W> {
        self.entry("TRAILER!!!", 0, &[])?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn entry(&mut self, name: &str, mode: u32, data: &[u8]) -> io::Result<()> {
        let length = |bytes: usize| u32::try_from(bytes).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge));
        self.entries += 1;
        // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
        let fields = [self.entries, mode, 0, 0, 1, 0, length(data.len())?, 0, 0, 0, 0, length(name.len() + 1)?, 0];
        let header: String = fields.map(|field| format!("{field:08X}")).concat();
        self.write(b"070701")?;
        self.write(header.as_bytes())?;
        self.write(name.as_bytes())?;
        self.write(&[0])?;
        self.pad()?;
        self.write(data)?;
        self.pad()
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    /// Name and data end at a multiple of four bytes.
    fn pad(&mut self) -> io::Result<()> {
        let rest = (self.written.next_multiple_of(4) - self.written) as usize;
        self.write(&[0; 3][..rest])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_as_cpio_writes_it() {
        let mut archive = Archive::new(Vec::new());
        archive.file("a/b", b"hello").unwrap();
        archive.file("a/c", b"").unwrap();
        let bytes = archive.finish().unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(bytes.len().is_multiple_of(4));
        // The folder once, before what is in it; header of 110 bytes, name with its zero, padding.
        let folder = format!("070701{:08X}{:08X}{}", 1, DIRECTORY, "00000000".repeat(2));
        assert!(text.starts_with(&folder));
        assert_eq!(&text[110..112], "a\0");
        assert_eq!(text.matches("070701").count(), 4);
        let file = text.find("a/b\0").unwrap();
        assert_eq!(file % 4, 110 % 4);
        let data = text.find("hello").unwrap();
        assert!(data.is_multiple_of(4) && data == (file + 4).next_multiple_of(4));
        assert_eq!(&text[data - (data - file) - 110 + 54..data - (data - file) - 110 + 62], "00000005");
        assert!(text.contains("TRAILER!!!\0"));
    }
}
