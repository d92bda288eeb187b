//! Makes of the linked WebAssembly what a browser loads: `wasm-bindgen-program IN.wasm OUT-FOLDER NAME`.
//!
//! First the code of each page that is fetched when it is opened is split off into files of its own, then wasm-bindgen writes the
//! script of what is left. The app links one exact version of wasm-bindgen and needs its program at the same: built from the
//! library here, it is that version by construction, and nothing has to be installed.
//!
//! Names are those that leptos' own build tool gives, because its pages name the same files: `NAME.js`, `NAME_bg.wasm`,
//! `__wasm_split….js`, and `__wasm_split_manifest.json`, from which the server knows which files a page will want.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use wasm_bindgen_cli_support::Bindgen;
use wasm_split_cli_support::{Options, transform};

/// The script that loads what was split off, relative to the folder.
const LINK: &str = "./__wasm_split.______________________.js";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, folder, name] = args.as_slice() else {
        eprintln!("usage: wasm-bindgen-program IN.wasm OUT-FOLDER NAME");
        return ExitCode::from(2);
    };
    match make(Path::new(input), Path::new(folder), name) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wasm-bindgen-program: {input}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn make(input: &Path, folder: &Path, name: &str) -> Result<(), Box<dyn Error>> {
    let whole = fs::read(input)?;
    let main: PathBuf = input.with_file_name(format!("{name}.wasm"));
    let script = format!("./{name}.js");
    let mut options = Options::new(&whole);
    options.output_dir = folder;
    options.main_out_path = &main;
    options.main_module = &script;
    options.link_name = LINK;
    let split = transform(options)?;
    fs::write(folder.join("__wasm_split_manifest.json"), serde_json::to_string(&split.prefetch_map)?)?;
    let mut bindgen = Bindgen::new();
    // What is split off takes memory, table and stack from the main part by the names that the linker gave them.
    bindgen.input_path(&main).out_name(name).typescript(false).keep_lld_exports(true).web(true)?.generate(folder)?;
    Ok(())
}
