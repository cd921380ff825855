//! The control plane: the register map on AXI4-Lite, the mailbox that fills the tables, the counters.
//!
//! Purpose: what docs/registers.md says, in logic. Ports: `s_axil_*` (AXI4-Lite, 16-bit addresses, 32-bit data); `events`, a vector of
//! one-clock pulses in the order of [`crate::events::Event`]; the switches of CONTROL; the write ports of the tables; the hash-subkey
//! unit; the replay block. Latency, from the clock that takes the request to the one that offers the response: 3 for a write and
//! for a read, 5 to 36 for the read of a COUNTER_LO; commands: see [`mailbox`]. Throughput: a write and a read at a time. Back-pressure:
//! on the bus only. After reset everything is as the map says, and every switch is off.
//!
//! A record, with `sa_index`, `policy_index`, `cam_row`, `cam_way` and `sa_seq`, holds from the clock of its write pulse through the next one.
//! A cleared place is written with a record that is zero throughout, key included, and a sequence number of zero.
//!
//! Measured with yosys 0.70 and nextpnr-ecp5 0.11.1 (ECP5-85F, speed 8, 64 SAs, 64 policies, 64 CAM places, alone): 180 MHz, about
//! 1730 LUTs and 1750 flip-flops, of which the staging window takes 720.

pub mod answer;
pub mod axil_read;
pub mod axil_write;
pub mod build;
pub mod check;
pub mod counters;
pub mod decode;
pub mod mailbox;
pub mod operands;
pub mod operations;
pub mod staging;
pub mod wires;

use espalier_regs::map::{control, counter_clear, refused};
use espalier_regs::Field;
use rust_hdl::prelude::*;

pub use self::build::{capabilities, FEATURES};

use self::answer::Answer;
use self::axil_read::AxilRead;
use self::axil_write::AxilWrite;
use self::counters::Counters;
use self::decode::{Decode, Target};
use self::mailbox::Mailbox;
use crate::constant::Const;
use crate::records::{CamEntry, Policy, RxSa, SaIndex, TxSa};

/// Responses of AXI4-Lite (IHI 0022).
pub mod response {
    /// Done.
    pub const OKAY: u64 = 0;
    /// Refused.
    pub const SLVERR: u64 = 2;
}

/// Lowest bit of a field, for the kernels.
pub(crate) const fn lsb(field: Field) -> u64 {
    field.lsb as u64
}

/// See the module's documentation. `A`, `R`, `C`: see [`capabilities`].
#[derive(LogicBlock, Default)]
pub struct Control<const A: usize, const R: usize, const C: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub s_axil_awaddr: Signal<In, Bits<16>>,
    pub s_axil_awvalid: Signal<In, bool>,
    pub s_axil_awready: Signal<Out, bool>,
    pub s_axil_wdata: Signal<In, Bits<32>>,
    pub s_axil_wstrb: Signal<In, Bits<4>>,
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
    pub events: Signal<In, Bits<64>>,
    /// The switches of CONTROL.
    pub tx_enable: Signal<Out, bool>,
    pub rx_enable: Signal<Out, bool>,
    pub rx_pass_unknown: Signal<Out, bool>,
    /// Write ports of the SA tables.
    pub tx_sa_write: Signal<Out, bool>,
    pub rx_sa_write: Signal<Out, bool>,
    pub sa_index: Signal<Out, SaIndex>,
    pub tx_sa: Signal<Out, TxSa>,
    pub rx_sa: Signal<Out, RxSa>,
    /// Sequence number used (TX) or received (RX) last.
    pub sa_seq: Signal<Out, Bits<64>>,
    /// Write port of the SA CAM.
    pub cam_write: Signal<Out, bool>,
    pub cam_way: Signal<Out, Bits<2>>,
    pub cam_row: Signal<Out, Bits<10>>,
    pub cam_entry: Signal<Out, CamEntry>,
    /// Write port of the policy table.
    pub policy_write: Signal<Out, bool>,
    pub policy_index: Signal<Out, Bits<10>>,
    pub policy: Signal<Out, Policy>,
    /// H of a new key: taken with `hkey_ready`, answered with `hkey_done`, when `hkey_h` and `hkey_h3` count.
    pub hkey_valid: Signal<Out, bool>,
    pub hkey_key: Signal<Out, Bits<256>>,
    pub hkey_size: Signal<Out, Bits<2>>,
    pub hkey_ready: Signal<In, bool>,
    pub hkey_done: Signal<In, bool>,
    pub hkey_h: Signal<In, Bits<128>>,
    pub hkey_h3: Signal<In, Bits<128>>,
    /// The replay window of `sa_index` begins at `sa_seq`; `replay_init_ready` says that it does.
    pub replay_init_valid: Signal<Out, bool>,
    pub replay_init_ready: Signal<In, bool>,
    /// The tables have been swept after reset; a command waits for it.
    pub tables_ready: Signal<In, bool>,
    /// The sequence numbers of an SA, right from 4 clocks after `seq_read_index` is set.
    pub seq_read_index: Signal<Out, SaIndex>,
    pub tx_seq: Signal<In, Bits<64>>,
    pub rx_seq: Signal<In, Bits<64>>,
    axil_write: AxilWrite,
    axil_read: AxilRead,
    write_decode: Decode<A, R, C>,
    read_decode: Decode<A, R, C>,
    mailbox: Mailbox<A, R, C>,
    counters: Counters,
    answer: Answer,
    tx_on: DFF<bool>,
    rx_on: DFF<bool>,
    pass_unknown: DFF<bool>,
    data: Signal<Local, Bits<32>>,
    is_counter: Signal<Local, bool>,
    tx_enable_at: Const<5, { lsb(control::TX_ENABLE) }>,
    rx_enable_at: Const<5, { lsb(control::RX_ENABLE) }>,
    rx_pass_unknown_at: Const<5, { lsb(control::RX_PASS_UNKNOWN) }>,
    clear_at: Const<5, { lsb(counter_clear::ALL) }>,
    refused_command_at: Const<5, { lsb(refused::COMMAND) }>,
    refused_mail_at: Const<5, { lsb(refused::MAIL) }>,
}

