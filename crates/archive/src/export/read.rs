//! An export, read back.
//!
//! Whoever brings it may have changed it: nothing in it names a path, every file is held
//! against the manifest, and what is unknown is refused.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use bucketload_model::{LfsOid, RepositoryName, RepositoryUuid};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::diffs::FOLDER as DIFFS;
use super::jsonl::{BUNDLE, FORMAT, WIKI_BUNDLE};
use super::rows::{KINDS, SETTINGS};
use super::settings::is_setting;
use super::writer::{Manifest, hash};
use crate::PersonName;

/// A manifest larger than this is none.
const LARGEST_MANIFEST_BYTES: u64 = 256 * 1024 * 1024;

/// Nothing that Bitbucket sends is as large.
const LONGEST_LINE_BYTES: u64 = 256 * 1024 * 1024;

/// An export that cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum ReadExportError {
    /// There is no export in the folder.
    #[error("{} is no export of bucketload", .path.display())]
    NotAnExport {
        /// The folder.
        path: PathBuf,
    },
    /// The manifest is no manifest.
    #[error("the manifest of {} cannot be read", .path.display())]
    Manifest {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The manifest names a repository that there cannot be.
    #[error("the manifest of {} names no repository", .path.display())]
    Name {
        /// The folder.
        path: PathBuf,
    },
    /// Another layout.
    #[error("{} has the layout {format}, which this bucketload does not read", .path.display())]
    Format {
        /// The folder.
        path: PathBuf,
        /// The layout.
        format: String,
    },
    /// A file that this program knows nothing of.
    #[error("the export has the file “{name}”, which this bucketload does not know")]
    Unknown {
        /// Its name.
        name: String,
    },
    /// A file is not what the manifest says.
    #[error("{} is not what the manifest says: {problem}", .path.display())]
    Altered {
        /// The file.
        path: PathBuf,
        /// What is different.
        problem: String,
    },
    /// A file cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line is no object of an export.
    #[error("line {line} of {} cannot be read", .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Which, from 1.
        line: u64,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The caller asked to stop.
    #[error("stopped on request")]
    Stopped,
}

/// The export of one repository.
#[derive(Debug, Clone)]
pub struct ExportFolder {
    path: PathBuf,
    manifest: Manifest,
    name: RepositoryName,
    uuid: RepositoryUuid,
}

/// An object of an export.
#[derive(Debug, Deserialize)]
pub struct ExportedLine {
    /// What tells it apart.
    pub key: Value,
    /// As it was sent.
    pub source: Box<RawValue>,
    /// Where it came from, if not from Bitbucket.
    #[serde(default)]
    pub origin: Option<String>,
    /// The SHA-256 of the file that it stands for.
    #[serde(default)]
    pub blob: Option<String>,
    /// The names that an account had over time, where there were several.
    #[serde(default)]
    pub names: Option<Vec<PersonName>>,
}

