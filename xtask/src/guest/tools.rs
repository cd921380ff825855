//! QEMU, the guest's kernel and its few programs, unpacked under target/tools/guest. They run there, by their own dynamic linker; nothing
//! is installed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use indicatif::ProgressBar;

use crate::debian::{self, Apt};
use crate::error::Error;
use crate::{output, root};

/// What runs here (QEMU, depmod) and in the guest (ip, modprobe). liblzma is loaded by kmod when it meets a compressed module.
const PACKAGES: [&str; 4] = ["qemu-system-x86", "iproute2", "kmod", "liblzma5"];
/// The package that depends on the kernel of the day.
const KERNEL: &str = "linux-image-cloud-amd64";
/// To be counted up when what is unpacked changes.
const LAYOUT: &str = "1\n";

/// Where everything is.
pub struct Tools {
    folder: PathBuf,
    /// The kernel's release, which names its folder of modules.
    pub release: String,
}

impl Tools {
    /// Finds them, fetching them first where they are missing; `bar` tells what goes on.
    pub fn install(bar: &ProgressBar) -> Result<Self, Error> {
        let folder = root().join("target/tools/guest");
        let at = |path: PathBuf| move |source| Error::Io { path, source };
        fs::create_dir_all(&folder).map_err(at(folder.clone()))?;
        // The tools may be shared by several checkouts.
        let lock = folder.with_file_name("guest.lock");
        let lock = File::create(&lock).and_then(|file| file.lock().map(|()| file)).map_err(at(lock))?;
        let complete = folder.join("complete");
        if fs::read_to_string(&complete).ok().as_deref() != Some(LAYOUT) {
            fs::remove_dir_all(&folder).map_err(at(folder.clone()))?;
            fetch(&folder, bar)?;
            let tools = Self::find(folder.clone())?;
            bar.set_message("guest: modules' dependencies");
            output(tools.program("usr/bin/kmod", "depmod").arg("-b").arg(tools.kernel_root()).arg(&tools.release))?;
            tools.check_qemu()?;
            fs::write(&complete, LAYOUT).map_err(at(complete))?;
        }
        drop(lock);
        Self::find(folder)
    }

    fn find(folder: PathBuf) -> Result<Self, Error> {
        let modules = folder.join("kernel/usr/lib/modules");
        let entries = fs::read_dir(&modules).map_err(|source| Error::Io { path: modules.clone(), source })?;
        let names: Vec<_> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        match &names[..] {
            [release] => Ok(Self { folder, release: release.clone() }),
            _ => Err(Error::Guest(format!("{} should hold one kernel: {names:?}", modules.display()))),
        }
    }

    /// vfio-user-pci is in QEMU since 10.1, if it was built with it.
    fn check_qemu(&self) -> Result<(), Error> {
        let devices = output(self.qemu().args(["-device", "help"]))?;
        if devices.contains("\"vfio-user-pci\"") {
            return Ok(());
        }
        let version = output(self.qemu().arg("--version"))?;
        let version = version.lines().next().unwrap_or_default();
        Err(Error::Guest(format!("{version} has no device vfio-user-pci; QEMU 10.1 or later is needed")))
    }

    /// Debian's programs and their libraries.
    pub fn programs(&self) -> PathBuf {
        self.folder.join("programs")
    }

    /// A folder with lib/modules of the kernel in it, as depmod wants it.
    fn kernel_root(&self) -> PathBuf {
        self.folder.join("kernel")
    }

    /// The kernel's image.
    pub fn kernel(&self) -> PathBuf {
        self.kernel_root().join("boot").join(format!("vmlinuz-{}", self.release))
    }

    /// Its modules.
    pub fn modules(&self) -> PathBuf {
        self.kernel_root().join("usr/lib/modules").join(&self.release)
    }

    /// One of the programs, under a name of its own.
    fn program(&self, path: &str, name: &str) -> Command {
        let mut command = debian::linker(&self.programs());
        command.args(["--argv0", name]).arg(self.programs().join(path));
        command
    }

    /// The libraries that one of the programs is linked with, the dynamic linker among them: name in /lib*, file here.
    pub fn libraries(&self, path: &str) -> Result<Vec<PathBuf>, Error> {
        let list = output(debian::linker(&self.programs()).arg("--list").arg(self.programs().join(path)))?;
        // `name => path (address)`
        let paths = list.lines().filter_map(|line| line.split_once("=> ")?.1.rsplit_once(" (").map(|(path, _)| PathBuf::from(path)));
        Ok(paths.collect())
    }

    /// QEMU for a PC, without arguments.
    pub fn qemu(&self) -> Command {
        let mut command = self.program("usr/bin/qemu-system-x86_64", "qemu-system-x86_64");
        let programs = self.programs();
        command.env("QEMU_MODULE_DIR", programs.join("usr/lib/x86_64-linux-gnu/qemu"));
        for data in ["usr/share/qemu", "usr/share/seabios", "usr/lib/ipxe/qemu"] {
            command.arg("-L").arg(programs.join(data));
        }
        command
    }
}

fn fetch(folder: &Path, bar: &ProgressBar) -> Result<(), Error> {
    bar.set_message("guest: lists of packages");
    let state = folder.join("apt");
    let apt = Apt::update(&state)?;
    bar.set_message("guest: fetching QEMU and a kernel (75 MB)");
    apt.fetch(&PACKAGES)?;
    apt.fetch_dependency(KERNEL, "linux-image-")?;
    let files = apt.files()?;
    for (number, file) in files.iter().enumerate() {
        bar.set_message(format!("guest: unpacking {} of {}", number + 1, files.len()));
        let kernel = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("linux-image-"));
        debian::unpack(file, &folder.join(if kernel { "kernel" } else { "programs" }))?;
    }
    // depmod looks for lib/modules, as it was before /usr took everything.
    let lib = folder.join("kernel/lib");
    if !lib.exists() {
        std::os::unix::fs::symlink("usr/lib", &lib).map_err(|source| Error::Io { path: lib, source })?;
    }
    fs::remove_dir_all(&state).map_err(|source| Error::Io { path: state, source })
}
