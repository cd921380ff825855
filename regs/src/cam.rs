//! The SA CAM: its hash, and where its entries go.
//!
//! The hardware compares, software places. The table has [`WAYS`] ways of `2^row_bits` rows. A key has one place in each
//! way, at the row that the way's hash says; a look-up reads the four places at once and compares the whole key. [`rows`]
//! is the hash, and the hardware is generated from the same [`columns`]. [`Placement`] is the driver's copy of the table:
//! it plans the writes.
//!
//! # The hash
//! It must be exclusive-ors only, and spread what keys of real tables look like: consecutive SPIs, consecutive addresses,
//! both at once. The key is cut into words of 32 bits, the SPI and four of the address. A word is taken as a polynomial
//! over GF(2), modulo a polynomial of degree `row_bits`; the remainders are added. A remainder maps any `row_bits`
//! consecutive bits one to one, so consecutive numbers (or multiples of a power of two) fill the rows evenly. Each way and
//! each word has another polynomial and start, so what collides in one way does not in another, and words that count
//! together do not cancel.

use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::iter::successors;

/// Number of ways.
pub const WAYS: usize = 4;
/// Smallest number of row bits.
pub const MIN_ROW_BITS: u32 = 5;
/// Largest number of row bits.
pub const MAX_ROW_BITS: u32 = 10;
/// Bits of a key: 128 of address, 32 of SPI, then IPv6, then UDP encapsulation.
pub const KEY_BITS: usize = 162;

/// Irreducible polynomials of degree 5 to 10, the leading term left out.
const POLYNOMIALS: [[u16; 6]; 6] = [
    [0x05, 0x09, 0x0F, 0x17, 0x1B, 0x1D],
    [0x03, 0x1B, 0x21, 0x27, 0x2D, 0x33],
    [0x03, 0x09, 0x0F, 0x11, 0x1D, 0x27],
    [0x1D, 0x2B, 0x2D, 0x4D, 0x5F, 0x63],
    [0x11, 0x1B, 0x21, 0x2D, 0x33, 0x59],
    [0x09, 0x1B, 0x27, 0x2D, 0x65, 0x6F],
];

/// By which power of x a word is multiplied first, for each way and word. Found by search: with SPI and address (or network
/// and host) counting together, in steps of 1 to 256 each, the rows of the four ways together still have room for all keys.
const SKEWS: [[u8; 5]; WAYS] = [[10, 16, 24, 26, 23], [13, 25, 25, 29, 20], [21, 16, 14, 14, 23], [3, 10, 1, 23, 12]];

/// Which bits of the row a bit of the key flips, for each way and each of the [`KEY_BITS`]; the row is the exclusive or of
/// those of the key's ones.
///
/// # Panics
/// If `row_bits` is not [`MIN_ROW_BITS`] to [`MAX_ROW_BITS`].
pub fn columns(row_bits: u32) -> [[u16; KEY_BITS]; WAYS] {
    assert!((MIN_ROW_BITS..=MAX_ROW_BITS).contains(&row_bits), "a CAM of 2^{row_bits} rows is none that can be built");
    let polynomials = &POLYNOMIALS[(row_bits - MIN_ROW_BITS) as usize];
    let mut columns = [[0; KEY_BITS]; WAYS];
    for (way, columns) in columns.iter_mut().enumerate() {
        for (word, columns) in columns.chunks_mut(32).enumerate() {
            let polynomial = polynomials[(way + word) % polynomials.len()];
            let times_x = |power: &u16| {
                let carry = power >> (row_bits - 1) & 1;
                Some((power << 1 & ((1 << row_bits) - 1)) ^ (polynomial * carry))
            };
            let skew = SKEWS[way].get(word).copied().unwrap_or(0);
            let powers = successors(Some(1), times_x).skip(skew.into());
            columns.iter_mut().zip(powers).for_each(|(column, power)| *column = power);
        }
    }
    columns
}

/// The row of a key in each way. An IPv4 address stands in the low 32 bits.
///
/// # Panics
/// As [`columns`].
pub fn rows(dst: u128, spi: u32, v6: bool, encap: bool, row_bits: u32) -> [u16; WAYS] {
    Key { dst, spi, v6, encap }.rows(&columns(row_bits))
}

/// What an entry is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// Destination address; IPv4 in the low 32 bits.
    pub dst: u128,
    /// Security parameters index.
    pub spi: u32,
    /// The destination is IPv6.
    pub v6: bool,
    /// Inside UDP.
    pub encap: bool,
}

impl Key {
    fn bit(&self, i: usize) -> bool {
        match i {
            0..128 => self.dst >> i & 1 == 1,
            128..160 => self.spi >> (i - 128) & 1 == 1,
            160 => self.v6,
            _ => self.encap,
        }
    }

    fn rows(&self, columns: &[[u16; KEY_BITS]; WAYS]) -> [u16; WAYS] {
        core::array::from_fn(|way| {
            let ones = columns[way].iter().enumerate().filter(|&(i, _)| self.bit(i));
            ones.fold(0, |row, (_, column)| row ^ column)
        })
    }
}

