//! The timing diagrams of docs/integration.md: what the Verilated engine does, drawn.

mod svg;

use espalier_hdl::engine::Espalier;
use espalier_regs::map::{CONTROL, VERSION, control};
use espalier_sim::{Model, Output};

use crate::error::Error;
use svg::{Clock, Level, draw};

/// A diagram: the name of its file, and the SVG.
pub struct Wave {
    /// Without extension.
    pub name: &'static str,
    /// The text.
    pub svg: String,
}

/// Longest wait for the engine.
const PATIENCE: usize = 10_000;
/// Clocks that are shown before and after something happens.
const AROUND: u64 = 1;

/// All of them.
pub fn waves() -> Result<Vec<Wave>, Error> {
    let mut engine = Engine::new()?;
    Ok(vec![engine.reset()?, engine.register_write()?, engine.register_read()?, engine.frame()?])
}

/// The engine, its inputs and what has been seen of it.
struct Engine {
    model: Model,
    seen: Vec<Clock>,
    watched: Vec<Watched>,
    from: u64,
}

/// A signal of a diagram.
struct Watched {
    name: &'static str,
    output: Output,
    width: usize,
    /// For a bus: the signal without which it means nothing.
    valid: Option<Output>,
}

impl Engine {
    fn new() -> Result<Self, Error> {
        Ok(Self { model: Model::build::<Espalier>("espalier")?, seen: Vec::new(), watched: Vec::new(), from: 0 })
    }

