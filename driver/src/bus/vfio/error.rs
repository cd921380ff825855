//! What can be wrong with a device, and what to do about it.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a device can't be opened. The message says what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VfioError {
    /// Neither an address nor a path that ends in one.
    #[error("{given:?} is no PCI address: write it as 0000:01:00.0, or as a path below /sys/bus/pci/devices")]
    Address {
        /// What was given.
        given: String,
    },
    /// Nothing is there.
    #[error("there is no PCI device {address}: `ls {devices}` shows those that there are", devices = .devices.display())]
    NoDevice {
        /// Its address.
        address: String,
        /// Where devices are.
        devices: PathBuf,
    },
    /// Another driver has it, or none.
    #[error(
        "PCI device {address} is bound to {driver}, not to vfio-pci. As root:\n  modprobe vfio-pci\n  \
         echo vfio-pci > /sys/bus/pci/devices/{address}/driver_override\n{unbind}  echo {address} > /sys/bus/pci/drivers_probe",
        driver = .driver.as_deref().unwrap_or("no driver"),
        unbind = if .driver.is_some() { format!("  echo {address} > /sys/bus/pci/devices/{address}/driver/unbind\n") } else { String::new() },
    )]
    NotBound {
        /// Its address.
        address: String,
        /// The driver that has it.
        driver: Option<String>,
    },
    /// No IOMMU stands between the device and memory.
    #[error(
        "PCI device {address} is in no IOMMU group: switch the IOMMU on in the firmware (VT-d, AMD-Vi), and boot with intel_iommu=on \
         (Intel) or without amd_iommu=off (AMD)"
    )]
    NoGroup {
        /// Its address.
        address: String,
    },
    /// The kernel has no VFIO, or the group has no file.
    #[error("{path} does not exist: as root, `modprobe -a vfio-pci vfio_iommu_type1`, and bind the device to vfio-pci", path = .path.display())]
    NoVfio {
        /// The file.
        path: PathBuf,
    },
    /// The user may not open it.
    #[error("no permission to open {path}: run as root, or give it to the user, with `chown USER {path}` or a udev rule", path = .path.display())]
    Permission {
        /// The file.
        path: PathBuf,
    },
    /// Another process has it open.
    #[error("PCI device {address} is in use: `fuser -v {path}` shows by whom; one process at a time can have it", path = .path.display())]
    Busy {
        /// Its address.
        address: String,
        /// The group's file.
        path: PathBuf,
    },
    /// Devices of the same group are in the kernel's hands.
    #[error(
        "PCI device {address} shares IOMMU group {group} with devices of other drivers, which could reach the same memory: bind them to \
         vfio-pci too, or to no driver: {others}",
        others = .others.join(", ")
    )]
    Group {
        /// Its address.
        address: String,
        /// Number of the group.
        group: u32,
        /// Addresses, each with its driver.
        others: Vec<String>,
    },
    /// It has not the registers that the driver needs.
    #[error("PCI device {address} has no memory BAR 0 of {wanted} bytes (it has {found}): it is no Espalier")]
    Bar {
        /// Its address.
        address: String,
        /// What it should have.
        wanted: u64,
        /// What it has.
        found: u64,
    },
    /// It does not answer.
    #[error(
        "PCI device {address} is gone: its configuration space reads all ones. Remove and rescan it: echo 1 > /sys/bus/pci/devices/{address}/remove; echo 1 > /sys/bus/pci/rescan"
    )]
    Gone {
        /// Its address.
        address: String,
    },
    /// Access to memory can't be switched on.
    #[error("PCI device {address}: its configuration space does not take {what}")]
    Command {
        /// Its address.
        address: String,
        /// A bit of the command register.
        what: &'static str,
    },
    /// Anything else.
    #[error("PCI device {address}: {operation}: {source}")]
    Io {
        /// Its address.
        address: String,
        /// What was tried.
        operation: &'static str,
        /// What the system says.
        source: io::Error,
    },
}
