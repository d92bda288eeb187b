//! The last step before a container's program: its view of the file system.
//!
//! This runs in a mount namespace of its own. The container sees this computer's files, with its volumes where its spec says
//! and a `/tmp` of its own. A mount point that does not exist is never made on this computer: the folders on the way to it are
//! made anew in memory, with everything else of them bound in.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::{Component, Path, PathBuf},
    process::Command,
};

use rustix::mount::{MountFlags, mount, mount_bind_recursive, mount_remount};

use super::attempt::{Attempt, Mount};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the attempt
    folder: PathBuf,
}

/// Becomes the program. Comes back only when that failed, with a sentence.
pub fn run(args: &Args) -> String {
    match become_program(&args.folder) {
        Ok(never) => match never {},
        Err(sentence) => sentence,
    }
}

fn become_program(folder: &Path) -> Result<std::convert::Infallible, String> {
    let start = Attempt::at(folder.to_owned()).start().map_err(|error| format!("start.json cannot be read: {error}"))?;
    let root = folder.join("root");
    let private = Mount { source: start.tmp.clone(), target: "/tmp".into(), read_only: false };
    let mounts = start.mounts.iter().chain([&private]);
    view(&root, mounts).map_err(|error| format!("the container's file system cannot be made: {error}"))?;
    for path in &start.image {
        show(path, &root).map_err(|error| format!("{} cannot be shown to the container: {error}", path.display()))?;
    }
    rustix::process::chroot(&root).map_err(|error| format!("chroot: {error}"))?;
    let directory = start.working_dir.unwrap_or_else(|| PathBuf::from("/"));
    std::env::set_current_dir(&directory).map_err(|error| format!("working directory {}: {error}", directory.display()))?;
    let error = Command::new(&start.program).args(&start.args).env_clear().envs(start.env).exec();
    Err(format!("cannot start {}: {error}", start.program.display()))
}

/// Mount points below a folder, by the next part of their path.
#[derive(Default)]
struct Points<'a> {
    here: Option<&'a Mount>,
    below: BTreeMap<PathBuf, Points<'a>>,
}

fn view<'a>(root: &Path, mounts: impl Iterator<Item = &'a Mount>) -> io::Result<()> {
    let mut points = Points::default();
    for mount in mounts {
        let mut at = &mut points;
        for part in resolved(&mount.target)?.components() {
            if let Component::Normal(name) = part {
                at = at.below.entry(name.into()).or_default();
            }
        }
        at.here = Some(mount);
    }
    fs::create_dir_all(root)?;
    mount("sandbox", root, "tmpfs", MountFlags::empty(), None::<&std::ffi::CStr>)?;
    lay(Path::new("/"), root, &points)
}

/// The target with the links of this computer followed, as far as it exists: `/var/run` is often a link to `/run`.
fn resolved(target: &Path) -> io::Result<PathBuf> {
    if !target.is_absolute() || target.components().any(|part| part == Component::ParentDir) {
        return Err(io::Error::other(format!("{} is no absolute path", target.display())));
    }
    let existing = target.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let rest = target.strip_prefix(existing).map_err(io::Error::other)?;
    Ok(fs::canonicalize(existing)?.join(rest))
}

/// Lays what `host` holds out at `at`, with the volumes of `points` in their places.
fn lay(host: &Path, at: &Path, points: &Points<'_>) -> io::Result<()> {
    let base = points.here.map_or(host, |mount| mount.source.as_path());
    if points.below.is_empty() {
        bind(base, at)?;
        if points.here.is_some_and(|mount| mount.read_only) {
            mount_remount(at, MountFlags::BIND | MountFlags::RDONLY, "")?;
        }
        return Ok(());
    }
    fs::create_dir_all(at)?;
    let entries = match fs::read_dir(base) {
        Ok(entries) => entries.collect::<io::Result<Vec<_>>>()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let name = entry.file_name();
        if points.below.contains_key(Path::new(&name)) {
            continue;
        }
        let (from, to) = (entry.path(), at.join(&name));
        if entry.file_type()?.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&from)?, &to)?;
        } else if let Err(error) = bind(&from, &to) {
            // Something that may not be shown (a dead mount, say) is not there for the container.
            eprintln!("{} is left out: {error}", from.display());
        }
    }
    for (name, points) in &points.below {
        lay(&base.join(name), &at.join(name), points)?;
    }
    Ok(())
}

/// Binds a part of the image to its place where something else is there: a checkout in `/tmp` has its programs there, and the
/// container a `/tmp` of its own.
fn show(path: &Path, root: &Path) -> io::Result<()> {
    let there = root.join(path.strip_prefix("/").map_err(io::Error::other)?);
    let identity = |path: &Path| fs::metadata(path).map(|file| (file.dev(), file.ino()));
    if identity(&there).ok() == Some(identity(path)?) {
        return Ok(());
    }
    if let Some(folder) = there.parent() {
        fs::create_dir_all(folder)?;
    }
    bind(path, &there)
}

fn bind(from: &Path, to: &Path) -> io::Result<()> {
    if fs::metadata(from)?.is_dir() {
        fs::create_dir_all(to)?;
    } else {
        fs::File::create(to)?;
    }
    Ok(mount_bind_recursive(from, to)?)
}
