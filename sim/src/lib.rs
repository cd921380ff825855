//! The Verilated engine, with wires, stalls and faults around it.
