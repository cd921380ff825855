//! The whole Verilated engine, through its registers and streams.

mod association;
mod card;
mod choices;
mod clocks;
mod compare;
mod packet;
mod queue;
mod random;
mod reuse;
mod rig;
mod stack;
mod traffic;
mod wire;
