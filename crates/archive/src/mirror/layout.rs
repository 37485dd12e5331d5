//! The files of an empty bare repository.

use std::fs;
use std::path::Path;

use super::durable::{replace, sync};
use super::error::MirrorError;
use super::lock::RepositoryLock;
use super::sweep::sweep;

/// Without a remote, so without an address and without a credential. Packs
/// are never expired behind our back, and refs have no log to grow.
const CONFIG: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n\
                      \tlogallrefupdates = false\n[gc]\n\tauto = 0\n";

/// Until the remote's default branch is known.
const HEAD: &str = "ref: refs/heads/main\n";

const FOLDERS: [&str; 6] = [
    "objects",
    "objects/info",
    "objects/pack",
    "refs",
    "refs/heads",
    "refs/tags",
];

/// Makes a bare repository at `path`, or what is missing of one.
///
/// Written by hand, because each step is then atomic and the whole can be
/// repeated: an interrupted `git init` may leave an empty `HEAD` behind.
pub(super) fn make(path: &Path) -> Result<(), MirrorError> {
    if is_complete(path) {
        return Ok(());
    }
    if is_foreign(path)? {
        return Err(MirrorError::NotAMirror {
            path: path.to_owned(),
        });
    }
    fs::create_dir_all(path).map_err(MirrorError::io("create", path))?;
    let _lock = RepositoryLock::acquire(path)?;
    sweep(path)?;
    for folder in FOLDERS {
        let folder = path.join(folder);
        fs::create_dir_all(&folder).map_err(MirrorError::io("create", &folder))?;
    }
    for (name, content) in [("config", CONFIG), ("HEAD", HEAD)] {
        if !has_content(&path.join(name)) {
            let lock = path.join(format!("{name}.lock"));
            replace(&path.join(name), &lock, content.as_bytes())?;
        }
    }
    sync(&path.join("objects"))?;
    path.parent().map_or(Ok(()), sync)
}

/// Whether nothing of a bare repository is missing.
pub(super) fn is_complete(path: &Path) -> bool {
    FOLDERS.iter().all(|folder| path.join(folder).is_dir())
        && has_content(&path.join("config"))
        && has_content(&path.join("HEAD"))
}

fn has_content(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0)
}

/// Whether the folder has files that no interrupted initialisation left.
fn is_foreign(path: &Path) -> Result<bool, MirrorError> {
    let mut entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(MirrorError::io("list", path)(error)),
    };
    Ok(entries.next().is_some()
        && !RepositoryLock::is_known(path)
        && !(path.join("objects").is_dir() && path.join("refs").is_dir()))
}
