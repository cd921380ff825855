//! Frames from host memory.
#![allow(clippy::unwrap_used)]

#[path = "hdl_stream/support.rs"]
mod support;

use espalier_hdl::dma::tx::TxQueue;

#[test]
fn a_queue_out_of_reset_is_idle_and_offers_nothing() {
    let mut model = support::model::<TxQueue>("tx_queue");
    model.set("run", true);
    for _ in 0..50 {
        model.clock();
        assert!(model.get_bool("idle") && !model.get_bool("m_axis_host_tvalid") && !model.get_bool("request_valid"));
        assert!(!model.get_bool("completion_valid") && !model.get_bool("fault_valid"));
    }
}
