//! What is not Rust: libtorch, PyTorch, Kubernetes, Prometheus, the browser and its test runner. Each is fetched or built once.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    place,
    step::{quietly, step},
};

/// The version of libtorch that tch binds.
const LIBTORCH: &str = "2.13.0";

/// The version of Kubernetes in `deploy/sandbox/kubernetes/go.mod`.
const KUBERNETES: &str = "1.34.4";

/// The folder of libtorch, taken from `PyPI`'s wheels where it is not there yet.
pub fn libtorch() -> Result<PathBuf, String> {
    let folder = place::cache()?.join(format!("libtorch-{LIBTORCH}-cpu"));
    if folder.join("lib/libtorch.so").exists() {
        return Ok(folder);
    }
    need("python3", "python3 and pip")?;
    let wheels = place::cache()?.join("wheels");
    make_folder(&wheels)?;
    step("Fetching libtorch (about 540 MB, once)", || {
        let packages = [format!("torch=={LIBTORCH}"), "nvidia-cuda-runtime==13.0.*".into(), "nvidia-cuda-cupti==13.0.*".into()];
        quietly(Command::new("python3").args(["-m", "pip", "download", "--quiet", "--no-deps", "--dest"]).arg(&wheels).args(packages))
    })?;
    step("Taking from it what a CPU needs", || {
        let script = place::root().join("deploy/xtask/src/libtorch.py");
        quietly(Command::new("python3").arg(script).arg(&wheels).arg(&folder))?;
        let empty = wheels.join("empty.c");
        fs::write(&empty, "").map_err(|error| format!("{}: {error}", empty.display()))?;
        // The last file made: where it is, the folder is whole.
        quietly(Command::new("cc").arg("-shared").arg("-o").arg(folder.join("lib/libtorch.so")).arg(&empty))?;
        fs::remove_dir_all(&wheels).map_err(|error| format!("{}: {error}", wheels.display()))
    })?;
    Ok(folder)
}

/// A Python with PyTorch of libtorch's version, for the figures that are judged by it.
pub fn pytorch(libtorch: &Path) -> Result<PathBuf, String> {
    let folder = place::cache()?.join(format!("pytorch-{LIBTORCH}-cpu"));
    let (python, stamp) = (folder.join("bin/python3"), folder.join(".ready"));
    if stamp.exists() {
        return Ok(python);
    }
    need("python3", "python3 with pip and venv")?;
    need("cc", "a C compiler")?;
    step("Fetching PyTorch, which the trainer is judged by (about 540 MB, once)", || {
        quietly(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        let pip = |arguments: &[&str]| quietly(Command::new(&python).args(["-m", "pip", "--quiet"]).args(arguments).current_dir(&folder));
        pip(&["install", "filelock", "fsspec", "jinja2", "networkx", "sympy", "typing-extensions"])?;
        pip(&["download", "--no-deps", "--dest", "wheels", &format!("torch=={LIBTORCH}")])?;
        let (script, wheels) = (place::root().join("deploy/xtask/src/pytorch.py"), folder.join("wheels"));
        quietly(Command::new(&python).arg(script).arg(&wheels).arg(libtorch))?;
        fs::remove_dir_all(&wheels).map_err(|error| format!("{}: {error}", wheels.display()))?;
        fs::write(&stamp, "").map_err(|error| format!("{}: {error}", stamp.display()))
    })?;
    Ok(python)
}

/// The Kubernetes control plane as one program, built where these sources have not been built yet.
pub fn kubernetes() -> Result<PathBuf, String> {
    let sources = place::root().join("deploy/sandbox/kubernetes");
    let mut hash = Fnv::default();
    for name in ["go.mod", "go.sum", "main.go"] {
        let path = sources.join(name);
        hash.add(&fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?);
    }
    let folder = place::cache()?.join(format!("kubernetes-{KUBERNETES}-{:08x}", hash.0 >> 32));
    let program = folder.join("kubernetes");
    if program.exists() {
        return Ok(program);
    }
    need("go", "Go 1.24 or later, from your system's packages or go's own site")?;
    make_folder(&folder)?;
    let made = folder.join("kubernetes.new");
    let version = |name: &str, value: &str| format!("-X k8s.io/component-base/version.{name}={value}");
    let flags =
        format!("-s -w {} {} {}", version("gitVersion", &format!("v{KUBERNETES}")), version("gitMajor", "1"), version("gitMinor", "34"));
    step("Building Kubernetes (7 minutes on two cores, once)", || {
        quietly(
            Command::new("go")
                .args(["build", "-trimpath", "-ldflags", &flags, "-o"])
                .arg(&made)
                .arg(".")
                .current_dir(&sources)
                .env("CGO_ENABLED", "0"),
        )
    })?;
    fs::rename(&made, &program).map_err(|error| format!("{}: {error}", program.display()))?;
    Ok(program)
}

/// The browser that the tests drive.
pub fn chromium() -> Result<PathBuf, String> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    if let Some(found) = names.into_iter().find_map(place::find) {
        return Ok(found);
    }
    apt("Installing Chromium", "chromium")?;
    place::find("chromium").ok_or_else(|| "Chromium was installed, but is not on PATH".to_owned())
}

