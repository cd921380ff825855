//! A constant that a block's struct spells in its type, so that the block can be made by `Default`.
//!
//! rust-hdl's [`Constant`] takes its value at construction, and a bare constant in `update` would be taken for a signal's name.

use rust_hdl::prelude::*;

use crate::gcm::aes::Aes;

/// A build parameter as a signal.
#[derive(Copy, Clone, Debug)]
pub struct Size<const V: usize>(Constant<Bits<10>>);

impl<const V: usize> Size<V> {
    /// Its value, also in HDL kernels.
    pub fn val(&self) -> Bits<10> {
        self.0.val()
    }
}

impl<const V: usize> Default for Size<V> {
    fn default() -> Self {
        Self(Constant::new((V as u64).into()))
    }
}

/// `V`, `N` bits wide.
#[derive(Copy, Clone, Debug)]
pub struct Const<const N: usize, const V: u64>(Constant<Bits<N>>);

impl<const N: usize, const V: u64> Const<N, V> {
    /// Its value, also in HDL kernels.
    pub fn val(&self) -> Bits<N> {
        self.0.val()
    }
}

impl<const N: usize, const V: u64> Default for Const<N, V> {
    fn default() -> Self {
        Self(Constant::new(V.into()))
    }
}

/// Whether a core with `R` rounds of AES is folded: a slot every 14 / `R` clocks ([`crate::gcm::aes::Aes`]).
#[derive(Copy, Clone, Debug)]
pub struct Folded<const R: usize>(Constant<bool>);

impl<const R: usize> Folded<R> {
    /// Its value, also in HDL kernels.
    pub fn val(&self) -> bool {
        self.0.val()
    }
}

impl<const R: usize> Default for Folded<R> {
    fn default() -> Self {
        Self(Constant::new(Aes::<R>::PASSES > 1))
    }
}

/// A block that is nothing but its constant.
macro_rules! constants {
    ($($name:ident<$(const $parameter:ident: $kind:ty),+>;)+) => {$(
        impl<$(const $parameter: $kind),+> Logic for $name<$($parameter),+> {
            fn update(&mut self) {}
        }

        impl<$(const $parameter: $kind),+> Block for $name<$($parameter),+> {
            fn connect_all(&mut self) {}

            fn update_all(&mut self) {}

            fn has_changed(&self) -> bool {
                false
            }

            fn accept(&self, name: &str, probe: &mut dyn Probe) {
                self.0.accept(name, probe);
            }
        }
    )+};
}

constants! {
    Size<const V: usize>;
    Const<const N: usize, const V: u64>;
    Folded<const R: usize>;
}
