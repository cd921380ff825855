//! Values of ports: by name for most tests, by handle for loops that run millions of clocks.

use std::ffi::c_void;
use std::slice;

use num_bigint::BigUint;
use rust_hdl::prelude::Synth;

use super::{Input, Model, Output};
use crate::value::{Value, record};

#[derive(Debug, Clone, Copy)]
pub(super) struct Port {
    /// The model's variable: u8, u16, u32, u64 or words of 32 bits, by width.
    pub(super) address: *mut c_void,
    pub(super) width: usize,
    pub(super) input: bool,
}

impl Port {
    fn words(&self) -> usize {
        self.width.div_ceil(32)
    }

    /// The value of a port of up to 64 bits.
    #[inline]
    pub(super) fn load(&self) -> u64 {
        // SAFETY: Verilator gives a port of this width a variable of this type.
        unsafe {
            match self.width {
                0..=8 => u64::from(*self.address.cast::<u8>()),
                9..=16 => u64::from(*self.address.cast::<u16>()),
                17..=32 => u64::from(*self.address.cast::<u32>()),
                _ => *self.address.cast::<u64>(),
            }
        }
    }

    /// Sets a port of up to 64 bits; the value fits.
    #[inline]
    pub(super) fn store(&self, value: u64) {
        // SAFETY: as in `load`. Nothing in Rust holds a reference to the variable.
        unsafe {
            match self.width {
                0..=8 => *self.address.cast::<u8>() = value as u8,
                9..=16 => *self.address.cast::<u16>() = value as u16,
                17..=32 => *self.address.cast::<u32>() = value as u32,
                _ => *self.address.cast::<u64>() = value,
            }
        }
    }
}

impl Model {
    /// Writes an input by name.
    ///
    /// # Panics
    /// When there is no such input or the value does not fit it.
    pub fn set(&mut self, port: &str, value: impl Value) {
        match self.input(port) {
            Ok(port) => self.write(port, value),
            Err(error) => panic!("{error}"),
        }
    }

    /// Writes a rust-hdl value (a record, `Bits<N>` ..) to an input of its width.
    ///
    /// # Panics
    /// As [`Model::set`].
    pub fn set_record<T: Synth>(&mut self, port: &str, value: T) {
        self.set(port, record(value));
    }

    /// Reads an output by name.
    ///
    /// # Panics
    /// When there is no such output.
    pub fn get(&self, port: &str) -> BigUint {
        self.read(self.named(port))
    }

    /// Reads an output of up to 64 bits by name.
    ///
    /// # Panics
    /// When there is no such output, or it is wider.
    pub fn get_u64(&self, port: &str) -> u64 {
        self.read_u64(self.named(port))
    }

    /// Reads an output of one bit by name.
    ///
    /// # Panics
    /// When there is no such output, or it is wider.
    pub fn get_bool(&self, port: &str) -> bool {
        self.read_bool(self.named(port))
    }

    /// Reads an output of up to 128 bits by name.
    ///
    /// # Panics
    /// When there is no such output, or it is wider.
    pub fn get_u128(&self, port: &str) -> u128 {
        self.read_u128(self.named(port))
    }

    fn named(&self, port: &str) -> Output {
        match self.output(port) {
            Ok(port) => port,
            Err(error) => panic!("{error}"),
        }
    }

    /// Writes an input.
    ///
    /// # Panics
    /// When the value does not fit.
    #[inline]
    pub fn write(&mut self, port: Input, value: impl Value) {
        let width = self.ports[port.0].width;
        assert!(value.fits(width), "{}: the value does not fit {width} bits of {}", self.name, self.port_name(port.0));
        self.store(port.0, &value);
    }

    /// Reads an output.
    pub fn read(&self, port: Output) -> BigUint {
        BigUint::new(self.load_words(port.0))
    }

    /// Reads an output of up to 64 bits.
    ///
    /// # Panics
    /// When it is wider.
    #[inline]
    pub fn read_u64(&self, port: Output) -> u64 {
        let port = &self.ports[port.0];
        assert!(port.width <= 64, "{}: {} bits read as 64", self.name, port.width);
        port.load()
    }

    /// Reads an output of one bit.
    ///
    /// # Panics
    /// When it is wider.
    #[inline]
    pub fn read_bool(&self, port: Output) -> bool {
        let port = &self.ports[port.0];
        assert!(port.width == 1, "{}: {} bits read as one", self.name, port.width);
        port.load() != 0
    }

    /// Reads an output of up to 128 bits.
    ///
    /// # Panics
    /// When it is wider.
    #[inline]
    pub fn read_u128(&self, port: Output) -> u128 {
        let port = &self.ports[port.0];
        assert!(port.width <= 128, "{}: {} bits read as 128", self.name, port.width);
        if port.width <= 64 {
            return port.load().into();
        }
        // SAFETY: `words` words of 32 bits lie at the address of a port wider than 64 bits.
        let words = unsafe { slice::from_raw_parts(port.address.cast::<u32>(), port.words()) };
        words.iter().rev().fold(0, |value, &word| (value << 32) | u128::from(word))
    }

    /// Reads an output into words, least significant first.
    ///
    /// # Panics
    /// When there are not as many words as the output has.
    #[inline]
    pub fn read_words(&self, port: Output, words: &mut [u32]) {
        let port = &self.ports[port.0];
        assert!(port.width > 64 && port.words() == words.len(), "{}: {} bits read as {} words", self.name, port.width, words.len());
        // SAFETY: as in `read_u128`.
        words.copy_from_slice(unsafe { slice::from_raw_parts(port.address.cast::<u32>(), words.len()) });
    }

    /// Sets every byte of an input to `byte`, as far as it is wide.
    pub(crate) fn fill(&mut self, port: Input, byte: u8) {
        let width = self.ports[port.0].width;
        let mut words = vec![u32::from_ne_bytes([byte; 4]); width.div_ceil(32)];
        if let Some(last) = words.last_mut() {
            *last >>= (32 - width % 32) % 32;
        }
        self.store(port.0, &*words);
    }

    pub(super) fn load_words(&self, index: usize) -> Vec<u32> {
        let port = &self.ports[index];
        if port.width <= 64 {
            let value = port.load();
            return vec![value as u32, (value >> 32) as u32];
        }
        // SAFETY: as in `read_u128`.
        unsafe { slice::from_raw_parts(port.address.cast::<u32>(), port.words()) }.to_vec()
    }

    #[inline]
    pub(super) fn store(&mut self, index: usize, value: &(impl Value + ?Sized)) {
        let port = &self.ports[index];
        if port.width <= 64 {
            return port.store(value.low());
        }
        // SAFETY: as in `read_u128`; `&mut self` makes it the only reference.
        let words = unsafe { slice::from_raw_parts_mut(port.address.cast::<u32>(), port.words()) };
        let given = value.words().min(words.len());
        for (i, word) in words.iter_mut().enumerate() {
            *word = if i < given { value.word(i) } else { 0 };
        }
    }

    fn port_name(&self, index: usize) -> &str {
        self.names.iter().find(|(_, i)| **i == index).map_or("?", |(name, _)| name)
    }
}
