//! What tables that change and policies anywhere cost the traffic: a lost clock fails here.

use espalier_bench::case::Load;
use espalier_bench::control::control;
use espalier_bench::suite::engine;

#[test]
fn changes_to_the_tables_cost_the_traffic_no_clock_and_neither_do_policies() {
    let found = control(engine().unwrap()).unwrap();
    for of in &found.disturbances {
        println!(
            "{} {}: {} calls, {} + {} clocks, latest {}",
            of.direction,
            of.change,
            of.calls,
            of.clocks,
            of.disturbed_clocks as i64 - of.clocks as i64,
            of.most_late_clocks
        );
    }
    for of in &found.disturbances {
        assert!(of.calls > 20 && of.disturbed_clocks == of.clocks && of.most_late_clocks == 0, "{of:?}");
    }
    for of in &found.positions {
        let latency = match of.direction {
            Load::Tx => 45,
            Load::Rx => 134,
            Load::Both => 137,
        };
        assert_eq!((of.clocks_per_packet, of.latency_clocks), (8.0, latency), "{of:?}");
    }
}
