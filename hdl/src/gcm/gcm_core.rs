//! The core as a block: its parts side by side.

use rust_hdl::prelude::*;

use super::admit::Admit;
use super::aes::zero::ZeroBlock;
use super::aes::Aes;
use super::apply::{Hashed, Output};
use super::delay::Delay;
use super::ghash::Ghash;
use super::hash_key::HashKey;
use super::lengths::Lengths;
use super::multiplier::Multiplier;
use super::network::{Comb3, Comb4};
use super::powers::Powers;
use super::prepare::Prepare;
use super::work::{HashKeys, HashStep, Work};
use super::{aes, lengths, powers};
use crate::constant::Const;
use crate::records::{CryptoContext, Slot};
use crate::stream::Beat;

/// Data comes out of its delay one clock before the key stream, and out of a register beside it.
const WORK_DELAY: usize = aes::LATENCY - 1;
/// The operand belongs to clock 2 of [`super::ghash`].
const KEYS_DELAY: usize = aes::LATENCY + 2 - powers::LATENCY;
/// `lengths` belongs to the clock of [`super::ghash`] behind the product; its `h` comes one clock after [`KEYS_DELAY`].
const LENGTHS_WITH: usize = KEYS_DELAY + 1 + Lengths::<14>::LATENCY;
const _: () = assert!(LENGTHS_WITH == aes::LATENCY + 3 + Multiplier::<14>::LATENCY);
/// Folded, it stays as long as a slot takes.
const FOLDED_LENGTHS_FROM: usize = KEYS_DELAY + 1 + Lengths::<2>::LATENCY;
const _: () = {
    let with = aes::LATENCY + 3 + Multiplier::<2>::LATENCY;
    assert!(FOLDED_LENGTHS_FROM <= with && with < FOLDED_LENGTHS_FROM + Aes::<2>::PASSES);
};

/// The core. `d` is `tx` or `rx`. `R`: rounds of AES in hardware ([`Aes`]).
///
/// | | |
/// |---|---|
/// | slots | `d_slot`, `d_slot_valid`, `d_slot_ready`: a packet's slots in order, gaps allowed |
/// | contexts | `d_crypto` with `d_crypto_valid`, once for each packet with a `first` slot, in their order; at the latest in the clock in which that slot is taken, and of at most 15 packets whose last slot has not been taken |
/// | results | `d_beat`, `d_beat_valid`; `d_tag`, `d_tag_valid` once a packet with a `first` slot |
/// | hash subkeys | `hkey_valid`, `hkey_ready` with `hkey_key`; `hkey_size` until `hkey_done`, a pulse, with `hkey_h`, `hkey_h3`; they take nothing from the slots |
/// | latency | beat [`super::LATENCY`], tag [`super::tag_latency`], hash subkey [`super::hkey_latency`] clocks |
/// | throughput | one slot a clock in all (folded, with `R` = 2, one each 7 clocks); the directions alternate when both have one |
/// | back-pressure | results have no `ready`: `d_room` says that all that is inside, and two slots more, can still be taken ([`super::BEAT_ROOM`], [`super::TAG_ROOM`]). With it high, `d_slot_ready` drops only for the other direction's turn, and where AES is folded |
///
/// Limits: 65,535 bytes of payload and 1,023 of AAD a packet.
#[derive(LogicBlock, Default)]
pub struct GcmCore<const R: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, bool>,
    pub tx_slot: Signal<In, Slot>,
    pub tx_crypto: Signal<In, CryptoContext>,
    pub tx_crypto_valid: Signal<In, bool>,
    pub tx_slot_valid: Signal<In, bool>,
    pub tx_slot_ready: Signal<Out, bool>,
    pub tx_room: Signal<In, bool>,
    pub rx_slot: Signal<In, Slot>,
    pub rx_crypto: Signal<In, CryptoContext>,
    pub rx_crypto_valid: Signal<In, bool>,
    pub rx_slot_valid: Signal<In, bool>,
    pub rx_slot_ready: Signal<Out, bool>,
    pub rx_room: Signal<In, bool>,
    pub hkey_valid: Signal<In, bool>,
    pub hkey_key: Signal<In, Bits<256>>,
    pub hkey_size: Signal<In, Bits<2>>,
    pub hkey_ready: Signal<Out, bool>,
    pub tx_beat: Signal<Out, Beat>,
    pub tx_beat_valid: Signal<Out, bool>,
    pub tx_tag: Signal<Out, Bits<128>>,
    pub tx_tag_valid: Signal<Out, bool>,
    pub rx_beat: Signal<Out, Beat>,
    pub rx_beat_valid: Signal<Out, bool>,
    pub rx_tag: Signal<Out, Bits<128>>,
    pub rx_tag_valid: Signal<Out, bool>,
    pub hkey_done: Signal<Out, bool>,
    pub hkey_h: Signal<Out, Bits<128>>,
    pub hkey_h3: Signal<Out, Bits<128>>,
    admit: Admit,
    prepare: Prepare,
    aes: Aes<R>,
    work_delay: Delay<Work, R>,
    keys_delay: Delay<HashKeys, R>,
    powers: Powers,
    lengths: Lengths<R>,
    given_out: Comb3<Output, 128, 128, 16, 128>,
    hashed: Comb4<Hashed, 128, 128, 16, 16, 128>,
    ghash: Ghash<R>,
    zero_block: ZeroBlock,
    hash_key: HashKey,
    /// Bit i: there is a slot i + 1 clocks behind `prepare`.
    slots: DFF<Bits<{ aes::LATENCY }>>,
    /// Beside the key stream.
    work: DFF<Work>,
    output_mask: DFF<Bits<16>>,
    hash_mask: DFF<Bits<16>>,
    aad_length: DFF<Bits<{ lengths::AAD_BITS }>>,
    length: DFF<Bits<{ lengths::PAYLOAD_BITS }>>,
    /// One clock later.
    x: DFF<Bits<128>>,
    beat: DFF<Beat>,
    tx_valid: DFF<bool>,
    rx_valid: DFF<bool>,
    valid: Signal<Local, bool>,
    accepts: Signal<Local, bool>,
    step: Signal<Local, HashStep>,
    behind_aes: Const<5, { aes::LATENCY as u64 - 1 }>,
    before_work: Const<5, { WORK_DELAY as u64 - 2 }>,
    before_keys: Const<5, { KEYS_DELAY as u64 - 2 }>,
    at_powers: Const<5, { KEYS_DELAY as u64 }>,
}

