//! The card without a host, on a stand-in (card/stand_in.v): its accesses wait for whoever answers them.
#![allow(clippy::unwrap_used)]

use espalier_sim::axi::{Kind, Response};
use espalier_sim::{Card, CardOptions, Model};

const STAND_IN: &str = include_str!("card/stand_in.v");

fn card(options: CardOptions) -> Card {
    Card::new(Model::from_verilog("card_stand_in", STAND_IN, "card").unwrap(), options).unwrap()
}

/// Begins to copy.
fn copy(card: &mut Card, from: u64, to: u64, beats: u32) {
    for (register, value) in [(0x40, from as u32), (0x44, (from >> 32) as u32), (0x48, to as u32), (0x4c, (to >> 32) as u32), (0x50, beats)]
    {
        card.axil_write(register, value).unwrap();
    }
}

fn accesses(card: &mut Card) -> Vec<espalier_sim::axi::Access> {
    (0..2000)
        .find_map(|_| {
            card.step().unwrap();
            Some(card.take_accesses()).filter(|accesses| !accesses.is_empty())
        })
        .unwrap()
}

#[test]
fn accesses_wait_for_their_answer_while_registers_and_wire_go_on() {
    let mut card = card(CardOptions::random(3, 30));
    copy(&mut card, 0x1_0000_0100, 0x2_0000_0200, 3);
    let read = accesses(&mut card).remove(0);
    assert_eq!((read.id, &read.kind), (9, &Kind::Read { address: 0x1_0000_0100, bytes: 48 }));
    card.send_wire([7; 100], false);
    assert_eq!(card.axil_read(0x54).unwrap(), 0);
    card.run_until_quiet(50, 10_000).unwrap();
    assert_eq!(card.take_wire().remove(0).bytes, [7; 100]);
    assert_eq!(card.outstanding(), 1);

    let data: Vec<u8> = (0..48).collect();
    card.answer_read(read.token, Ok(data.clone()));
    let write = accesses(&mut card).remove(0);
    assert_eq!(write.kind, Kind::Write { address: 0x2_0000_0200, data, strobes: vec![true; 48] });
    card.answer_write(write.token, Err(Response::DecodeError));
    card.run_until_quiet(400, 10_000).unwrap();
    assert_eq!((card.axil_read(0x54).unwrap(), card.outstanding()), (0x130, 0));
}

#[test]
fn pins_do_what_configuration_space_says() {
    let mut card = card(CardOptions::default());
    card.axil_write(0x58, 2).unwrap();
    card.step().unwrap();
    assert_eq!(card.interrupts(), 0b100);

    card.set_msix(true, true);
    card.axil_write(0xc020, 0xfee0_0008).unwrap();
    card.axil_write(0xc028, 0x1234_5678).unwrap();
    card.axil_write(0x58, 2).unwrap();
    assert_eq!(card.outstanding(), 0, "masked");
    card.set_msix(true, false);
    card.axil_write(0x58, 2).unwrap();
    let message = accesses(&mut card).remove(0);
    assert_eq!(message.written().collect::<Vec<_>>(), [(0xfee0_0008, &[0x78, 0x56, 0x34, 0x12][..])]);

    card.set_halt(true);
    card.run(100).unwrap();
    assert!(!card.halted(), "a message is under way");
    card.answer_write(message.token, Ok(()));
    card.run(10).unwrap();
    assert!(card.halted());
    card.set_halt(false);
    assert!(!card.halted());
}
