//! Bundles of a mirror for machines that have it not: one of all of it, then what is new.
//!
//! Every bundle has all refs in its head, those that have not moved among them, and the objects
//! that its predecessors lack. So the last one says what the mirror is, and all of them together
//! have what it needs. A file in the mirror says which of them it has.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use bucketload_model::RepositoryUuid;
use chrono::{DateTime, Utc};
use git2::Oid;
use gix_object::bstr::{BString, ByteSlice as _};

use super::check::{self, BundleKind};
use super::durable::replace;
use super::error::MirrorError;
use super::listing::Listing;
use super::lock::RepositoryLock;
use super::plan::Plan;
use super::refs::{Ref, Refs};
use super::restore::{Header, begin, end, unpack};
use super::sweep::sweep;
use super::{Mirror, open_repository, reach};

/// Lies in the bare repository, where git does not mind it.
const MARK_FILE: &str = "bucketload.copy";

/// Which bundle of a mirror was made or unpacked last, and the refs in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyMark {
    /// Whose mirror it is: its place says only what it was called.
    pub repository: RepositoryUuid,
    /// The SHA-256 of the bundle.
    pub bundle: String,
    /// Its refs, in the order of their names.
    pub refs: Vec<Ref>,
}

impl CopyMark {
    fn parse(text: &[u8]) -> Option<Self> {
        let mut lines = text.lines();
        let (repository, bundle) = lines.next()?.split_once_str(" ")?;
        let refs = lines.map(|line| {
            let (id, name) = line.split_once_str(" ")?;
            let target = str::from_utf8(id).ok()?.parse().ok()?;
            let name = BString::from(name);
            Some(Ref { name, target })
        });
        Some(Self {
            repository: str::from_utf8(repository).ok()?.parse().ok()?,
            bundle: str::from_utf8(bundle).ok()?.to_owned(),
            refs: refs.collect::<Option<_>>()?,
        })
    }

    fn text(&self) -> Vec<u8> {
        let mut text = format!("{} {}\n", self.repository, self.bundle).into_bytes();
        for one in &self.refs {
            text.extend_from_slice(one.target.to_string().as_bytes());
            text.push(b' ');
            text.extend_from_slice(&one.name);
            text.push(b'\n');
        }
        text
    }
}

impl Mirror {
    /// Which bundle it has; `None` where none was made of it and it came from none.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn copy_mark(&self) -> Result<Option<CopyMark>, MirrorError> {
        let path = self.path.join(MARK_FILE);
        match fs::read(&path) {
            Ok(text) => Ok(CopyMark::parse(&text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(MirrorError::io("read", &path)(error)),
        }
    }

    /// Notes which bundle it has.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn set_copy_mark(&self, mark: &CopyMark) -> Result<(), MirrorError> {
        let path = self.path.join(MARK_FILE);
        // A killed process left it; nobody else writes here.
        let lock = self.path.join(format!("{MARK_FILE}.lock"));
        let _ = fs::remove_file(&lock);
        replace(&path, &lock, &mark.text())
    }

    /// Writes a bundle of every ref, without the objects that whoever has `since` has, too. A
    /// mirror without a ref has no bundle: returns `false`.
    ///
    /// # Errors
    ///
    /// As [`Self::bundle`].
    pub fn bundle_since(
        &self,
        into: &Path,
        since: &[Ref],
        cancel: &AtomicBool,
    ) -> Result<bool, MirrorError> {
        let since: BTreeSet<Oid> = since.iter().map(|one| one.target).collect();
        let since: Vec<Oid> = since.into_iter().collect();
        let repository = self.repository()?;
        check::bundle(&repository, into, BundleKind::Fast, &since, cancel)
    }

    /// Makes the mirror at `path` what the last of the bundles says, or makes a new one. What
    /// it had under the same names and the last bundle has not stays below `refs/archive/`.
    /// `main_branch` is what `HEAD` of a new one points to.
    ///
    /// Killed anywhere, the mirror is as it was, or as one of the bundles says.
    ///
    /// # Errors
    ///
    /// [`MirrorError::Corrupt`] if a bundle is not whole, or needs another one;
    /// [`MirrorError::Busy`]; those of the `git` program.
    pub fn unpack_copies(
        path: &Path,
        bundles: &[PathBuf],
        main_branch: Option<&str>,
        now: DateTime<Utc>,
        cancel: &AtomicBool,
    ) -> Result<Self, MirrorError> {
        let path = std::path::absolute(path).map_err(MirrorError::io("find", path))?;
        if let Some(mirror) = Self::open(&path)? {
            mirror.unpack_more(bundles, now, cancel)?;
            return Ok(mirror);
        }
        let unfinished = begin(&path)?;
        let mut last = None;
        for bundle in bundles {
            let header = Header::read(bundle)?;
            unpack(&unfinished, bundle, cancel)?;
            // The next one has to find what it needs behind a ref.
            header.write(&unfinished, main_branch)?;
            last = Some((header, bundle));
        }
        if let Some((header, bundle)) = last {
            header.check(&unfinished, bundle, cancel)?;
        }
        end(&unfinished, &path)
    }

    /// The refs in the head of a bundle, in the order of their names.
    ///
    /// # Errors
    ///
    /// [`MirrorError::Corrupt`] if it is none.
    pub fn refs_of_bundle(bundle: &Path) -> Result<Vec<Ref>, MirrorError> {
        let refs = Header::read(bundle)?.refs.into_iter();
        let mut refs: Vec<Ref> = refs.map(|(name, target)| Ref { name, target }).collect();
        refs.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(refs)
    }

    fn unpack_more(
        &self,
        bundles: &[PathBuf],
        now: DateTime<Utc>,
        cancel: &AtomicBool,
    ) -> Result<(), MirrorError> {
        let _lock = RepositoryLock::acquire(&self.path)?;
        sweep(&self.path)?;
        for (number, bundle) in bundles.iter().enumerate() {
            let header = Header::read(bundle)?;
            unpack(&self.path, bundle, cancel)?;
            // All history is walked for it, and what the last one leads to has the others'.
            if number + 1 == bundles.len() {
                header.check(&self.path, bundle, cancel)?;
            }
            let repository = open_repository(&self.path)?;
            let mut own = Refs::read(&repository)?;
            let listing = Listing {
                refs: header.refs.into_iter().collect(),
                ..Listing::default()
            };
            let plan = Plan::new(&listing, &own);
            if plan.is_empty() {
                continue;
            }
            let moves = plan.moved.iter().map(|(_, old, new)| (*old, *new));
            let moves: Vec<_> = moves.collect();
            let lost =
                reach::lost(&repository, &moves).map_err(MirrorError::corrupt(&self.path))?;
            plan.apply(&mut own, &lost, now);
            own.write(&repository)?;
        }
        Ok(())
    }
}
