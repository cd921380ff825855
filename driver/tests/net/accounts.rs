//! One fault in N: nothing is lost without being counted.

use espalier_driver::net::{SendError, TxOffload};
use espalier_driver::rings::RingConfig;
use proptest::prelude::*;

use super::software::Strike;
use super::{frame, net, no_violation};

#[derive(Clone, Copy, Debug)]
enum Step {
    Send(usize),
    Come(usize),
    Work(usize),
    Strike(Strike, usize),
    Take,
    Recover,
    Reset,
}

fn step() -> impl Strategy<Value = Step> {
    let strike = prop_oneof![Just(Strike::Ring), Just(Strike::Data), Just(Strike::Completion)];
    prop_oneof![
        6 => (1usize..400).prop_map(Step::Send),
        6 => (1usize..400).prop_map(Step::Come),
        6 => (1usize..5).prop_map(Step::Work),
        2 => (strike, 0usize..6).prop_map(|(strike, after)| Step::Strike(strike, after)),
        4 => Just(Step::Take),
        2 => Just(Step::Recover),
        1 => Just(Step::Reset),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn nothing_is_lost_uncounted(log2 in 1u32..6, steps in prop::collection::vec(step(), 1..120)) {
        let config = RingConfig { tx_entries: 1 << log2, rx_entries: 1 << log2, buffer_bytes: 256, ..RingConfig::default() };
        let mut net = net(config);
        let (mut sent, mut came, mut cut, mut done, mut received) = (0u64, 0u64, 0u64, Vec::new(), Vec::new());
        for step in steps.into_iter().chain([Step::Recover, Step::Work(2000), Step::Take, Step::Recover, Step::Reset]) {
            match step {
                Step::Send(length) => match net.send(&frame(sent as usize, length), TxOffload::None) {
                    Ok(()) => sent += 1,
                    Err(SendError::Full | SendError::Stopped) => {}
                    Err(error) => panic!("{error}"),
                },
                Step::Come(length) => {
                    net.device().bus().incoming.push_back((frame(came as usize, length), came as u32));
                    came += 1;
                }
                Step::Work(frames) => {
                    net.device().bus().speed = frames;
                    net.device().bus().work();
                }
                Step::Strike(strike, after) => net.device().bus().strike = Some((strike, after)),
                Step::Take => {
                    done.extend(net.sent().expect("sound"));
                    while let Some(frame) = net.receive().expect("sound") {
                        received.push(frame);
                    }
                }
                Step::Recover => drop(net.recover().expect("recovered")),
                Step::Reset => {
                    cut += net.device().bus().incoming.len() as u64;
                    net.reset().expect("reset");
                    net.enable().expect("enabled");
                }
            }
        }
        done.extend(net.sent().expect("sound"));
        while let Some(frame) = net.receive().expect("sound") {
            received.push(frame);
        }
        let stats = net.stats();
        // Out: each frame is told of once, in order; what went out is what has a status, and perhaps what is lost.
        let numbers: Vec<u64> = done.iter().map(|done| done.frame_number).collect();
        prop_assert_eq!(numbers, (0..sent).collect::<Vec<_>>());
        prop_assert_eq!(stats.sent, stats.completed + stats.lost);
        let told = done.iter().filter(|done| done.status.is_some() && done.fault.is_none()).count();
        let lost = done.iter().filter(|done| done.is_lost()).count();
        prop_assert_eq!(lost as u64, stats.lost);
        let out: Vec<_> = net.device().bus().wire.iter().map(|(bytes, _)| bytes.clone()).collect();
        prop_assert!((told..=told + lost).contains(&out.len()), "{} out, {told} told, {lost} lost", out.len());
        // In: each frame once, in order and as it was; the others were lost at a place that counts.
        for frame in &received {
            prop_assert_eq!(&frame.bytes, &super::frame(frame.word as usize, frame.bytes.len()));
        }
        prop_assert!(received.windows(2).all(|pair| pair[0].word < pair[1].word));
        prop_assert_eq!(stats.received, received.len() as u64);
        let uncounted = came - cut - net.device().bus().host_faults - stats.received;
        // A completion that could not be written is a frame in memory that nobody hears of.
        prop_assert_eq!(uncounted, net.device().bus().unheard);
        no_violation(&mut net);
    }
}
