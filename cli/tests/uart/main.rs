//! Runs of captures through boards, simulated to their pins: SAs and policies programmed by the driver, packets encrypted and decrypted, every byte compared with the
//! reference model's. Nothing but the bits of the serial lines connects them to this process.
#![allow(clippy::unwrap_used)]

mod board;
mod pty;
mod rig;
mod run;
