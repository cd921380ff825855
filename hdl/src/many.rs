//! As many blocks as a build parameter says.

use std::ops::{Index, IndexMut};

use rust_hdl::prelude::*;

/// `N` blocks. An array, which has no `Default` where `N` is a parameter.
#[derive(Clone, Debug)]
pub struct Many<B, const N: usize>([B; N]);

impl<B: Default, const N: usize> Default for Many<B, N> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| B::default()))
    }
}

impl<B, const N: usize> Index<usize> for Many<B, N> {
    type Output = B;

    fn index(&self, i: usize) -> &B {
        &self.0[i]
    }
}

impl<B, const N: usize> IndexMut<usize> for Many<B, N> {
    fn index_mut(&mut self, i: usize) -> &mut B {
        &mut self.0[i]
    }
}

impl<B: Block, const N: usize> Logic for Many<B, N> {
    fn update(&mut self) {}
}

impl<B: Block, const N: usize> Block for Many<B, N> {
    fn connect_all(&mut self) {
        self.0.connect_all();
    }

    fn update_all(&mut self) {
        self.0.update_all();
    }

    fn has_changed(&self) -> bool {
        self.0.has_changed()
    }

    fn accept(&self, name: &str, probe: &mut dyn Probe) {
        self.0.accept(name, probe);
    }
}
