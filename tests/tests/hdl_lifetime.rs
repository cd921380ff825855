//! Lifetimes against a few lines that say what they are: every report and every count, with writes of the host between and amid packets.
#![allow(clippy::unwrap_used)]

#[path = "hdl_lifetime/carried.rs"]
mod carried;

use carried::{INF, Sa, limits};
use espalier_hdl::lifetime::Lifetime;
use espalier_hdl::records::{Life, Notice};
use espalier_sim::{Model, field};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// 8 SAs.
type Block = Lifetime<3>;
const SAS: usize = 8;

/// The block, and what it has reported.
struct Bench {
    model: Model,
    told: Vec<(u64, u64)>,
}

impl Bench {
    fn new() -> Self {
        let mut model = Model::build::<Block>("lifetime").unwrap();
        // Nonsense, also in the tables, before the reset.
        for (i, port) in ["clear_write", "limits_write", "count", "report_ready"].into_iter().enumerate() {
            model.set(port, true);
            model.clocks(3 + i as u64);
        }
        for port in ["clear_write", "limits_write", "count", "report_ready"] {
            model.set(port, false);
        }
        model.reset(2);
        let mut bench = Self { model, told: Vec::new() };
        for sa in 0..SAS {
            bench.clear(sa);
            bench.clocks(8);
        }
        bench
    }

    fn clocks(&mut self, clocks: u64) {
        for _ in 0..clocks {
            self.model.settle();
            if self.model.get_bool("report_valid") && self.model.peek("report_ready").is_some_and(|p| self.model.read_bool(p)) {
                let (record, n) = (self.model.get("report"), Notice::default());
                let part = |offset, width| u64::try_from(field(&record, offset, width)).unwrap();
                self.told.push((part(n.get_my_offset_kind(), 4), part(n.get_my_offset_sa(), 10)));
            }
            self.model.rise();
            for pulse in ["clear_write", "limits_write", "count", "touch"] {
                self.model.set(pulse, false);
            }
        }
    }

    /// Pulses last for the next clock; operands until they are set anew.
    fn clear(&mut self, sa: usize) {
        self.model.set("clear_write", true);
        self.model.set("clear_index", sa);
    }

    fn limit(&mut self, sa: usize, values: [u64; 4]) {
        self.model.set("limits_write", true);
        self.model.set("limits_index", sa);
        self.model.set_record("limits", limits(values));
    }

    fn expired(&mut self) -> bool {
        self.model.settle();
        self.model.get_bool("expired")
    }

    fn pulse(&mut self, port: &str, bytes: u16, unlimited: bool) {
        self.model.set(port, true);
        self.model.set("bytes", bytes);
        self.model.set("unlimited", unlimited);
    }

    /// What `life` shows 4 clocks after it was asked for.
    fn life(&mut self, sa: usize) -> [u64; 4] {
        self.model.set("read_index", sa);
        self.clocks(4);
        self.model.settle();
        let (record, n) = (self.model.get("life"), Life::default());
        let part = |offset, width| u64::try_from(field(&record, offset, width)).unwrap();
        [
            part(n.get_my_offset_packets(), 64),
            part(n.get_my_offset_bytes(), 64),
            part(n.get_my_offset_soft(), 1),
            part(n.get_my_offset_hard(), 1),
        ]
    }

    /// A packet at the pace of the promise: 3 clocks, pulse, 2 more. Returns whether it passed.
    fn packet(&mut self, sa: usize, bytes: u16, unlimited: bool) -> bool {
        self.model.set("index", sa);
        self.clocks(3);
        let passes = unlimited || !self.expired();
        self.pulse(if passes { "count" } else { "touch" }, bytes, unlimited);
        self.clocks(3);
        passes
    }
}

fn shown(sa: &Sa) -> [u64; 4] {
    [sa.packets, sa.bytes, sa.soft.into(), sa.hard.into()]
}

fn random_limit(rng: &mut SmallRng, now: u64, step: u64) -> u64 {
    match rng.random_range(0..10) {
        0 => 0,
        1 => 1,
        2 => (1 << 32) + rng.random_range(0..8) * step,
        3 => (1 << 32) - 1,
        4 => now << 32 | now,
        5..=7 => now + rng.random_range(0..6) * step,
        _ => INF,
    }
}

