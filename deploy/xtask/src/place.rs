//! Where things are: the sources, the cache that outlives a checkout, and the data of a running Slipway.

use std::path::PathBuf;

/// The top of the sources.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).map(PathBuf::from).unwrap_or_default()
}

/// What cargo builds.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// What is fetched or built once for a machine: `XDG_CACHE_HOME`/slipway.
pub fn cache() -> Result<PathBuf, String> {
    below("XDG_CACHE_HOME", ".cache")
}

/// What Slipway keeps between starts: `XDG_DATA_HOME`/slipway.
pub fn data() -> Result<PathBuf, String> {
    below("XDG_DATA_HOME", ".local/share")
}

fn below(variable: &str, in_home: &str) -> Result<PathBuf, String> {
    let base = std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = base.or_else(|| std::env::home_dir().map(|home| home.join(in_home)));
    base.map(|base| base.join("slipway")).ok_or_else(|| format!("neither {variable} nor HOME is set; set one"))
}

/// A program's path, if it is on `PATH`.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
