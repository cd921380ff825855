//! The ports of a generated module, read from its Verilog.

use crate::error::Error;

/// A port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// In bits.
    pub width: usize,
    /// Whether it is an input.
    pub is_input: bool,
}

/// The ports of `module` in the order of its declarations: one line each, as rust-hdl writes them.
///
/// # Errors
/// [`Error::Flow`] when there is no such module, or none of its lines declares a port.
pub fn ports(verilog: &str, module: &str) -> Result<Vec<Port>, Error> {
    let header = format!("module {module}(");
    let mut lines = verilog.lines().skip_while(|line| !line.starts_with(&header)).take_while(|line| !line.starts_with("endmodule"));
    let names = lines.next().ok_or_else(|| Error::Flow(format!("there is no module {module}")))?;
    let ports: Vec<_> = lines.filter_map(port).collect();
    let declared = names.trim_start_matches(&header).trim_end_matches(");").split(',').map(str::trim);
    match declared.clone().find(|name| !ports.iter().any(|port| port.name == *name)) {
        Some(name) => Err(Error::Flow(format!("module {module}: no declaration of port `{name}`"))),
        None => Ok(ports),
    }
}

/// `input wire  [15:0] name;` or `output reg  name;`
fn port(line: &str) -> Option<Port> {
    let (kind, rest) = line.trim().strip_suffix(';')?.split_once(' ')?;
    let is_input = match kind {
        "input" => true,
        "output" => false,
        _ => return None,
    };
    let mut words = rest.split_whitespace().filter(|word| !matches!(*word, "wire" | "reg"));
    let first = words.next()?;
    let Some(range) = first.strip_prefix('[') else { return Some(Port { name: first.into(), width: 1, is_input }) };
    let high: usize = range.strip_suffix(":0]")?.parse().ok()?;
    Some(Port { name: words.next()?.into(), width: high + 1, is_input })
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERILOG: &str = "
module inner(x);
    input wire  x;
endmodule // inner

module outer(clock,data,taken);
    
    // Module arguments
    input wire  clock;
    input wire  [31:0] data;
    output reg  taken;
    
    // Stub signals
    reg  inner$x;
endmodule // outer

module other(y);
    input wire  y;
endmodule // other
";

    #[test]
    fn ports_have_direction_and_width() {
        let port = |name: &str, width, is_input| Port { name: name.into(), width, is_input };
        let expected = [port("clock", 1, true), port("data", 32, true), port("taken", 1, false)];
        assert_eq!(ports(VERILOG, "outer").unwrap(), expected);
    }

    #[test]
    fn the_integration_guide_names_every_port() {
        let guide = std::fs::read_to_string(crate::root().join("docs/integration.md")).unwrap();
        for build in crate::builds::BUILDS {
            let ports = ports(&build.verilog().unwrap(), build.name).unwrap();
            let missing: Vec<_> = ports.iter().filter(|port| !guide.contains(&format!("`{}`", port.name))).collect();
            assert!(missing.is_empty(), "{}: {missing:?}", build.name);
        }
    }

    #[test]
    fn a_port_without_declaration_is_named() {
        assert!(ports(VERILOG, "out").unwrap_err().to_string().contains("no module out"));
        let broken = VERILOG.replace("input wire  [31:0] data", "inout wire  [31:0] data");
        assert!(ports(&broken, "outer").unwrap_err().to_string().contains("no declaration of port `data`"));
    }
}
