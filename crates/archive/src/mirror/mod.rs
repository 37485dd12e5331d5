//! Bare git mirrors: gix carries, libgit2 reads, the `git` program checks.
//!
//! | module | does |
//! |---|---|
//! | `layout` | makes a bare repository, or what is missing of one |
//! | `lock`, `sweep` | one writer at a time; leftovers of killed runs |
//! | `listing`, `plan` | what the remote shows, and what that changes |
//! | `carrier` | the seam: brings objects, writes no ref |
//! | `gix_carrier`, `http` | objects by gix over reqwest |
//! | `git_carrier`, `git_program` | objects by the `git` program |
//! | `gate` | leave for each request, from whoever counts them |
//! | `durable`, `refs` | packs on the disk first, then all refs at once |
//! | `reach` | which old targets are lost, which new ones are here already |
//! | `maintain` | joins packs when there are too many |
//! | `bring` | objects, from the remote to the disk |
//! | `segments` | a large first clone, piece by piece |
//! | `heads` | commits that no ref leads to any more |
//! | `update` | the order of all this |
//! | `restore` | a mirror out of its bundle |
//! | `copies` | bundles for other machines: what is new since the last one, and back |
//! | `pointers` | searches the packs for pointers of git LFS |
//! | `kept` | takes in a clone or bundle that somebody kept |
//! | `check` | `git fsck`, bundles |
//! | `version` | which `git` there is |
//!
//! The order of an update carries its promises. Packs arrive in a folder of
//! their own, are synced and moved, index last; only then one new
//! `packed-refs` replaces the old one. Killed anywhere, the mirror is the old
//! one or the new one, and the next update sweeps what was in between.

mod bring;
mod carrier;
mod check;
mod copies;
mod durable;
mod error;
mod gate;
mod git_carrier;
mod git_program;
mod gix_carrier;
mod heads;
mod http;
mod kept;
mod layout;
mod listing;
mod lock;
mod maintain;
mod meter;
mod plan;
mod pointers;
mod reach;
mod refs;
mod restore;
mod segments;
mod sweep;
mod update;
mod version;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

pub use git2::Oid;
use git2::{ErrorCode, ObjectType, Repository};

pub use check::{BundleKind, Fsck};
pub use copies::CopyMark;
pub use error::MirrorError;
pub use plan::ArchivedRef;
pub use pointers::{Pointer, PointerSearch};
pub use refs::Ref;
pub use segments::Segments;
pub use update::{MirrorUpdate, RefsBehind, Remote, TransportKind, UpdateOptions};
pub use version::{GitVersion, OLDEST_GIT};

use check::Depth;
use lock::RepositoryLock;
use refs::Refs;

/// A bare repository that holds everything a remote ever showed.
///
/// All methods block; asynchronous callers use `spawn_blocking`.
#[derive(Debug, Clone)]
pub struct Mirror {
    path: PathBuf,
}

impl Mirror {
    /// Opens the mirror at `path`, or makes an empty one, or completes one
    /// whose making was interrupted.
    ///
    /// # Errors
    ///
    /// [`MirrorError::NotAMirror`] if the folder holds other files;
    /// [`MirrorError::Busy`] if it is being made right now.
    pub fn open_or_init(path: &Path) -> Result<Self, MirrorError> {
        let path = std::path::absolute(path).map_err(MirrorError::io("find", path))?;
        layout::make(&path)?;
        let mirror = Self { path };
        mirror.repository()?;
        Ok(mirror)
    }

    /// Opens the mirror at `path`, if there is one.
    ///
    /// # Errors
    ///
    /// [`MirrorError::Corrupt`] if there is one that cannot be read.
    pub fn open(path: &Path) -> Result<Option<Self>, MirrorError> {
        let path = std::path::absolute(path).map_err(MirrorError::io("find", path))?;
        if !layout::is_complete(&path) {
            return Ok(None);
        }
        let mirror = Self { path };
        mirror.repository()?;
        Ok(Some(mirror))
    }

