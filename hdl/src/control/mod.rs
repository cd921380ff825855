//! The control plane: the register map on AXI4-Lite, the mailbox that fills the tables, the counters, the event queue.
//!
//! Purpose: what docs/registers.md says, in logic. Ports: `s_axil_*` (AXI4-Lite, 16-bit addresses, 32-bit data); `events`, a vector of
//! one-clock pulses in the order of [`crate::events::Event`]; `tx_notice` and `rx_notice`, what SAs have to tell the host; the switches
//! of CONTROL; the write ports of the tables; the state of an SA; the hash-subkey unit; the replay block. Latency, from the clock that
//! takes the request to the one that offers the response: 3 for a write, 4 for a read, 6 to 69 for the read of a COUNTER_LO;
//! commands: see [`mailbox`]. Throughput: a write and a read at a time. Back-pressure: on the bus only. After reset everything is as
//! the map says, and every switch is off.
//!
//! A record, with its index, holds from the clock of its write pulse (where a write may wait: from the first one) through the nine after
//! it. A cleared place is written with a record that is zero throughout, key included, and a sequence number of zero.

pub mod answer;
pub mod axil_read;
pub mod axil_write;
pub mod build;
pub mod check;
pub mod counters;
pub mod decode;
pub mod mailbox;
pub mod notices;
pub mod operands;
pub mod operations;
pub mod registers;
pub mod result;
pub mod staging;
pub mod wires;

use espalier_regs::Field;
use rust_hdl::prelude::*;

pub use self::build::{capabilities, FEATURES};

use self::check::Check;
use self::mailbox::Mailbox;
use self::operands::Operands;
use self::registers::Registers;
use self::result::Answers;
use crate::records::{
    Accept, CamEntry, HostNotice, Life, Limits, LocalAddress, Notice, Policy, RxFailures, RxSa, SaIndex, SaSelector, TxSa,
};

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

/// See the module's documentation. `A`, `R`, `G`, `C`: see [`capabilities`].
#[derive(LogicBlock, Default)]
pub struct Control<const A: usize, const R: usize, const G: usize, const C: usize> {
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
    /// What outbound and inbound SAs have to tell the host.
    pub tx_notice: Signal<In, Notice>,
    pub tx_notice_valid: Signal<In, bool>,
    pub tx_notice_ready: Signal<Out, bool>,
    pub rx_notice: Signal<In, Notice>,
    pub rx_notice_valid: Signal<In, bool>,
    pub rx_notice_ready: Signal<Out, bool>,
    /// What the engine's surroundings have to tell the host.
    pub host_notice: Signal<In, HostNotice>,
    pub host_notice_valid: Signal<In, bool>,
    pub host_notice_ready: Signal<Out, bool>,
    /// EVENT shows one.
    pub event_pending: Signal<Out, bool>,
    /// The switches of CONTROL.
    pub tx_enable: Signal<Out, bool>,
    pub rx_enable: Signal<Out, bool>,
    pub rx_pass_unknown: Signal<Out, bool>,
    /// Write ports of the SA tables. The one of the outbound SAs stays up until `tx_sa_write_ready`; without `tx_sa_keep` the SA
    /// begins at `sa_seq`, with counts of 0 and without limits. One of the inbound SAs always begins so.
    pub tx_sa_write: Signal<Out, bool>,
    pub tx_sa_write_ready: Signal<In, bool>,
    pub tx_sa_keep: Signal<Out, bool>,
    pub rx_sa_write: Signal<Out, bool>,
    pub sa_index: Signal<Out, SaIndex>,
    pub tx_sa: Signal<Out, TxSa>,
    pub rx_sa: Signal<Out, RxSa>,
    /// Sequence number used (TX) or received (RX) last.
    pub sa_seq: Signal<Out, Bits<64>>,
    /// Write ports of what goes with SA `sa_index`.
    pub tx_limits_write: Signal<Out, bool>,
    pub rx_limits_write: Signal<Out, bool>,
    pub limits: Signal<Out, Limits>,
    pub rx_selector_write: Signal<Out, bool>,
    pub selector: Signal<Out, SaSelector>,
    pub rx_accept_write: Signal<Out, bool>,
    pub accept: Signal<Out, Accept>,
    /// Write port of the SA CAM.
    pub cam_write: Signal<Out, bool>,
    pub cam_way: Signal<Out, Bits<2>>,
    pub cam_row: Signal<Out, Bits<10>>,
    pub cam_entry: Signal<Out, CamEntry>,
    /// Write ports of the policy tables: a write stays up until it is `ready`.
    pub tx_policy_write: Signal<Out, bool>,
    pub tx_policy_write_ready: Signal<In, bool>,
    pub rx_policy_write: Signal<Out, bool>,
    pub rx_policy_write_ready: Signal<In, bool>,
    pub policy_index: Signal<Out, Bits<10>>,
    pub policy: Signal<Out, Policy>,
    /// Write port of the local addresses.
    pub local_write: Signal<Out, bool>,
    pub local_index: Signal<Out, Bits<3>>,
    pub local_address: Signal<Out, LocalAddress>,
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
    /// The state of an SA, right from 4 clocks after `read_index` is set.
    pub read_index: Signal<Out, SaIndex>,
    pub tx_seq: Signal<In, Bits<64>>,
    pub tx_life: Signal<In, Life>,
    pub rx_seq: Signal<In, Bits<64>>,
    pub rx_life: Signal<In, Life>,
    pub rx_failures: Signal<In, RxFailures>,
    registers: Registers<A, R, G, C>,
    mailbox: Mailbox<A, R, G, C>,
    operands: Operands,
    check: Check,
    answers: Answers,
}

