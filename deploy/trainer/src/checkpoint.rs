//! Checkpoints: all that a run needs to go on as if it had never stopped.
//!
//! A checkpoint is a folder with the weights, the optimizer's memory, where the run stands, and a manifest with the SHA-256 of
//! each. It is written under another name, brought to disk, and renamed: a checkpoint that has its name is whole. Randomness
//! is a function of seed and epoch ([`crate::random`]), so position and seed are all there is to keep of it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use slipway_domain::run::{exit::ExitReason, report::Report};
use tch::{Tensor, nn::VarStore};

use crate::{
    failure::Failure,
    optimizer::{Optimizer, Weights},
    report,
};

/// Where a run stands in its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Optimizer steps taken.
    pub step: u64,
    /// Epochs completed.
    pub epoch: u64,
    /// Batches done in the epoch in progress.
    pub batch: u64,
}

/// What must be the same for a checkpoint to be continued, by flag.
pub type Identity = BTreeMap<String, String>;

#[derive(Debug, Serialize, Deserialize)]
struct State {
    position: Position,
    optimizer_steps: i64,
    identity: Identity,
}

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    files: BTreeMap<String, Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    bytes: u64,
    sha256: String,
}

const WEIGHTS: &str = "weights.safetensors";
const BUFFERS: &str = "buffers.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const STATE: &str = "state.json";
const MANIFEST: &str = "manifest.json";

/// The folder of a run's checkpoints.
#[derive(Debug)]
pub struct Checkpoints {
    folder: PathBuf,
    keep: usize,
    identity: Identity,
}

/// A run's model and optimizer, to be saved or restored.
pub struct Subject<'a> {
    /// Has the buffers that are not trained, such as running means.
    pub store: &'a VarStore,
    /// The trained weights.
    pub weights: &'a mut Weights,
    /// The optimizer.
    pub optimizer: &'a mut Optimizer,
}

impl Checkpoints {
    /// Uses this folder, keeping the newest `keep` checkpoints.
    ///
    /// # Errors
    /// [`Failure`] with reason `CannotWrite`.
    pub fn open(folder: &Path, keep: usize, identity: Identity) -> Result<Self, Failure> {
        fs::create_dir_all(folder).map_err(|error| cannot_write(folder, &error))?;
        Ok(Self { folder: folder.to_owned(), keep: keep.max(1), identity })
    }

    /// Writes a checkpoint and reports it; older ones beyond the number to keep are removed.
    ///
    /// # Errors
    /// [`Failure`] with reason `CannotWrite`.
    pub fn write(&self, position: Position, subject: &Subject<'_>) -> Result<(), Failure> {
        let name = format!("step-{:012}", position.step);
        let (path, aside) = (self.folder.join(&name), self.folder.join(format!(".{name}.partial")));
        let written = self.write_aside(&aside, position, subject);
        let (bytes, sha256) = written.and_then(|sums| place(&aside, &path, &self.folder).map(|()| sums)).map_err(|error| {
            // What was begun only takes room on a volume that may be full.
            let _ = fs::remove_dir_all(&aside);
            cannot_write(&path, &error)
        })?;
        report::print(&Report::Checkpoint { step: position.step, path: path.display().to_string(), bytes, sha256 });
        for old in self.newest_first().into_iter().skip(self.keep) {
            if let Err(error) = fs::remove_dir_all(&old) {
                report::notice(format!("The old checkpoint {} was not removed: {error}", old.display()));
            }
        }
        Ok(())
    }

    fn write_aside(&self, aside: &Path, position: Position, subject: &Subject<'_>) -> io::Result<(u64, String)> {
        if aside.exists() {
            fs::remove_dir_all(aside)?;
        }
        fs::create_dir(aside)?;
        let save = |name: &str, tensors: &[(&str, &Tensor)]| Tensor::write_safetensors(tensors, aside.join(name)).map_err(io::Error::other);
        save(WEIGHTS, &[("weights", subject.weights.flat())])?;
        let buffers = buffers(subject.store);
        save(BUFFERS, &buffers.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect::<Vec<_>>())?;
        save(OPTIMIZER, &[("first", &subject.optimizer.first), ("second", &subject.optimizer.second)])?;
        let state = State { position, optimizer_steps: subject.optimizer.steps, identity: self.identity.clone() };
        fs::write(aside.join(STATE), serde_json::to_vec_pretty(&state)?)?;
        let mut manifest = Manifest { files: BTreeMap::new() };
        for name in [WEIGHTS, BUFFERS, OPTIMIZER, STATE] {
            manifest.files.insert(name.to_owned(), entry(&aside.join(name))?);
        }
        let text = serde_json::to_vec_pretty(&manifest)?;
        let mut file = File::create(aside.join(MANIFEST))?;
        file.write_all(&text)?;
        for name in [WEIGHTS, BUFFERS, OPTIMIZER, STATE, MANIFEST] {
            File::open(aside.join(name))?.sync_all()?;
        }
        File::open(aside)?.sync_all()?;
        let bytes = manifest.files.values().map(|entry| entry.bytes).sum::<u64>() + text.len() as u64;
        Ok((bytes, hex(&Sha256::digest(&text))))
    }

