//! The edge of the engine: AXI4-Stream outside, beats inside.
//!
//! AXI4-Stream lane 0 is `tdata[7:0]` and holds the first byte; a [`Beat`] has it in `data[127:120]`. `tkeep` is contiguous
//! from lane 0 and full in every beat but the last.
//! All wiring: no latency, one beat a clock, `tready` is the beat's `ready`.

use rust_hdl::core::ast::{VerilogExpression, VerilogLiteral, VerilogStatement};
use rust_hdl::prelude::*;

use crate::constant::Const;
use crate::records::{Meta, SaIndex};
use crate::stream::{Beat, BEAT_BYTES};
use espalier_regs::tuser::{rx, tx};

/// Reverses the 16 bytes of a beat.
#[derive(LogicBlock, Default)]
pub struct ByteSwap {
    pub straight: Signal<In, Bits<128>>,
    pub swapped: Signal<Out, Bits<128>>,
}

impl Logic for ByteSwap {
    fn update(&mut self) {
        let mut reversed: Bits<128> = 0.into();
        for byte in 0..BEAT_BYTES {
            reversed.set_bits::<8>(8 * byte, self.straight.val().get_bits::<8>(120 - 8 * byte));
        }
        self.swapped.next = reversed;
    }

    fn connect(&mut self) {
        self.swapped.connect();
    }

    fn hdl(&self) -> Verilog {
        let literal = |bit: usize| Box::new(VerilogExpression::Literal(VerilogLiteral::from(bit as u32)));
        let signal = |name: &str| Box::new(VerilogExpression::Signal(name.into()));
        Verilog::Combinatorial(
            (0..BEAT_BYTES)
                .map(|byte| VerilogStatement::SliceAssignment {
                    base: *signal("swapped"),
                    width: 8,
                    offset: *literal(8 * byte),
                    replacement: VerilogExpression::Slice(signal("straight"), 8, literal(120 - 8 * byte)),
                })
                .collect(),
        )
    }
}

/// From AXI4-Stream to beats. `tuser`: with `tlast`, the frame is damaged.
#[derive(LogicBlock, Default)]
pub struct AxisIn {
    pub tdata: Signal<In, Bits<128>>,
    pub tkeep: Signal<In, Bits<16>>,
    pub tlast: Signal<In, bool>,
    pub tuser: Signal<In, bool>,
    pub m_beat: Signal<Out, Beat>,
    swap: ByteSwap,
    eights: Signal<Local, bool>,
    fours: Signal<Local, bool>,
    twos: Signal<Local, bool>,
    ones: Signal<Local, bool>,
}

impl Logic for AxisIn {
    #[hdl_gen]
    fn update(&mut self) {
        self.swap.straight.next = self.tdata.val();
        // How many lanes count, from the thermometer code of `tkeep`.
        self.eights.next = self.tkeep.val().get_bit(7) && !self.tkeep.val().get_bit(15);
        self.fours.next = (self.tkeep.val().get_bit(3) && !self.tkeep.val().get_bit(7))
            || (self.tkeep.val().get_bit(11) && !self.tkeep.val().get_bit(15));
        self.twos.next = (self.tkeep.val().get_bit(1) && !self.tkeep.val().get_bit(3))
            || (self.tkeep.val().get_bit(5) && !self.tkeep.val().get_bit(7))
            || (self.tkeep.val().get_bit(9) && !self.tkeep.val().get_bit(11))
            || (self.tkeep.val().get_bit(13) && !self.tkeep.val().get_bit(15));
        self.ones.next = (self.tkeep.val().get_bit(0) && !self.tkeep.val().get_bit(1))
            || (self.tkeep.val().get_bit(2) && !self.tkeep.val().get_bit(3))
            || (self.tkeep.val().get_bit(4) && !self.tkeep.val().get_bit(5))
            || (self.tkeep.val().get_bit(6) && !self.tkeep.val().get_bit(7))
            || (self.tkeep.val().get_bit(8) && !self.tkeep.val().get_bit(9))
            || (self.tkeep.val().get_bit(10) && !self.tkeep.val().get_bit(11))
            || (self.tkeep.val().get_bit(12) && !self.tkeep.val().get_bit(13))
            || (self.tkeep.val().get_bit(14) && !self.tkeep.val().get_bit(15));
        self.m_beat.next.data = self.swap.swapped.val();
        self.m_beat.next.bytes = (bit_cast::<5, 1>(self.tkeep.val().get_bit(15).into()) << 4)
            | (bit_cast::<5, 1>(self.eights.val().into()) << 3)
            | (bit_cast::<5, 1>(self.fours.val().into()) << 2)
            | (bit_cast::<5, 1>(self.twos.val().into()) << 1)
            | bit_cast::<5, 1>(self.ones.val().into());
        self.m_beat.next.last = self.tlast.val();
        self.m_beat.next.error = self.tlast.val() && self.tuser.val();
    }
}