impl<const A: usize, const R: usize, const G: usize, const C: usize> Logic for Control<A, R, G, C> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, registers, mailbox, operands, answers);
        self.registers.reset.next = self.reset.val();
        self.mailbox.reset.next = self.reset.val();

        // The bus, and what comes from the data path.
        self.registers.s_axil_awaddr.next = self.s_axil_awaddr.val();
        self.registers.s_axil_awvalid.next = self.s_axil_awvalid.val();
        self.s_axil_awready.next = self.registers.s_axil_awready.val();
        self.registers.s_axil_wdata.next = self.s_axil_wdata.val();
        self.registers.s_axil_wstrb.next = self.s_axil_wstrb.val();
        self.registers.s_axil_wvalid.next = self.s_axil_wvalid.val();
        self.s_axil_wready.next = self.registers.s_axil_wready.val();
        self.s_axil_bresp.next = self.registers.s_axil_bresp.val();
        self.s_axil_bvalid.next = self.registers.s_axil_bvalid.val();
        self.registers.s_axil_bready.next = self.s_axil_bready.val();
        self.registers.s_axil_araddr.next = self.s_axil_araddr.val();
        self.registers.s_axil_arvalid.next = self.s_axil_arvalid.val();
        self.s_axil_arready.next = self.registers.s_axil_arready.val();
        self.s_axil_rdata.next = self.registers.s_axil_rdata.val();
        self.s_axil_rresp.next = self.registers.s_axil_rresp.val();
        self.s_axil_rvalid.next = self.registers.s_axil_rvalid.val();
        self.registers.s_axil_rready.next = self.s_axil_rready.val();
        self.registers.events.next = self.events.val();
        self.registers.tx_notice.next = self.tx_notice.val();
        self.registers.tx_notice_valid.next = self.tx_notice_valid.val();
        self.tx_notice_ready.next = self.registers.tx_notice_ready.val();
        self.registers.rx_notice.next = self.rx_notice.val();
        self.registers.rx_notice_valid.next = self.rx_notice_valid.val();
        self.rx_notice_ready.next = self.registers.rx_notice_ready.val();
        self.registers.host_notice.next = self.host_notice.val();
        self.registers.host_notice_valid.next = self.host_notice_valid.val();
        self.host_notice_ready.next = self.registers.host_notice_ready.val();
        self.event_pending.next = self.registers.event_pending.val();
        self.tx_enable.next = self.registers.tx_enable.val();
        self.rx_enable.next = self.registers.rx_enable.val();
        self.rx_pass_unknown.next = self.registers.rx_pass_unknown.val();

        // Registers and mailbox.
        self.mailbox.write_mail.next = self.registers.write_mail.val();
        self.mailbox.write_command.next = self.registers.write_command.val();
        self.mailbox.data.next = self.registers.data.val();
        self.mailbox.clear_refused_command.next = self.registers.clear_refused_command.val();
        self.mailbox.clear_refused_mail.next = self.registers.clear_refused_mail.val();
        self.registers.busy.next = self.mailbox.busy.val();
        self.registers.done.next = self.mailbox.done.val();
        self.registers.error.next = self.mailbox.error.val();
        self.registers.refused_command.next = self.mailbox.refused_command.val();
        self.registers.refused_mail.next = self.mailbox.refused_mail.val();
        self.registers.result.next = self.answers.words.val();
        self.answers.clear.next = self.mailbox.clear_result.val() || self.reset.val();
        self.answers.take_tx.next = self.mailbox.take_tx.val();
        self.answers.take_rx.next = self.mailbox.take_rx.val();
        self.answers.tx_seq.next = self.tx_seq.val();
        self.answers.tx_life.next = self.tx_life.val();
        self.answers.rx_seq.next = self.rx_seq.val();
        self.answers.rx_life.next = self.rx_life.val();
        self.answers.rx_failures.next = self.rx_failures.val();

        // Operands and mailbox.
        self.operands.write.next = self.mailbox.put_mail.val();
        self.operands.number.next = self.registers.number.val();
        self.operands.data.next = self.registers.data.val();
        self.operands.zeroise.next = self.mailbox.zeroise.val();
        self.operands.valid.next = self.mailbox.valid.val();
        self.operands.h.next = self.mailbox.h.val();
        self.operands.h3.next = self.mailbox.h3.val();
        self.check.action.next = self.mailbox.action.val();
        self.check.index.next = self.mailbox.index.val();
        self.check.way.next = self.mailbox.way.val();
        self.check.sa.next = self.operands.sa.val();
        self.check.rx_sa.next = self.operands.rx_sa.val();
        self.check.cam_entry.next = self.operands.cam_entry.val();
        self.check.policy.next = self.operands.policy.val();
        self.mailbox.fault.next = self.check.fault.val();

        // The engine.
        self.tx_sa_write.next = self.mailbox.writes.val().tx_sa;
        self.mailbox.tx_sa_ready.next = self.tx_sa_write_ready.val();
        self.tx_sa_keep.next = self.operands.sa.val().keep;
        self.rx_sa_write.next = self.mailbox.writes.val().rx_sa;
        self.sa_index.next = bit_cast::<10, 16>(self.mailbox.index.val());
        self.tx_sa.next = self.operands.tx_sa.val();
        self.rx_sa.next = self.operands.rx_sa.val();
        self.sa_seq.next = self.operands.sa.val().seq;
        self.tx_limits_write.next = self.mailbox.writes.val().tx_limits;
        self.rx_limits_write.next = self.mailbox.writes.val().rx_limits;
        self.limits.next = self.operands.limits.val();
        self.rx_selector_write.next = self.mailbox.writes.val().rx_selector;
        self.selector.next = self.operands.selector.val();
        self.rx_accept_write.next = self.mailbox.writes.val().rx_accept;
        self.accept.next = self.operands.accept.val();
        self.cam_write.next = self.mailbox.writes.val().cam;
        self.cam_way.next = bit_cast::<2, 4>(self.mailbox.way.val());
        self.cam_row.next = bit_cast::<10, 16>(self.mailbox.index.val());
        self.cam_entry.next = self.operands.cam_entry.val();
        self.tx_policy_write.next = self.mailbox.writes.val().tx_policy;
        self.mailbox.tx_policy_ready.next = self.tx_policy_write_ready.val();
        self.rx_policy_write.next = self.mailbox.writes.val().rx_policy;
        self.mailbox.rx_policy_ready.next = self.rx_policy_write_ready.val();
        self.policy_index.next = bit_cast::<10, 16>(self.mailbox.index.val());
        self.policy.next = self.operands.policy.val();
        self.local_write.next = self.mailbox.writes.val().local;
        self.local_index.next = bit_cast::<3, 16>(self.mailbox.index.val());
        self.local_address.next = self.operands.local_address.val();
        self.read_index.next = bit_cast::<10, 16>(self.mailbox.index.val());
        self.hkey_valid.next = self.mailbox.hkey_valid.val();
        self.hkey_key.next = self.operands.sa.val().key;
        self.hkey_size.next = self.operands.sa.val().key_size;
        self.mailbox.hkey_ready.next = self.hkey_ready.val();
        self.mailbox.hkey_done.next = self.hkey_done.val();
        self.mailbox.hkey_h.next = self.hkey_h.val();
        self.mailbox.hkey_h3.next = self.hkey_h3.val();
        self.replay_init_valid.next = self.mailbox.replay_init_valid.val();
        self.mailbox.replay_init_ready.next = self.replay_init_ready.val();
        self.mailbox.tables_ready.next = self.tables_ready.val();
    }
}
