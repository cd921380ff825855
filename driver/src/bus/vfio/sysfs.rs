//! What the kernel's files say of a PCI device, before and after it could not be opened.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::VfioError;

/// Where to look.
#[derive(Clone, Copy, Debug)]
pub struct Roots<'a> {
    /// /sys/bus/pci/devices
    pub devices: &'a Path,
    /// /dev/vfio
    pub vfio: &'a Path,
}

/// A device that can be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its address, with the domain.
    pub address: String,
    /// Its directory.
    pub path: PathBuf,
    /// Number of its IOMMU group.
    pub group: u32,
}

/// Finds a device, in order: it is there, it is vfio-pci's, and an IOMMU has it.
pub fn find(roots: Roots<'_>, given: &str) -> Result<Found, VfioError> {
    let address = address(given).ok_or_else(|| VfioError::Address { given: given.to_owned() })?;
    let path = roots.devices.join(&address);
    if !path.exists() {
        return Err(VfioError::NoDevice { address, devices: roots.devices.to_owned() });
    }
    match driver(&path) {
        Some(driver) if driver == "vfio-pci" => {}
        driver => return Err(VfioError::NotBound { address, driver }),
    }
    let group = last_of_link(&path.join("iommu_group")).and_then(|group| group.parse().ok());
    let Some(group) = group else { return Err(VfioError::NoGroup { address }) };
    Ok(Found { address, path, group })
}

/// Why a device that was found can't be opened.
pub fn explain(roots: Roots<'_>, found: &Found, source: io::Error) -> VfioError {
    let Found { address, path, group } = found;
    let address = address.clone();
    let file = roots.vfio.join(group.to_string());
    let common = roots.vfio.join("vfio");
    if let Some(missing) = [&file, &common].into_iter().find(|file| !file.exists()) {
        return VfioError::NoVfio { path: missing.clone() };
    }
    match source.kind() {
        io::ErrorKind::ResourceBusy => return VfioError::Busy { address, path: file },
        io::ErrorKind::PermissionDenied => {
            let opens = |file: &Path| fs::OpenOptions::new().read(true).write(true).open(file);
            let denied = |file: &Path| matches!(opens(file), Err(error) if error.kind() == io::ErrorKind::PermissionDenied);
            return VfioError::Permission { path: if denied(&common) { common } else { file } };
        }
        _ => {}
    }
    // VFIO_GROUP_FLAGS_VIABLE: every device of the group is vfio-pci's or nobody's; bridges are let pass (vfio_dev_viable).
    let harmless = |driver: &str| ["vfio-pci", "pci-stub", "pcieport"].contains(&driver);
    let members = fs::read_dir(path.join("iommu_group/devices")).into_iter().flatten().flatten();
    let mut others: Vec<String> = members
        .filter_map(|member| driver(&member.path()).map(|driver| (member.file_name(), driver)))
        .filter(|(_, driver)| !harmless(driver))
        .map(|(address, driver)| format!("{} ({driver})", address.to_string_lossy()))
        .collect();
    if others.is_empty() {
        return VfioError::Io { address, operation: "open", source };
    }
    others.sort();
    VfioError::Group { address, group: *group, others }
}

/// With its domain: from `01:00.0`, `0000:01:00.0`, or a path that ends in the latter.
fn address(given: &str) -> Option<String> {
    let name = if given.contains('/') { Path::new(given).file_name()?.to_str()? } else { given };
    let full = if name.matches(':').count() == 1 { format!("0000:{name}") } else { name.to_owned() };
    let hex = |part: &str, digits: usize| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (domain, rest) = full.split_once(':')?;
    let (bus, rest) = rest.split_once(':')?;
    let (device, function) = rest.split_once('.')?;
    let known = (4..=8).contains(&domain.len()) && hex(domain, domain.len()) && hex(bus, 2) && hex(device, 2) && hex(function, 1);
    known.then(|| full.to_ascii_lowercase())
}

fn driver(device: &Path) -> Option<String> {
    last_of_link(&device.join("driver"))
}

