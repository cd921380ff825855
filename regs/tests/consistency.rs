//! The tables contradict themselves nowhere.

use std::collections::HashSet;

use espalier_regs::event::Event;
use espalier_regs::mailbox::{ANSWERS, EMPTY, LAYOUTS, Layout, MAIL_WORDS, Op, RESULT_WORDS, RX_SA, Status, TX_SA, sa_state, tx_sa};
use espalier_regs::map::{COUNTER_HI, COUNTER_LO, COUNTER_ROOM, REGISTERS, SPACE, cap_features};
use espalier_regs::notice::{Kind, Notice};
use espalier_regs::tuser::WORDS;
use espalier_regs::{Capabilities, Field, render_markdown};

const BUILD: Capabilities = Capabilities {
    rx_policies: 64,
    local_addresses: 8,
    events: 64,
    features: Capabilities::features(&[cap_features::TUNNEL, cap_features::ICV_16]),
    tx_sas: 64,
    rx_sas: 1024,
    policies: 65,
    cam_ways: 4,
    cam_row_bits: 6,
    max_replay_window: 4096,
    max_frame_bytes: 9018,
};

#[test]
fn registers_do_not_overlap_and_lie_in_the_space() {
    let mut taken = HashSet::new();
    for register in REGISTERS {
        for index in 0..register.count {
            let offset = register.at(index).expect("an index under the count");
            assert_eq!(offset % 4, 0, "{} is not aligned", register.name);
            assert!(u32::from(offset) + 4 <= SPACE);
            assert!(taken.insert(offset), "{} lies on another register", register.name);
        }
        assert_eq!(register.at(register.count), None);
        assert_eq!(register.offsets().count(), register.count.into());
    }
    assert!(REGISTERS.is_sorted_by_key(|register| register.offset));
}

#[test]
fn counters_have_room() {
    assert!(Event::ALL.len() <= COUNTER_ROOM);
    for register in [COUNTER_LO, COUNTER_HI] {
        let end = usize::from(register.offset) + COUNTER_ROOM * usize::from(register.stride);
        let past = |other: &&espalier_regs::Register| usize::from(other.offset) >= end || other.offset <= COUNTER_HI.offset;
        assert!(REGISTERS.iter().all(|other| past(&other)));
    }
    for (index, event) in Event::ALL.iter().enumerate() {
        assert_eq!(usize::from(event.index()), index);
        assert_eq!(Some(event.offset()), COUNTER_LO.at(event.index()));
    }
}

#[test]
fn register_fields_do_not_overlap_and_hold_the_reset_value() {
    for register in REGISTERS.iter().filter(|register| !register.fields.is_empty()) {
        let mut taken = 0u32;
        for field in register.fields {
            assert!(field.width >= 1 && field.lsb + field.width <= 32, "{}.{}", register.name, field.name);
            assert_eq!(taken & field.mask(), 0, "{}.{} overlaps", register.name, field.name);
            taken |= field.mask();
        }
        assert_eq!(register.reset & !taken, 0, "{}: reset value outside the fields", register.name);
    }
}

/// The fields of a layout lie side by side in so many words.
fn check_layout(layout: &Layout, words: usize) {
    let mut taken = vec![false; words * 32];
    for field in layout.fields {
        let (first, end) = (usize::from(field.lsb), usize::from(field.lsb + field.width));
        assert!(end <= words * 32, "{}.{} lies outside", layout.name, field.name);
        assert!(taken[first..end].iter().all(|taken| !taken), "{}.{} overlaps", layout.name, field.name);
        taken[first..end].fill(true);
        assert!(field.width <= 32 || field.lsb % 32 == 0, "{}.{} is not aligned", layout.name, field.name);
    }
    assert!(layout.fields.is_sorted_by_key(|field| field.lsb), "{} is not in order", layout.name);
    assert!(layout.words() <= words);
}

#[test]
fn fields_of_layouts_do_not_overlap_and_lie_in_their_words() {
    LAYOUTS.iter().for_each(|layout| check_layout(layout, MAIL_WORDS));
    ANSWERS.iter().for_each(|layout| check_layout(layout, RESULT_WORDS));
}

#[test]
fn every_layout_belongs_to_an_operation() {
    for layout in LAYOUTS {
        assert!(Op::ALL.iter().any(|op| op.layout() == Some(layout)), "{}", layout.name);
    }
    for layout in ANSWERS {
        assert!(Op::ALL.iter().any(|op| op.answer() == Some(layout)), "{}", layout.name);
    }
    for op in Op::ALL {
        assert!(op.layout().is_none_or(|layout| LAYOUTS.contains(layout)), "{}", op.name());
        assert!(op.answer().is_none_or(|layout| ANSWERS.contains(layout)), "{}", op.name());
    }
}

#[test]
fn fields_beside_the_frames_do_not_overlap_and_lie_in_the_word() {
    for word in WORDS {
        let mut taken = 0;
        for field in word.fields {
            assert!(field.lsb + field.width <= word.width, "{}.{}", word.name, field.name);
            assert_eq!(taken & field.mask(), 0, "{}.{} overlaps", word.name, field.name);
            taken |= field.mask();
        }
    }
}

#[test]
fn events_of_the_queue_round_trip() {
    for (kind, tx, sa) in Kind::ALL.iter().flat_map(|kind| [(kind, false, 0), (kind, true, 1023), (kind, true, 0x2aa)]) {
        let notice = Notice { kind: Some(*kind), tx, sa };
        assert_eq!(Notice::decode(notice.encode()), Some(notice));
    }
    assert_eq!(Notice::decode(0), None);
}

