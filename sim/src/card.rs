//! The card: the engine with its host interface, and around it a MAC and the memory port of a PCI function. Whoever has it answers its
//! accesses to host memory: [`crate::host`] from memory of this process, others by messages.

use crate::axi::{Access, AxiHost, AxiOptions, Response};
use crate::chip::{Chip, ChipStalls, HostSide};
use crate::stream::{Agent, Stalls};
use crate::{Error, Input, Model, Output};

/// How the surroundings of a card behave.
#[derive(Debug, Clone)]
pub struct CardOptions {
    /// Pauses of the register channels.
    pub registers: Stalls,
    /// The MAC takes no beat.
    pub wire_out: Stalls,
    /// The MAC offers no beat.
    pub wire_in: Stalls,
    /// The memory port.
    pub memory: AxiOptions,
}

impl Default for CardOptions {
    /// Everything at full speed.
    fn default() -> Self {
        let never = Stalls::never;
        Self { registers: never(), wire_out: never(), wire_in: never(), memory: AxiOptions::default() }
    }
}

impl CardOptions {
    /// Everything pauses by itself, with this chance in per cent; memory as in [`AxiOptions::random`].
    #[must_use]
    pub fn random(seed: u64, percent: u32) -> Self {
        let stalls = Stalls::random(seed, percent);
        let [registers, wire_out, wire_in] = [10, 11, 12].map(|stream| stalls.derive(stream));
        Self { registers, wire_out, wire_in, memory: AxiOptions::random(seed, percent) }
    }

    pub(crate) fn split(self) -> (ChipStalls, AxiOptions) {
        let Self { registers, wire_out, wire_in, memory } = self;
        (ChipStalls { registers, wire_out, wire_in }, memory)
    }
}

/// A Verilated card with nothing behind its memory port yet. Its accesses wait until they are answered.
pub type Card = Chip<Function>;

/// What a PCI function has beside registers: the memory port, interrupts, and the pins that its configuration space sets.
pub struct Function {
    pub(crate) memory: AxiHost,
    pins: [Input; 3],
    halted_pin: Output,
    interrupts_pin: Output,
    pub(crate) msix_enable: bool,
    pub(crate) msix_mask: bool,
    pub(crate) halt: bool,
    pub(crate) halted: bool,
    pub(crate) interrupts: u8,
}

impl Function {
    pub(crate) fn new(model: &Model, options: AxiOptions) -> Result<Self, Error> {
        Ok(Self {
            memory: AxiHost::new(model, "m_axi", options)?,
            pins: [model.input("msix_enable")?, model.input("msix_mask")?, model.input("halt")?],
            halted_pin: model.output("halted")?,
            interrupts_pin: model.output("interrupts")?,
            msix_enable: false,
            msix_mask: false,
            halt: false,
            halted: false,
            interrupts: 0,
        })
    }
}

impl Agent for Function {
    fn drive(&mut self, model: &mut Model) {
        let [enable, mask, halt] = self.pins;
        model.write(enable, self.msix_enable);
        model.write(mask, self.msix_mask);
        model.write(halt, self.halt);
        self.memory.drive(model);
    }

    fn sample(&mut self, model: &Model) -> Result<(), Error> {
        self.memory.sample(model)?;
        self.halted = self.halt && model.read_bool(self.halted_pin);
        self.interrupts = model.read_u64(self.interrupts_pin) as u8;
        if self.halted && self.memory.outstanding() > 0 {
            let rule = "halted with an access under way";
            return Err(Error::Protocol { stream: "m_axi".into(), cycle: model.cycles(), rule });
        }
        Ok(())
    }
}

impl HostSide for Function {
    fn moved(&self) -> bool {
        self.memory.moved()
    }
}

impl Chip<Function> {
    /// Puts a MAC and a PCI function around a model with the card's ports (`s_axil_*`, `m_axis_wire_*`, `s_axis_wire_*`, `m_axi_*`,
    /// `interrupts`, `msix_enable`, `msix_mask`, `halt`, `halted`), and resets it. MSI-X is off.
    ///
    /// # Errors
    /// [`Error::NoSuchPort`] when the model is not a card.
    pub fn new(model: Model, options: CardOptions) -> Result<Self, Error> {
        let (stalls, memory) = options.split();
        let function = Function::new(&model, memory)?;
        Self::assemble(model, stalls, function)
    }

    /// Other behaviour from here on.
    pub fn set_options(&mut self, options: CardOptions) {
        let (stalls, memory) = options.split();
        self.stall(stalls);
        self.host.memory.set_options(memory);
    }

    /// MSI-X Enable and Function Mask of the MSI-X capability (PCI Express Base section 7.7.2.2).
    pub fn set_msix(&mut self, enable: bool, mask: bool) {
        self.host.msix_enable = enable;
        self.host.msix_mask = mask;
    }

    /// Asks the card to end its accesses and begin no new ones.
    pub fn set_halt(&mut self, halt: bool) {
        self.host.halt = halt;
        self.host.halted &= halt;
    }

    /// It has: nothing is under way, and nothing will be until the next clock in which `halt` is low.
    #[must_use]
    pub fn halted(&self) -> bool {
        self.host.halted
    }

    /// Interrupt wires in the last clock, one bit a vector.
    #[must_use]
    pub fn interrupts(&self) -> u8 {
        self.host.interrupts
    }

    /// The accesses that have come since the last call. Each wants an answer.
    pub fn take_accesses(&mut self) -> Vec<Access> {
        self.host.memory.take_accesses()
    }

    /// As [`AxiHost::answer_read`].
    ///
    /// # Panics
    /// When the data has not the length of the access.
    pub fn answer_read(&mut self, token: u64, answer: Result<Vec<u8>, Response>) {
        self.host.memory.answer_read(token, answer);
    }

    /// As [`AxiHost::answer_write`].
    pub fn answer_write(&mut self, token: u64, answer: Result<(), Response>) {
        self.host.memory.answer_write(token, answer);
    }

    /// Accesses that are under way.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.host.memory.outstanding()
    }
}
