//! A mirror out of its bundle.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use git2::Oid;
use gix_object::bstr::{BString, ByteSlice};

use super::check::is_whole;
use super::durable::sync;
use super::error::MirrorError;
use super::git_program::{Git, detail};
use super::listing::{ARCHIVE_PREFIX, PULL_PREFIX, may_be_mirrored};
use super::refs::{Refs, Target, set_head};
use super::{Mirror, layout, open_repository};

/// How a bundle of an export begins.
const SIGNATURE: &[u8] = b"# v2 git bundle\n";

/// A line in the head of a bundle: a hash and a ref.
const LONGEST_LINE_BYTES: u64 = 64 * 1024;

/// The refs of a bundle.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) refs: Vec<(BString, Oid)>,
    head: Option<Oid>,
    /// Whether it needs commits that are not in it.
    needs_more: bool,
}

impl Mirror {
    /// Makes a mirror at `path` out of a bundle that was made of one, every ref under its
    /// own name. `main_branch` is what `HEAD` points to, where the bundle allows it.
    ///
    /// Killed anywhere, the mirror is there whole or not at all.
    ///
    /// # Errors
    ///
    /// [`MirrorError::NotAMirror`] if something else is at `path`, [`MirrorError::Corrupt`]
    /// if the bundle is not whole or no bundle of a mirror; those of the `git` program.
    pub fn restore(
        path: &Path,
        bundle: &Path,
        main_branch: Option<&str>,
        cancel: &AtomicBool,
    ) -> Result<Self, MirrorError> {
        let bundle = fs::canonicalize(bundle).map_err(MirrorError::io("find", bundle))?;
        let header = Header::read(&bundle)?;
        if header.needs_more {
            let problem = "it needs commits that are not in it".to_owned();
            return Err(MirrorError::corrupt(&bundle)(problem));
        }
        if let Some(mirror) = Self::open(path)? {
            // Somebody was killed between this and the database.
            return if header.is_of(&mirror)? {
                Ok(mirror)
            } else {
                Err(MirrorError::NotAMirror {
                    path: path.to_owned(),
                })
            };
        }
        let unfinished = begin(path)?;
        unpack(&unfinished, &bundle, cancel)?;
        header.check(&unfinished, &bundle, cancel)?;
        header.write(&unfinished, main_branch)?;
        end(&unfinished, path)
    }
}

/// A bare repository beside the place of a mirror, for it to become one.
pub(super) fn begin(path: &Path) -> Result<PathBuf, MirrorError> {
    let unfinished = unfinished(path);
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(MirrorError::io("remove", &unfinished))?;
    }
    layout::make(&unfinished)?;
    Ok(unfinished)
}

/// Gives it its place.
pub(super) fn end(unfinished: &Path, path: &Path) -> Result<Mirror, MirrorError> {
    fs::rename(unfinished, path).map_err(MirrorError::io("rename", unfinished))?;
    path.parent().map_or(Ok(()), sync)?;
    Mirror::open_or_init(path)
}

/// No repository has a space in its name, so this one is free.
fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(" (unfinished)");
    path.with_file_name(name)
}

impl Header {
    pub(super) fn read(bundle: &Path) -> Result<Self, MirrorError> {
        let file = File::open(bundle).map_err(MirrorError::io("open", bundle))?;
        let mut file = BufReader::new(file);
        let broken = |what: &str| MirrorError::corrupt(bundle)(what.to_owned());
        let mut header = Self::default();
        let mut is_first = true;
        loop {
            let mut line = Vec::new();
            let mut part = (&mut file).take(LONGEST_LINE_BYTES);
            part.read_until(b'\n', &mut line)
                .map_err(MirrorError::io("read", bundle))?;
            if is_first {
                if line != SIGNATURE {
                    return Err(broken("it is no git bundle of version 2"));
                }
                is_first = false;
                continue;
            }
            let Some(line) = line.strip_suffix(b"\n") else {
                return Err(broken("its list of refs breaks off"));
            };
            if line.is_empty() {
                return Ok(header);
            }
            if line.starts_with(b"-") {
                header.needs_more = true;
                continue;
            }
            let (id, name) = line
                .split_once_str(b" ")
                .ok_or_else(|| broken("its list of refs cannot be read"))?;
            let id = str::from_utf8(id)
                .ok()
                .and_then(|id| id.parse::<Oid>().ok());
            let id = id.ok_or_else(|| broken("its list of refs cannot be read"))?;
            if name == b"HEAD" {
                header.head = Some(id);
            } else if may_be_mirrored(name) || may_be_kept(name) {
                header.refs.push((BString::from(name), id));
            } else {
                return Err(broken("one of its refs has an unsafe name"));
            }
        }
    }