#[test]
fn both_kinds_of_sa_share_what_the_engine_takes_from_the_same_bits() {
    let at = |layout: &Layout, name| layout.field(name).map(|field| (field.lsb, field.width));
    for name in ["KEY", "SEQ", "KEY_SIZE", "ESN", "ICV"] {
        assert!(at(&TX_SA, name).is_some());
        assert_eq!(at(&TX_SA, name), at(&RX_SA, name), "{name}");
    }
}

#[test]
fn every_entry_is_documented_in_one_line() {
    let docs = REGISTERS.iter().flat_map(|r| r.fields.iter().map(|f| f.doc).chain([r.doc]));
    let mail = LAYOUTS.iter().chain(ANSWERS).flat_map(|l| l.fields.iter().map(|f| f.doc).chain([l.doc]));
    let beside = WORDS.iter().flat_map(|w| w.fields.iter().map(|f| f.doc).chain([w.doc]));
    let codes =
        Event::ALL.iter().map(|event| event.doc()).chain(Op::ALL.iter().map(|op| op.doc())).chain(Kind::ALL.iter().map(|kind| kind.doc()));
    for doc in docs.chain(mail).chain(beside).chain(codes) {
        assert!(!doc.is_empty() && !doc.contains('\n') && !doc.contains('|'), "{doc}");
    }
}

#[test]
fn field_accessors_are_inverse() {
    let field = Field { name: "F", lsb: 5, width: 7, doc: "" };
    assert_eq!(field.mask(), 0x0000_0fe0);
    assert_eq!(field.set(0xffff_ffff, 0), 0xffff_f01f);
    assert_eq!(field.get(field.set(0xdead_beef, 0x55)), 0x55);
    assert_eq!(field.set(0, 0x80), 0);
    let whole = Field { name: "F", lsb: 0, width: 32, doc: "" };
    assert_eq!(whole.set(0, u32::MAX), u32::MAX);
}

#[test]
fn mail_fields_pack_numbers_and_byte_strings() {
    let mut words = EMPTY;
    tx_sa::SRC.put(&mut words, 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
    assert_eq!(words[13..17], [0xccdd_eeff, 0x8899_aabb, 0x4455_6677, 0x0011_2233]);
    assert_eq!(tx_sa::SRC.get(&words), 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
    // The first byte of a key stands in the most significant bits.
    tx_sa::KEY.put_bytes(&mut words, &[0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08]);
    assert_eq!(words[..8], [0, 0, 0, 0, 0, 0x0800_0000, 0x0405_0607, 0x0001_0203]);
    tx_sa::ESN.put(&mut words, 1);
    tx_sa::TTL.put(&mut words, 64);
    tx_sa::KEY_SIZE.put(&mut words, 2);
    assert_eq!(words[11], 0x0040_0006);
    tx_sa::TTL.put(&mut words, 0);
    assert_eq!(words[11], 6);
    assert_eq!(TX_SA.words(), 23);
    assert_eq!(RX_SA.words(), 13);
}

#[test]
fn fields_are_taken_from_the_words_of_an_answer() {
    let words = [0x0123_4567, 0x89ab_cdef, 3, 4, 5, 6, 2, 0xffff_ffff, 9, 10];
    assert_eq!(sa_state::SEQ.get(&words), 0x89ab_cdef_0123_4567);
    assert_eq!(sa_state::BYTES.get(&words), 6 << 32 | 5);
    assert_eq!((sa_state::SOFT.get(&words), sa_state::HARD.get(&words)), (0, 1));
    assert_eq!(sa_state::REPLAY.get(&words), 0xffff_ffff);
    assert_eq!(sa_state::INTEGRITY_FAILED.get(&words), 10);
    // What lies past the end is 0.
    assert_eq!(sa_state::INTEGRITY_FAILED.get(&[u32::MAX; 9]), 0);
}

#[test]
fn capability_words_round_trip() {
    let read = |register| BUILD.word(register).ok_or(());
    assert_eq!(Capabilities::read(read), Ok(BUILD));
    assert!(BUILD.has(cap_features::TUNNEL) && !BUILD.has(cap_features::ESN));
    for register in REGISTERS {
        assert_eq!(BUILD.word(*register).is_some(), Capabilities::REGISTERS.contains(register));
    }
}

#[test]
fn status_tells_the_states_apart() {
    use espalier_regs::mailbox::Error;
    assert_eq!(Status::decode(0), Status::Idle);
    assert_eq!(Status::decode(1), Status::Busy);
    assert_eq!(Status::decode(2), Status::Done);
    assert_eq!(Status::decode(0x402), Status::Failed(Some(Error::KeySize)));
    assert_eq!(Status::decode(0xf02), Status::Failed(None));
}

#[test]
fn the_document_names_everything() {
    let text = render_markdown();
    let names = REGISTERS.iter().flat_map(|r| r.fields.iter().map(|f| f.name).chain([r.name]));
    let words = LAYOUTS.iter().chain(ANSWERS).flat_map(|l| l.fields.iter().map(|f| f.name).chain([l.name]));
    let beside = WORDS.iter().flat_map(|w| w.fields.iter().map(|f| f.name).chain([w.name]));
    let codes = Op::ALL.iter().map(|op| op.name()).chain(Kind::ALL.iter().map(|kind| kind.name()));
    for name in names.chain(words).chain(beside).chain(codes) {
        assert!(text.contains(name), "{name}");
    }
    assert!(text.starts_with("<!-- Generated"));
}
