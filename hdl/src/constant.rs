//! A constant that a block's struct spells in its type, so that the block can be made by `Default`.
//!
//! rust-hdl's [`Constant`] takes its value at construction, and a bare constant in `update` would be taken for a signal's name.

use rust_hdl::prelude::*;

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

impl<const N: usize, const V: u64> Logic for Const<N, V> {
    fn update(&mut self) {}
}

impl<const N: usize, const V: u64> Block for Const<N, V> {
    fn connect_all(&mut self) {}

    fn update_all(&mut self) {}

    fn has_changed(&self) -> bool {
        false
    }

    fn accept(&self, name: &str, probe: &mut dyn Probe) {
        self.0.accept(name, probe);
    }
}

impl<const V: usize> Logic for Size<V> {
    fn update(&mut self) {}
}

impl<const V: usize> Block for Size<V> {
    fn connect_all(&mut self) {}

    fn update_all(&mut self) {}

    fn has_changed(&self) -> bool {
        false
    }

    fn accept(&self, name: &str, probe: &mut dyn Probe) {
        self.0.accept(name, probe);
    }
}
