//! The images file: which program on this machine stands for a container image.
//!
//! A node here pulls nothing. A container's image is looked up in `images.yaml`, and what the row says is
//! started as a process, with `command`, `args` and `env` combined as Kubernetes defines it: `command`
//! replaces the image's program, `args` replaces the image's arguments. An image without a row is refused
//! with the sentence that the Pod's status then shows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::yaml::{self, FileError};

/// Where a row's `program` may say that the container's own command is run, found on this machine's `PATH`.
const HOST: &str = "host";

#[derive(Debug, Clone)]
pub struct ImageFile {
    path: PathBuf,
    images: Vec<Image>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    name: Reference,
    program: Program,
    args: Vec<String>,
    /// Environment that the image brings; the container's own `env` wins over it.
    pub env: BTreeMap<String, String>,
    /// Files and folders of this machine that the image has beside its program.
    pub brings: Vec<PathBuf>,
}

/// What to start: a program, its arguments (without the program's own name).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    pub program: PathBuf,
    pub args: Vec<String>,
}

/// Why a container cannot be started from its image. `reason` is the word the kubelet uses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    #[error("no row of {file} stands for image \"{image}\"; it has {known}")]
    Unknown { image: String, file: String, known: String },
    #[error("image \"{image}\" stands for {program}, which is not there: build it, or correct {file}")]
    ProgramMissing { image: String, program: String, file: String },
    #[error("no command specified: image \"{image}\" runs what the container's command says, and it says nothing")]
    NoCommand { image: String },
    #[error("exec: \"{program}\": executable file not found in $PATH")]
    NotOnPath { program: String },
}

impl ImageError {
    /// The `reason` of the container's waiting state.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unknown { .. } | Self::ProgramMissing { .. } => "ErrImagePull",
            Self::NoCommand { .. } => "CreateContainerError",
            Self::NotOnPath { .. } => "RunContainerError",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Program {
    Host,
    At(PathBuf),
}

/// An image reference without what registries leave out: `docker.io/library/`, the tag `latest`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Reference {
    Exactly(String),
    /// `NAME:*`, any tag or digest of a name.
    AnyTag(String),
}

impl ImageFile {
    /// Reads an images file. Programs are relative to the file; whether they exist is asked when they are run,
    /// since a program may be built later than the sandbox is started.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        let rows: FileRows = yaml::read(path)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut names = BTreeSet::new();
        let mut images = Vec::with_capacity(rows.images.len());
        for row in rows.images {
            let name = row.name.clone();
            let image = row.check(folder).map_err(|reason| FileError::content(path, format!("image \"{name}\": {reason}")))?;
            if !names.insert(image.name.clone()) {
                return Err(FileError::content(path, format!("two rows stand for image \"{name}\"")));
            }
            images.push(image);
        }
        Ok(Self { path: path.to_path_buf(), images })
    }

    /// The row for an image reference; one that names it exactly goes before `NAME:*`.
    pub fn find(&self, image: &str) -> Result<&Image, ImageError> {
        let exactly = Reference::Exactly(full(image));
        let any_tag = Reference::AnyTag(name_of(&full(image)).to_owned());
        let row = |wanted: &Reference| self.images.iter().find(|row| row.name == *wanted);
        let found = row(&exactly).or_else(|| row(&any_tag)).ok_or_else(|| ImageError::Unknown {
            image: image.to_owned(),
            file: self.path.display().to_string(),
            known: self.known(),
        })?;
        match &found.program {
            Program::At(program) if !program.is_file() => Err(ImageError::ProgramMissing {
                image: image.to_owned(),
                program: program.display().to_string(),
                file: self.path.display().to_string(),
            }),
            Program::At(_) | Program::Host => Ok(found),
        }
    }

    fn known(&self) -> String {
        let names: Vec<_> = self.images.iter().map(|image| image.name.to_string()).collect();
        if names.is_empty() { "none".into() } else { names.join(", ") }
    }
}

impl Image {
    /// What to start for a container of this image. `search` is the container's `PATH`.
    pub fn invocation(&self, command: &[String], args: &[String], search: &str) -> Result<Invocation, ImageError> {
        // As Kubernetes defines it: a command drops the image's own arguments as well.
        let args = if args.is_empty() && command.is_empty() { &self.args } else { args };
        let mut words = command.iter().chain(args).cloned();
        let program = match (&self.program, command.first()) {
            (Program::At(program), None) => program.clone(),
            (Program::At(program), Some(first)) if is_file_named(program, first) => {
                words.next();
                program.clone()
            }
            (Program::At(_) | Program::Host, _) => {
                let first = words.next().ok_or_else(|| ImageError::NoCommand { image: self.name.to_string() })?;
                find_program(&first, search).ok_or(ImageError::NotOnPath { program: first })?
            }
        };
        Ok(Invocation { program, args: words.collect() })
    }
}

/// Whether a container's `command` means the image's program: by its file name, at whatever place in the image.
fn is_file_named(program: &Path, command: &str) -> bool {
    program.file_name().is_some() && program.file_name() == Path::new(command).file_name()
}

/// A program named by a path is taken as it is; a bare name is looked for as a shell would.
fn find_program(name: &str, search: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Path::new(name).is_file().then(|| PathBuf::from(name));
    }
    std::env::split_paths(search).map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// The reference with a tag, and without the default registry.
