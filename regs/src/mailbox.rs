//! The mailbox: what its commands are, what their words hold, how they fail.
//!
//! A command takes its operands from the MAIL words, so: write the words that the command's layout uses (the rest is zero), write
//! COMMAND, poll STATUS until DONE, look at ERROR. All MAIL words are zero again when DONE is set.

mod layouts;

pub use layouts::*;

use crate::map::{command, status};
use crate::types::codes;

/// Words of the staging window.
pub const MAIL_WORDS: usize = 32;

/// Words of the answer of a reading command.
pub const RESULT_WORDS: usize = 10;

/// The staging window before anything is put in.
pub const EMPTY: [u32; MAIL_WORDS] = [0; MAIL_WORDS];

/// A bit range of the MAIL or RESULT words. Bit 0 is bit 0 of word 0, bit 32 is bit 0 of word 1, and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailField {
    /// Name: that of the record's field in the engine, upper case.
    pub name: &'static str,
    /// Lowest bit.
    pub lsb: u16,
    /// Number of bits: up to 32, or a multiple of 16.
    pub width: u16,
    /// One line of documentation.
    pub doc: &'static str,
}

impl MailField {
    /// The largest value that fits, for fields of up to 128 bits.
    pub const fn max(self) -> u128 {
        if self.width >= 128 { u128::MAX } else { (1 << self.width) - 1 }
    }

    /// Replaces the field by `value`; bits beyond the field are dropped.
    pub const fn put(self, words: &mut [u32; MAIL_WORDS], value: u128) {
        let mut bit = 0;
        while bit < self.width {
            put_bit(words, self.lsb + bit, bit < 128 && (value >> bit) & 1 != 0);
            bit += 1;
        }
    }

    /// Replaces the field by a byte string, left aligned: the first byte in the most significant bits, zero behind the last.
    /// Bytes beyond the field are dropped.
    pub const fn put_bytes(self, words: &mut [u32; MAIL_WORDS], bytes: &[u8]) {
        let mut bit = 0;
        while bit < self.width {
            let from_left = (self.width - 1 - bit) as usize;
            let value = from_left / 8 < bytes.len() && (bytes[from_left / 8] >> (7 - from_left % 8)) & 1 != 0;
            put_bit(words, self.lsb + bit, value);
            bit += 1;
        }
    }

    /// The field's value, or its low 128 bits, in the MAIL or in the RESULT words; bits beyond the words are 0.
    pub const fn get<const N: usize>(self, words: &[u32; N]) -> u128 {
        let mut value = 0;
        let mut bit = 0;
        while bit < self.width && bit < 128 {
            let at = self.lsb + bit;
            if (at as usize) < N * 32 {
                value |= ((words[at as usize / 32] >> (at % 32)) as u128 & 1) << bit;
            }
            bit += 1;
        }
        value
    }
}

const fn put_bit(words: &mut [u32; MAIL_WORDS], at: u16, value: bool) {
    let mask = 1 << (at % 32);
    let word = &mut words[at as usize / 32];
    *word = if value { *word | mask } else { *word & !mask };
}

/// What the MAIL words of a command, or the RESULT words of its answer, hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Name, upper case.
    pub name: &'static str,
    /// Its fields, by position.
    pub fields: &'static [MailField],
    /// One line of documentation.
    pub doc: &'static str,
}

impl Layout {
    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<MailField> {
        self.fields.iter().copied().find(|field| field.name == name)
    }

    /// How many words, from the first, a command of this layout uses.
    pub const fn words(&self) -> usize {
        let last = self.fields[self.fields.len() - 1];
        (last.lsb + last.width).div_ceil(32) as usize
    }
}

