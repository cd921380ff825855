//! The engine: AXI4-Lite for the host's registers, AXI4-Stream to and from the host and the wire, one GCM core between.
//!
//! The port names are flat AXI names; `xtask gen` emits it as module `espalier`.
//!
//! | interface | |
//! |---|---|
//! | `s_axil_*` | AXI4-Lite, 32 bit: docs/registers.md |
//! | `s_axis_host_*` | frames from the host, to be sent; `tuser`: `espalier_regs::tuser::tx` |
//! | `m_axis_txstatus_*` | what became of each of them, in order: `espalier_regs::tuser::tx_status` |
//! | `m_axis_wire_*` | frames to the MAC |
//! | `s_axis_wire_*` | frames from the MAC, without FCS; `tuser`: with `tlast`, the frame is damaged |
//! | `m_axis_host_*` | received frames to the host; `tuser`: `espalier_regs::tuser::rx` |
//! | `interrupt` | level: EVENT shows an event |
//!
//! For what is built around the engine (the host interface of [`crate::card`], a MAC):
//!
//! | port | |
//! |---|---|
//! | `tx_enabled` | CONTROL.TX_ENABLE: frames from the host are taken; while low, none is begun |
//! | `s_axis_event_*` | something to tell the host: `tdata` as EVENT shows it, VALID left out |
//! | `rx_no_buffer`, `rx_host_fault` | one-clock pulses: a received frame was dropped behind `m_axis_host`; counted as the event of that name |

use espalier_regs::map::event;
use espalier_regs::tuser::tx_status;
use rust_hdl::prelude::*;

use crate::admit::Admit;
use crate::constant::Const;
use crate::control::Control;
use crate::events::{bit, Event, EventMask};
use crate::gcm::GcmCore;
use crate::policy::PolicySource;
use crate::rx_path::RxPath;
use crate::shell::{AxisIn, AxisOut, HostUserIn, HostUserOut};
use crate::tx_path::TxPath;

/// The build that is emitted: 64 SAs in each direction, 64 policies, 128 places in the SA CAM.
pub type Espalier = Engine<6, 3, 2, 5, 11, 14>;

/// The build for an ECP5-85F: 64 SAs in each direction, 32 policies, 128 places in the SA CAM, two rounds of AES in hardware.
pub type EspalierEcp5 = Engine<6, 3, 1, 5, 11, 2>;

/// See the module's documentation. Build parameters: 2^`A` SAs in each direction, 4 * `G` * 2^`R` policies, 4 * 2^`C` places in the SA CAM (twice
/// the SAs: `C` = `A` - 1); `W` must be `A` + 5; `ROUNDS` of AES in hardware, 14 or 2.
#[derive(LogicBlock, Default)]
pub struct Engine<const A: usize, const R: usize, const G: usize, const C: usize, const W: usize, const ROUNDS: usize> {
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

    pub s_axis_host_tdata: Signal<In, Bits<128>>,
    pub s_axis_host_tkeep: Signal<In, Bits<16>>,
    pub s_axis_host_tvalid: Signal<In, bool>,
    pub s_axis_host_tready: Signal<Out, bool>,
    pub s_axis_host_tlast: Signal<In, bool>,
    pub s_axis_host_tuser: Signal<In, Bits<16>>,

    pub m_axis_txstatus_tdata: Signal<Out, Bits<32>>,
    pub m_axis_txstatus_tvalid: Signal<Out, bool>,
    pub m_axis_txstatus_tready: Signal<In, bool>,

    pub m_axis_wire_tdata: Signal<Out, Bits<128>>,
    pub m_axis_wire_tkeep: Signal<Out, Bits<16>>,
    pub m_axis_wire_tvalid: Signal<Out, bool>,
    pub m_axis_wire_tready: Signal<In, bool>,
    pub m_axis_wire_tlast: Signal<Out, bool>,

    pub s_axis_wire_tdata: Signal<In, Bits<128>>,
    pub s_axis_wire_tkeep: Signal<In, Bits<16>>,
    pub s_axis_wire_tvalid: Signal<In, bool>,
    pub s_axis_wire_tready: Signal<Out, bool>,
    pub s_axis_wire_tlast: Signal<In, bool>,
    pub s_axis_wire_tuser: Signal<In, bool>,

    pub m_axis_host_tdata: Signal<Out, Bits<128>>,
    pub m_axis_host_tkeep: Signal<Out, Bits<16>>,
    pub m_axis_host_tvalid: Signal<Out, bool>,
    pub m_axis_host_tready: Signal<In, bool>,
    pub m_axis_host_tlast: Signal<Out, bool>,
    pub m_axis_host_tuser: Signal<Out, Bits<32>>,

