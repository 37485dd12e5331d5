//! The mirror's own refs: read with libgit2, written as one packed file.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use git2::{ObjectType, Oid, Repository};
use gix_object::bstr::{BString, ByteSlice};

use super::durable::replace;
use super::error::MirrorError;

/// A ref of the mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ref {
    /// Its full name, such as `refs/heads/main`. Git allows any bytes.
    pub name: BString,
    /// The object it points to.
    pub target: Oid,
}

/// Every ref of the mirror by name, with its target and, for a ref to an
/// annotated tag, what the tag points to in the end.
#[derive(Debug, Default, Clone)]
pub(super) struct Refs {
    pub(super) by_name: BTreeMap<BString, Target>,
    /// The same as it was read, whatever changed since.
    as_read: BTreeMap<BString, Oid>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub(super) id: Oid,
    peeled: Option<Oid>,
    /// Whether `peeled` is known, be it that there is nothing to peel.
    is_peeled: bool,
}

impl Target {
    /// A target of which nothing is known but its id.
    pub(super) fn new(id: Oid) -> Self {
        Self {
            id,
            peeled: None,
            is_peeled: false,
        }
    }
}

impl Refs {
    /// Reads every ref, packed or loose.
    pub(super) fn read(repository: &Repository) -> Result<Self, MirrorError> {
        let corrupt = || MirrorError::corrupt(repository.path());
        let mut refs = BTreeMap::new();
        for reference in repository.references().map_err(corrupt())? {
            let reference = reference.map_err(corrupt())?;
            let name = BString::from(reference.name_bytes());
            // A symbolic ref below refs/ is nothing a mirror holds; whoever
            // made one keeps it.
            let Some(id) = reference.target() else {
                continue;
            };
            let peeled = reference.target_peel();
            // Only packed refs know what they peel to.
            let is_peeled = peeled.is_some();
            refs.insert(
                name,
                Target {
                    id,
                    peeled,
                    is_peeled,
                },
            );
        }
        let as_read = refs.iter().map(|(name, target)| (name.clone(), target.id));
        Ok(Self {
            as_read: as_read.collect(),
            by_name: refs,
        })
    }

    /// Writes all refs as one file that replaces the old one: either all of
    /// them change or none, however many there are, and whatever happens.
    ///
    /// Their objects are in the repository and on the disk.
    pub(super) fn write(&mut self, repository: &Repository) -> Result<(), MirrorError> {
        let corrupt = || MirrorError::corrupt(repository.path());
        let database = repository.odb().map_err(corrupt())?;
        let mut text = Vec::from(&b"# pack-refs with: peeled fully-peeled sorted \n"[..]);
        for (name, target) in &mut self.by_name {
            if !target.is_peeled {
                let (_, kind) = database.read_header(target.id).map_err(corrupt())?;
                if kind == ObjectType::Tag {
                    target.peeled = Some(peel(repository, target.id).map_err(corrupt())?);
                }
                target.is_peeled = true;
            }
            text.extend_from_slice(target.id.to_string().as_bytes());
            text.push(b' ');
            text.extend_from_slice(name);
            text.push(b'\n');
            if let Some(peeled) = target.peeled {
                text.push(b'^');
                text.extend_from_slice(peeled.to_string().as_bytes());
                text.push(b'\n');
            }
        }
        let path = repository.path();
        replace(
            &path.join("packed-refs"),
            &path.join("packed-refs.lock"),
            &text,
        )?;
        // A loose ref outweighs the packed one of its name. None is ours, but
        // somebody may have pushed into the mirror.
        self.remove_loose(&path.join("refs"), &BString::from("refs"))
    }

    /// Removes the loose refs below `folder` that were read, and so are in the
    /// packed file or dropped from it on purpose, with the folders they leave
    /// empty. One that changed since is somebody's who is at it right now.
    fn remove_loose(&self, folder: &Path, prefix: &BString) -> Result<(), MirrorError> {
        for entry in fs::read_dir(folder).map_err(MirrorError::io("list", folder))? {
            let entry = entry.map_err(MirrorError::io("list", folder))?;
            let path = entry.path();
            let mut name = prefix.clone();
            name.push(b'/');
            name.extend_from_slice(entry.file_name().as_encoded_bytes());
            if path.is_dir() {
                self.remove_loose(&path, &name)?;
                // Git wants refs/heads and refs/tags; others go when empty.
                if name != "refs/heads" && name != "refs/tags" {
                    let _ = fs::remove_dir(&path);
                }
            } else if let Some(id) = self.as_read.get(&name) {
                let content = fs::read(&path).map_err(MirrorError::io("read", &path))?;
                if content.trim() == id.to_string().as_bytes() {
                    tracing::debug!(file = %path.display(), "a loose ref is now packed");
                    fs::remove_file(&path).map_err(MirrorError::io("remove", &path))?;
                }
            }
        }
        Ok(())
    }
}

fn peel(repository: &Repository, id: Oid) -> Result<Oid, git2::Error> {
    let mut object = repository.find_object(id, None)?;
    while let Some(tag) = object.as_tag() {
        object = tag.target()?;
    }
    Ok(object.id())
}

/// The branch that `HEAD` points to.
pub(super) fn head(repository: &Path) -> Option<BString> {
    let content = fs::read(repository.join("HEAD")).ok()?;
    let target = content.strip_prefix(b"ref:")?;
    Some(target.trim().into())
}

/// Points `HEAD` to `branch`, unless it already does.
pub(super) fn set_head(repository: &Path, branch: &BString) -> Result<bool, MirrorError> {
    if head(repository).as_ref() == Some(branch) {
        return Ok(false);
    }
    let mut content = b"ref: ".to_vec();
    content.extend_from_slice(branch);
    content.push(b'\n');
    replace(
        &repository.join("HEAD"),
        &repository.join("HEAD.lock"),
        &content,
    )?;
    Ok(true)
}
