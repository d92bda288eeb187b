//! A Rust toolchain that builds for this machine and for WebAssembly.
//!
//! With rustup that is one command. Where rustup cannot fetch the target and this is Debian, its packages have the same compiler
//! with the sources of its standard library, which is then built for WebAssembly once (`toolchain.sh`).

use std::process::Command;

use crate::{
    place,
    step::{quietly, step},
};

const TARGET: &str = "wasm32-unknown-unknown";

/// The name under which rustup knows Debian's compiler.
const DEBIAN: &str = "debian";

/// A toolchain that can build everything.
#[derive(Debug, Clone)]
pub struct Toolchain {
    /// What `RUSTUP_TOOLCHAIN` must be; none means as it is.
    name: Option<&'static str>,
}

impl Toolchain {
    /// Finds one, or makes one.
    pub fn ready() -> Result<Self, String> {
        let (own, debian) = (Self { name: None }, Self { name: Some(DEBIAN) });
        for toolchain in [&own, &debian] {
            if toolchain.has_wasm() {
                return Ok(toolchain.clone());
            }
        }
        let added =
            step("Fetching Rust's standard library for WebAssembly", || quietly(Command::new("rustup").args(["target", "add", TARGET])));
        if added.is_ok() && own.has_wasm() {
            return Ok(own);
        }
        if place::find("apt-get").is_none() {
            return Err(format!("Rust cannot build for WebAssembly here: run `rustup target add {TARGET}`, then again"));
        }
        step("Building Rust's standard library for WebAssembly from Debian's packages", || {
            quietly(Command::new("bash").args(["-c", include_str!("toolchain.sh")]))
        })?;
        if debian.has_wasm() {
            Ok(debian)
        } else {
            Err("the toolchain made of Debian's packages does not build for WebAssembly".to_owned())
        }
    }

    /// A call of cargo with this toolchain, in the top folder.
    pub fn cargo(&self) -> Command {
        let mut command = self.with("cargo");
        command.current_dir(place::root());
        command
    }

    fn with(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        if let Some(name) = self.name {
            command.env("RUSTUP_TOOLCHAIN", name);
        }
        command
    }

    fn has_wasm(&self) -> bool {
        let libdir = quietly(self.with("rustc").args(["--print", "target-libdir", "--target", TARGET]));
        libdir.is_ok_and(|folder| std::fs::read_dir(folder.trim()).is_ok_and(|mut files| files.next().is_some()))
    }
}