    pub interrupt: Signal<Out, bool>,

    pub tx_enabled: Signal<Out, bool>,
    pub s_axis_event_tdata: Signal<In, Bits<32>>,
    pub s_axis_event_tvalid: Signal<In, bool>,
    pub s_axis_event_tready: Signal<Out, bool>,
    pub rx_no_buffer: Signal<In, bool>,
    pub rx_host_fault: Signal<In, bool>,

    control: Control<A, R, G, C>,
    policy: PolicySource,
    host_in: AxisIn,
    host_user_in: HostUserIn,
    tx: TxPath<A, R, G>,
    wire_out: AxisOut,
    core: GcmCore<ROUNDS>,
    wire_in: AxisIn,
    rx: RxPath<A, C, W>,
    admit: Admit<A, R, G>,
    host_out: AxisOut,
    host_user_out: HostUserOut,
    /// Events that two stages had in one clock, and that are still to be counted once more.
    late: DFF<Bits<64>>,
    rx_events: Signal<Local, Bits<64>>,
    admit_events: Signal<Local, Bits<64>>,
    no_buffer: Signal<Local, Bits<64>>,
    host_fault: Signal<Local, Bits<64>>,
    ev_no_buffer: EventMask<{ bit(Event::RxDropNoBuffer) }>,
    ev_host_fault: EventMask<{ bit(Event::RxDropHostFault) }>,
    event_kind_at: Const<5, { event::KIND.lsb as u64 }>,
    event_number_at: Const<5, { event::SA.lsb as u64 }>,
    event_tx_at: Const<5, { event::TX.lsb as u64 }>,
    status_sa_at: Const<5, { tx_status::SA.lsb as u64 }>,
}