    /// Removes the mirror at `path` if nothing was ever brought into it. Returns whether
    /// there is one then.
    ///
    /// # Errors
    ///
    /// When it cannot be read or removed, or somebody works on it.
    pub fn remove_if_empty(path: &Path) -> Result<bool, MirrorError> {
        let Some(mirror) = Self::open(path)? else {
            return Ok(false);
        };
        if !mirror.refs()?.is_empty() {
            return Ok(true);
        }
        let _lock = RepositoryLock::acquire(&mirror.path)?;
        fs::remove_dir_all(&mirror.path).map_err(MirrorError::io("remove", &mirror.path))?;
        Ok(false)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The repository, for reading.
    ///
    /// # Errors
    ///
    /// [`MirrorError::Corrupt`] if libgit2 cannot read it;
    /// [`MirrorError::ForeignOwner`] if it will not.
    pub fn repository(&self) -> Result<Repository, MirrorError> {
        open_repository(&self.path)
    }

    /// Brings the mirror up to date with `remote`.
    ///
    /// Everything the remote shows below `refs/` is mirrored under its own
    /// name. What the remote let go of since the last update stays under
    /// `refs/archive/<timestamp>/`. When nothing changed, nothing is written.
    ///
    /// # Errors
    ///
    /// [`MirrorError::class`] says what each failure calls for. Whatever it
    /// was, the mirror is as it was before, or already up to date.
    pub fn update(
        &self,
        remote: &Remote,
        options: &UpdateOptions<'_>,
    ) -> Result<MirrorUpdate, MirrorError> {
        update::run(&self.path, remote, options)
    }

    /// What an update would change now. Asks the remote for its refs, and changes nothing.
    ///
    /// # Errors
    ///
    /// As [`Self::update`].
    pub fn behind(
        &self,
        remote: &Remote,
        options: &UpdateOptions<'_>,
    ) -> Result<RefsBehind, MirrorError> {
        update::behind(&self.path, remote, options)
    }

    /// Brings a commit of a pull request that no ref of the remote leads to any more, and
    /// keeps it as `refs/pull/<number>/head`. Returns whether the remote gave it.
    ///
    /// # Errors
    ///
    /// As [`Self::update`].
    pub fn bring_head(
        &self,
        remote: &Remote,
        options: &UpdateOptions<'_>,
        number: i64,
        commit: Oid,
    ) -> Result<bool, MirrorError> {
        heads::bring(&self.path, remote, options, number, commit)
    }

    /// Every ref, the archived ones included, in the order of their names.
    ///
    /// # Errors
    ///
    /// [`MirrorError::Corrupt`] if they cannot be read.
    pub fn refs(&self) -> Result<Vec<Ref>, MirrorError> {
        let refs = Refs::read(&self.repository()?)?;
        Ok(refs
            .by_name
            .into_iter()
            .map(|(name, target)| Ref {
                name,
                target: target.id,
            })
            .collect())
    }

    /// Whether the mirror has this commit.
    ///
    /// # Errors
    ///
    /// [`MirrorError::Corrupt`] if the repository cannot be read.
    pub fn has_commit(&self, id: Oid) -> Result<bool, MirrorError> {
        Ok(self.repository()?.find_commit(id).is_ok())
    }

    /// The commit whose hash begins with `prefix`, such as the 12 characters
    /// that Bitbucket gives; `None` if there is none, or more than one.
    ///
    /// # Errors
    ///
    /// [`MirrorError::Corrupt`] if the repository cannot be read.
    pub fn resolve_short(&self, prefix: &str) -> Result<Option<Oid>, MirrorError> {
        // git itself takes no less than four.
        let is_hash =
            (4..=40).contains(&prefix.len()) && prefix.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hash {
            return Ok(None);
        }
        let repository = self.repository()?;
        let corrupt = || MirrorError::corrupt(&self.path);
        let padded = Oid::from_str(&format!("{prefix:0<40}")).map_err(corrupt())?;
        let database = repository.odb().map_err(corrupt())?;
        let found = match database.exists_prefix(padded, prefix.len()) {
            Ok(found) => found,
            Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::Ambiguous) => {
                return Ok(None);
            }
            Err(error) => return Err(corrupt()(error)),
        };
        let (_, kind) = database.read_header(found).map_err(corrupt())?;
        Ok((kind == ObjectType::Commit).then_some(found))
    }

    /// Has the `git` program check every object (`git fsck --full`).
    ///
    /// # Errors
    ///
    /// [`MirrorError::GitMissing`], [`MirrorError::Cancelled`]. What it finds
    /// is not an error.
    pub fn fsck(&self, cancel: &AtomicBool) -> Result<Fsck, MirrorError> {
        check::fsck(&self.path, Depth::Content, cancel)
    }

    /// Has the `git` program look for everything that the refs lead to
    /// (`git fsck --connectivity-only`): quicker, but objects' content is not read.
    ///
    /// # Errors
    ///
    /// As [`Self::fsck`].
    pub fn check_connectivity(&self, cancel: &AtomicBool) -> Result<Fsck, MirrorError> {
        check::fsck(&self.path, Depth::Connectivity, cancel)
    }

    /// Writes every ref and object to one file that `git clone` understands.
    /// An empty mirror has no bundle: returns `false` and writes nothing.
    ///
    /// # Errors
    ///
    /// [`MirrorError::GitMissing`], [`MirrorError::Cancelled`],
    /// [`MirrorError::DiskFull`], [`MirrorError::Io`].
    pub fn bundle(
        &self,
        into: &Path,
        kind: BundleKind,
        cancel: &AtomicBool,
    ) -> Result<bool, MirrorError> {
        check::bundle(&self.repository()?, into, kind, &[], cancel)
    }

    /// Commits that can be reached from any of its refs. All of them are read: 300,000 in a line
    /// took 1.7 seconds.
    ///
    /// # Errors
    ///
    /// [`MirrorError::Corrupt`] if one of them is missing or cannot be read.
    pub fn count_commits(&self) -> Result<u64, MirrorError> {
        let repository = self.repository()?;
        reach::commits(&repository).map_err(MirrorError::corrupt(&self.path))
    }

    /// The bytes of all its files.
    ///
    /// # Errors
    ///
    /// [`MirrorError::Io`] if a folder cannot be read.
    pub fn size_bytes(&self) -> Result<u64, MirrorError> {
        size_bytes(&self.path)
    }
}

fn open_repository(path: &Path) -> Result<Repository, MirrorError> {
    Repository::open_bare(path).map_err(|error| match error.code() {
        ErrorCode::Owner => MirrorError::ForeignOwner {
            path: path.to_owned(),
        },
        _ => MirrorError::corrupt(path)(error),
    })
}

fn size_bytes(folder: &Path) -> Result<u64, MirrorError> {
    let mut sum = 0;
    for entry in fs::read_dir(folder).map_err(MirrorError::io("list", folder))? {
        let entry = entry.map_err(MirrorError::io("list", folder))?;
        let path = entry.path();
        let metadata = entry.metadata().map_err(MirrorError::io("read", &path))?;
        sum += if metadata.is_dir() {
            size_bytes(&path)?
        } else {
            metadata.len()
        };
    }
    Ok(sum)
}
