//! The front of each frame that goes by: 6 beats, or all that it has.
#![allow(clippy::unwrap_used)]

#[path = "hdl_stream/support.rs"]
mod support;

use espalier_hdl::lead::LeadTap;
use espalier_hdl::records::Lead;
use espalier_hdl::stream::Beat;
use espalier_sim::field;
use num_bigint::BigUint;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use support::model;

/// Beats of a frame that are given.
const LEAD: usize = 6;

#[test]
fn the_front_of_every_frame_is_given_and_nothing_else() {
    let mut model = model::<LeadTap>("lead_tap");
    let (lead, valid) = (model.output("lead").unwrap(), model.output("lead_valid").unwrap());
    let (names, mut rng) = (Lead::default(), SmallRng::seed_from_u64(1));
    for frame in 0..600 {
        let length = if frame < 20 { frame + 1 } else { rng.random_range(1..20) };
        for at in 0..length {
            while rng.random_bool(0.3) {
                // A beat that waits is none.
                model.set_record("beat", Beat { data: rng.random::<u64>().into(), last: rng.random(), ..Default::default() });
                model.set("take", false);
                model.settle();
                assert!(!model.read_bool(valid));
                model.clock();
            }
            let data: u64 = rng.random();
            model.set_record("beat", Beat { data: data.into(), last: at + 1 == length, ..Default::default() });
            model.set("take", true);
            model.settle();
            assert_eq!(model.read_bool(valid), at < LEAD, "beat {at} of {length}");
            if at < LEAD {
                let seen = model.read(lead);
                assert_eq!(field(&seen, names.get_my_offset_data(), 128), BigUint::from(data));
                let last = field(&seen, names.get_my_offset_last(), 1) == 1u8.into();
                assert_eq!(last, at + 1 == length.min(LEAD), "beat {at} of {length}");
            }
            model.clock();
        }
    }
}