/// A key and the SA it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Compared in full.
    pub key: Key,
    /// Number of the SA.
    pub sa: u16,
}

/// A write to one place of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Write {
    /// Way.
    pub way: u8,
    /// Row.
    pub row: u16,
    /// What to write; nothing clears the place.
    pub entry: Option<Entry>,
}

/// Why an entry can't be placed or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlacementError {
    /// No series of moves frees a place for the key.
    Full,
    /// The key is in the table.
    Exists,
    /// The key is not in the table.
    Unknown,
    /// No CAM has 2^n rows for this n: it is not [`MIN_ROW_BITS`] to [`MAX_ROW_BITS`].
    RowBits(u32),
}

impl fmt::Display for PlacementError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("no place is free for this key in the SA CAM"),
            Self::Exists => f.write_str("the SA CAM has an entry for this key"),
            Self::Unknown => f.write_str("the SA CAM has no entry for this key"),
            Self::RowBits(n) => write!(f, "a CAM of 2^{n} rows is none that can be built"),
        }
    }
}

impl core::error::Error for PlacementError {}

/// What stands where in the table.
#[derive(Debug, Clone)]
pub struct Placement {
    row_bits: u32,
    columns: [[u16; KEY_BITS]; WAYS],
    /// By way, then row.
    places: Vec<Option<Entry>>,
    length: usize,
}

impl Placement {
    /// An empty table of `4 * 2^row_bits` places. It is meant for half as many entries ([`Self::nominal`]).
    ///
    /// # Errors
    /// [`PlacementError::RowBits`].
    pub fn new(row_bits: u32) -> Result<Self, PlacementError> {
        if !(MIN_ROW_BITS..=MAX_ROW_BITS).contains(&row_bits) {
            return Err(PlacementError::RowBits(row_bits));
        }
        Ok(Self { row_bits, columns: columns(row_bits), places: vec![None; WAYS << row_bits], length: 0 })
    }

    /// Entries that fit, whatever reasonable keys they have: half the places.
    pub fn nominal(&self) -> usize {
        self.places.len() / 2
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The SA of a key.
    pub fn get(&self, key: &Key) -> Option<u16> {
        self.find(key).and_then(|place| self.places[place]).map(|entry| entry.sa)
    }

    /// Adds an entry.
    ///
    /// The writes must reach the hardware in this order: an entry that moves is in its new place before its old one is given
    /// to another, so no look-up ever misses one that is in the table.
    ///
    /// # Errors
    /// [`PlacementError::Exists`], or [`PlacementError::Full`]; the table is as it was.
    pub fn insert(&mut self, entry: Entry) -> Result<Vec<Write>, PlacementError> {
        if self.find(&entry.key).is_some() {
            return Err(PlacementError::Exists);
        }
        // Breadth first from the key's own places, by the other places of whoever holds them, to the nearest free one.
        let mut from = vec![None; self.places.len()];
        let mut queue: VecDeque<usize> = VecDeque::new();
        for place in self.places_of(&entry.key) {
            from[place] = Some(place);
            queue.push_back(place);
        }
        while let Some(place) = queue.pop_front() {
            let Some(holder) = self.places[place] else {
                self.length += 1;
                return Ok(self.shift(entry, place, &from));
            };
            for next in self.places_of(&holder.key) {
                if from[next].is_none() {
                    from[next] = Some(place);
                    queue.push_back(next);
                }
            }
        }
        Err(PlacementError::Full)
    }

    /// Removes a key's entry.
    ///
    /// # Errors
    /// [`PlacementError::Unknown`].
    pub fn remove(&mut self, key: &Key) -> Result<Write, PlacementError> {
        let place = self.find(key).ok_or(PlacementError::Unknown)?;
        self.length -= 1;
        Ok(self.write(place, None))
    }

    /// Moves the holders of the path that ends in the `free` place one step on each, the last first, and puts `entry` in front.
    fn shift(&mut self, entry: Entry, free: usize, from: &[Option<usize>]) -> Vec<Write> {
        let mut writes = Vec::new();
        let mut place = free;
        while let Some(before) = from[place].filter(|&before| before != place) {
            let holder = self.places[before];
            writes.push(self.write(place, holder));
            place = before;
        }
        writes.push(self.write(place, Some(entry)));
        writes
    }

    fn write(&mut self, place: usize, entry: Option<Entry>) -> Write {
        self.places[place] = entry;
        Write { way: (place >> self.row_bits) as u8, row: (place & ((1 << self.row_bits) - 1)) as u16, entry }
    }

    fn find(&self, key: &Key) -> Option<usize> {
        self.places_of(key).into_iter().find(|&place| self.places[place].is_some_and(|entry| entry.key == *key))
    }

    fn places_of(&self, key: &Key) -> [usize; WAYS] {
        let rows = key.rows(&self.columns);
        core::array::from_fn(|way| way << self.row_bits | usize::from(rows[way]))
    }
}
