//! The card and the wire, on a stand-in for the engine: it passes frames both ways and has two registers. The status of a frame is what
//! ran beside it: CRYPTO in bit 1 and SA of its first beat, ERROR in bit 0 of its last.
#![allow(clippy::unwrap_used)]

use espalier_regs::tuser::tx;
use espalier_sim::nic::{Noise, Side};
use espalier_sim::{Error, Model, Nic, NicStalls, Pair};

const STAND_IN: &str = "
module stand_in(input wire clock, input wire reset,
  input wire [15:0] s_axil_awaddr, input wire s_axil_awvalid, output wire s_axil_awready,
  input wire [31:0] s_axil_wdata, input wire [3:0] s_axil_wstrb, input wire s_axil_wvalid, output wire s_axil_wready,
  output reg [1:0] s_axil_bresp, output reg s_axil_bvalid, input wire s_axil_bready,
  input wire [15:0] s_axil_araddr, input wire s_axil_arvalid, output wire s_axil_arready,
  output reg [31:0] s_axil_rdata, output reg [1:0] s_axil_rresp, output reg s_axil_rvalid, input wire s_axil_rready,
  input wire [127:0] s_axis_host_tdata, input wire [15:0] s_axis_host_tkeep, input wire s_axis_host_tvalid, output wire s_axis_host_tready,
  input wire s_axis_host_tlast, input wire [11:0] s_axis_host_tuser,
  output wire [127:0] m_axis_wire_tdata, output wire [15:0] m_axis_wire_tkeep, output wire m_axis_wire_tvalid, input wire m_axis_wire_tready,
  output wire m_axis_wire_tlast,
  input wire [127:0] s_axis_wire_tdata, input wire [15:0] s_axis_wire_tkeep, input wire s_axis_wire_tvalid, output wire s_axis_wire_tready,
  input wire s_axis_wire_tlast, input wire s_axis_wire_tuser,
  output wire [127:0] m_axis_host_tdata, output wire [15:0] m_axis_host_tkeep, output wire m_axis_host_tvalid, input wire m_axis_host_tready,
  output wire m_axis_host_tlast, output wire [31:0] m_axis_host_tuser,
  output reg [31:0] m_axis_txstatus_tdata, output reg m_axis_txstatus_tvalid, input wire m_axis_txstatus_tready);
  assign m_axis_host_tuser = 32'h00C0FFEE;
  reg midway;
  reg [10:0] marks;
  wire [10:0] marks_now = midway ? marks : s_axis_host_tuser[11:1];
  always @(posedge clock) begin
    if (m_axis_txstatus_tready || reset) m_axis_txstatus_tvalid <= 0;
    if (reset) midway <= 0;
    else if (s_axis_host_tvalid && s_axis_host_tready) begin
      midway <= !s_axis_host_tlast; marks <= marks_now;
      if (s_axis_host_tlast) begin
        m_axis_txstatus_tvalid <= 1; m_axis_txstatus_tdata <= {14'b0, marks_now[10:1], 6'b0, marks_now[0], s_axis_host_tuser[0]};
      end
    end
  end
  assign m_axis_wire_tdata = s_axis_host_tdata; assign m_axis_wire_tkeep = s_axis_host_tkeep; assign m_axis_wire_tlast = s_axis_host_tlast;
  wire open = !reset && !m_axis_txstatus_tvalid;
  assign m_axis_wire_tvalid = s_axis_host_tvalid && open; assign s_axis_host_tready = m_axis_wire_tready && open;
  assign m_axis_host_tdata = s_axis_wire_tdata; assign m_axis_host_tkeep = s_axis_wire_tkeep; assign m_axis_host_tlast = s_axis_wire_tlast;
  assign m_axis_host_tvalid = s_axis_wire_tvalid && !reset; assign s_axis_wire_tready = m_axis_host_tready && !reset;
  reg [31:0] registers [0:1];
  wire write = s_axil_awvalid && s_axil_wvalid && !s_axil_bvalid && !reset;
  wire read = s_axil_arvalid && !s_axil_rvalid && !reset;
  assign s_axil_awready = write; assign s_axil_wready = write; assign s_axil_arready = read && s_axil_araddr != 16'h1000;
  integer i;
  always @(posedge clock) begin
    s_axil_bvalid <= !reset && (write || (s_axil_bvalid && !s_axil_bready));
    s_axil_rvalid <= !reset && ((read && s_axil_arready) || (s_axil_rvalid && !s_axil_rready));
    if (write) begin
      s_axil_bresp <= s_axil_awaddr < 8 ? 0 : 3;
      for (i = 0; i < 4; i = i + 1) if (s_axil_wstrb[i] && s_axil_awaddr < 8) registers[s_axil_awaddr[2]][8*i +: 8] <= s_axil_wdata[8*i +: 8];
    end
    if (read) begin s_axil_rresp <= s_axil_araddr < 8 ? 0 : 2; s_axil_rdata <= registers[s_axil_araddr[2]]; end
  end