/// From beats to AXI4-Stream. Lanes that do not count hold anything.
#[derive(LogicBlock, Default)]
pub struct AxisOut {
    pub s_beat: Signal<In, Beat>,
    pub tdata: Signal<Out, Bits<128>>,
    pub tkeep: Signal<Out, Bits<16>>,
    pub tlast: Signal<Out, bool>,
    swap: ByteSwap,
    unused: Signal<Local, Bits<5>>,
    sixteen: Const<5, 16>,
    all_lanes: Const<16, 0xFFFF>,
}

impl Logic for AxisOut {
    #[hdl_gen]
    fn update(&mut self) {
        self.unused.next = self.sixteen.val() - self.s_beat.val().bytes;
        self.tkeep.next = self.all_lanes.val() >> self.unused.val();
        self.swap.straight.next = self.s_beat.val().data;
        self.tdata.next = self.swap.swapped.val();
        self.tlast.next = self.s_beat.val().last;
    }
}

/// `s_axis_host_tuser` ([`tx`]): whether the frame is damaged, for [`AxisIn`], and what runs beside it.
#[derive(LogicBlock, Default)]
pub struct HostUserIn {
    pub tuser: Signal<In, Bits<16>>,
    pub error: Signal<Out, bool>,
    pub m_meta: Signal<Out, Meta>,
    error_at: Const<4, { tx::ERROR.lsb as u64 }>,
    crypto_at: Const<4, { tx::CRYPTO.lsb as u64 }>,
    protect_at: Const<4, { tx::PROTECT.lsb as u64 }>,
    sa_at: Const<4, { tx::SA.lsb as u64 }>,
}

impl Logic for HostUserIn {
    #[hdl_gen]
    fn update(&mut self) {
        self.error.next = bit_cast::<1, 16>(self.tuser.val() >> self.error_at.val()).any();
        self.m_meta.next.crypto = bit_cast::<1, 16>(self.tuser.val() >> self.crypto_at.val()).any();
        self.m_meta.next.must_protect = bit_cast::<1, 16>(self.tuser.val() >> self.protect_at.val()).any();
        self.m_meta.next.is_protected = false;
        self.m_meta.next.unsupported = false;
        self.m_meta.next.status = 0.into();
        self.m_meta.next.sa = bit_cast::<10, 16>(self.tuser.val() >> self.sa_at.val());
        self.m_meta.next.generation = 0.into();
    }
}

/// `m_axis_host_tuser` ([`rx`]) from what runs beside a received frame.
#[derive(LogicBlock, Default)]
pub struct HostUserOut {
    pub s_meta: Signal<In, Meta>,
    pub tuser: Signal<Out, Bits<32>>,
    done: Signal<Local, bool>,
    sa: Signal<Local, SaIndex>,
    status_at: Const<5, { rx::STATUS.lsb as u64 }>,
    sa_at: Const<5, { rx::SA.lsb as u64 }>,
    done_at: Const<5, { rx::CRYPTO_DONE.lsb as u64 }>,
    crypto_at: Const<5, { rx::CRYPTO.lsb as u64 }>,
    protected_at: Const<5, { rx::PROTECTED.lsb as u64 }>,
}

impl Logic for HostUserOut {
    #[hdl_gen]
    fn update(&mut self) {
        self.done.next = self.s_meta.val().crypto | self.s_meta.val().is_protected;
        self.sa.next = 0.into();
        if self.done.val() {
            self.sa.next = self.s_meta.val().sa;
        }
        self.tuser.next = ((bit_cast::<32, 8>(self.s_meta.val().status) << self.status_at.val())
            | (bit_cast::<32, 10>(self.sa.val()) << self.sa_at.val()))
            | ((bit_cast::<32, 1>(self.done.val().into()) << self.done_at.val())
                | ((bit_cast::<32, 1>(self.s_meta.val().crypto.into()) << self.crypto_at.val())
                    | (bit_cast::<32, 1>(self.s_meta.val().is_protected.into()) << self.protected_at.val())));
    }
}