fn full(image: &str) -> String {
    let short = image.strip_prefix("docker.io/").unwrap_or(image);
    let short = short.strip_prefix("library/").unwrap_or(short);
    if name_of(short) == short { format!("{short}:latest") } else { short.to_owned() }
}

/// The reference without tag and digest. A colon before a slash belongs to the registry's port.
fn name_of(image: &str) -> &str {
    let image = image.split_once('@').map_or(image, |(name, _)| name);
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        Some(_) | None => image,
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exactly(image) => f.write_str(image),
            Self::AnyTag(name) => write!(f, "{name}:*"),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRows {
    images: Vec<ImageRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImageRow {
    name: String,
    program: String,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    brings: Vec<PathBuf>,
}

impl ImageRow {
    fn check(self, folder: &Path) -> Result<Image, String> {
        let name = match self.name.strip_suffix(":*") {
            Some(name) => Reference::AnyTag(name_of(&full(name)).to_owned()),
            None => Reference::Exactly(full(&self.name)),
        };
        if self.name.is_empty() || self.name.trim_end_matches(":*").contains(['*', ' ']) {
            return Err("a name is an image reference, or NAME:* for any tag of it".into());
        }
        if self.program.is_empty() {
            return Err(format!("program is a path, or {HOST} to run the container's own command"));
        }
        let program = if self.program == HOST { Program::Host } else { Program::At(folder.join(&self.program)) };
        let brings = self.brings.iter().map(|path| folder.join(path)).collect();
        Ok(Image { name, program, args: self.args, env: self.env, brings })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(rows: &str) -> Result<ImageFile, String> {
        let folder = tempfile::tempdir().unwrap().keep();
        std::fs::write(folder.join("digits"), "").unwrap();
        std::fs::write(folder.join("images.yaml"), rows).unwrap();
        ImageFile::load(&folder.join("images.yaml")).map_err(|error| error.to_string())
    }

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    const ROWS: &str = "images:\n- {name: 'busybox:*', program: host, args: [sh]}\n- {name: 'lab.example:5000/digits:v1', program: digits, args: [train], env: {A: b}}\n- {name: 'gone:*', program: nowhere}\n";

    #[test]
    fn an_image_is_found_by_any_way_of_writing_it() {
        let file = load(ROWS).unwrap();
        for image in ["busybox", "busybox:1.36", "docker.io/library/busybox:latest", "busybox@sha256:0123", "lab.example:5000/digits:v1"] {
            assert!(file.find(image).is_ok(), "{image}");
        }
    }

    #[test]
    fn an_unknown_image_is_refused_with_the_ones_that_are_known() {
        let file = load(ROWS).unwrap();
        for image in ["lab.example:5000/digits:v2", "lab.example:5000/digits", "busyboxes", ""] {
            let refusal = file.find(image).unwrap_err();
            assert_eq!(refusal.reason(), "ErrImagePull");
            assert!(refusal.to_string().contains("busybox:*, lab.example:5000/digits:v1"), "{refusal}");
        }
        let missing = file.find("gone:1").unwrap_err();
        assert!(missing.to_string().contains("not there: build it"), "{missing}");
    }

    #[test]
    fn command_and_args_replace_what_the_image_brings_as_in_kubernetes() {
        let file = load(ROWS).unwrap();
        let image = file.find("lab.example:5000/digits:v1").unwrap();
        let run = |command: &[&str], args: &[&str]| image.invocation(&words(command), &words(args), "/usr/bin:/bin").unwrap();
        assert_eq!(run(&[], &[]).args, ["train"]);
        assert_eq!(run(&[], &["evaluate"]).args, ["evaluate"]);
        let named = run(&["/usr/local/bin/digits", "serve"], &["--port=1"]);
        assert!(named.program.ends_with("digits") && named.program != Path::new("/usr/local/bin/digits"));
        assert_eq!(named.args, ["serve", "--port=1"]);
        let shell = run(&["sh", "-c"], &["true"]);
        assert!(shell.program.ends_with("bin/sh"), "{shell:?}");
        assert_eq!(shell.args, ["-c", "true"]);
        assert_eq!(run(&["digits"], &[]).args, Vec::<String>::new(), "a command drops the image's arguments");
    }

    #[test]
    fn a_host_image_runs_the_containers_own_command() {
        let file = load(ROWS).unwrap();
        let image = file.find("busybox").unwrap();
        let run = |command: &[&str], args: &[&str]| image.invocation(&words(command), &words(args), "/usr/bin:/bin");
        assert!(run(&[], &[]).unwrap().program.ends_with("bin/sh"), "its default argument is the program");
        assert_eq!(run(&[], &["echo", "hi"]).unwrap().args, ["hi"]);
        let missing = run(&["no-such-program"], &[]).unwrap_err();
        assert_eq!(missing.reason(), "RunContainerError");
    }

    #[test]
    fn a_wrong_file_is_refused_in_one_sentence() {
        for (rows, words) in [
            ("images:\n- name: a\n", "program"),
            ("images:\n- {name: a, program: host, color: red}\n", "line 2"),
            ("images:\n- {name: 'a*', program: host}\n", "NAME:*"),
            ("images:\n- {name: a, program: host}\n- {name: 'docker.io/library/a:latest', program: host}\n", "two rows"),
        ] {
            let refusal = load(rows).unwrap_err();
            assert!(refusal.contains(words), "{words}: {refusal}");
            assert_eq!(refusal.lines().count(), 1, "{refusal}");
        }
    }
}
