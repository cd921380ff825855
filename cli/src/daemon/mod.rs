//! `espalier daemon`: the NIC behind a TAP interface, and the control socket that `espalier xfrm`, `stats` and `caps` talk to.
//!
//! A frame's way out: TAP, [`XfrmCore::output`](espalier_driver::core::XfrmCore::output), device; in: device,
//! [`XfrmCore::input`](espalier_driver::core::XfrmCore::input), TAP. All of it, and the control socket, is one thread ([`engine`]).

pub mod answer;
pub mod client;
pub mod control;
pub mod engine;
pub mod follow;
pub mod fragment;
pub mod http;
pub mod icmp;
pub mod log;
pub mod metrics;
pub mod nic;
pub mod options;
pub mod path;
pub mod privileges;
pub mod recovery;
pub mod report;
pub mod simulated;
pub mod tap;
pub mod wire;
pub mod world;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use espalier_driver::bus::vfio::{Vfio, VfioError};
use espalier_driver::bus::{DmaBus, InterruptBus, ResetBus};
use espalier_driver::core::XfrmError;
use espalier_driver::net::NetDevice;
use espalier_driver::rings::RingConfig;
use espalier_hdl::card::EspalierCard;
use espalier_sim::Model;
use espalier_sim::card::CardOptions;
use espalier_sim::host::Host;
use thiserror::Error;

use control::Control;
use engine::Engine;
use follow::Follower;
use nic::Nic;
use options::{Bus, Options};
use privileges::{PrivilegeError, User};
use simulated::Simulated;
use tap::Tap;
use wire::Wire;
use world::{World, WorldError};

/// Why the daemon does not start, or stops.
#[derive(Debug, Error)]
pub enum DaemonError {
    /// The device.
    #[error("device: {0}")]
    Device(#[from] espalier_driver::Error),
    /// The core.
    #[error("core: {0}")]
    Core(#[from] XfrmError),
    /// The bus.
    #[error(transparent)]
    Vfio(#[from] VfioError),
    /// What is around a simulated device.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The TAP can't be made.
    #[error("--tap {name}: {error}{}", hint(error))]
    Tap {
        /// Its name.
        name: String,
        /// Why.
        error: io::Error,
    },
    /// Somebody took the TAP away.
    #[error("the interface {0} was taken away")]
    TapGone(String),
    /// The kernel tells nothing of the TAP.
    #[error("rtnetlink: {0}")]
    Follow(#[source] io::Error),
    /// The control socket can't be made.
    #[error("--socket {}: {error}", path.display())]
    Socket {
        /// Where.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The metrics can't be served.
    #[error("--metrics {address}: {error}")]
    Metrics {
        /// Where.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// An option.
    #[error("{0}")]
    Option(String),
    /// Rights.
    #[error(transparent)]
    Privilege(#[from] PrivilegeError),
    /// The path of packets.
    #[error(transparent)]
    Path(#[from] path::PathError),
    /// The operating system does not let us wait.
    #[error("waiting: {0}")]
    Wait(#[source] io::Error),
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => " (CAP_NET_ADMIN is needed)",
        io::ErrorKind::NotFound => " (is the module tun loaded?)",
        _ => "",
    }
}

/// Runs with the device that the options name.
///
/// # Errors
/// [`DaemonError`]
pub fn run(options: &Options) -> Result<(), DaemonError> {
    let config = RingConfig { tx_entries: options.ring, rx_entries: options.ring, ..RingConfig::default() };
    match &options.bus {
        Bus::Vfio(_) if options.wire.is_some() => Err(DaemonError::Option("--wire: a device on a bus has a wire of its own".to_owned())),
        Bus::Vfio(address) => serve(NetDevice::open(Vfio::open(address)?, config)?, (), options),
        Bus::Sim => {
            tracing::info!("making the simulator (kept for the next time)");
            let host = Host::new(Model::build::<EspalierCard>("espalier_card").map_err(WorldError::from)?, CardOptions::default());
            let nic = NetDevice::open(host.map_err(WorldError::from)?, config)?;
            let wire = options.wire.as_ref().map(Wire::open).transpose().map_err(WorldError::from)?;
            serve(nic, Simulated::new(wire), options)
        }
    }
}

/// Runs with a device that is open, until SIGTERM or SIGINT.
///
/// # Errors
/// [`DaemonError`]
pub fn serve<B, W>(mut nic: NetDevice<B>, world: W, options: &Options) -> Result<(), DaemonError>
where
    B: DmaBus + InterruptBus + ResetBus,
    W: World<NetDevice<B>>,
{
    nic.device().set_name(&options.tap);
    let user = options.user.as_deref().map(User::find).transpose()?;
    nic.set_mtu(options.mtu)?;
    let tap = |error| DaemonError::Tap { name: options.tap.clone(), error };
    let interface = Tap::open(&options.tap, options.mac.map(|mac| mac.0), options.mtu).map_err(tap)?;
    let follower = Follower::open(interface.index().map_err(tap)?).map_err(DaemonError::Follow)?;
    let control = Control::bind(&options.socket).map_err(|error| DaemonError::Socket { path: options.socket.clone(), error })?;
    let listener = options.metrics.map(|address| {
        let listener = TcpListener::bind(address).map_err(|error| DaemonError::Metrics { address, error })?;
        Ok::<_, DaemonError>((address, listener))
    });
    let listener = listener.transpose()?;
    if let Some(user) = user {
        if let Err(error) = privileges::allow_locked_memory() {
            tracing::warn!(%error, "a device that is reset may get no memory");
        }
        // The last thing before there is a second thread.
        privileges::become_user(user)?;
        tracing::info!(uid = user.uid, gid = user.gid, "root's rights are given up");
    }
    privileges::no_new_privileges()?;
    let stop = engine::stop_signals().map_err(DaemonError::Wait)?;
    let mut engine = Engine::new(nic, interface, world, control, Some(follower), stop)?;
    if let Some((address, listener)) = listener {
        engine.set_metrics(http::Metrics::serve(listener).map_err(|error| DaemonError::Metrics { address, error })?);
    }
    tracing::info!(tap = options.tap, socket = %options.socket.display(), mtu = options.mtu, "ready");
    engine.run()
}
