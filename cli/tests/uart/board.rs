//! The committed boards: their very tops, to their pins.

use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

use espalier_driver::bus::Bus;
use espalier_driver::bus::uart::{BAUD, Limits, Uart as Line, Way};
use espalier_hdl::uart::{CLOCK, DIVIDER, EspalierUart};
use espalier_regs::map;
use espalier_sim::Model;
use espalier_sim::elaborate::elaborate;
use espalier_sim::uart::Pins;
use serde_json::Value;

use crate::rig::{board, one_each_way, root, run, simulated};

const BOARDS: [&str; 2] = ["trellisboard", "ecp5-evn"];

fn text(board: &str, file: &str) -> String {
    std::fs::read_to_string(root().join("constraints").join(board).join(file)).unwrap()
}

/// The pins of a board's own top, with a stand-in for its PLL; after configuration, nothing pressed.
fn pins(board: &str) -> Pins {
    let pll = std::fs::read_to_string(root().join("tests/boards/ehxplll.v")).unwrap();
    let engine = elaborate("espalier_uart", EspalierUart::default).unwrap();
    let verilog = [engine, text(board, "top.v"), pll].join("\n");
    let mut model = Model::from_verilog(&format!("board_{}", board.replace('-', "_")), &verilog, "top").unwrap();
    model.set("button", true);
    // An answer takes about 12 bytes of 10 bits, behind a request of as many.
    Pins::new(model, DIVIDER as f64, 1_000 * DIVIDER).unwrap()
}

#[test]
fn every_port_of_a_top_has_its_pin_and_the_clock_is_the_builds() {
    for board in BOARDS {
        let described: Value = serde_json::from_str(&text(board, "board.json")).unwrap();
        assert_eq!(described["clock_mhz"].as_f64().unwrap() * 1e6, CLOCK as f64, "{board}");
        assert!(described["target_mhz"].as_f64() >= described["clock_mhz"].as_f64());
        assert_eq!((described["build"].as_str(), described["top"].as_str()), (Some("espalier_uart"), Some("top")));
        // FT2232H: 3 Mbaud is 12 MHz by 4, exactly.
        assert_eq!(CLOCK, 3_000_000 * DIVIDER);
        let quoted = |line: &str| line.split('"').nth(1).unwrap().to_owned();
        let lpf = text(board, described["lpf"].as_str().unwrap());
        let of = |word: &str| lpf.lines().filter(|line| line.starts_with(word)).map(quoted).collect::<BTreeSet<_>>();
        let ports = ["button", "clock", "led[0]", "led[1]", "led[2]", "led[3]", "uart_rx", "uart_tx"];
        let ports: BTreeSet<_> = ports.into_iter().map(str::to_owned).collect();
        assert_eq!((of("LOCATE COMP"), of("IOBUF PORT")), (ports.clone(), ports), "{board}");
        let sites: BTreeSet<_> = lpf.lines().filter_map(|line| line.split("SITE ").nth(1)).collect();
        assert_eq!(sites.len(), 8, "{board}: a site twice");
    }
}

/// Everything: some seven million clocks for the driver's bring-up alone.
#[test]
fn the_trellisboard_is_brought_up_and_carries_a_packet_each_way() {
    let report = run("tunnel-aes256-esn.xfrm", &one_each_way(), board(pins("trellisboard")), simulated());
    assert!(report.ok, "{report}");
    assert_eq!(report.directions.each_ref().map(|way| (way.packets_out, way.protected)), [(1, 1); 2], "{report}");
}

/// The same module in another top: that it is there, and that frames pass both ways, says that the top is right.
#[test]
fn the_ecp5_evaluation_board_passes_a_frame_each_way() {
    let mut line = Line::open(pins("ecp5-evn"), Limits { answer: Duration::ZERO }).unwrap();
    assert_eq!((u64::from(line.clock_hz()), line.baud()), (CLOCK, BAUD));
    line.write(map::CONTROL.offset.into(), map::control::TX_ENABLE.mask() | map::control::RX_ENABLE.mask()).unwrap();
    let frame = [[0x42; 12].as_slice(), &[0x88, 0xB5], &[0xC0; 46]].concat();
    for way in [Way::Host, Way::Wire] {
        line.send(way, &frame, 0).unwrap();
        while line.listen().unwrap() {}
        line.check().unwrap();
        let came = line.frames();
        assert_eq!(came.iter().map(|came| (came.way != way, &came.bytes)).collect::<Vec<_>>(), [(true, &frame)]);
    }
}

#[test]
fn a_button_resets_a_board() {
    for name in BOARDS {
        let mut pins = pins(name);
        pins.run(400);
        let led = |pins: &mut Pins| pins.model().get_u64("led");
        // A message that is refused lights the fourth LED, low on one board and high on the other.
        let dark = led(&mut pins);
        pins.write_all(&[1, 2, 3, 0xC0]).unwrap();
        pins.run(60 * DIVIDER);
        assert_eq!(led(&mut pins) ^ dark, 8, "{name}");
        pins.model().set("button", false);
        pins.run(20);
        pins.model().set("button", true);
        pins.run(400);
        assert_eq!(led(&mut pins), dark, "{name}");
    }
}