/// Finds exports: the folder itself, or those of repositories below it, by name.
///
/// # Errors
///
/// When there is none, or one cannot be read.
pub fn find_exports(folder: &Path) -> Result<Vec<ExportFolder>, ReadExportError> {
    if folder.join("manifest.json").is_file() {
        return Ok(vec![ExportFolder::open(folder)?]);
    }
    let mut found = Vec::new();
    for workspace in folders(folder)? {
        for repository in folders(&workspace)? {
            // What an export that was broken off left is no repository.
            let is_whole = !repository.to_string_lossy().ends_with(')');
            if is_whole && repository.join("manifest.json").is_file() {
                found.push(ExportFolder::open(&repository)?);
            }
        }
    }
    if found.is_empty() {
        return Err(ReadExportError::NotAnExport {
            path: folder.to_owned(),
        });
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>, ReadExportError> {
    let failed = |source| ReadExportError::Read {
        path: folder.to_owned(),
        source,
    };
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let entries: Vec<_> = entries.collect::<Result<_, _>>().map_err(failed)?;
    let paths = entries.into_iter().map(|entry| entry.path());
    Ok(paths.filter(|path| path.is_dir()).collect())
}

impl ExportFolder {
    /// Reads the manifest of an export.
    ///
    /// # Errors
    ///
    /// When there is none, or not one that this program understands.
    pub fn open(path: &Path) -> Result<Self, ReadExportError> {
        let owned = || path.to_owned();
        let file = File::open(path.join("manifest.json"));
        let file = file.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ReadExportError::NotAnExport { path: owned() },
            _ => ReadExportError::Read {
                path: path.join("manifest.json"),
                source: error,
            },
        })?;
        let file = BufReader::new(file).take(LARGEST_MANIFEST_BYTES);
        let manifest: Manifest =
            serde_json::from_reader(file).map_err(|source| ReadExportError::Manifest {
                path: owned(),
                source,
            })?;
        if manifest.format != FORMAT {
            return Err(ReadExportError::Format {
                path: owned(),
                format: manifest.format,
            });
        }
        let wrong = || ReadExportError::Name { path: owned() };
        let name = manifest.repository.parse().map_err(|_| wrong())?;
        let uuid = manifest.uuid.parse().map_err(|_| wrong())?;
        if let Some(name) = manifest.files.keys().find(|name| !is_known(name)) {
            return Err(ReadExportError::Unknown { name: name.clone() });
        }
        Ok(Self {
            path: owned(),
            manifest,
            name,
            uuid,
        })
    }

    /// The repository.
    pub fn name(&self) -> &RepositoryName {
        &self.name
    }

    /// Its permanent id.
    pub fn uuid(&self) -> &RepositoryUuid {
        &self.uuid
    }

    /// The names and sizes of its files.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where a file lies that the manifest names.
    pub fn file(&self, name: &str) -> Option<PathBuf> {
        let is_there = self.manifest.files.contains_key(name);
        is_there.then(|| self.path.join(name))
    }

    /// Reads every file and holds it against the manifest. Blocks.
    ///
    /// # Errors
    ///
    /// When one is not what it was.
    pub fn check(&self, cancel: &AtomicBool) -> Result<(), ReadExportError> {
        for (name, expected) in &self.manifest.files {
            if cancel.load(Ordering::Relaxed) {
                return Err(ReadExportError::Stopped);
            }
            let path = self.path.join(name);
            let found = hash(&path).map_err(|source| ReadExportError::Read {
                path: path.clone(),
                source,
            })?;
            let problem = if found.size_bytes != expected.size_bytes {
                format!(
                    "it has {} bytes instead of {}",
                    found.size_bytes, expected.size_bytes
                )
            } else if found.sha256 == expected.sha256 {
                continue;
            } else {
                "its content is another".to_owned()
            };
            return Err(ReadExportError::Altered { path, problem });
        }
        Ok(())
    }

    /// The objects in a file, one after the other; none where the manifest names no such
    /// file.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened.
    pub fn lines(
        &self,
        name: &str,
    ) -> Result<impl Iterator<Item = Result<ExportedLine, ReadExportError>>, ReadExportError> {
        let path = self.file(name);
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| ReadExportError::Read { path, source }
        };
        let opened = path.map(|path| {
            let file = File::open(&path).map_err(failed(&path))?;
            Ok((BufReader::new(file), path))
        });
        let mut opened = opened.transpose()?;
        let mut line = 0;
        Ok(std::iter::from_fn(move || {
            let (file, path) = opened.as_mut()?;
            let mut text = String::new();
            let read = file.take(LONGEST_LINE_BYTES).read_line(&mut text);
            match read {
                Ok(0) => return None,
                Ok(_) => {}
                Err(source) => {
                    let error = failed(path)(source);
                    opened = None;
                    return Some(Err(error));
                }
            }
            line += 1;
            let path = path.clone();
            Some(
                serde_json::from_str(&text).map_err(|source| ReadExportError::Line {
                    path,
                    line,
                    source,
                }),
            )
        }))
    }

    /// The names of the settings that it has.
    pub fn settings(&self) -> impl Iterator<Item = &str> {
        let names = self.manifest.files.keys();
        names.filter_map(|name| setting(name))
    }

    /// The diffs and patches that it has: file, pull request, and which of both.
    pub fn diffs(&self) -> impl Iterator<Item = (&str, i64, &str)> {
        let names = self.manifest.files.keys();
        names.filter_map(|name| {
            let (id, what) = diff(name)?;
            Some((name.as_str(), id, what))
        })
    }

    /// The hashes of the files that its objects stand for.
    pub fn blobs(&self) -> impl Iterator<Item = &str> {
        let names = self.manifest.files.keys();
        names.filter_map(|name| name.strip_prefix("blobs/"))
    }

    /// The large files of its history (git LFS).
    pub fn lfs_objects(&self) -> impl Iterator<Item = LfsOid> {
        let names = self.manifest.files.keys();
        names.filter_map(|name| name.strip_prefix("lfs/")?.parse().ok())
    }
}

/// The setting that is in a file.
fn setting(file: &str) -> Option<&str> {
    let name = file.strip_prefix(SETTINGS.file)?.strip_prefix('/')?;
    let name = name.strip_suffix(".json")?;
    is_setting(name).then_some(name)
}

/// The pull request whose diff or patch is in a file, and which of both.
fn diff(file: &str) -> Option<(i64, &str)> {
    let name = file.strip_prefix(DIFFS)?.strip_prefix('/')?;
    let (id, what) = name.split_once('.')?;
    let id: i64 = id.parse().ok()?;
    let is_ours = matches!(what, "diff" | "patch") && name == format!("{id}.{what}");
    is_ours.then_some((id, what))
}

/// Whether a file of that name may be in an export. None of these leads out of its folder.
fn is_known(name: &str) -> bool {
    let is_hash = |text: &str| {
        text.len() == 64
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    name == BUNDLE
        || name == WIKI_BUNDLE
        || setting(name).is_some()
        || diff(name).is_some()
        || KINDS.iter().any(|kind| kind.file == name)
        || ["blobs/", "lfs/"]
            .iter()
            .any(|folder| name.strip_prefix(folder).is_some_and(is_hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_of_an_export_leads_out_of_it() {
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        for name in [
            "git.bundle",
            "pull_requests.jsonl",
            "settings/deploy_keys.json",
            "pull_request_diffs/7.patch",
            &format!("blobs/{hash}"),
            &format!("lfs/{hash}"),
        ] {
            assert!(is_known(name), "{name}");
        }
        for name in [
            "../x",
            "/etc/passwd",
            "blobs/../x",
            "blobs/",
            "settings/../x.json",
            "settings/.json",
            "pull_request_diffs/../7.diff",
            "pull_request_diffs/07.diff",
            "notes.txt",
            "",
        ] {
            assert!(!is_known(name), "{name}");
        }
    }
}
