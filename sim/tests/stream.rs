//! Sources, sinks and the protocol checker, on a pipeline stage that can be told to misbehave.
#![allow(clippy::unwrap_used)]

use espalier_sim::stream::{Axis, Beat, FrameSink, FrameSource, Lanes, Record, Sink, Source, Stalls, step};
use espalier_sim::{Error, Model};
use num_bigint::BigUint;

/// A register slice. `fault` 1 drops `valid`, 2 changes the data, 3 punches a hole into tkeep, 4 shortens a beat, 5 is valid in reset.
const AXIS: &str = "
module slice(input wire clock, input wire reset, input wire [2:0] fault,
  input wire [127:0] s_tdata, input wire [15:0] s_tkeep, input wire s_tvalid, output wire s_tready, input wire s_tlast, input wire [31:0] s_tuser,
  output wire [127:0] m_tdata, output wire [15:0] m_tkeep, output wire m_tvalid, input wire m_tready, output wire m_tlast, output wire [31:0] m_tuser);
  reg [176:0] held; reg full; reg stalled;
  assign s_tready = !full || (m_tready && m_tvalid);
  assign m_tvalid = (full && !(fault == 1 && stalled)) || (fault == 5 && reset);
  assign m_tdata = held[127:0] ^ ((fault == 2 && stalled) ? 128'd1 : 128'd0);
  assign m_tkeep = fault == 3 ? held[143:128] & 16'hfffd : fault == 4 ? 16'h00ff : held[143:128];
  assign m_tlast = held[144];
  assign m_tuser = held[176:145];
  always @(posedge clock) begin
    stalled <= m_tvalid && !m_tready;
    if (s_tvalid && s_tready) held <= {s_tuser, s_tlast, s_tkeep, s_tdata};
    full <= !reset && ((s_tvalid && s_tready) || (full && !(m_tready && m_tvalid)));
  end
endmodule";

const BEAT: &str = "
module wire_through(input wire clock, input wire [134:0] s_beat, input wire s_valid, output wire s_ready,
  output wire [134:0] m_beat, output wire m_valid, input wire m_ready);
  assign m_beat = s_beat; assign m_valid = s_valid; assign s_ready = m_ready;
endmodule";

fn frames(count: usize) -> Vec<Vec<u8>> {
    let length = |i: usize| [1, 15, 16, 17, 60, 64, 1518][i % 7] + i / 7;
    (0..count).map(|i| (0..length(i)).map(|j| (i * 31 + j) as u8).collect()).collect()
}

fn pass<L: Lanes>(model: &mut Model, stalls: [Stalls; 2]) -> u64 {
    let [source, sink] = stalls;
    let mut s = FrameSource::<L>::new(model, "s", source).unwrap();
    let mut m = FrameSink::<L>::new(model, "m", sink).unwrap();
    let frames = frames(40);
    frames.iter().for_each(|frame| s.push(frame, u32::from(frame.len() % 3 == 0)));
    assert_eq!(s.pending(), 40);
    let start = model.cycles();
    while m.frames.len() < frames.len() {
        step(model, &mut [&mut s, &mut m]).unwrap();
    }
    assert_eq!(s.pending(), 0);
    for ((frame, got), sent) in frames.iter().zip(&m.frames).zip(&s.sent) {
        assert_eq!(&got.bytes, frame);
        assert_eq!(got.user, u32::from(frame.len() % 3 == 0));
        assert!(sent.first <= got.first && sent.last <= got.last);
        assert!(got.last - got.first + 1 >= frame.len().div_ceil(16) as u64);
    }
    model.cycles() - start
}

fn slice(fault: u32) -> Model {
    let mut model = Model::from_verilog("slice", AXIS, "slice").unwrap();
    model.set("fault", fault);
    model.reset(2);
    model
}

#[test]
fn frames_pass_whatever_the_stalls() {
    let beats: usize = frames(40).iter().map(|frame| frame.len().div_ceil(16)).sum();
    let clocks = pass::<Axis>(&mut slice(0), [Stalls::never(), Stalls::never()]);
    assert_eq!(clocks, beats as u64 + 1, "one beat a clock, one clock of latency");
    for seed in 0..4 {
        pass::<Axis>(&mut slice(0), [Stalls::random(seed, 30), Stalls::random(seed + 100, 50)]);
        pass::<Axis>(&mut slice(0), [Stalls::bursts(seed, 30), Stalls::bursts(seed + 100, 60)]);
    }
    pass::<Axis>(&mut slice(0), [Stalls::pattern(&[true, false]), Stalls::pattern(&[true, true, false])]);
}

#[test]
fn internal_beats_pass() {
    let mut model = Model::from_verilog("wire_through", BEAT, "wire_through").unwrap();
    pass::<Beat>(&mut model, [Stalls::random(1, 40), Stalls::random(2, 40)]);
}

#[test]
fn records_pass() {
    let verilog = BEAT.replace("s_beat", "s_data").replace("m_beat", "m_data");
    let mut model = Model::from_verilog("record_through", &verilog, "wire_through").unwrap();
    let mut s = Source::<Record>::new(&model, "s_data", Stalls::random(3, 50)).unwrap();
    let mut m = Sink::<Record>::new(&model, "m_data", Stalls::random(4, 50)).unwrap();
    let records: Vec<_> = (0..50u32).map(|i| Record(BigUint::from(i) << (2 * i))).collect();
    records.iter().cloned().for_each(|record| s.push(record));
    let mut taken = Vec::new();
    while taken.len() < records.len() {
        step(&mut model, &mut [&mut s, &mut m]).unwrap();
        taken.extend(m.taken.clone());
    }
    assert_eq!(taken, records);
}

#[test]
fn each_breach_of_protocol_is_named() {
    let rules = ["valid fell before ready", "payload changed before ready", "tkeep has a gap", "tkeep is not full before the last beat"];
    for (fault, expected) in (1..).zip(rules) {
        let mut model = slice(fault);
        let mut s = FrameSource::<Axis>::new(&model, "s", Stalls::never()).unwrap();
        let mut m = FrameSink::<Axis>::new(&model, "m", Stalls::pattern(&[true, false])).unwrap();
        s.push([7; 100], 0);
        let error = (0..100).find_map(|_| step(&mut model, &mut [&mut s, &mut m]).err()).unwrap();
        let Error::Protocol { stream, cycle, rule } = error else { panic!("{error}") };
        assert_eq!((stream.as_str(), rule), ("m", expected));
        assert!(cycle >= 2);
    }
}

#[test]
fn valid_in_reset_is_a_breach() {
    let mut model = slice(5);
    let mut m = FrameSink::<Axis>::new(&model, "m", Stalls::never()).unwrap();
    model.set("reset", true);
    let error = (0..3).find_map(|_| step(&mut model, &mut [&mut m]).err()).unwrap();
    assert!(matches!(error, Error::Protocol { rule: "valid in reset", .. }), "{error}");
}

#[test]
fn a_gap_inside_a_frame_is_a_breach_where_a_mac_listens() {
    let mut model = slice(0);
    let mut s = FrameSource::<Axis>::new(&model, "s", Stalls::pattern(&[true, false, false])).unwrap();
    let mut m = FrameSink::<Axis>::new(&model, "m", Stalls::never()).unwrap().gapless();
    s.push([7; 100], 0);
    let error = (0..100).find_map(|_| step(&mut model, &mut [&mut s, &mut m]).err()).unwrap();
    assert!(matches!(error, Error::Protocol { rule: "a gap inside a frame", .. }), "{error}");
}