endmodule";

fn nic(stalls: NicStalls) -> Nic {
    Nic::new(Model::from_verilog("stand_in", STAND_IN, "stand_in").unwrap(), stalls).unwrap()
}

fn frame(i: u32) -> Vec<u8> {
    (0..60 + i % 100).map(|j| (i * 7 + j) as u8).collect()
}

#[test]
fn registers_are_read_and_written_while_frames_pass() {
    let mut nic = nic(NicStalls::random(5, 40));
    (0..50).for_each(|i| nic.send_host(frame(i)));
    for i in 0..20 {
        nic.axil_write(4 * (i % 2), 0x1234_5678 + i).unwrap();
        assert_eq!(nic.axil_read(4 * (i % 2)).unwrap(), 0x1234_5678 + i);
    }
    nic.axil_write_bytes(0, 0xaabb_ccdd, 0b0101).unwrap();
    assert_eq!(nic.axil_read(0).unwrap(), 0x12bb_56dd);
    assert!(matches!(nic.axil_read(64), Err(Error::Register { address: 64, response: 2 })));
    assert!(matches!(nic.axil_write(64, 0), Err(Error::Register { address: 64, response: 3 })));
    nic.run_until_quiet(10, 10_000).unwrap();
    let out: Vec<_> = nic.take_wire().into_iter().map(|f| f.bytes).collect();
    assert_eq!(out, (0..50).map(frame).collect::<Vec<_>>());
    assert_eq!(nic.host_sent().len(), 50);
}

#[test]
fn what_runs_beside_frames_reaches_the_card_and_comes_back() {
    let mut nic = nic(NicStalls::random(7, 30));
    let mut expected = Vec::new();
    for i in 0..40u16 {
        let (crypto, error) = ((i % 3 != 0).then_some(i * 25), i % 5 == 0);
        let word = tx::SA.set(tx::CRYPTO.set(0, crypto.is_some().into()), crypto.unwrap_or(0).into());
        nic.send_host_as(frame(i.into()), word, error);
        expected.push(u32::from(crypto.unwrap_or(0)) << 8 | u32::from(crypto.is_some()) << 1 | u32::from(error));
        nic.send_wire(frame(i.into()), false);
    }
    nic.run_until_quiet(10, 10_000).unwrap();
    assert_eq!(nic.take_tx_status(), expected);
    assert!(nic.take_tx_status().is_empty());
    assert!(nic.take_host().iter().all(|frame| frame.user == 0x00C0_FFEE));
}

#[test]
fn a_silent_register_is_a_deadline_not_a_hang() {
    let mut nic = nic(NicStalls::never());
    assert!(matches!(nic.axil_read(0x1000), Err(Error::Deadline { what: "a register read", .. })));
}

