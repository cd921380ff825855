//! The parameter header of a build, for the Verilog around it: what its capability registers say, as constants.

use espalier_regs::Capabilities;
use espalier_regs::map::{MAGIC, MAJOR, MINOR};

/// `NAME_params.vh`, to be included inside a module. Verilog-2001.
pub fn header(name: &str, capabilities: &Capabilities) -> String {
    let mut text = format!(
        "// Parameters of module {name}; `include it inside a module. What they mean: docs/registers.md.\n\n\
         localparam [31:0] ESPALIER_MAGIC = 32'h{:08x};\n\
         localparam ESPALIER_MAP_MAJOR = {MAJOR};\n\
         localparam ESPALIER_MAP_MINOR = {MINOR};\n",
        MAGIC.reset
    );
    for register in Capabilities::REGISTERS {
        let Some(word) = capabilities.word(register) else { continue };
        text += &format!("\n// {}: {}\n", register.name, register.doc);
        let prefix = register.name.trim_start_matches("CAP_");
        for field in register.fields {
            text += &format!("localparam ESPALIER_{prefix}_{} = {}; // {}\n", field.name, field.get(word), field.doc);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use espalier_hdl::engine::Espalier;
    use espalier_sim::{Model, Nic, NicStalls};

    use super::*;
    use crate::builds::Build;

    #[test]
    fn the_header_says_what_the_registers_of_the_rtl_say() {
        let mut nic = Nic::new(Model::build::<Espalier>("espalier").unwrap(), NicStalls::never()).unwrap();
        let read = Capabilities::read(|register| nic.axil_read(register.offset.into())).unwrap();
        let build = Build::named("espalier").unwrap();
        assert_eq!(header(build.name, &build.capabilities()), header(build.name, &read));
        assert_eq!(nic.axil_read(MAGIC.offset.into()).unwrap(), MAGIC.reset);
    }

    #[test]
    fn fields_become_constants() {
        let text = header("espalier", &Build::named("espalier").unwrap().capabilities());
        for line in ["localparam ESPALIER_SAS_TX = 64;", "localparam ESPALIER_FEATURES_AES_256 = 1;", "localparam ESPALIER_CAM_WAYS = 4;"] {
            assert!(text.contains(line), "{text}");
        }
    }
}
