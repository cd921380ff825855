//! rust-hdl block to Verilog text.

use std::thread;

use rust_hdl::core::check_error::{CheckError, check_all};
use rust_hdl::core::module_defines::ModuleDefines;
use rust_hdl::prelude::Block;

use crate::Error;

/// Blocks are built by value, and wide signals are large arrays: far more than a thread's usual 2 MiB.
const STACK: usize = 1 << 30;

/// The Verilog of `block()`, with `name` as its top module.
///
/// The block is made, checked and printed in a thread with a large stack.
///
/// # Errors
/// [`Error::Elaborate`] names open signals, logic loops or written inputs, or carries the message of a panic in the block's own code.
pub fn elaborate<B: Block>(name: &str, block: impl FnOnce() -> B + Send) -> Result<String, Error> {
    let fail = |reason| Error::Elaborate { name: name.into(), reason };
    let top = name.to_owned();
    let check = move || {
        let mut block = Box::new(block());
        block.connect_all();
        check_all(&*block).map_err(describe)?;
        let mut modules = ModuleDefines::default();
        block.accept(&top, &mut modules);
        Ok(modules.defines())
    };
    let result = thread::scope(|scope| {
        let thread = thread::Builder::new().name(format!("elaborate {name}")).stack_size(STACK).spawn_scoped(scope, check);
        thread.map(|thread| thread.join())
    });
    result
        .map_err(|e| fail(format!("no thread with a large stack: {e}")))?
        .map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
            fail(format!("panicked: {}", text.unwrap_or_default()))
        })?
        .map_err(fail)
}

fn describe(error: CheckError) -> String {
    let (what, mut names) = match error {
        CheckError::OpenSignal(open) => ("signals without a driver", open.into_values().collect::<Vec<_>>()),
        CheckError::LogicLoops(names) => ("logic loops through", names),
        CheckError::WritesToInputs(names) => ("inputs written from inside", names),
    };
    names.sort_by(|a, b| (&a.path, &a.name).cmp(&(&b.path, &b.name)));
    let names: Vec<_> = names.iter().map(|n| format!("{}${}", n.path, n.name)).collect();
    format!("{what}: {}", names.join(", "))
}
