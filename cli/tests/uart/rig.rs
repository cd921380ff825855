//! What the runs are made of.

use std::path::{Path, PathBuf};
use std::time::Duration;

use espalier::run::boards::Boards;
use espalier::run::capture::{self, Captured};
use espalier::run::end::{Board, End, Simulated};
use espalier::run::report::Report;
use espalier::run::{self, Options};
use espalier_driver::bus::uart::{Limits, Uart as Line};
use espalier_hdl::engine::Espalier;
use espalier_hdl::uart::{CLOCK, Uart};
use espalier_sim::Model;
use espalier_sim::nic::{Nic, NicStalls};
use espalier_sim::uart::Pins;

/// Clocks a bit of the fast build.
pub const DIVIDER: u64 = 4;

/// The engine as it is emitted, at a fast line.
type Fast = Uart<6, 3, 1, 5, 11, 2, CLOCK, DIVIDER>;

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The pins of the fast build, out of reset.
pub fn fast() -> Pins {
    let mut model = Model::build::<Fast>("espalier_uart_fast").unwrap();
    model.set("uart_rx", true);
    model.reset(4);
    Pins::new(model, DIVIDER as f64, 1_000 * DIVIDER).unwrap()
}

/// A board at these pins. Simulated time stands still while nobody looks, so that a wait is either short or in vain.
pub fn board(pins: Pins) -> Box<dyn End> {
    Box::new(Board::new(Line::open(pins, Limits { answer: Duration::ZERO }).unwrap()))
}

/// A NIC without a line.
pub fn simulated() -> Box<dyn End> {
    let model = Model::build::<Espalier>("espalier").unwrap();
    Box::new(Simulated::new(Nic::new(model, NicStalls::never()).unwrap()))
}

/// Frames of a capture of tests/captures that are chosen.
pub fn frames(capture: &str, choose: impl Fn(usize, &Captured) -> bool) -> Vec<Captured> {
    let frames = capture::read(&root().join("tests/captures").join(capture)).unwrap();
    frames.into_iter().enumerate().filter(|(at, frame)| choose(*at, frame)).map(|(_, frame)| frame).collect()
}

/// The first echo request and the first echo reply: a packet each way.
pub fn one_each_way() -> Vec<Captured> {
    let icmp = frames("ipv4.pcap", |_, frame| frame.bytes[12..14] == [8, 0] && frame.bytes[23] == 1);
    let first = |kind: u8| icmp.iter().find(|frame| frame.bytes[34] == kind).unwrap().clone();
    vec![first(8), first(0)]
}

/// Runs frames with the commands of a file of tests/captures.
pub fn run(xfrm: &str, frames: &[Captured], left: Box<dyn End>, right: Box<dyn End>) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("plain.pcap");
    capture::write(&capture, frames).unwrap();
    let options = Options { xfrm: root().join("tests/captures").join(xfrm), capture, out: folder.path().join("out"), stalls: 0, seed: 1 };
    run::run(&options, || Ok(Boards::new(left, right)), &mut |_, _| {}).unwrap()
}