/// Prometheus, taken out of Debian's package where it is not installed: installing the package would start a service of its own.
pub fn prometheus() -> Result<PathBuf, String> {
    if let Some(found) = place::find("prometheus") {
        return Ok(found);
    }
    let folder = place::cache()?.join("prometheus");
    let program = folder.join("usr/bin/prometheus");
    if program.exists() {
        return Ok(program);
    }
    let missing =
        "prometheus is not on PATH: install Prometheus 2 with your system's package manager, or from its own site, then run this again";
    if place::find("apt-get").is_none() {
        return Err(missing.to_owned());
    }
    make_folder(&folder)?;
    let script = "{ apt-get download -qq prometheus || { apt-get update -qq && apt-get download -qq prometheus; }; } && dpkg-deb -x prometheus_*.deb . && rm prometheus_*.deb";
    step("Fetching Prometheus (19 MB, once)", || quietly(Command::new("bash").args(["-c", script]).current_dir(&folder)))
        .map_err(|error| format!("{missing}\n{error}"))?;
    Ok(program)
}

/// The folder of the browser tests, with what they and the style sheet's test need from npm.
pub fn end2end() -> Result<PathBuf, String> {
    let folder = place::root().join("end2end");
    need("npm", "Node.js 20 or later with npm")?;
    let (lock, stamp) = (folder.join("package-lock.json"), folder.join("node_modules/.installed"));
    let wanted = fs::read(&lock).map_err(|error| format!("{}: {error}", lock.display()))?;
    if fs::read(&stamp).is_ok_and(|there| there == wanted) {
        return Ok(folder);
    }
    step("Installing the tests' packages from npm", || {
        quietly(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&folder))
    })?;
    fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
    Ok(folder)
}

fn apt(what: &str, package: &str) -> Result<(), String> {
    if place::find("apt-get").is_none() {
        return Err(format!("{package} is missing: install it with your system's package manager, then run this again"));
    }
    let script =
        format!("export DEBIAN_FRONTEND=noninteractive; apt-get update -qq && apt-get install -y -qq --no-install-recommends {package}");
    step(what, || quietly(Command::new("bash").args(["-c", &script])))
        .map(|_| ())
        .map_err(|error| format!("{package} is missing and could not be installed; as root: apt-get install {package}\n{error}"))
}

fn need(program: &str, what: &str) -> Result<(), String> {
    place::find(program).map(|_| ()).ok_or_else(|| format!("{program} is not on PATH: install {what}, then run this again"))
}

fn make_folder(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| format!("{} cannot be made: {error}", folder.display()))
}

/// Fowler, Noll and Vo's hash: stable over versions of Rust, which the standard library's is not.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}