fn last_of_link(link: &Path) -> Option<String> {
    Some(fs::read_link(link).ok()?.file_name()?.to_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    const ADDRESS: &str = "0000:01:00.0";

    /// A device, its driver, its group, and /dev/vfio.
    struct Tree(tempfile::TempDir);

    impl Tree {
        fn new(driver: Option<&str>, group: Option<u32>) -> Self {
            let tree = Self(tempfile::tempdir().unwrap());
            fs::create_dir_all(tree.0.path().join("dev")).unwrap();
            tree.device(ADDRESS, driver, group);
            tree
        }

        fn device(&self, address: &str, driver: Option<&str>, group: Option<u32>) {
            let root = self.0.path();
            let device = root.join("devices").join(address);
            fs::create_dir_all(&device).unwrap();
            if let Some(driver) = driver {
                symlink(root.join("drivers").join(driver), device.join("driver")).unwrap();
            }
            if let Some(group) = group {
                let directory = root.join("groups").join(group.to_string());
                fs::create_dir_all(directory.join("devices")).unwrap();
                symlink(&directory, device.join("iommu_group")).unwrap();
                symlink(&device, directory.join("devices").join(address)).unwrap();
            }
        }

        fn find(&self, given: &str) -> Result<Found, VfioError> {
            self.with(|roots| find(roots, given))
        }

        fn explain(&self, errno: i32) -> VfioError {
            let found = self.find(ADDRESS).unwrap();
            self.with(|roots| explain(roots, &found, io::Error::from_raw_os_error(errno)))
        }

        fn with<T>(&self, then: impl FnOnce(Roots<'_>) -> T) -> T {
            let (devices, vfio) = (self.0.path().join("devices"), self.0.path().join("dev"));
            then(Roots { devices: &devices, vfio: &vfio })
        }

        fn file(&self, name: &str) {
            fs::write(self.0.path().join("dev").join(name), []).unwrap();
        }
    }

    #[test]
    fn addresses_are_short_long_or_at_the_end_of_a_path() {
        assert_eq!(address("1:00.0"), None);
        assert_eq!(address("01:00.0").as_deref(), Some(ADDRESS));
        assert_eq!(address("/sys/bus/pci/devices/0000:01:00.0").as_deref(), Some(ADDRESS));
        assert_eq!(address("/sys/bus/pci/devices/0000:01:00.0/").as_deref(), Some(ADDRESS));
        assert_eq!(address("10000:AB:1f.7").as_deref(), Some("10000:ab:1f.7"));
        for bad in ["", "eth0", "0000:01:00", "0000:01:00.10", "../..", "0000:01:0.0.0", "0000:01:00.0:1", "-", "/"] {
            assert_eq!(address(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_missing_is_told_with_the_remedy() {
        let message = |tree: &Tree, given| tree.find(given).expect_err("missing").to_string();
        let bound = Tree::new(Some("vfio-pci"), Some(7));
        assert_eq!(bound.find("01:00.0").unwrap().group, 7);
        assert!(message(&bound, "02:00.0").starts_with("there is no PCI device 0000:02:00.0"));
        assert!(message(&bound, "eth0").contains("write it as"));
        let other = message(&Tree::new(Some("e1000e"), Some(7)), ADDRESS);
        assert!(other.contains("bound to e1000e") && other.contains("0000:01:00.0/driver/unbind"), "{other}");
        let none = message(&Tree::new(None, Some(7)), ADDRESS);
        assert!(none.contains("bound to no driver") && !none.contains("unbind") && none.contains("drivers_probe"), "{none}");
        assert!(message(&Tree::new(Some("vfio-pci"), None), ADDRESS).contains("intel_iommu=on"));
    }

    #[test]
    fn what_fails_is_explained() {
        let tree = Tree::new(Some("vfio-pci"), Some(7));
        let [busy, refused, other] = [16, 13, 22];
        assert!(matches!(tree.explain(busy), VfioError::NoVfio { path } if path.ends_with("7")));
        tree.file("7");
        assert!(matches!(tree.explain(busy), VfioError::NoVfio { path } if path.ends_with("vfio")));
        tree.file("vfio");
        assert!(tree.explain(busy).to_string().contains("fuser -v"));
        assert!(matches!(tree.explain(refused), VfioError::Permission { path } if path.ends_with("7")));
        assert!(tree.explain(other).to_string().contains("Invalid argument"));
        tree.device("0000:00:1c.0", Some("pcieport"), None);
        tree.device("0000:01:00.1", Some("snd_hda_intel"), None);
        let group = tree.0.path().join("groups/7/devices");
        for address in ["0000:00:1c.0", "0000:01:00.1"] {
            symlink(tree.0.path().join("devices").join(address), group.join(address)).unwrap();
        }
        let message = tree.explain(other).to_string();
        assert!(message.ends_with("to no driver: 0000:01:00.1 (snd_hda_intel)"), "{message}");
    }
}
