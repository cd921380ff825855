//! Reads and writes of host memory against a host that answers late, out of order, in pieces and with errors.
#![allow(clippy::unwrap_used)]

#[path = "hdl_dma_axi/host.rs"]
mod host;
#[path = "hdl_dma_axi/read.rs"]
mod read;
#[path = "hdl_dma_axi/write.rs"]
mod write;