codes! {
    /// What a command does.
    Op {
        /// Install outbound SA INDEX, or replace it. The engine computes the hash subkey first.
        TxSaWrite = 1 "TX_SA_WRITE";
        /// Remove outbound SA INDEX; key and everything else in its place become zero.
        TxSaClear = 2 "TX_SA_CLEAR";
        /// Install inbound SA INDEX, or replace it; the place has no valid SA while its replay window is prepared.
        RxSaWrite = 3 "RX_SA_WRITE";
        /// Remove inbound SA INDEX; key and everything else in its place become zero.
        RxSaClear = 4 "RX_SA_CLEAR";
        /// Fill the CAM entry at row INDEX, way WAY.
        CamWrite = 5 "CAM_WRITE";
        /// Empty the CAM entry at row INDEX, way WAY.
        CamClear = 6 "CAM_CLEAR";
        /// Install outbound policy INDEX, or replace it.
        TxPolicyWrite = 7 "TX_POLICY_WRITE";
        /// Remove outbound policy INDEX.
        TxPolicyClear = 8 "TX_POLICY_CLEAR";
        /// RESULT: the state of outbound SA INDEX, as SA_STATE.
        ReadTxSa = 9 "READ_TX_SA";
        /// RESULT: the state of inbound SA INDEX, as SA_STATE.
        ReadRxSa = 10 "READ_RX_SA";
        /// Set the limits of outbound SA INDEX; its counts stay. TX_SA_WRITE without KEEP takes them away.
        TxLimitsWrite = 11 "TX_LIMITS_WRITE";
        /// Set the limits of inbound SA INDEX; its counts stay. RX_SA_WRITE takes them away.
        RxLimitsWrite = 12 "RX_LIMITS_WRITE";
        /// Set what inbound SA INDEX may carry.
        RxSelectorWrite = 13 "RX_SELECTOR_WRITE";
        /// Set which inbound policies inbound SA INDEX satisfies.
        RxAcceptWrite = 14 "RX_ACCEPT_WRITE";
        /// Install inbound policy INDEX, or replace it.
        RxPolicyWrite = 15 "RX_POLICY_WRITE";
        /// Remove inbound policy INDEX.
        RxPolicyClear = 16 "RX_POLICY_CLEAR";
        /// Set local address INDEX.
        LocalWrite = 17 "LOCAL_WRITE";
        /// Remove local address INDEX.
        LocalClear = 18 "LOCAL_CLEAR";
    }
}

impl Op {
    /// What RESULT holds after it; `None` if that is 0.
    pub const fn answer(self) -> Option<&'static Layout> {
        match self {
            Op::ReadTxSa | Op::ReadRxSa => Some(&SA_STATE),
            _ => None,
        }
    }

    /// What its MAIL words hold; `None` if it uses none.
    pub const fn layout(self) -> Option<&'static Layout> {
        match self {
            Op::TxSaWrite => Some(&TX_SA),
            Op::RxSaWrite => Some(&RX_SA),
            Op::CamWrite => Some(&CAM),
            Op::TxPolicyWrite | Op::RxPolicyWrite => Some(&POLICY),
            Op::TxLimitsWrite | Op::RxLimitsWrite => Some(&LIMITS),
            Op::RxSelectorWrite => Some(&SELECTOR),
            Op::RxAcceptWrite => Some(&ACCEPT),
            Op::LocalWrite => Some(&LOCAL),
            Op::TxSaClear
            | Op::RxSaClear
            | Op::CamClear
            | Op::TxPolicyClear
            | Op::RxPolicyClear
            | Op::LocalClear
            | Op::ReadTxSa
            | Op::ReadRxSa => None,
        }
    }
}

codes! {
    /// Why a command failed: what STATUS.ERROR says; 0 is no error.
    Error {
        /// No such operation.
        Op = 1 "OP";
        /// INDEX is past the end of the table.
        Index = 2 "INDEX";
        /// WAY is past the end of the row.
        Way = 3 "WAY";
        /// KEY_SIZE is none of the three.
        KeySize = 4 "KEY_SIZE";
        /// SEQ needs more than 32 bits, but ESN is not set.
        Seq = 5 "SEQ";
        /// REPLAY_WINDOW is larger than CAP_REPLAY.MAX_WINDOW.
        ReplayWindow = 6 "REPLAY_WINDOW";
        /// ACTION is none of the three.
        Action = 7 "ACTION";
        /// SA is past the end of the SA table.
        Sa = 8 "SA";
        /// ICV is none of the three, or CAP_FEATURES does not have it.
        Icv = 9 "ICV";
    }
}

/// The value of COMMAND.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// What to do.
    pub op: Op,
    /// SA or policy number, or CAM row.
    pub index: u16,
    /// CAM way, at most 15; 0 for anything else.
    pub way: u8,
}

impl Command {
    /// The word to write.
    pub const fn encode(self) -> u32 {
        let word = command::OP.set(0, self.op.code());
        let word = command::INDEX.set(word, self.index as u32);
        command::WAY.set(word, self.way as u32)
    }
}

/// The value of STATUS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// No command since reset.
    Idle,
    /// The command runs.
    Busy,
    /// The command has ended well.
    Done,
    /// The command has failed; `None` is a code that this map does not know.
    Failed(Option<Error>),
}

impl Status {
    /// From the word read.
    pub const fn decode(word: u32) -> Status {
        if status::BUSY.is_set(word) {
            Status::Busy
        } else if !status::DONE.is_set(word) {
            Status::Idle
        } else {
            match status::ERROR.get(word) {
                0 => Status::Done,
                code => Status::Failed(Error::decode(code)),
            }
        }
    }
}
