//! The guest's initramfs: our static binaries, ip and modprobe with their libraries, and the modules that the tests need.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::cpio::Archive;
use super::tools::Tools;
use crate::error::Error;

/// Modules with all that they depend on. What the kernel asks for by itself (algorithms, families) must be among them: it asks modprobe.
const MODULES: [&str; 19] = [
    "vfio-pci",
    "vfio_iommu_type1",
    "virtio_net",
    "veth",
    "dummy",
    "tun",
    "af_packet",
    "xfrm_user",
    "esp4",
    "esp6",
    "xfrm4_tunnel",
    "xfrm6_tunnel",
    "tunnel6",
    "gcm",
    "ghash-generic",
    "ghash-clmulni-intel",
    "aesni-intel",
    "seqiv",
    "echainiv",
];
/// Indices that modprobe reads.
const INDICES: [&str; 8] = [
    "modules.dep.bin",
    "modules.alias.bin",
    "modules.symbols.bin",
    "modules.builtin.bin",
    "modules.builtin.alias.bin",
    "modules.builtin.modinfo",
    "modules.softdep",
    "modules.order",
];

/// What we build for the guest.
pub struct Binaries {
    /// `espalier-guest`: it is the first process.
    pub guest: PathBuf,
    /// `espalier`.
    pub espalier: PathBuf,
}

/// Writes the initramfs to `path`.
pub fn write(path: &Path, tools: &Tools, binaries: &Binaries) -> Result<(), Error> {
    let at = |source| Error::Io { path: path.into(), source };
    let mut archive = Archive::new(BufWriter::new(File::create(path).map_err(at)?));
    for folder in ["dev", "proc", "sys", "run", "tmp", "etc"] {
        archive.folder(folder).map_err(at)?;
    }
    add(&mut archive, "init", &binaries.guest)?;
    add(&mut archive, "bin/espalier", &binaries.espalier)?;
    let programs = tools.programs();
    let mut libraries = BTreeSet::from([programs.join("usr/lib/x86_64-linux-gnu/liblzma.so.5")]);
    for (name, path) in [("sbin/ip", "usr/bin/ip"), ("sbin/modprobe", "usr/bin/kmod")] {
        add(&mut archive, name, &programs.join(path))?;
        libraries.extend(tools.libraries(path)?);
    }
    for library in libraries {
        let name = library.file_name().unwrap_or_default().to_string_lossy();
        let folder = if name.starts_with("ld-linux") { "lib64" } else { "lib/x86_64-linux-gnu" };
        add(&mut archive, &format!("{folder}/{name}"), &library)?;
    }
    let modules = tools.modules();
    let folder = format!("lib/modules/{}", tools.release);
    for module in closure(&modules)? {
        add(&mut archive, &format!("{folder}/{module}"), &modules.join(&module))?;
    }
    for index in INDICES {
        add(&mut archive, &format!("{folder}/{index}"), &modules.join(index))?;
    }
    archive.finish().map_err(at)?;
    Ok(())
}

fn add<W: Write>(archive: &mut Archive<W>, name: &str, path: &Path) -> Result<(), Error> {
    let at = |source: io::Error| Error::Io { path: path.into(), source };
    archive.file(name, &fs::read(path).map_err(at)?).map_err(at)
}

/// The files of [`MODULES`] and of all that they need, as modules.dep names them. What is built in is in no file.
fn closure(modules: &Path) -> Result<BTreeSet<String>, Error> {
    let read = |name: &str| {
        let path = modules.join(name);
        fs::read_to_string(&path).map_err(|source| Error::Io { path, source })
    };
    let (dependencies, builtin) = (read("modules.dep")?, read("modules.builtin")?);
    let mut files = BTreeSet::new();
    for wanted in MODULES {
        let line = dependencies.lines().find(|line| line.split_once(':').is_some_and(|(file, _)| is(file, wanted)));
        match line {
            // `file: file file`: all that it needs, not only what it names itself.
            Some(line) => files.extend(line.split([':', ' ']).filter(|file| !file.is_empty()).map(str::to_owned)),
            None if builtin.lines().any(|file| is(file, wanted)) => {}
            None => return Err(Error::Guest(format!("the kernel has no module {wanted}"))),
        }
    }
    Ok(files)
}

/// Whether `file` holds the module; modprobe doesn't tell `-` from `_` either.
fn is(file: &str, module: &str) -> bool {
    let name = file.rsplit('/').next().and_then(|name| name.split(".ko").next()).unwrap_or_default();
    name.replace('-', "_") == module.replace('-', "_")
}
