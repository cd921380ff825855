//! The C++ between a Verilated model and Rust: addresses of all ports, `eval`, and the trace.
//!
//! A port of a Verilated model is a plain variable: `CData`, `SData`, `IData`, `QData` or an array of 32-bit words. The shim hands out
//! their addresses once, so that an access from Rust is a load or a store.

use std::fmt::Write as _;

use crate::Error;

/// Prefix of everything Verilator generates for a model.
pub(crate) const PREFIX: &str = "Vmodel";

/// A port, as Verilator's header declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PortDeclaration {
    /// Name in Verilog.
    pub name: String,
    /// Name in C++.
    mangled: String,
    /// Bits.
    pub width: usize,
    /// Into the model.
    pub input: bool,
}

impl PortDeclaration {
    /// One line of the list that a compiled model carries.
    fn line(&self) -> String {
        format!("{} {} {}", if self.input { "input" } else { "output" }, self.width, self.mangled)
    }

    /// Reads back what [`Self::line`] wrote.
    pub(crate) fn parse_line(line: &str) -> Option<Self> {
        let mut words = line.splitn(3, ' ');
        let input = match words.next()? {
            "input" => true,
            "output" => false,
            _ => return None,
        };
        let width = words.next()?.parse().ok()?;
        let mangled = words.next()?.to_owned();
        Some(Self { name: demangle(&mangled), mangled, width, input })
    }
}

/// Finds the ports in Verilator's header: lines such as `VL_IN8(&a__024b,7,0);` and `VL_OUTW(&c,127,0,4);`.
pub(crate) fn ports(module: &str, header: &str) -> Result<Vec<PortDeclaration>, Error> {
    let declarations = header.lines().map(str::trim).filter(|line| line.starts_with("VL_IN") || line.starts_with("VL_OUT"));
    let parse = |line: &str| {
        let input = line.starts_with("VL_IN") && !line.starts_with("VL_INOUT");
        let (_, arguments) = line.strip_suffix(");").filter(|_| input || line.starts_with("VL_OUT"))?.split_once("(&")?;
        let mut arguments = arguments.split(',');
        let mangled = arguments.next()?.to_owned();
        let high: usize = arguments.next()?.parse().ok()?;
        let low: usize = arguments.next()?.parse().ok()?;
        Some(PortDeclaration { name: demangle(&mangled), mangled, width: high.checked_sub(low)? + 1, input })
    };
    declarations.map(|line| parse(line).ok_or_else(|| Error::PortDeclaration { module: module.into(), line: line.into() })).collect()
}

/// Undoes Verilator's name mangling: `__0` and two hexadecimal digits stand for one character, and `__SYM__` stands before what has a
/// meaning in C++ or in its library (`interrupt` has).
fn demangle(name: &str) -> String {
    let mut plain = String::new();
    let mut rest = name.strip_prefix("__SYM__").unwrap_or(name);
    while let Some(at) = rest.find("__0") {
        let code = rest.get(at + 3..at + 5).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        plain.push_str(&rest[..at]);
        match code {
            Some(code) => {
                plain.push(char::from(code));
                rest = &rest[at + 5..];
            }
            None => {
                plain.push_str("__0");
                rest = &rest[at + 3..];
            }
        }
    }
    plain + rest
}

/// The shim's source.
pub(crate) fn source(ports: &[PortDeclaration]) -> String {
    let mut addresses = String::new();
    let mut list = String::new();
    for (index, port) in ports.iter().enumerate() {
        let _ = writeln!(addresses, "    addresses[{index}] = &static_cast<Model*>(model)->top.{};", port.mangled);
        let _ = write!(list, "\n    \"{}\\n\"", port.line());
    }
    TEMPLATE.replace("@PREFIX@", PREFIX).replace("@ADDRESSES@", &addresses).replace("@LIST@", &list)
}

const TEMPLATE: &str = r#"#include "@PREFIX@.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_fst_c.h"
#endif
#include <cstdint>

namespace {
struct Model {
    VerilatedContext context;
    @PREFIX@ top{&context, ""};
#if VM_TRACE
    VerilatedFstC trace;
#endif
};
}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT const char* espalier_ports() { return ""@LIST@; }
EXPORT void* espalier_new() { return new Model; }
EXPORT void espalier_delete(void* model) { delete static_cast<Model*>(model); }
EXPORT void espalier_eval(void* model) { static_cast<Model*>(model)->top.eval(); }
EXPORT void espalier_addresses(void* model, void** addresses) {
@ADDRESSES@}
#if VM_TRACE
EXPORT bool espalier_trace_open(void* model, const char* path) {
    Model* const self = static_cast<Model*>(model);
    self->context.traceEverOn(true);
    self->top.trace(&self->trace, 99);
    self->trace.open(path);
    return self->trace.isOpen();
}
EXPORT void espalier_trace_dump(void* model, uint64_t picoseconds) { static_cast<Model*>(model)->trace.dump(picoseconds); }
EXPORT void espalier_trace_close(void* model) { static_cast<Model*>(model)->trace.close(); }
#endif
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_from_verilators_header() {
        let header =
            "    VL_IN8(&clock,0,0);\n    VL_OUTW(&a__024b,127,0,4);\n    VL_IN64(&x___05Fy,39,0);\n    VL_OUT(&__SYM__interrupt,31,0);";
        let ports = ports("m", header).unwrap();
        let seen: Vec<_> = ports.iter().map(|port| (port.input, port.width, port.name.as_str())).collect();
        assert_eq!(seen, [(true, 1, "clock"), (false, 128, "a$b"), (true, 40, "x__y"), (false, 32, "interrupt")]);
        for port in &ports {
            assert_eq!(PortDeclaration::parse_line(&port.line()).as_ref(), Some(port));
        }
    }

    #[test]
    fn inout_ports_are_refused() {
        assert!(matches!(ports("m", "VL_INOUT8(&pad,0,0);"), Err(Error::PortDeclaration { .. })));
    }
}
