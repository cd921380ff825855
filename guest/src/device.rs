//! The device: bound to vfio-pci, and opened.

use std::path::PathBuf;

use espalier_driver::bus::vfio::Vfio;
use espalier_driver::net::NetDevice;
use espalier_driver::rings::RingConfig;

use crate::error::{Error, ensure};
use crate::init::set;

/// Where QEMU puts it.
pub const ADDRESS: &str = "0000:00:05.0";

/// Its directory in sysfs.
pub fn directory() -> PathBuf {
    PathBuf::from("/sys/bus/pci/devices").join(ADDRESS)
}

/// Binds it to vfio-pci, if it isn't.
pub fn bind() -> Result<(), Error> {
    if directory().join("driver").exists() {
        return Ok(());
    }
    set(directory().join("driver_override"), "vfio-pci")?;
    set("/sys/bus/pci/drivers_probe", ADDRESS)?;
    ensure(directory().join("driver").exists(), || format!("vfio-pci does not take {ADDRESS}; the console's log may say why"))
}

/// Its registers, memory and interrupts.
pub fn open() -> Result<Vfio, Error> {
    bind()?;
    Vfio::open(ADDRESS).map_err(|error| Error::Wrong(error.to_string()))
}

/// With rings.
pub fn open_rings(config: RingConfig) -> Result<NetDevice<Vfio>, Error> {
    Ok(NetDevice::open(open()?, config)?)
}
