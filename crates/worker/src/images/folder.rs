//! A folder of files that a person saved from a browser.
//!
//! They are called as the addresses end, `<number>-<name>`, with percent signs or without, and
//! with what a file system does not take replaced. Where two repositories' images have the same
//! name, the hash of the address tells them apart: as the name of a folder above the file, or
//! before its name (`<hash>-<number>-<name>`).

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::address::{Pasted, decoded};

/// Below the folder: that of a hash, and what a browser puts into it.
const DEEPEST: usize = 3;

/// More are no folder of saved images, but somebody's disk.
const MOST_FILES: usize = 100_000;

/// A folder that cannot be taken in. Nothing of it is in the archive then.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The folder, or one in it.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It has more files than anybody saves.
    #[error("there are more than {limit} files in it")]
    TooManyFiles {
        /// How many there may be.
        limit: usize,
    },
    /// A file may be one image or another.
    #[error("the file {file} may be that of {one} or of {other}")]
    Ambiguous {
        /// The file, below the folder.
        file: String,
        /// The address of an image.
        one: String,
        /// That of another.
        other: String,
    },
    /// Two files say to be the same image and are not the same.
    #[error("the files {one} and {other} are both called as {url} and are not the same")]
    Twice {
        /// A file, below the folder.
        one: String,
        /// Another.
        other: String,
        /// The address of the image.
        url: String,
    },
}

/// A file, and why it was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SavedFile {
    /// Where it is, below the folder.
    pub file: String,
    /// Why it was not taken.
    pub problem: String,
}

/// A file of the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundFile {
    pub(super) path: PathBuf,
    /// Its path below the folder.
    pub(super) shown: String,
    name: String,
    /// The names of the folders that it is in.
    above: Vec<String>,
}

/// What is in a folder.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) files: Vec<FoundFile>,
    /// What is no file of its own: links, pipes, folders that are too deep.
    pub(super) refused: Vec<SavedFile>,
}

impl Listing {
    /// Lists a folder, in the order of names. Links are not followed.
    pub(super) fn of(folder: &Path) -> Result<Self, FolderError> {
        let mut listing = Self::default();
        listing.add(folder, &[])?;
        Ok(listing)
    }

    fn add(&mut self, folder: &Path, above: &[String]) -> Result<(), FolderError> {
        let failed = |source| FolderError::Read {
            path: folder.to_owned(),
            source,
        };
        let entries = fs::read_dir(folder).map_err(failed)?;
        let mut entries: Vec<_> = entries.collect::<Result<_, _>>().map_err(failed)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            let shown = [above, std::slice::from_ref(&name)].concat().join("/");
            let kind = entry.file_type().map_err(failed)?;
            let mut refuse = |problem: &str| {
                let (file, problem) = (shown.clone(), problem.to_owned());
                self.refused.push(SavedFile { file, problem });
            };
            if kind.is_symlink() {
                refuse("it is a link, and links are not followed");
            } else if kind.is_dir() && above.len() >= DEEPEST {
                refuse("it is too deep in the folder");
            } else if kind.is_dir() {
                self.add(&entry.path(), &[above, &[name]].concat())?;
            } else if !kind.is_file() {
                refuse("it is no file");
            } else if self.files.len() >= MOST_FILES {
                return Err(FolderError::TooManyFiles { limit: MOST_FILES });
            } else {
                self.files.push(FoundFile {
                    path: entry.path(),
                    shown,
                    name,
                    above: above.to_vec(),
                });
            }
        }
        Ok(())
    }
}

/// A pasted image that files are held against, with all its addresses.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) pasted: Pasted,
    pub(super) urls: Vec<String>,
    /// Whether its content is in the archive.
    pub(super) is_here: bool,
}

/// Candidates, by how a file of each may be called.
pub(super) struct Names<'a> {
    candidates: &'a [Candidate],
    by_name: BTreeMap<String, Vec<usize>>,
}

