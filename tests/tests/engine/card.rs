//! The Verilated engine, programmed word by word through its registers, without what the driver would make of it or refuse.

use espalier_driver::Device;
use espalier_driver::bus::Bus;
use espalier_hdl::engine::Espalier;
use espalier_regs::mailbox::{self, Command, MAIL_WORDS, MailField, Op, Status};
use espalier_regs::notice::Notice;
use espalier_regs::{Event, Register, cam, map};
use espalier_sim::{Model, Nic, NicStalls};

/// How often STATUS is read before a command counts as stuck.
const PATIENCE: usize = 1000;

/// Operands of a command.
#[derive(Clone)]
pub struct Words([u32; MAIL_WORDS]);

impl Words {
    pub fn new() -> Self {
        Self(mailbox::EMPTY)
    }

    /// Sets a field to a number that fits.
    pub fn put(&mut self, field: MailField, value: impl Into<u128>) -> &mut Self {
        let value = value.into();
        assert!(value <= field.max(), "{value:#x} does not fit {}", field.name);
        field.put(&mut self.0, value);
        self
    }

    /// Sets a field to a byte string, left aligned.
    pub fn put_bytes(&mut self, field: MailField, bytes: &[u8]) -> &mut Self {
        field.put_bytes(&mut self.0, bytes);
        self
    }
}

/// See the module's documentation.
pub struct Card {
    nic: Nic,
    cam: cam::Placement,
}

impl Card {
    /// An engine with empty tables, switched on.
    pub fn new(stalls: NicStalls) -> Self {
        let model = Model::build::<Espalier>("espalier").expect("the engine builds");
        let nic = Nic::new(model, stalls).expect("the engine has a card's ports");
        // The driver's bring-up clears every table.
        let device = Device::open(nic).expect("bring-up");
        let cam = cam::Placement::new(device.capabilities().cam_row_bits.into()).expect("a CAM");
        let mut card = Self { nic: device.into_bus(), cam };
        card.switch(false);
        card
    }

    /// The streams around it.
    pub fn nic(&mut self) -> &mut Nic {
        &mut self.nic
    }

    /// Both directions on; ESP without an SA passes to the host, or not.
    pub fn switch(&mut self, pass_unknown: bool) {
        let on = map::control::TX_ENABLE.mask() | map::control::RX_ENABLE.mask();
        self.write(map::CONTROL, map::control::RX_PASS_UNKNOWN.set(on, pass_unknown.into()));
    }

    fn write(&mut self, register: Register, value: u32) {
        self.nic.write(register.offset.into(), value).expect("a register that takes it");
    }

    fn read(&mut self, register: Register) -> u32 {
        self.nic.read(register.offset.into()).expect("a register")
    }

    /// Runs a command to its good end. All words of its layout are written.
    pub fn command(&mut self, op: Op, index: u16, words: &Words) {
        self.run(Command { op, index, way: 0 }, words);
    }

    /// Runs a command without operands.
    pub fn clear(&mut self, op: Op, index: u16) {
        self.run(Command { op, index, way: 0 }, &Words::new());
    }

    fn run(&mut self, command: Command, words: &Words) {
        let used = command.op.layout().map_or(0, mailbox::Layout::words);
        for (offset, word) in map::MAIL.offsets().zip(words.0).take(used) {
            self.nic.write(offset.into(), word).expect("a mailbox that is idle");
        }
        self.write(map::COMMAND, command.encode());
        let done = (0..PATIENCE).any(|_| match Status::decode(self.read(map::STATUS)) {
            Status::Done => true,
            Status::Busy => false,
            status => panic!("{command:?}: {status:?}"),
        });
        assert!(done, "{command:?} does not end");
    }

    /// What READ_TX_SA or READ_RX_SA answers.
    pub fn state(&mut self, op: Op, index: u16) -> [u32; MAIL_WORDS] {
        self.clear(op, index);
        let mut words = mailbox::EMPTY;
        for (word, offset) in words.iter_mut().zip(map::RESULT.offsets()) {
            *word = self.nic.read(offset.into()).expect("a register");
        }
        words
    }

    /// Lets packets of `key` find inbound SA `sa`.
    pub fn find(&mut self, key: cam::Key, sa: u16) {
        let writes = self.cam.insert(cam::Entry { key, sa }).expect("room in the CAM");
        writes.iter().for_each(|write| self.place(write));
    }

    /// Lets them find none.
    pub fn lose(&mut self, key: &cam::Key) {
        let write = self.cam.remove(key).expect("an entry of the CAM");
        self.place(&write);
    }

    fn place(&mut self, write: &cam::Write) {
        use mailbox::cam::{KEY_DST, KEY_ENCAP, KEY_SPI, KEY_V6, SA};
        let mut words = Words::new();
        let op = match write.entry {
            Some(cam::Entry { key, sa }) => {
                words.put(KEY_DST, key.dst).put(KEY_SPI, key.spi).put(KEY_V6, key.v6).put(KEY_ENCAP, key.encap).put(SA, sa);
                Op::CamWrite
            }
            None => Op::CamClear,
        };
        self.run(Command { op, index: write.row, way: write.way }, &words);
    }

    /// Empties the event queue, and tells whether it has run over since the last time.
    pub fn take_notices(&mut self) -> (Vec<Notice>, bool) {
        let mut notices = Vec::new();
        while let Some(notice) = Notice::decode(self.read(map::EVENT)) {
            notices.push(notice);
            self.write(map::EVENT_POP, map::event_pop::POP.mask());
        }
        let lost = map::event_lost::LOST.is_set(self.read(map::EVENT_LOST));
        if lost {
            self.write(map::EVENT_LOST, map::event_lost::LOST.mask());
        }
        (notices, lost)
    }

    /// A counter; its low half first, which latches the high one.
    pub fn counter(&mut self, event: Event) -> u64 {
        let mut half = |row: Register| {
            let offset = row.at(event.index()).expect("a counter");
            u64::from(self.nic.read(offset.into()).expect("a counter"))
        };
        let low = half(map::COUNTER_LO);
        half(map::COUNTER_HI) << 32 | low
    }
}
