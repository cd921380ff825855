//! From the line to bytes.

use rust_hdl::prelude::*;

#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
enum Phase {
    /// The line must be high before a byte can begin.
    Rest,
    Idle,
    Start,
    Data,
    Stop,
}

/// Receives bytes of 8N1, `DIVIDER` clocks a bit.
///
/// - Ports: `uart_rx`, of no clock; `m_data` with `valid` for one clock; `damaged` beside it: the stop bit is missing.
/// - A bit is looked at once, in its middle: `DIVIDER` 4 to 65,536, and the senders' rates may differ by 2 per cent. A start bit that is gone in its middle was noise.
/// - Latency: two clocks of synchronisation, and a byte is there in the middle of its stop bit. No back-pressure.
#[derive(LogicBlock)]
pub struct Receiver<const DIVIDER: u64> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub uart_rx: Signal<In, bool>,
    pub m_data: Signal<Out, Bits<8>>,
    pub valid: Signal<Out, bool>,
    pub damaged: Signal<Out, bool>,
    /// The synchroniser.
    first: DFF<bool>,
    level: DFF<bool>,
    phase: DFF<Phase>,
    /// Clocks to the next look, and data bits to come after it.
    clocks: DFF<Bits<16>>,
    bits: DFF<Bits<3>>,
    shift: DFF<Bits<8>>,
    done: DFF<bool>,
    broken: DFF<bool>,
    look: Signal<Local, bool>,
    to_middle: Constant<Bits<16>>,
    to_next: Constant<Bits<16>>,
}

impl<const DIVIDER: u64> Default for Receiver<DIVIDER> {
    fn default() -> Self {
        assert!((4..=65_536).contains(&DIVIDER), "clocks a bit");
        Self {
            clock: Default::default(),
            reset: Default::default(),
            uart_rx: Default::default(),
            m_data: Default::default(),
            valid: Default::default(),
            damaged: Default::default(),
            first: Default::default(),
            level: Default::default(),
            phase: Default::default(),
            clocks: Default::default(),
            bits: Default::default(),
            shift: Default::default(),
            done: Default::default(),
            broken: Default::default(),
            look: Default::default(),
            to_middle: Constant::new((DIVIDER / 2 - 1).into()),
            to_next: Constant::new((DIVIDER - 1).into()),
        }
    }
}

impl<const DIVIDER: u64> Logic for Receiver<DIVIDER> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, first, level, phase, clocks, bits, shift, done, broken);
        self.first.d.next = self.uart_rx.val();
        self.level.d.next = self.first.q.val();

        self.look.next = self.clocks.q.val() == 0;
        self.clocks.d.next = self.clocks.q.val() - 1;
        self.done.d.next = false;
        match self.phase.q.val() {
            Phase::Rest => {
                if self.level.q.val() {
                    self.phase.d.next = Phase::Idle;
                }
            }
            Phase::Idle => {
                self.clocks.d.next = self.to_middle.val();
                if !self.level.q.val() {
                    self.phase.d.next = Phase::Start;
                }
            }
            Phase::Start => {
                if self.look.val() {
                    self.clocks.d.next = self.to_next.val();
                    self.bits.d.next = 7.into();
                    self.phase.d.next = Phase::Data;
                    if self.level.q.val() {
                        self.phase.d.next = Phase::Idle;
                    }
                }
            }
            Phase::Data => {
                if self.look.val() {
                    self.clocks.d.next = self.to_next.val();
                    self.bits.d.next = self.bits.q.val() - 1;
                    self.shift.d.next = (self.shift.q.val() >> 1) | (bit_cast::<8, 1>(self.level.q.val().into()) << 7);
                    if self.bits.q.val() == 0 {
                        self.phase.d.next = Phase::Stop;
                    }
                }
            }
            Phase::Stop => {
                if self.look.val() {
                    self.done.d.next = true;
                    self.broken.d.next = !self.level.q.val();
                    self.phase.d.next = Phase::Rest;
                    if self.level.q.val() {
                        self.phase.d.next = Phase::Idle;
                    }
                }
            }
            _ => {
                self.phase.d.next = Phase::Rest;
            }
        }
        self.m_data.next = self.shift.q.val();
        self.valid.next = self.done.q.val();
        self.damaged.next = self.broken.q.val();

        if self.reset.val() {
            self.phase.d.next = Phase::Rest;
            self.done.d.next = false;
        }
    }
}