impl<const A: usize, const R: usize, const G: usize, const C: usize, const W: usize, const ROUNDS: usize> Logic
    for Engine<A, R, G, C, W, ROUNDS>
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, late);
        clock!(self, clock, control, policy, tx, core, rx, admit);
        self.control.reset.next = self.reset.val();
        self.tx.reset.next = self.reset.val();
        self.core.reset.next = self.reset.val();
        self.rx.reset.next = self.reset.val();
        self.admit.reset.next = self.reset.val();

        // Registers.
        self.control.s_axil_awaddr.next = self.s_axil_awaddr.val();
        self.control.s_axil_awvalid.next = self.s_axil_awvalid.val();
        self.s_axil_awready.next = self.control.s_axil_awready.val();
        self.control.s_axil_wdata.next = self.s_axil_wdata.val();
        self.control.s_axil_wstrb.next = self.s_axil_wstrb.val();
        self.control.s_axil_wvalid.next = self.s_axil_wvalid.val();
        self.s_axil_wready.next = self.control.s_axil_wready.val();
        self.s_axil_bresp.next = self.control.s_axil_bresp.val();
        self.s_axil_bvalid.next = self.control.s_axil_bvalid.val();
        self.control.s_axil_bready.next = self.s_axil_bready.val();
        self.control.s_axil_araddr.next = self.s_axil_araddr.val();
        self.control.s_axil_arvalid.next = self.s_axil_arvalid.val();
        self.s_axil_arready.next = self.control.s_axil_arready.val();
        self.s_axil_rdata.next = self.control.s_axil_rdata.val();
        self.s_axil_rresp.next = self.control.s_axil_rresp.val();
        self.s_axil_rvalid.next = self.control.s_axil_rvalid.val();
        self.control.s_axil_rready.next = self.s_axil_rready.val();
        self.interrupt.next = self.control.event_pending.val();

        // A cause may be counted in both stages of RX in the same clock. It is counted once more as soon as neither has it: the admission has
        // none for 2 clocks after one, and the path before it at most two of a kind in 3 clocks, so nothing else is pending by then.
        self.rx_events.next = self.rx.events.val();
        self.admit_events.next = self.admit.events.val();
        self.late.d.next =
            (self.rx_events.val() & self.admit_events.val()) | (self.late.q.val() & (self.rx_events.val() | self.admit_events.val()));
        self.no_buffer.next = 0.into();
        if self.rx_no_buffer.val() {
            self.no_buffer.next = self.ev_no_buffer.val();
        }
        self.host_fault.next = 0.into();
        if self.rx_host_fault.val() {
            self.host_fault.next = self.ev_host_fault.val();
        }
        self.control.events.next = (self.tx.events.val() | self.rx_events.val())
            | (self.admit_events.val() | self.late.q.val())
            | (self.no_buffer.val() | self.host_fault.val());
        self.control.tx_notice.next = self.tx.notice.val();
        self.control.tx_notice_valid.next = self.tx.notice_valid.val();
        self.tx.notice_ready.next = self.control.tx_notice_ready.val();
        self.control.rx_notice.next = self.rx.notice.val();
        self.control.rx_notice_valid.next = self.rx.notice_valid.val();
        self.rx.notice_ready.next = self.control.rx_notice_ready.val();
        self.control.host_notice.next.kind = bit_cast::<4, 32>(self.s_axis_event_tdata.val() >> self.event_kind_at.val());
        self.control.host_notice.next.number = bit_cast::<10, 32>(self.s_axis_event_tdata.val() >> self.event_number_at.val());
        self.control.host_notice.next.tx = self.s_axis_event_tdata.val().get_bit(self.event_tx_at.val().index());
        self.control.host_notice_valid.next = self.s_axis_event_tvalid.val();
        self.s_axis_event_tready.next = self.control.host_notice_ready.val();

        // Tables.
        self.control.tables_ready.next = (self.tx.ready.val() && self.rx.ready.val()) && self.admit.ready.val();
        self.tx.enable.next = self.control.tx_enable.val();
        self.tx_enabled.next = self.control.tx_enable.val();
        self.tx.policy_write.next = self.control.tx_policy_write.val();
        self.control.tx_policy_write_ready.next = self.tx.policy_ready.val();
        self.policy.policy.next = self.control.policy.val();
        self.policy.index.next = self.control.policy_index.val();
        self.policy.at.next = self.tx.policy_at.val() | self.admit.policy_at.val();
        self.tx.policy.next = self.policy.write.val();
        self.tx.sa_write.next = self.control.tx_sa_write.val();
        self.control.tx_sa_write_ready.next = self.tx.sa_write_ready.val();
        self.tx.sa_keep.next = self.control.tx_sa_keep.val();
        self.tx.sa_index.next = self.control.sa_index.val();
        self.tx.sa.next = self.control.tx_sa.val();
        self.tx.sa_seq.next = self.control.sa_seq.val();
        self.tx.limits_write.next = self.control.tx_limits_write.val();
        self.tx.limits.next = self.control.limits.val();
        self.tx.read_index.next = self.control.read_index.val();
        self.control.tx_seq.next = self.tx.read_seq.val();
        self.control.tx_life.next = self.tx.read_life.val();
        self.rx.enable.next = self.control.rx_enable.val();
        self.rx.pass_unknown.next = self.control.rx_pass_unknown.val();
        self.rx.cam_write.next = self.control.cam_write.val();
        self.rx.cam_way.next = self.control.cam_way.val();
        self.rx.cam_row.next = self.control.cam_row.val();
        self.rx.cam_entry.next = self.control.cam_entry.val();
        self.rx.sa_write.next = self.control.rx_sa_write.val();
        self.rx.sa_index.next = self.control.sa_index.val();
        self.rx.sa.next = self.control.rx_sa.val();
        self.rx.sa_seq.next = self.control.sa_seq.val();
        self.rx.replay_init_valid.next = self.control.replay_init_valid.val();
        self.control.replay_init_ready.next = self.rx.replay_init_ready.val();
        self.rx.limits_write.next = self.control.rx_limits_write.val();
        self.rx.limits.next = self.control.limits.val();
        self.rx.read_index.next = self.control.read_index.val();
        self.control.rx_seq.next = self.rx.read_seq.val();
        self.control.rx_life.next = self.rx.read_life.val();
        self.control.rx_failures.next = self.rx.read_failures.val();
        self.admit.policy_write.next = self.control.rx_policy_write.val();
        self.control.rx_policy_write_ready.next = self.admit.policy_ready.val();
        self.admit.policy.next = self.policy.write.val();
        self.admit.local_write.next = self.control.local_write.val();
        self.admit.local_index.next = self.control.local_index.val();
        self.admit.local_address.next = self.control.local_address.val();
        self.admit.sa_write.next = self.control.rx_sa_write.val();
        self.admit.sa_tunnel.next = self.control.rx_sa.val().tunnel;
        self.admit.sa_index.next = self.control.sa_index.val();
        self.admit.selector_write.next = self.control.rx_selector_write.val();
        self.admit.selector.next = self.control.selector.val();
        self.admit.accept_write.next = self.control.rx_accept_write.val();
        self.admit.accept.next = self.control.accept.val();
        self.core.hkey_valid.next = self.control.hkey_valid.val();
        self.core.hkey_key.next = self.control.hkey_key.val();
        self.core.hkey_size.next = self.control.hkey_size.val();
        self.control.hkey_ready.next = self.core.hkey_ready.val();
        self.control.hkey_done.next = self.core.hkey_done.val();
        self.control.hkey_h.next = self.core.hkey_h.val();
        self.control.hkey_h3.next = self.core.hkey_h3.val();

        // TX: host, core, wire.
        self.host_in.tdata.next = self.s_axis_host_tdata.val();
        self.host_in.tkeep.next = self.s_axis_host_tkeep.val();
        self.host_in.tlast.next = self.s_axis_host_tlast.val();
        self.host_user_in.tuser.next = self.s_axis_host_tuser.val();
        self.host_in.tuser.next = self.host_user_in.error.val();
        self.tx.s_beat.next = self.host_in.m_beat.val();
        self.tx.s_meta.next = self.host_user_in.m_meta.val();
        self.tx.s_valid.next = self.s_axis_host_tvalid.val();
        self.s_axis_host_tready.next = self.tx.s_ready.val();
        self.core.tx_slot.next = self.tx.slot.val();
        self.core.tx_crypto.next = self.tx.crypto.val();
        self.core.tx_crypto_valid.next = self.tx.crypto_valid.val();
        self.core.tx_slot_valid.next = self.tx.slot_valid.val();
        self.tx.slot_ready.next = self.core.tx_slot_ready.val();
        self.core.tx_room.next = self.tx.room.val();
        self.tx.core_beat.next = self.core.tx_beat.val();
        self.tx.core_beat_valid.next = self.core.tx_beat_valid.val();
        self.tx.core_tag.next = self.core.tx_tag.val();
        self.tx.core_tag_valid.next = self.core.tx_tag_valid.val();
        self.wire_out.s_beat.next = self.tx.m_beat.val();
        self.m_axis_wire_tdata.next = self.wire_out.tdata.val();
        self.m_axis_wire_tkeep.next = self.wire_out.tkeep.val();
        self.m_axis_wire_tlast.next = self.wire_out.tlast.val();
        self.m_axis_wire_tvalid.next = self.tx.m_valid.val();
        self.tx.m_ready.next = self.m_axis_wire_tready.val();

        self.m_axis_txstatus_tdata.next =
            bit_cast::<32, 8>(self.tx.status.val().event) | (bit_cast::<32, 10>(self.tx.status.val().sa) << self.status_sa_at.val());
        self.m_axis_txstatus_tvalid.next = self.tx.status_valid.val();
        self.tx.status_ready.next = self.m_axis_txstatus_tready.val();

        // RX: wire, core, admission, host.
        self.wire_in.tdata.next = self.s_axis_wire_tdata.val();
        self.wire_in.tkeep.next = self.s_axis_wire_tkeep.val();
        self.wire_in.tlast.next = self.s_axis_wire_tlast.val();
        self.wire_in.tuser.next = self.s_axis_wire_tuser.val();
        self.rx.s_beat.next = self.wire_in.m_beat.val();
        self.rx.s_valid.next = self.s_axis_wire_tvalid.val();
        self.s_axis_wire_tready.next = self.rx.s_ready.val();
        self.core.rx_slot.next = self.rx.slot.val();
        self.core.rx_crypto.next = self.rx.crypto.val();
        self.core.rx_crypto_valid.next = self.rx.crypto_valid.val();
        self.core.rx_slot_valid.next = self.rx.slot_valid.val();
        self.rx.slot_ready.next = self.core.rx_slot_ready.val();
        self.core.rx_room.next = self.rx.room.val();
        self.rx.core_beat.next = self.core.rx_beat.val();
        self.rx.core_beat_valid.next = self.core.rx_beat_valid.val();
        self.rx.core_tag.next = self.core.rx_tag.val();
        self.rx.core_tag_valid.next = self.core.rx_tag_valid.val();
        self.admit.s_beat.next = self.rx.m_beat.val();
        self.admit.s_meta.next = self.rx.m_meta.val();
        self.admit.s_valid.next = self.rx.m_valid.val();
        self.rx.m_ready.next = self.admit.s_ready.val();
        self.host_out.s_beat.next = self.admit.m_beat.val();
        self.host_user_out.s_meta.next = self.admit.m_meta.val();
        self.m_axis_host_tdata.next = self.host_out.tdata.val();
        self.m_axis_host_tkeep.next = self.host_out.tkeep.val();
        self.m_axis_host_tlast.next = self.host_out.tlast.val();
        self.m_axis_host_tuser.next = self.host_user_out.tuser.val();
        self.m_axis_host_tvalid.next = self.admit.m_valid.val();
        self.admit.m_ready.next = self.m_axis_host_tready.val();

        if self.reset.val() {
            self.late.d.next = 0.into();
        }
    }
}