    /// Restores the newest checkpoint that is whole, and says so where a newer one is not.
    ///
    /// # Errors
    /// [`Failure`] with reason `CorruptCheckpoints` where none of several is whole, `BadFlags` where it is another run's.
    pub fn restore(&self, subject: &mut Subject<'_>) -> Result<Option<Position>, Failure> {
        let mut damage = Vec::new();
        for path in self.newest_first() {
            match read(&path) {
                Ok(state) => {
                    self.check_identity(&state, &path)?;
                    load(&path, &state, subject)?;
                    return Ok(Some(state.position));
                }
                Err(error) => {
                    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    report::notice(format!("Checkpoint {name} is corrupt ({error}); falling back to the one before"));
                    damage.push(name);
                }
            }
        }
        if damage.is_empty() {
            return Ok(None);
        }
        let folder = self.folder.display();
        Err(Failure::new(
            ExitReason::CorruptCheckpoints,
            format!("every checkpoint in {folder} is corrupt: {}; remove them to start anew", damage.join(", ")),
        ))
    }

    fn check_identity(&self, state: &State, path: &Path) -> Result<(), Failure> {
        let differs = self.identity.iter().find(|(flag, value)| state.identity.get(*flag) != Some(value));
        match differs {
            None => Ok(()),
            Some((flag, value)) => {
                let was = state.identity.get(flag).map_or("another", String::as_str);
                Err(Failure::flags(format!(
                    "--{flag}={value}, but the checkpoint {} was made with {was}; use another --checkpoint-dir",
                    path.display()
                )))
            }
        }
    }

    fn newest_first(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut found: Vec<_> =
            entries.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("step-"))).collect();
        found.sort();
        found.reverse();
        found
    }
}

/// Gives a whole checkpoint its name, and brings the name to disk.
fn place(aside: &Path, path: &Path, folder: &Path) -> io::Result<()> {
    if path.exists() {
        fs::remove_dir_all(path)?;
    }
    fs::rename(aside, path)?;
    File::open(folder)?.sync_all()
}

/// What a model keeps that is not trained.
fn buffers(store: &VarStore) -> Vec<(String, Tensor)> {
    let mut buffers: Vec<_> = store.variables().into_iter().filter(|(_, tensor)| !tensor.requires_grad()).collect();
    buffers.sort_by(|a, b| a.0.cmp(&b.0));
    buffers
}

/// Reads a checkpoint's state after checking every file against the manifest.
fn read(path: &Path) -> io::Result<State> {
    let manifest: Manifest = serde_json::from_slice(&fs::read(path.join(MANIFEST))?)?;
    for (name, expected) in &manifest.files {
        let found = entry(&path.join(name))?;
        if found.sha256 != expected.sha256 {
            return Err(io::Error::other(format!("{name} does not have the SHA-256 of its manifest")));
        }
    }
    Ok(serde_json::from_slice(&fs::read(path.join(STATE))?)?)
}

fn load(path: &Path, state: &State, subject: &mut Subject<'_>) -> Result<(), Failure> {
    let unusable = |error: &dyn std::fmt::Display| {
        Failure::new(ExitReason::CorruptCheckpoints, format!("{} cannot be restored: {error}", path.display()))
    };
    let tensors = |name: &str| -> Result<BTreeMap<String, Tensor>, Failure> {
        Tensor::read_safetensors(path.join(name)).map(|found| found.into_iter().collect()).map_err(|error| unusable(&error))
    };
    let copy = |to: &Tensor, from: Option<&Tensor>| -> Result<(), Failure> {
        let from = from.filter(|from| from.size() == to.size()).ok_or_else(|| unusable(&"its tensors are of another shape"))?;
        tch::no_grad(|| to.shallow_clone().f_copy_(from)).map_err(|error| unusable(&error))
    };
    copy(subject.weights.flat(), tensors(WEIGHTS)?.get("weights"))?;
    let saved = tensors(BUFFERS)?;
    for (name, buffer) in buffers(subject.store) {
        copy(&buffer, saved.get(&name))?;
    }
    let memory = tensors(OPTIMIZER)?;
    copy(&subject.optimizer.first, memory.get("first"))?;
    copy(&subject.optimizer.second, memory.get("second"))?;
    subject.optimizer.steps = state.optimizer_steps;
    Ok(())
}

fn entry(path: &Path) -> io::Result<Entry> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let bytes = io::copy(&mut file, &mut hasher)?;
    Ok(Entry { bytes, sha256: hex(&hasher.finalize()) })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::write(format!(
        "the checkpoint {} cannot be written: {error}; free space on the volume or ask for a larger one",
        path.display()
    ))
}