    /// Whether a mirror has these refs and no others.
    fn is_of(&self, mirror: &Mirror) -> Result<bool, MirrorError> {
        let own = mirror.refs()?;
        let mut refs = self.refs.clone();
        refs.sort();
        let own = own.into_iter().map(|one| (one.name, one.target));
        Ok(own.eq(refs))
    }

    /// Makes sure that all is there that the refs lead to.
    pub(super) fn check(
        &self,
        path: &Path,
        bundle: &Path,
        cancel: &AtomicBool,
    ) -> Result<(), MirrorError> {
        let targets = self.refs.iter().map(|(_, id)| *id).collect();
        if !is_whole(path, &targets, cancel)? {
            let problem = "objects are missing in it".to_owned();
            return Err(MirrorError::corrupt(bundle)(problem));
        }
        Ok(())
    }

    pub(super) fn write(&self, path: &Path, main_branch: Option<&str>) -> Result<(), MirrorError> {
        let repository = open_repository(path)?;
        let mut refs = Refs::default();
        for (name, id) in &self.refs {
            refs.by_name.insert(name.clone(), Target::new(*id));
        }
        refs.write(&repository)?;
        if let Some(branch) = self.head_branch(main_branch) {
            set_head(path, &branch)?;
        }
        Ok(())
    }

    /// A branch that is where `HEAD` was, the main one before all others; where `HEAD` led
    /// to nothing, one that is not there.
    fn head_branch(&self, main_branch: Option<&str>) -> Option<BString> {
        let named = main_branch.map(|branch| BString::from(format!("refs/heads/{branch}")));
        let named = named.filter(|name| may_be_mirrored(name));
        let target = |name: &BString| {
            let mut refs = self.refs.iter();
            refs.find(|(known, _)| known == name).map(|(_, id)| *id)
        };
        let usual = ["refs/heads/main", "refs/heads/master"].map(BString::from);
        let branches = self.refs.iter().map(|(name, _)| name.clone());
        let branches = branches.filter(|name| name.starts_with(b"refs/heads/"));
        let mut candidates = named.clone().into_iter().chain(usual).chain(branches);
        if self.head.is_some() {
            return candidates.find(|name| target(name) == self.head);
        }
        let none = BString::from("refs/heads/none");
        let mut candidates = candidates.chain([none]);
        candidates.find(|name| target(name).is_none())
    }
}

/// Brings the objects of a bundle to the disk.
pub(super) fn unpack(path: &Path, bundle: &Path, cancel: &AtomicBool) -> Result<(), MirrorError> {
    let output = Git::new(path, "bundle")
        .args(["unbundle".as_ref(), bundle.as_os_str()])
        .run(b"", None, cancel, &|_| {})?;
    if !output.status.success() {
        let problem = detail(output.status, &output.stderr);
        return Err(MirrorError::corrupt(bundle)(problem));
    }
    for folder in ["objects/pack", "objects"] {
        sync(&path.join(folder))?;
    }
    Ok(())
}

/// Whether it is a name of the archive's own below which the remote's names stand.
fn may_be_kept(name: &[u8]) -> bool {
    let own = [ARCHIVE_PREFIX, PULL_PREFIX];
    let rest = own.iter().find_map(|prefix| name.strip_prefix(*prefix));
    rest.is_some_and(|rest| {
        let mut inside = b"refs/heads/".to_vec();
        inside.extend_from_slice(rest);
        may_be_mirrored(&inside)
    })
}
