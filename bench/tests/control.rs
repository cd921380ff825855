//! What tables that change and policies anywhere cost the traffic: a lost clock fails here.

use espalier_bench::case::Load;
use espalier_bench::control::control;
use espalier_bench::suite::engine;

#[test]
fn changes_to_the_tables_cost_the_traffic_next_to_nothing_and_policies_no_clock_at_all() {
    let found = control(engine().unwrap()).unwrap();
    for of in &found.disturbances {
        // With room to spare: at line rate a 64-byte frame has 10.5 clocks, and undisturbed takes 8.
        let most = match of.direction {
            Load::Tx => 104,
            Load::Rx => 65,
            Load::Both => 675,
        };
        assert!(of.calls > 200 && of.disturbed_clocks <= of.clocks + most && of.most_late_clocks <= most, "{of:?}");
    }
    for of in &found.positions {
        assert_eq!((of.clocks_per_packet, of.latency_clocks), (8.0, if of.direction == Load::Tx { 49 } else { 151 }), "{of:?}");
    }
}
