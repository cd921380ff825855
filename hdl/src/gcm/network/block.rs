//! rust-hdl blocks around networks.

use std::marker::PhantomData;

use rust_hdl::core::signal::get_signal_id;
use rust_hdl::prelude::*;

use super::{Function, Net, Network};

impl Logic for Network {
    fn update(&mut self) {}
}

impl Block for Network {
    fn connect_all(&mut self) {}

    fn update_all(&mut self) {}

    fn has_changed(&self) -> bool {
        false
    }

    fn accept(&self, name: &str, probe: &mut dyn Probe) {
        for (i, net) in self.locals.iter().enumerate() {
            probe.visit_atom(&format!("{name}${i}"), net);
        }
    }
}

/// A Verilog variable of a network. Not a `Signal<Local, _>`, because its width is known only when the network is built.
#[derive(Clone, Debug)]
pub(super) struct LocalNet {
    width: usize,
    id: usize,
}

impl LocalNet {
    pub(super) fn new(width: usize) -> Self {
        Self { width, id: get_signal_id() }
    }
}

impl Atom for LocalNet {
    fn bits(&self) -> usize {
        self.width
    }

    fn connected(&self) -> bool {
        true
    }

    fn changed(&self) -> bool {
        false
    }

    fn kind(&self) -> AtomKind {
        AtomKind::LocalSignal
    }

    fn descriptor(&self) -> TypeDescriptor {
        TypeDescriptor { name: format!("Bits::<{}>", self.width), kind: TypeKind::Bits(self.width) }
    }

    fn vcd(&self) -> VCDValue {
        false.into()
    }

    fn id(&self) -> usize {
        self.id
    }

    fn verilog(&self) -> VerilogLiteral {
        false.into()
    }

    fn constraints(&self) -> Vec<PinConstraint> {
        vec![]
    }
}

/// A rust-hdl block around a [`Network`] with the named inputs and the output `y`.
macro_rules! comb {
    ($(#[$doc:meta])* $name:ident, $($input:ident: $width:ident),+) => {
        $(#[$doc])*
        #[derive(LogicBlock)]
        pub struct $name<F, $(const $width: usize,)+ const Y: usize> {
            $(pub $input: Signal<In, Bits<$width>>,)+
            pub y: Signal<Out, Bits<Y>>,
            network: Network,
            _function: PhantomData<F>,
        }

        impl<F, $(const $width: usize,)+ const Y: usize> $name<F, $($width,)+ Y> {
            /// The block of a network that has parameters.
            pub fn new(build: impl FnOnce(&mut Network, &[Net]) -> Net) -> Self {
                let network = Network::new(&[$((stringify!($input), $width)),+], build);
                assert_eq!(network.output.map(|net| network.width(net)), Some(Y), "width of the output");
                Self { $($input: Signal::default(),)+ y: Signal::default(), network, _function: PhantomData }
            }
        }

        impl<F: Function, $(const $width: usize,)+ const Y: usize> Default for $name<F, $($width,)+ Y> {
            fn default() -> Self {
                Self::new(F::build)
            }
        }

        impl<F, $(const $width: usize,)+ const Y: usize> Logic for $name<F, $($width,)+ Y> {
            fn update(&mut self) {
                self.y.next = self.network.evaluate(&[$(self.$input.val().into()),+]).into();
            }

            fn connect(&mut self) {
                self.y.connect();
            }

            fn hdl(&self) -> Verilog {
                Verilog::Combinatorial(self.network.statements("network", "y"))
            }
        }
    };
}

comb!(
    /// A function of one input.
    Comb1, a: A
);
comb!(
    /// A function of two inputs.
    Comb2, a: A, b: B
);
comb!(
    /// A function of three inputs.
    Comb3, a: A, b: B, c: C
);
comb!(
    /// A function of four inputs.
    Comb4, a: A, b: B, c: C, d: D
);
