//! The XFRM core against a device that records what it is asked, refuses on demand, and raises events.

mod fixtures;
mod lifetimes;
mod mock;
mod monitor;
mod packets;
mod policies;
mod receive;
mod references;
mod refusals;
mod states;
