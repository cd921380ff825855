//! The control with an AXI4-Lite master, and with a host that takes its messages.

use std::collections::HashMap;

use espalier_hdl::dma::control::DmaControl;
use espalier_hdl::dma::records::{Fault, WriteBeat, WriteRequest};
use espalier_sim::{Model, field};

pub const OKAY: u64 = 0;
pub const SLVERR: u64 = 2;

pub struct Rig {
    pub model: Model,
    /// How often each of these was high.
    pub pulses: HashMap<String, u32>,
    /// Messages that were written: address and data.
    pub messages: Vec<(u64, u32)>,
    pub take_events: bool,
    pub events: Vec<u32>,
    /// Clocks in which a wire rose.
    pub risen: Vec<u64>,
    wires: u64,
    request: Option<u64>,
}

impl Rig {
    pub fn new(msix: bool) -> Self {
        let mut model = match msix {
            true => Model::build::<DmaControl<1>>("dma_control").unwrap(),
            false => Model::build::<DmaControl<0>>("dma_control_wires").unwrap(),
        };
        for port in ["tx_idle", "rx_idle", "message_request_ready", "message_beat_ready"] {
            model.set(port, true);
        }
        model.reset(3);
        let pulses = ["tx_clear", "rx_clear"].map(|name| (name.to_owned(), 0)).into();
        Self { model, pulses, messages: Vec::new(), take_events: false, events: Vec::new(), risen: Vec::new(), wires: 0, request: None }
    }

    pub fn clock(&mut self) {
        self.model.set("event_tready", self.take_events);
        self.model.settle();
        for (name, count) in &mut self.pulses {
            *count += u32::from(self.model.get_bool(name));
        }
        if self.take_events && self.model.get_bool("event_tvalid") {
            self.events.push(self.model.get_u64("event_tdata") as u32);
        }
        let mut response = false;
        if self.model.get_bool("message_request_valid") {
            let request = self.model.get("message_request");
            let part = |offset, width| field(&request, offset, width);
            assert_eq!(part(WriteRequest::default().get_my_offset_beats(), WriteRequest::default().get_my_width_beats()), 1u32.into());
            let address = part(WriteRequest::default().get_my_offset_address(), WriteRequest::default().get_my_width_address());
            self.request = Some(u64::try_from(address).unwrap());
        }
        if self.model.get_bool("message_beat_valid") {
            let beat = self.model.get("message_beat");
            let data = field(&beat, WriteBeat::default().get_my_offset_data(), WriteBeat::default().get_my_width_data());
            let strobes = field(&beat, WriteBeat::default().get_my_offset_strobes(), WriteBeat::default().get_my_width_strobes());
            let strobes = u32::try_from(strobes).unwrap();
            let lane = strobes.trailing_zeros();
            assert_eq!(strobes, 0xf << lane);
            let data = u128::try_from(data).unwrap() >> (8 * lane);
            self.messages.push((self.request.take().unwrap() + u64::from(lane), data as u32));
            assert_eq!(data >> 32, 0);
            response = true;
        }
        let wires = self.model.get_u64("wires");
        if wires & !self.wires != 0 {
            self.risen.push(self.model.cycles());
        }
        self.wires = wires;
        self.model.rise();
        self.model.set("message_response_valid", response);
    }

    pub fn clocks(&mut self, clocks: u32) {
        (0..clocks).for_each(|_| self.clock());
        self.model.settle();
    }

    /// A one-clock pulse.
    pub fn pulse(&mut self, port: &str) {
        self.model.set(port, true);
        self.clock();
        self.model.set(port, false);
    }

    pub fn fault(&mut self, from: &str, fault: Fault) {
        self.model.set_record(&format!("{from}_fault"), fault);
        self.pulse(&format!("{from}_fault_valid"));
    }

    fn until(&mut self, port: &str) {
        for _ in 0..50 {
            self.model.settle();
            let done = self.model.get_bool(port);
            self.clock();
            if done {
                return;
            }
        }
        panic!("{port} does not come");
    }

    pub fn read(&mut self, address: u16) -> (u64, u32) {
        self.model.set("s_axil_araddr", u64::from(address));
        self.model.set("s_axil_arvalid", true);
        self.until("s_axil_arready");
        self.model.set("s_axil_arvalid", false);
        self.until("s_axil_rvalid");
        let answer = (self.model.get_u64("s_axil_rresp"), self.model.get_u64("s_axil_rdata") as u32);
        self.model.set("s_axil_rready", true);
        self.clock();
        self.model.set("s_axil_rready", false);
        answer
    }

    pub fn write(&mut self, address: u16, value: u32) -> u64 {
        self.model.set("s_axil_awaddr", u64::from(address));
        self.model.set("s_axil_wdata", u64::from(value));
        self.model.set("s_axil_wstrb", 0xfu64);
        self.model.set("s_axil_awvalid", true);
        self.model.set("s_axil_wvalid", true);
        self.until("s_axil_awready");
        self.model.set("s_axil_awvalid", false);
        self.model.set("s_axil_wvalid", false);
        self.until("s_axil_bvalid");
        let response = self.model.get_u64("s_axil_bresp");
        self.model.set("s_axil_bready", true);
        self.clock();
        self.model.set("s_axil_bready", false);
        self.model.settle();
        response
    }
}
