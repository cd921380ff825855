//! One AXI4-Lite slave in front of two: the engine's registers below, those of the host interface from `espalier_regs::dma::BASE` on.
//!
//! Purpose: hand each access to one of two slaves by bit 15 of its address. Ports: `s_axil_*` in; `engine_*` and `host_*`, AXI4-Lite
//! masters. Latency: one clock more than the slave's. Throughput: an access at a time, as the slaves have it. Back-pressure: AWREADY,
//! WREADY and ARREADY are low until the access before is answered.
//!
//! A slave must take no second address before its response is taken, as those of [`crate::control`] do.

use rust_hdl::prelude::*;

/// See the module's documentation.
#[derive(LogicBlock, Default)]
pub struct AxilSplit {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub s_axil_awaddr: Signal<In, Bits<16>>,
    pub s_axil_awvalid: Signal<In, bool>,
    pub s_axil_awready: Signal<Out, bool>,
    pub s_axil_wvalid: Signal<In, bool>,
    pub s_axil_wready: Signal<Out, bool>,
    pub s_axil_bresp: Signal<Out, Bits<2>>,
    pub s_axil_bvalid: Signal<Out, bool>,
    pub s_axil_bready: Signal<In, bool>,
    pub s_axil_araddr: Signal<In, Bits<16>>,
    pub s_axil_arvalid: Signal<In, bool>,
    pub s_axil_arready: Signal<Out, bool>,
    pub s_axil_rdata: Signal<Out, Bits<32>>,
    pub s_axil_rresp: Signal<Out, Bits<2>>,
    pub s_axil_rvalid: Signal<Out, bool>,
    pub s_axil_rready: Signal<In, bool>,
    pub engine_awvalid: Signal<Out, bool>,
    pub engine_awready: Signal<In, bool>,
    pub engine_wvalid: Signal<Out, bool>,
    pub engine_wready: Signal<In, bool>,
    pub engine_bresp: Signal<In, Bits<2>>,
    pub engine_bvalid: Signal<In, bool>,
    pub engine_bready: Signal<Out, bool>,
    pub engine_arvalid: Signal<Out, bool>,
    pub engine_arready: Signal<In, bool>,
    pub engine_rdata: Signal<In, Bits<32>>,
    pub engine_rresp: Signal<In, Bits<2>>,
    pub engine_rvalid: Signal<In, bool>,
    pub engine_rready: Signal<Out, bool>,
    pub host_awvalid: Signal<Out, bool>,
    pub host_awready: Signal<In, bool>,
    pub host_wvalid: Signal<Out, bool>,
    pub host_wready: Signal<In, bool>,
    pub host_bresp: Signal<In, Bits<2>>,
    pub host_bvalid: Signal<In, bool>,
    pub host_bready: Signal<Out, bool>,
    pub host_arvalid: Signal<Out, bool>,
    pub host_arready: Signal<In, bool>,
    pub host_rdata: Signal<In, Bits<32>>,
    pub host_rresp: Signal<In, Bits<2>>,
    pub host_rvalid: Signal<In, bool>,
    pub host_rready: Signal<Out, bool>,
    /// A write is under way, and whose it is.
    writing: DFF<bool>,
    write_host: DFF<bool>,
    /// A read is under way, and whose it is.
    reading: DFF<bool>,
    read_host: DFF<bool>,
    to_engine: Signal<Local, bool>,
    to_host: Signal<Local, bool>,
    from_engine: Signal<Local, bool>,
    from_host: Signal<Local, bool>,
    answered: Signal<Local, bool>,
    read_answered: Signal<Local, bool>,
}

impl Logic for AxilSplit {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, writing, write_host, reading, read_host);
        self.to_engine.next = self.writing.q.val() & !self.write_host.q.val();
        self.to_host.next = self.writing.q.val() & self.write_host.q.val();
        self.engine_awvalid.next = self.s_axil_awvalid.val() & self.to_engine.val();
        self.host_awvalid.next = self.s_axil_awvalid.val() & self.to_host.val();
        self.s_axil_awready.next = (self.engine_awready.val() & self.to_engine.val()) | (self.host_awready.val() & self.to_host.val());
        self.engine_wvalid.next = self.s_axil_wvalid.val() & self.to_engine.val();
        self.host_wvalid.next = self.s_axil_wvalid.val() & self.to_host.val();
        self.s_axil_wready.next = (self.engine_wready.val() & self.to_engine.val()) | (self.host_wready.val() & self.to_host.val());
        self.s_axil_bresp.next = self.engine_bresp.val();
        if self.write_host.q.val() {
            self.s_axil_bresp.next = self.host_bresp.val();
        }
        self.answered.next = (self.engine_bvalid.val() & self.to_engine.val()) | (self.host_bvalid.val() & self.to_host.val());
        self.s_axil_bvalid.next = self.answered.val();
        self.engine_bready.next = self.s_axil_bready.val() & self.to_engine.val();
        self.host_bready.next = self.s_axil_bready.val() & self.to_host.val();
        if !self.writing.q.val() {
            self.write_host.d.next = self.s_axil_awaddr.val().get_bit(15);
            self.writing.d.next = self.s_axil_awvalid.val();
        }
        if self.answered.val() & self.s_axil_bready.val() {
            self.writing.d.next = false;
        }

        self.from_engine.next = self.reading.q.val() & !self.read_host.q.val();
        self.from_host.next = self.reading.q.val() & self.read_host.q.val();
        self.engine_arvalid.next = self.s_axil_arvalid.val() & self.from_engine.val();
        self.host_arvalid.next = self.s_axil_arvalid.val() & self.from_host.val();
        self.s_axil_arready.next = (self.engine_arready.val() & self.from_engine.val()) | (self.host_arready.val() & self.from_host.val());
        self.s_axil_rdata.next = self.engine_rdata.val();
        self.s_axil_rresp.next = self.engine_rresp.val();
        if self.read_host.q.val() {
            self.s_axil_rdata.next = self.host_rdata.val();
            self.s_axil_rresp.next = self.host_rresp.val();
        }
        self.read_answered.next = (self.engine_rvalid.val() & self.from_engine.val()) | (self.host_rvalid.val() & self.from_host.val());
        self.s_axil_rvalid.next = self.read_answered.val();
        self.engine_rready.next = self.s_axil_rready.val() & self.from_engine.val();
        self.host_rready.next = self.s_axil_rready.val() & self.from_host.val();
        if !self.reading.q.val() {
            self.read_host.d.next = self.s_axil_araddr.val().get_bit(15);
            self.reading.d.next = self.s_axil_arvalid.val();
        }
        if self.read_answered.val() & self.s_axil_rready.val() {
            self.reading.d.next = false;
        }
        if self.reset.val() {
            self.writing.d.next = false;
            self.reading.d.next = false;
        }
    }
}