impl<'a> Names<'a> {
    pub(super) fn of(candidates: &'a [Candidate]) -> Self {
        let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, candidate) in candidates.iter().enumerate() {
            let Pasted { hash, name } = &candidate.pasted;
            for name in [name.clone(), format!("{hash}-{name}")] {
                by_name.entry(folded(&name)).or_default().push(index);
            }
        }
        Self {
            candidates,
            by_name,
        }
    }

    /// The image that a file is, if it is one.
    pub(super) fn find(&self, file: &FoundFile) -> Result<Option<usize>, FolderError> {
        let names = [folded(&file.name), folded(&decoded(&file.name))];
        let mut found: Vec<usize> = names
            .iter()
            .filter_map(|name| self.by_name.get(name))
            .flatten()
            .copied()
            .collect();
        found.sort_unstable();
        found.dedup();
        let is_below = |index: &usize| file.above.contains(&self.candidates[*index].pasted.hash);
        if found.iter().any(is_below) {
            found.retain(is_below);
        }
        match found.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(*one)),
            [one, other, ..] => {
                let url = |index: usize| self.candidates[index].urls.concat();
                Err(FolderError::Ambiguous {
                    file: file.shown.clone(),
                    one: url(*one),
                    other: url(*other),
                })
            }
        }
    }
}

/// A name as file systems take it: browsers put an underscore in the place of what they do
/// not, and leave out what Windows does not keep at the end.
fn folded(name: &str) -> String {
    let replaced = |c: char| match c {
        '<' | '>' | ':' | '"' | '/' | '\\' | '|' | '?' | '*' => '_',
        c if c.is_control() => '_',
        c => c,
    };
    let name: String = name.chars().map(replaced).collect();
    name.trim_end_matches(['.', ' ']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(hash: &str, name: &str) -> Candidate {
        let url = format!("https://bitbucket.org/repo/{hash}/images/{name}");
        Candidate {
            pasted: Pasted::of(&url.parse().unwrap()).unwrap(),
            urls: vec![url],
            is_here: false,
        }
    }

    fn file(path: &str) -> FoundFile {
        let mut above: Vec<String> = path.split('/').map(ToOwned::to_owned).collect();
        FoundFile {
            path: path.into(),
            shown: path.to_owned(),
            name: above.pop().unwrap(),
            above,
        }
    }

    #[test]
    fn files_are_known_by_what_browsers_call_them() {
        let candidates = [
            candidate("oAndzz", "5-Screenshot%20from%2010:59:26.png"),
            candidate("oAndzz", "6-other.png"),
        ];
        let names = Names::of(&candidates);
        for (path, expected) in [
            ("5-Screenshot from 10:59:26.png", Some(0)),
            ("5-Screenshot%20from%2010:59:26.png", Some(0)),
            ("5-Screenshot from 10_59_26.png", Some(0)),
            ("oAndzz/5-Screenshot from 10_59_26.png", Some(0)),
            ("oAndzz/images/6-other.png", Some(1)),
            ("oAndzz-6-other.png", Some(1)),
            ("6-other.png", Some(1)),
            ("6-Other.png", None),
            ("..-6-other.png", None),
            ("%2e%2e%2f6-other.png", None),
        ] {
            assert_eq!(names.find(&file(path)).unwrap(), expected, "{path}");
        }
    }

    #[test]
    fn the_hash_tells_images_of_the_same_name_apart() {
        let candidates = [candidate("abc", "1-a.png"), candidate("xyz", "1-a.png")];
        let names = Names::of(&candidates);
        let error = names.find(&file("1-a.png")).unwrap_err().to_string();
        assert!(
            error.contains("/abc/") && error.contains("/xyz/"),
            "{error}"
        );
        assert!(names.find(&file("other/1-a.png")).is_err());
        assert_eq!(names.find(&file("xyz/1-a.png")).unwrap(), Some(1));
        assert_eq!(names.find(&file("xyz-1-a.png")).unwrap(), Some(1));
    }
}
