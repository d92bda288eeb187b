//! The folder that holds a cluster: one process may use it at a time, and nobody else may read it.
//!
//! ```text
//! DIR/kubeconfig                   the administrator's
//! DIR/clients/NAME.kubeconfig      of those named with --client
//! DIR/lock                         who uses the folder
//! DIR/ports.json                   ports, kept between starts
//! DIR/certificates  DIR/parts      authorities and certificates; kubeconfigs of the cluster's own parts
//! DIR/etcd  DIR/volumes  DIR/agent the cluster's state, its volumes, the node agent's state
//! DIR/logs/PART.log                and PART.log.1, from before
//! ```

use std::fs::{self, File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::Error;

/// A part's log larger than this is set aside when the part is started by a new `up`.
const LARGEST_LOG: u64 = 16 << 20;

/// A cluster's folder, held for this process until dropped.
#[derive(Debug)]
pub struct Data {
    root: PathBuf,
    _lock: File,
}

impl Data {
    pub fn open(root: &Path) -> Result<Self, Error> {
        let refuse = |source| Error::Data { path: root.to_path_buf(), source };
        create_private(root).map_err(refuse)?;
        // Children and volumes need a path that does not hang on the working directory.
        let root = root.canonicalize().map_err(refuse)?;
        fs::set_permissions(&root, fs::Permissions::from_mode(0o700)).map_err(refuse)?;
        let lock = lock(&root)?;
        for folder in ["certificates", "clients", "parts", "logs", "volumes", "agent", "etcd"] {
            create_private(&root.join(folder)).map_err(refuse)?;
        }
        Ok(Self { root, _lock: lock })
    }

    pub fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside)
    }

    /// The file that a part's output is added to; one that has grown too large is set aside first.
    pub fn log(&self, part: &str) -> Result<PathBuf, Error> {
        let log = self.path(&format!("logs/{part}.log"));
        if fs::metadata(&log).is_ok_and(|found| found.len() > LARGEST_LOG) {
            fs::rename(&log, log.with_extension("log.1")).map_err(|source| Error::Write { path: log.clone(), source })?;
        }
        Ok(log)
    }

    /// Writes a file that only its owner can read, whole or not at all.
    pub fn write(&self, inside: &str, text: &str) -> Result<PathBuf, Error> {
        let path = self.path(inside);
        write_private(&path, text).map_err(|source| Error::Write { path: path.clone(), source })?;
        Ok(path)
    }
}

/// Who runs the cluster of a folder, if anybody does.
pub fn holder(root: &Path) -> Option<String> {
    match lock(root) {
        Err(Error::Held { holder, .. }) => Some(holder),
        Err(_) | Ok(_) => None,
    }
}

/// Takes the folder. The kernel gives it up when this process ends, however it ends.
fn lock(root: &Path) -> Result<File, Error> {
    let path = root.join("lock");
    let refuse = |source| Error::Write { path: path.clone(), source };
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(refuse)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Whoever holds it may not have written its name yet.
            if file.read_to_string(&mut holder).is_err() || holder.trim().is_empty() {
                holder = "unknown".into();
            }
            return Err(Error::Held { path: root.to_path_buf(), holder: holder.trim().to_owned() });
        }
        Err(TryLockError::Error(source)) => return Err(refuse(source)),
    }
    file.set_len(0).map_err(refuse)?;
    file.rewind().map_err(refuse)?;
    writeln!(file, "{}", std::process::id()).map_err(refuse)?;
    Ok(file)
}

fn create_private(folder: &Path) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    // A temporary file is readable by its owner alone from the moment it is there.
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_holds_a_folder_and_the_next_is_told_which() {
        let folder = tempfile::tempdir().unwrap();
        let held = Data::open(folder.path()).unwrap();
        let refusal = Data::open(folder.path()).unwrap_err().to_string();
        assert!(refusal.contains(&format!("process {}", std::process::id())), "{refusal}");
        drop(held);
        assert!(Data::open(folder.path()).is_ok(), "given up when dropped");
    }

    #[test]
    fn what_is_written_can_be_read_by_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let data = Data::open(folder.path()).unwrap();
        let file = data.write("kubeconfig", "secret").unwrap();
        let mode = fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_log_that_has_grown_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let data = Data::open(folder.path()).unwrap();
        let log = data.log("etcd").unwrap();
        File::create(&log).unwrap().set_len(LARGEST_LOG + 1).unwrap();
        assert!(!data.log("etcd").unwrap().exists());
        assert!(data.path("logs/etcd.log.1").exists());
    }
}
