//! wasm-bindgen as a program: `wasm-bindgen-program IN.wasm OUT-FOLDER NAME`.
//!
//! The app links one exact version of wasm-bindgen and needs its program at the same. Built from the library here, it is that
//! version by construction, and nothing has to be installed.

use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, folder, name] = args.as_slice() else {
        eprintln!("usage: wasm-bindgen-program IN.wasm OUT-FOLDER NAME");
        return ExitCode::from(2);
    };
    let mut bindgen = Bindgen::new();
    let made = bindgen.input_path(input).out_name(name).typescript(false).web(true).and_then(|bindgen| bindgen.generate(folder));
    match made {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wasm-bindgen-program: {input}: {error:#}");
            ExitCode::FAILURE
        }
    }
}
