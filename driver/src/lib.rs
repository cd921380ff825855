//! The userspace driver: bus, registers, SAs and policies.
