//! Command line of Espalier.