impl<const A: usize, const R: usize, const C: usize> Logic for Control<A, R, C> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, tx_on, rx_on, pass_unknown);
        clock!(self, clock, axil_write, axil_read, mailbox, counters);
        self.axil_write.reset.next = self.reset.val();
        self.axil_read.reset.next = self.reset.val();
        self.mailbox.reset.next = self.reset.val();
        self.counters.reset.next = self.reset.val();

        // The bus.
        self.axil_write.awaddr.next = self.s_axil_awaddr.val();
        self.axil_write.awvalid.next = self.s_axil_awvalid.val();
        self.s_axil_awready.next = self.axil_write.awready.val();
        self.axil_write.wdata.next = self.s_axil_wdata.val();
        self.axil_write.wstrb.next = self.s_axil_wstrb.val();
        self.axil_write.wvalid.next = self.s_axil_wvalid.val();
        self.s_axil_wready.next = self.axil_write.wready.val();
        self.s_axil_bresp.next = self.axil_write.bresp.val();
        self.s_axil_bvalid.next = self.axil_write.bvalid.val();
        self.axil_write.bready.next = self.s_axil_bready.val();
        self.axil_read.araddr.next = self.s_axil_araddr.val();
        self.axil_read.arvalid.next = self.s_axil_arvalid.val();
        self.s_axil_arready.next = self.axil_read.arready.val();
        self.s_axil_rdata.next = self.axil_read.rdata.val();
        self.s_axil_rresp.next = self.axil_read.rresp.val();
        self.s_axil_rvalid.next = self.axil_read.rvalid.val();
        self.axil_read.rready.next = self.s_axil_rready.val();
        self.write_decode.address.next = self.axil_write.address.val();
        self.axil_write.entry.next = self.write_decode.entry.val();
        self.read_decode.address.next = self.axil_read.address.val();
        self.axil_read.entry.next = self.read_decode.entry.val();

        // Writes.
        self.data.next = self.axil_write.data.val();
        self.mailbox.data.next = self.axil_write.data.val();
        self.mailbox.number.next = bit_cast::<5, 6>(self.axil_write.target.val().number);
        self.mailbox.write_mail.next = false;
        self.mailbox.write_command.next = false;
        self.mailbox.clear_refused_command.next = false;
        self.mailbox.clear_refused_mail.next = false;
        self.counters.clear.next = false;
        if self.axil_write.write.val() {
            match self.axil_write.target.val().target {
                Target::Control => {
                    self.tx_on.d.next = self.data.val().get_bit(self.tx_enable_at.val().index());
                    self.rx_on.d.next = self.data.val().get_bit(self.rx_enable_at.val().index());
                    self.pass_unknown.d.next = self.data.val().get_bit(self.rx_pass_unknown_at.val().index());
                }
                Target::CounterClear => {
                    self.counters.clear.next = self.data.val().get_bit(self.clear_at.val().index());
                }
                Target::Command => {
                    self.mailbox.write_command.next = true;
                }
                Target::Refused => {
                    self.mailbox.clear_refused_command.next = self.data.val().get_bit(self.refused_command_at.val().index());
                    self.mailbox.clear_refused_mail.next = self.data.val().get_bit(self.refused_mail_at.val().index());
                }
                Target::Mail => {
                    self.mailbox.write_mail.next = true;
                }
                _ => {}
            }
        }
        if self.reset.val() {
            self.tx_on.d.next = false;
            self.rx_on.d.next = false;
            self.pass_unknown.d.next = false;
        }
        self.tx_enable.next = self.tx_on.q.val();
        self.rx_enable.next = self.rx_on.q.val();
        self.rx_pass_unknown.next = self.pass_unknown.q.val();

        // Reads.
        self.answer.target.next = self.axil_read.target.val();
        self.answer.tx_enable.next = self.tx_on.q.val();
        self.answer.rx_enable.next = self.rx_on.q.val();
        self.answer.rx_pass_unknown.next = self.pass_unknown.q.val();
        self.answer.busy.next = self.mailbox.busy.val();
        self.answer.done.next = self.mailbox.done.val();
        self.answer.error.next = self.mailbox.error.val();
        self.answer.refused_command.next = self.mailbox.refused_command.val();
        self.answer.refused_mail.next = self.mailbox.refused_mail.val();
        self.answer.result.next = self.mailbox.result.val();
        self.answer.counter_low.next = self.counters.low.val();
        self.answer.counter_high.next = self.counters.high.val();
        self.axil_read.answer.next = self.answer.word.val();
        self.counters.events.next = bit_cast::<32, 64>(self.events.val());
        self.counters.number.next = bit_cast::<5, 6>(self.axil_read.target.val().number);
        self.is_counter.next = self.axil_read.target.val().target == Target::CounterLow;
        self.counters.read.next = self.axil_read.read.val() && self.is_counter.val();
        self.axil_read.answer_valid.next = self.counters.answer_valid.val() || !self.is_counter.val();

        // The engine.
        self.tx_sa_write.next = self.mailbox.tx_sa_write.val();
        self.rx_sa_write.next = self.mailbox.rx_sa_write.val();
        self.cam_write.next = self.mailbox.cam_write.val();
        self.policy_write.next = self.mailbox.policy_write.val();
        self.sa_index.next = self.mailbox.index.val();
        self.cam_row.next = self.mailbox.index.val();
        self.policy_index.next = self.mailbox.index.val();
        self.seq_read_index.next = self.mailbox.index.val();
        self.cam_way.next = self.mailbox.way.val();
        self.tx_sa.next = self.mailbox.tx_sa.val();
        self.rx_sa.next = self.mailbox.rx_sa.val();
        self.sa_seq.next = self.mailbox.sa_seq.val();
        self.cam_entry.next = self.mailbox.cam_entry.val();
        self.policy.next = self.mailbox.policy.val();
        self.hkey_valid.next = self.mailbox.hkey_valid.val();
        self.hkey_key.next = self.mailbox.hkey_key.val();
        self.hkey_size.next = self.mailbox.hkey_size.val();
        self.mailbox.hkey_ready.next = self.hkey_ready.val();
        self.mailbox.hkey_done.next = self.hkey_done.val();
        self.mailbox.hkey_h.next = self.hkey_h.val();
        self.mailbox.hkey_h3.next = self.hkey_h3.val();
        self.replay_init_valid.next = self.mailbox.replay_init_valid.val();
        self.mailbox.replay_init_ready.next = self.replay_init_ready.val();
        self.mailbox.tables_ready.next = self.tables_ready.val();
        self.mailbox.tx_seq.next = self.tx_seq.val();
        self.mailbox.rx_seq.next = self.rx_seq.val();
    }
}