#[test]
fn two_cards_exchange_frames_over_a_wire() {
    let mut pair = Pair::new(nic(NicStalls::random(1, 30)), nic(NicStalls::bursts(2, 30)));
    for i in 0..100 {
        pair.left.send_host(frame(i));
        pair.right.send_host(frame(i + 1000));
    }
    pair.run_until_quiet(10, 100_000).unwrap();
    let bytes = |frames: Vec<espalier_sim::stream::Frame>| frames.into_iter().map(|f| f.bytes).collect::<Vec<_>>();
    assert_eq!(bytes(pair.right.take_host()), (0..100).map(frame).collect::<Vec<_>>());
    assert_eq!(bytes(pair.left.take_host()), (1000..1100).map(frame).collect::<Vec<_>>());
    assert_eq!(pair.crossings.len(), 200);
    assert!(pair.crossings.is_sorted_by_key(|crossing| crossing.last));
}

#[test]
fn a_wire_can_be_tampered_with() {
    let mut pair = Pair::new(nic(NicStalls::never()), nic(NicStalls::never()));
    let mut count = 0;
    pair.set_wire(move |_: Side, frame: Vec<u8>| {
        count += 1;
        match count {
            2 => vec![],
            3 => vec![frame.clone(), frame],
            _ => vec![frame],
        }
    });
    (0..4).for_each(|i| pair.left.send_host(frame(i)));
    pair.run_until_quiet(10, 10_000).unwrap();
    let out: Vec<_> = pair.right.take_host().into_iter().map(|f| f.bytes).collect();
    assert_eq!(out, [frame(0), frame(2), frame(2), frame(3)]);
}

#[test]
fn a_noisy_wire_says_what_it_did() {
    use espalier_sim::nic::{Fault, Wire};
    let mut noise = Noise::new(9);
    (noise.drop, noise.duplicate, noise.reorder, noise.flip) = (100, 100, 100, 100);
    let sent = 1000;
    let arrived: usize = (0..sent).map(|i| noise.carry(Side::Left, frame(i)).len()).sum();
    let count = |what: fn(&Fault) -> bool| noise.done.iter().filter(|fault| what(fault)).count();
    let (dropped, doubled) = (count(|f| matches!(f, Fault::Drop(_))), count(|f| matches!(f, Fault::Duplicate(_))));
    assert!(dropped > 50 && doubled > 50 && count(|f| matches!(f, Fault::Reorder(_))) > 50 && count(|f| matches!(f, Fault::Flip(..))) > 50);
    let expected = sent as usize - dropped + doubled;
    assert!(arrived == expected || arrived + 1 == expected, "one frame may still be held back");
}

#[test]
fn resets_leave_a_working_card() {
    let mut nic = nic(NicStalls::random(3, 30));
    (0..5).for_each(|i| nic.send_host(frame(i)));
    nic.run(7).unwrap();
    nic.reset(3).unwrap();
    nic.axil_write(0, 77).unwrap();
    assert_eq!(nic.axil_read(0).unwrap(), 77);
    nic.run_until_quiet(10, 10_000).unwrap();
    let out = nic.take_wire();
    assert_eq!(out.last().unwrap().bytes, frame(4));
}

#[test]
fn a_reset_forgets_an_unanswered_access() {
    let mut nic = nic(NicStalls::never());
    nic.axil_read(0x1000).unwrap_err();
    nic.reset(2).unwrap();
    nic.axil_write(4, 5).unwrap();
    assert_eq!(nic.axil_read(4).unwrap(), 5);
}

#[test]
fn the_card_is_the_drivers_bus() {
    use espalier_driver::bus::{Bus, Fault};
    let mut nic = nic(NicStalls::never());
    let bus: &mut dyn Bus = &mut nic;
    bus.write(4, 0xfeed).unwrap();
    assert_eq!(bus.read(4).unwrap(), 0xfeed);
    let before = bus.now();
    bus.pause().unwrap();
    assert!(bus.now() > before);
    assert!(matches!(bus.read(2).unwrap_err().fault, Fault::Offset));
    assert!(matches!(bus.read(0x1_0000).unwrap_err().fault, Fault::Offset));
    assert!(matches!(bus.read(64).unwrap_err().fault, Fault::SlaveError));
    assert!(matches!(bus.write(64, 0).unwrap_err().fault, Fault::DecodeError));
}
