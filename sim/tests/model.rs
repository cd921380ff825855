//! The model against a small block of every port kind.

use espalier_sim::{Error, Model, field, record};
use num_bigint::BigUint;
use rust_hdl::prelude::*;

#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
struct Pair {
    low: Bits<9>,
    flag: bool,
    high: Bits<130>,
}

#[derive(LogicBlock, Default)]
struct Mixer {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub enable: Signal<In, Bit>,
    pub step: Signal<In, Bits<16>>,
    pub wide: Signal<In, Bits<100>>,
    pub pair: Signal<In, Pair>,
    pub count: Signal<Out, Bits<33>>,
    pub next: Signal<Out, Bits<33>>,
    pub kept: Signal<Out, Bits<100>>,
    pub pair_out: Signal<Out, Pair>,
    total: DFF<Bits<33>>,
    keep: DFF<Bits<100>>,
}

impl Logic for Mixer {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, total, keep);
        self.next.next = self.total.q.val() + bit_cast::<33, 16>(self.step.val());
        if self.enable.val() {
            self.total.d.next = self.total.q.val() + bit_cast::<33, 16>(self.step.val());
            self.keep.d.next = self.wide.val();
        }
        if self.reset.val() {
            self.total.d.next = 0.into();
        }
        self.count.next = self.total.q.val();
        self.kept.next = self.keep.q.val();
        self.pair_out.next = self.pair.val();
    }
}

#[test]
fn registers_take_their_inputs_at_the_rising_edge() {
    let mut model = Model::build::<Mixer>("mixer").unwrap();
    model.reset(2);
    assert_eq!(model.cycles(), 2);
    model.set("enable", true);
    model.set("step", 0xffff);
    model.set("wide", (1u128 << 99) | 5);
    model.settle();
    assert_eq!((model.get_u64("count"), model.get_u64("next")), (0, 0xffff), "combinational outputs follow the inputs, registers do not");
    model.clock();
    assert_eq!(model.get_u64("count"), 0xffff);
    assert_eq!(model.get_u128("kept"), (1u128 << 99) | 5);
    assert_eq!(model.get("kept"), (BigUint::from(1u32) << 99) + 5u32);
    model.clocks(3);
    assert_eq!(model.get_u64("count"), 4 * 0xffff);
    assert_eq!(model.cycles(), 6);
    model.set("enable", false);
    model.set("wide", [0u32; 4]);
    model.clock();
    assert_eq!(model.get_u128("kept"), (1u128 << 99) | 5);
}

#[test]
fn handles_name_ports_once() {
    let mut model = Model::build::<Mixer>("mixer").unwrap();
    let (enable, step, count) = (model.input("enable").unwrap(), model.input("step").unwrap(), model.output("count").unwrap());
    model.write(enable, true);
    for i in 0..1000u16 {
        model.write(step, i);
        model.clock();
    }
    assert_eq!(model.read_u64(count), 999 * 500);
    assert_eq!((model.input_width(step), model.output_width(count)), (16, 33));
}

#[test]
fn records_lie_in_a_port_as_rust_hdl_lays_them() {
    let mut model = Model::build::<Mixer>("mixer").unwrap();
    let pair = Pair { low: 0x1a5.into(), flag: true, high: (BigUint::from(3u32) << 128usize).into() };
    model.set_record("pair", pair);
    model.settle();
    let out = model.get("pair_out");
    assert_eq!(out, record(pair));
    assert_eq!(field(&out, pair.get_my_offset_low(), pair.get_my_width_low()), BigUint::from(0x1a5u32));
    assert_eq!(field(&out, pair.get_my_offset_flag(), pair.get_my_width_flag()), BigUint::from(1u32));
    assert_eq!(field(&out, pair.get_my_offset_high(), pair.get_my_width_high()), BigUint::from(3u32) << 128usize);
}

#[test]
fn two_models_of_one_build_are_independent() {
    let mut models = [0, 1].map(|_| Model::build::<Mixer>("mixer").unwrap());
    models[0].set("enable", true);
    models[0].set("step", 7u8);
    models.iter_mut().for_each(|model| model.clocks(2));
    assert_eq!(models.each_ref().map(|model| model.get_u64("count")), [14, 0]);
}

#[test]
#[should_panic(expected = "does not fit 16 bits of step")]
fn values_too_wide_are_refused() {
    Model::build::<Mixer>("mixer").unwrap().set("step", 0x1_0000);
}

#[test]
#[should_panic(expected = "does not fit")]
fn negative_values_are_refused() {
    Model::build::<Mixer>("mixer").unwrap().set("wide", -1);
}

#[test]
fn unknown_ports_are_named() {
    let model = Model::build::<Mixer>("mixer").unwrap();
    let error = model.input("count").unwrap_err().to_string();
    assert_eq!(error, "mixer has no input named count; it has: clock, enable, pair, reset, step, wide");
}

#[derive(LogicBlock, Default)]
struct Open {
    pub clock: Signal<In, Clock>,
    pub out: Signal<Out, Bit>,
    forgotten: DFF<Bit>,
}

impl Logic for Open {
    #[hdl_gen]
    fn update(&mut self) {
        self.out.next = self.forgotten.q.val();
    }
}

#[test]
fn open_signals_are_an_error_not_a_panic() {
    let Err(Error::Elaborate { name, reason }) = Model::build::<Open>("open") else { panic!("elaborated") };
    assert_eq!(name, "open");
    assert!(reason.starts_with("signals without a driver: "), "{reason}");
    assert!(reason.contains("$d"), "{reason}");
}

#[test]
fn a_latch_is_an_error() {
    let verilog = "module latch(input wire enable, input wire d, output reg q); always @(*) if (enable) q = d; endmodule";
    let error = Model::from_verilog("latch", verilog, "latch").map(|_| ()).unwrap_err();
    assert!(matches!(&error, Error::Program { output, .. } if output.contains("LATCH")), "{error}");
}

#[test]
fn a_wide_block_does_not_need_a_large_stack() {
    #[derive(LogicBlock, Default)]
    struct Wide {
        pub clock: Signal<In, Clock>,
        pub s: Signal<In, Bits<1200>>,
        pub m: Signal<Out, Bits<1200>>,
        stages: [DFF<Bits<1200>>; 32],
    }
    impl Logic for Wide {
        #[hdl_gen]
        fn update(&mut self) {
            for i in 0..32 {
                self.stages[i].clock.next = self.clock.val();
            }
            self.stages[0].d.next = self.s.val();
            for i in 1..32 {
                self.stages[i].d.next = self.stages[i - 1].q.val();
            }
            self.m.next = self.stages[31].q.val();
        }
    }
    let mut model = Model::build_with("wide", Wide::default).unwrap();
    let value = (BigUint::from(1u32) << 1199) + 1u32;
    model.set("s", &value);
    model.clocks(32);
    assert_eq!(model.get("m"), value);
}

#[test]
fn a_trace_is_written_on_demand() {
    let path = std::env::temp_dir().join(format!("espalier-{}.fst", std::process::id()));
    let mut model = Model::build::<Mixer>("mixer").unwrap();
    model.set("enable", true);
    model.set("step", 3);
    model.trace(&path).unwrap();
    model.clocks(100);
    assert_eq!(model.get_u64("count"), 300, "inputs set before the trace are kept");
    assert!(matches!(model.trace(&path), Err(Error::TraceTooLate { .. })));
    drop(model);
    let trace = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(trace[..9], [0, 0, 0, 0, 0, 0, 0, 1, 0x49], "an FST begins with a header block of 329 bytes");
}