    /// Begins a diagram of these signals: of a bus, behind a colon, the signal that makes it valid.
    fn watch(&mut self, signals: &[&'static str]) -> Result<(), Error> {
        let peek = |name: &str| self.model.peek(name).ok_or_else(|| Error::Flow(format!("the engine has no port {name}")));
        let watched = signals.iter().map(|signal| {
            let (name, valid) = signal.split_once(':').map_or((*signal, None), |(name, valid)| (name, Some(valid)));
            let output = peek(name)?;
            Ok(Watched { name, output, width: self.model.output_width(output), valid: valid.map(peek).transpose()? })
        });
        self.watched = watched.collect::<Result<_, Error>>()?;
        self.seen.clear();
        self.from = self.model.cycles();
        Ok(())
    }

    /// A clock.
    fn step(&mut self) {
        self.model.settle();
        let level = |of: &Watched| match (of.width, of.valid) {
            (1, _) => Level::Bit(self.model.read_bool(of.output)),
            (_, Some(valid)) if !self.model.read_bool(valid) => Level::Idle,
            _ => Level::Bus(short(&self.model.read(of.output).to_str_radix(16))),
        };
        let levels = self.watched.iter().map(level).collect();
        self.seen.push(Clock { number: self.model.cycles() - self.from, levels });
        self.model.rise();
    }

    /// Clocks until `port` is high in one, that one included.
    fn until(&mut self, port: &'static str) -> Result<(), Error> {
        for _ in 0..PATIENCE {
            self.model.settle();
            let done = self.model.get_bool(port);
            self.step();
            if done {
                return Ok(());
            }
        }
        Err(Error::Flow(format!("{port} does not rise within {PATIENCE} clocks")))
    }

    fn idle(&mut self, clocks: u64) {
        (0..clocks).for_each(|_| self.step());
    }

    /// Ends a diagram. What does not change for long is cut out.
    fn wave(&mut self, name: &'static str, title: &str) -> Wave {
        let changes: Vec<_> = self.seen.windows(2).filter(|pair| pair[0].levels != pair[1].levels).map(|pair| pair[1].number).collect();
        let near = |number: u64| changes.iter().any(|change| (change.saturating_sub(AROUND + 1)..=change + AROUND).contains(&number));
        let clocks: Vec<_> = self.seen.iter().filter(|clock| near(clock.number)).cloned().collect();
        let names: Vec<_> = self.watched.iter().map(|of| of.name).collect();
        Wave { name, svg: draw(title, &names, &clocks) }
    }

    fn reset(&mut self) -> Result<Wave, Error> {
        self.watch(&["reset", "s_axil_awready", "s_axil_arready", "s_axis_host_tready", "s_axis_wire_tready"])?;
        self.model.set("reset", true);
        self.idle(4);
        self.model.set("reset", false);
        self.idle(8);
        Ok(self.wave("reset", "Reset; streams are taken once CONTROL enables them"))
    }

    fn register_write(&mut self) -> Result<Wave, Error> {
        self.watch(&[
            "s_axil_awvalid",
            "s_axil_awready",
            "s_axil_awaddr:s_axil_awvalid",
            "s_axil_wvalid",
            "s_axil_wready",
            "s_axil_wdata:s_axil_wvalid",
            "s_axil_bvalid",
            "s_axil_bready",
            "s_axil_bresp:s_axil_bvalid",
            "tx_enabled",
        ])?;
        let model = &mut self.model;
        model.set("s_axil_awaddr", CONTROL.offset);
        model.set("s_axil_wdata", control::TX_ENABLE.mask());
        model.set("s_axil_wstrb", 0xf_u8);
        model.set("s_axil_bready", true);
        self.idle(1);
        self.model.set("s_axil_awvalid", true);
        self.model.set("s_axil_wvalid", true);
        self.until("s_axil_awready")?;
        self.model.set("s_axil_awvalid", false);
        self.model.set("s_axil_wvalid", false);
        self.until("s_axil_bvalid")?;
        self.idle(2);
        Ok(self.wave("register-write", "A register write: CONTROL.TX_ENABLE"))
    }

    fn register_read(&mut self) -> Result<Wave, Error> {
        self.watch(&[
            "s_axil_arvalid",
            "s_axil_arready",
            "s_axil_araddr:s_axil_arvalid",
            "s_axil_rvalid",
            "s_axil_rready",
            "s_axil_rdata:s_axil_rvalid",
            "s_axil_rresp:s_axil_rvalid",
        ])?;
        self.model.set("s_axil_araddr", VERSION.offset);
        self.idle(1);
        self.model.set("s_axil_arvalid", true);
        self.until("s_axil_arready")?;
        self.model.set("s_axil_arvalid", false);
        self.until("s_axil_rvalid")?;
        self.idle(1);
        self.model.set("s_axil_rready", true);
        self.idle(2);
        self.model.set("s_axil_rready", false);
        Ok(self.wave("register-read", "A register read: VERSION, with a host that waits two clocks"))
    }

    /// A frame of 60 bytes that no policy is for.
    fn frame(&mut self) -> Result<Wave, Error> {
        self.watch(&[
            "s_axis_host_tvalid",
            "s_axis_host_tready",
            "s_axis_host_tdata:s_axis_host_tvalid",
            "s_axis_host_tkeep:s_axis_host_tvalid",
            "s_axis_host_tlast",
            "m_axis_txstatus_tvalid",
            "m_axis_txstatus_tready",
            "m_axis_txstatus_tdata:m_axis_txstatus_tvalid",
            "m_axis_wire_tvalid",
            "m_axis_wire_tready",
            "m_axis_wire_tdata:m_axis_wire_tvalid",
            "m_axis_wire_tkeep:m_axis_wire_tvalid",
            "m_axis_wire_tlast",
        ])?;
        self.model.set("m_axis_wire_tready", true);
        self.model.set("m_axis_txstatus_tready", true);
        self.idle(1);
        for beat in 0..4_u8 {
            let last = beat == 3;
            self.model.set("s_axis_host_tdata", u128::from_le_bytes(std::array::from_fn(|byte| 16 * beat + byte as u8)));
            self.model.set("s_axis_host_tkeep", if last { 0x0fff_u16 } else { 0xffff });
            self.model.set("s_axis_host_tlast", last);
            self.model.set("s_axis_host_tvalid", true);
            self.until("s_axis_host_tready")?;
        }
        self.model.set("s_axis_host_tvalid", false);
        self.model.set("s_axis_host_tlast", false);
        self.until("m_axis_wire_tvalid")?;
        self.until("m_axis_wire_tlast")?;
        self.idle(2);
        Ok(self.wave("frame", "A frame of 60 bytes from the host to the wire, unprotected; tdata by its last two bytes"))
    }
}

/// The last four digits of a long number.
fn short(digits: &str) -> String {
    match digits.len() {
        0..=4 => digits.into(),
        long => format!("..{}", &digits[long - 4..]),
    }
}
