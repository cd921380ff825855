//! The register map of Espalier: the only place an offset is spelt.