impl<const R: usize> Logic for GcmCore<R> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, slots, work, output_mask, hash_mask, aad_length, length, x, beat, tx_valid, rx_valid);

        self.admit.clock.next = self.clock.val();
        self.admit.reset.next = self.reset.val();
        self.admit.tx_slot.next = self.tx_slot.val();
        self.admit.tx_crypto.next = self.tx_crypto.val();
        self.admit.tx_crypto_valid.next = self.tx_crypto_valid.val();
        self.admit.tx_slot_valid.next = self.tx_slot_valid.val();
        self.admit.tx_room.next = self.tx_room.val();
        self.tx_slot_ready.next = self.admit.tx_slot_ready.val();
        self.admit.rx_slot.next = self.rx_slot.val();
        self.admit.rx_crypto.next = self.rx_crypto.val();
        self.admit.rx_crypto_valid.next = self.rx_crypto_valid.val();
        self.admit.rx_slot_valid.next = self.rx_slot_valid.val();
        self.admit.rx_room.next = self.rx_room.val();
        self.rx_slot_ready.next = self.admit.rx_slot_ready.val();

        self.prepare.clock.next = self.clock.val();
        self.prepare.reset.next = self.reset.val();
        self.prepare.slot.next = self.admit.slot.val();
        self.prepare.crypto.next = self.admit.crypto.val();
        self.prepare.rx.next = self.admit.rx.val();
        self.prepare.valid.next = self.admit.valid.val();

        // Side by side: AES, the data, the hash subkeys of the SA. What is valid is known here, under reset.
        self.aes.clock.next = self.clock.val();
        self.aes.reset.next = self.reset.val();
        self.admit.turn.next = self.aes.turn.val();
        self.aes.block.next = self.prepare.block.val();
        self.aes.key.next = self.prepare.key.val();
        self.aes.size.next = self.prepare.size.val();
        self.work_delay.clock.next = self.clock.val();
        self.work_delay.reset.next = self.reset.val();
        self.work_delay.s_data.next = self.prepare.work.val();
        self.work_delay.s_valid.next = self.prepare.valid_out.val();
        self.work_delay.m_next.next = self.slots.q.val().get_bit(self.before_work.val().index());
        self.keys_delay.clock.next = self.clock.val();
        self.keys_delay.reset.next = self.reset.val();
        self.keys_delay.s_data.next = self.prepare.hash_keys.val();
        self.keys_delay.s_valid.next = self.prepare.valid_out.val();
        self.keys_delay.m_next.next = self.slots.q.val().get_bit(self.before_keys.val().index());
        self.slots.d.next = self.slots.q.val() << 1;
        if self.prepare.valid_out.val() {
            self.slots.d.next = (self.slots.q.val() << 1) | 1;
        }

        // One clock before the key stream: out of the delay into registers.
        self.work.d.next = self.work_delay.m_data.val();
        self.output_mask.d.next = 0.into();
        if self.work_delay.m_data.val().cipher {
            self.output_mask.d.next = self.work_delay.m_data.val().keep;
        }
        self.hash_mask.d.next = 0.into();
        if self.work_delay.m_data.val().hash_result {
            self.hash_mask.d.next = self.work_delay.m_data.val().keep;
        }

        // The key stream: results to a register, given out from there.
        self.valid.next = self.slots.q.val().get_bit(self.behind_aes.val().index());
        self.given_out.a.next = self.work.q.val().data;
        self.given_out.b.next = self.aes.y.val();
        self.given_out.c.next = self.output_mask.q.val();
        self.beat.d.next.data = self.given_out.y.val();
        self.beat.d.next.bytes = self.work.q.val().bytes;
        self.beat.d.next.last = self.work.q.val().last;
        self.beat.d.next.error = self.work.q.val().error;
        self.step.next = self.work.q.val().hash;
        self.tx_valid.d.next = self.valid.val() && self.work.q.val().emit && !self.step.val().rx;
        self.rx_valid.d.next = self.valid.val() && self.work.q.val().emit && self.step.val().rx;
        self.tx_beat.next = self.beat.q.val();
        self.tx_beat_valid.next = self.tx_valid.q.val();
        self.rx_beat.next = self.beat.q.val();
        self.rx_beat_valid.next = self.rx_valid.q.val();

        // GHASH.
        self.hashed.a.next = self.work.q.val().data;
        self.hashed.b.next = self.aes.y.val();
        self.hashed.c.next = self.work.q.val().keep;
        self.hashed.d.next = self.hash_mask.q.val();
        self.x.d.next = self.hashed.y.val();
        self.powers.clock.next = self.clock.val();
        self.powers.h.next = self.keys_delay.m_data.val().h;
        self.powers.h3.next = self.keys_delay.m_data.val().h3;
        self.powers.remaining.next = self.keys_delay.m_data.val().remaining;
        self.aad_length.d.next = self.keys_delay.m_data.val().aad_length;
        self.length.d.next = self.keys_delay.m_data.val().length;
        self.lengths.clock.next = self.clock.val();
        self.lengths.start.next = self.slots.q.val().get_bit(self.at_powers.val().index());
        self.lengths.h.next = self.powers.h_out.val();
        self.lengths.aad_length.next = self.aad_length.q.val();
        self.lengths.length.next = self.length.q.val();
        self.ghash.clock.next = self.clock.val();
        self.ghash.reset.next = self.reset.val();
        self.ghash.step.next = self.step.val();
        self.ghash.active.next = self.valid.val() && self.step.val().active;
        self.ghash.key_stream.next = self.aes.y.val();
        self.ghash.x.next = self.x.q.val();
        self.ghash.operand.next = self.powers.operand.val();
        self.ghash.lengths.next = self.lengths.y.val();
        self.tx_tag.next = self.ghash.tag.val();
        self.tx_tag_valid.next = self.ghash.tx_tag_valid.val();
        self.rx_tag.next = self.ghash.tag.val();
        self.rx_tag_valid.next = self.ghash.rx_tag_valid.val();

        // Hash subkeys of a new SA.
        self.hkey_ready.next = !self.hash_key.busy.val();
        self.accepts.next = self.hkey_valid.val() & !self.hash_key.busy.val();
        self.zero_block.clock.next = self.clock.val();
        self.zero_block.reset.next = self.reset.val();
        self.zero_block.accept.next = self.accepts.val();
        self.zero_block.key.next = self.hkey_key.val();
        self.zero_block.size.next = self.hkey_size.val();
        self.hash_key.clock.next = self.clock.val();
        self.hash_key.reset.next = self.reset.val();
        self.hash_key.accept.next = self.accepts.val();
        self.hash_key.start.next = self.zero_block.done.val();
        self.hash_key.h.next = self.zero_block.h.val();
        self.hkey_done.next = self.hash_key.done.val();
        self.hkey_h.next = self.hash_key.h_out.val();
        self.hkey_h3.next = self.hash_key.h3_out.val();

        if self.reset.val() {
            self.slots.d.next = 0.into();
            self.tx_valid.d.next = false;
            self.rx_valid.d.next = false;
        }
    }
}