#[test]
fn reports_and_counts_are_exact_whatever_the_limits() {
    let mut bench = Bench::new();
    bench.model.set("report_ready", true);
    for seed in 0..60 {
        println!("seed {seed}");
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut sas = [Sa::cleared(); SAS];
        for sa in 0..SAS {
            bench.clear(sa);
            bench.clocks(8);
        }
        let mut expected = Vec::new();
        bench.told.clear();
        let busy = rng.random_range(1..=SAS);
        for _ in 0..400 {
            let sa = rng.random_range(0..busy);
            match rng.random_range(0..16) {
                0 => {
                    bench.clear(sa);
                    sas[sa] = Sa::cleared();
                    bench.clocks(8);
                }
                // Both at once: the limits come last.
                1 => {
                    let limits = [INF, rng.random_range(0..4), INF, INF];
                    bench.clear(sa);
                    bench.limit(sa, limits);
                    sas[sa] = Sa { limits, ..Sa::cleared() };
                    bench.clocks(8);
                }
                2..=3 => {
                    let [packets, bytes] = [sas[sa].packets, sas[sa].bytes];
                    let mut limits =
                        [packets, packets, bytes, bytes].map(|now| random_limit(&mut rng, now, if now == packets { 1 } else { 900 }));
                    if rng.random_range(0..4) == 0 {
                        (limits[0], limits[2]) = (limits[1], limits[3]); // soft = hard
                    }
                    bench.limit(sa, limits);
                    sas[sa].set_limits(limits);
                    bench.clocks(8);
                }
                4 => assert_eq!(bench.life(sa), shown(&sas[sa]), "SA {sa}"),
                _ => {
                    let (bytes, unlimited) = (rng.random_range(0..1500), rng.random_range(0..8) == 0);
                    let passed = bench.packet(sa, bytes, unlimited);
                    assert_eq!(passed, unlimited || !sas[sa].expired(), "SA {sa}: {:?}", sas[sa]);
                    let before = sas[sa];
                    let told = if passed { sas[sa].count(bytes) } else { sas[sa].tell(false) };
                    if unlimited {
                        (sas[sa].soft, sas[sa].hard) = (before.soft, before.hard);
                    } else {
                        expected.extend(told.map(|kind| (u64::from(kind.code()), sa as u64)));
                    }
                    bench.clocks(rng.random_range(0..4));
                }
            }
        }
        bench.clocks(8);
        assert_eq!(bench.told, expected);
        for (sa, model) in sas.iter().enumerate() {
            assert_eq!(bench.life(sa), shown(model), "SA {sa}");
        }
    }
}

#[test]
fn bytes_carry_into_the_high_half_and_stop_right_there() {
    let mut bench = Bench::new();
    bench.model.set("report_ready", true);
    // 65,537 packets of 65,535 bytes are 2^32 - 1.
    bench.limit(3, [INF, INF, u64::from(u32::MAX), (1 << 32) + 65_535]);
    bench.clocks(8);
    for _ in 0..65_536 {
        assert!(bench.packet(3, 65_535, false));
    }
    bench.clocks(8);
    assert_eq!(bench.told, []);
    assert_eq!(bench.life(3), [65_536, 0xffff_0000, 0, 0]);
    assert!(bench.packet(3, 65_535, false), "to 2^32 - 1: the soft limit");
    assert!(bench.packet(3, 1, false), "to 2^32");
    assert!(bench.packet(3, 65_534, false), "one byte is left");
    assert!(bench.packet(3, 1_000, false), "and the packet that steps over is the last");
    assert!(!bench.packet(3, 1, false));
    bench.clocks(8);
    assert_eq!(bench.told, [(1, 3), (2, 3)]);
    assert_eq!(bench.life(3), [65_540, (1 << 32) + 66_534, 1, 1]);
}

