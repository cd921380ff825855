//! 64, 256, 1024 SAs: the same clocks.

use espalier_bench::case::{Pattern, Size};
use espalier_bench::scale::{SIZES, scale};

#[test]
fn neither_the_number_of_sas_nor_their_order_counts() {
    let found = scale().unwrap();
    // Three directions; one and 64 SAs in the small build, three orders in each of the others.
    assert_eq!(found.len(), SIZES.len() * 3 * (2 + 2 * Pattern::ALL.len()));
    for of in &found {
        println!(
            "{} SAs, {} bytes, {}, {}: {} clocks, {}",
            of.sas, of.size, of.direction, of.pattern, of.clocks_per_packet, of.latency_clocks
        );
    }
    for of in &found {
        let one = &found[found.iter().position(|one| (one.size, one.direction) == (of.size, of.direction)).unwrap()];
        assert_eq!((of.ratio, of.latency_clocks), (1.0, one.latency_clocks), "{of:?}");
    }
    assert!(found.iter().any(|of| of.sas == 1024 && of.size == Size::Imix));
}
