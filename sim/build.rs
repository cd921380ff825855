//! Tells the crate where lz4 and zlib were built: Verilator's FST writer, compiled at run time, is linked with them.

fn main() {
    for (library, name) in [("lz4", "LZ4"), ("z", "Z")] {
        for what in ["INCLUDE", "ROOT"] {
            // Set by the build scripts of lz4-sys and libz-sys (`links` metadata).
            let variable = format!("DEP_{name}_{what}");
            println!("cargo::rerun-if-env-changed={variable}");
            match std::env::var(&variable) {
                Ok(path) => println!("cargo::rustc-env=ESPALIER_{name}_{what}={path}"),
                Err(_) => println!("cargo::error=no {variable}: {library}-sys did not build its own {library}"),
            }
        }
    }
}
