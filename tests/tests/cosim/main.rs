//! Co-simulation: the driver on the Verilated card, in a host whose memory is slow, out of order and faulty, on a wire that is no better.
//!
//! No packet is lost without being counted: packets in = packets out + drops by cause, on each way from one driver to the other. The card
//! never reaches for memory that is not mapped, and a function reset leaves none of its accesses under way.

mod balance;
mod frames;
mod link;
mod random;
mod reset;
mod station;
