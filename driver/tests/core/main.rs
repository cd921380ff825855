//! The XFRM core against a device that records what it is asked, refuses on demand, and raises events.

#[path = "../common/mod.rs"]
mod common;
mod device;
mod fixtures;
mod lifetimes;
mod mock;
mod modes;
mod monitor;
mod packets;
mod policies;
mod receive;
mod references;
mod refusals;
mod states;