#[test]
fn a_report_is_offered_three_clocks_after_its_packet() {
    let mut bench = Bench::new();
    bench.limit(5, [1, INF, INF, INF]);
    bench.clocks(8);
    bench.packet(5, 60, false);
    bench.model.settle();
    assert!(bench.model.get_bool("report_valid"));
    bench.model.set("report_ready", true);
    bench.clocks(1);
    assert_eq!(bench.told, [(1, 5)]);
    bench.model.settle();
    assert!(!bench.model.get_bool("report_valid"));
}

#[test]
fn a_report_without_room_comes_with_the_next_packet() {
    let mut bench = Bench::new();
    for sa in 0..2 {
        bench.limit(sa, [1, 2, INF, INF]);
        bench.clocks(8);
    }
    bench.packet(0, 60, false);
    bench.packet(1, 60, false);
    assert_eq!(bench.life(1), [1, 60, 0, 0], "not told yet");
    bench.packet(1, 60, false);
    assert!(!bench.packet(1, 60, false));
    bench.model.set("report_ready", true);
    bench.clocks(8);
    assert_eq!(bench.told, [(1, 0)]);
    assert!(!bench.packet(1, 60, false));
    assert!(!bench.packet(1, 60, false));
    bench.clocks(8);
    assert_eq!(bench.told, [(1, 0), (2, 1)]);
    assert_eq!(bench.life(1), [2, 120, 0, 1]);
}

/// The host writes at every clock around a packet: that order or this, but nothing in between.
#[test]
fn writes_amid_a_packet_come_before_or_after_it() {
    let mut bench = Bench::new();
    bench.model.set("report_ready", true);
    for offset in 0..16 {
        for same in [true, false] {
            let (other, sa) = (if same { 2 } else { 6 }, 2);
            let prepare = |bench: &mut Bench| {
                bench.model.set("index", 7);
                for sa in [2, 6] {
                    bench.clear(sa);
                    bench.clocks(10);
                    bench.limit(sa, [5, 7, INF, INF]);
                    bench.clocks(10);
                    (0..3).for_each(|_| assert!(bench.packet(sa, 100, false)));
                }
                bench.told.clear();
                bench.model.set("index", 7);
                bench.clocks(10);
            };
            // A packet in clock 6 + 3, the write in clock `offset`.
            let run = |bench: &mut Bench, write: &dyn Fn(&mut Bench)| {
                for clock in 0..16 {
                    if clock == 6 {
                        bench.model.set("index", sa);
                    }
                    if clock == 9 {
                        assert!(!bench.expired(), "{offset}");
                        bench.pulse("count", 100, false);
                    }
                    if clock == offset {
                        write(bench);
                    }
                    bench.clocks(1);
                }
                bench.clocks(10);
            };
            prepare(&mut bench);
            run(&mut bench, &|bench| bench.clear(other));
            let (left, right) = (bench.life(sa), bench.life(other));
            if same {
                assert!(left == [0; 4] || left == [1, 100, 0, 0], "clear at {offset}: {left:?}");
                let counted = left[0];
                bench.limit(sa, [INF, counted + 1, INF, INF]);
                bench.clocks(10);
                assert!(bench.packet(sa, 1, false));
                assert!(!bench.packet(sa, 1, false));
            } else {
                assert_eq!((left, right), ([4, 400, 0, 0], [0; 4]), "clear at {offset}");
                (0..3).for_each(|_| assert!(bench.packet(sa, 1, false)));
                assert!(!bench.packet(sa, 1, false), "its limits stay");
                (0..9).for_each(|_| assert!(bench.packet(other, 1, false)));
            }
            // New limits: the counts stay, and each is reported in the end, whatever was reported of the old.
            prepare(&mut bench);
            run(&mut bench, &|bench| bench.limit(other, [4, 6, INF, INF]));
            assert_eq!(bench.life(sa)[..2], [4, 400], "limits at {offset}");
            bench.told.retain(|told| told.1 == other as u64);
            let before = bench.told.len();
            (0..5).for_each(|_| _ = bench.packet(other, 100, false));
            bench.clocks(8);
            assert_eq!(bench.life(other), [6, 600, 1, 1], "limits at {offset}: {:?}", bench.told);
            assert_eq!(bench.told, [(1, other as u64), (2, other as u64)], "limits at {offset}, {before} amid");
        }
    }
}
