//! How far a clone in segments is, on the disk.
//!
//! What has arrived is held by refs below `refs/archive/segments/`, which the
//! remote has no say in: git and gix then ask for the rest alone. The remote's
//! own refs are written once, at the end. Where the cuts are stands in a file,
//! so that a clone which goes on has the same.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use git2::{Oid, Repository};
use gix_object::bstr::BString;

use super::super::durable::{replace, sync};
use super::super::error::MirrorError;
use super::super::refs::{Refs, Target};
use super::cuts::Cuts;

/// The refs that hold what has arrived; each is named by what it points to.
const PREFIX: &[u8] = b"refs/archive/segments/";

/// A hash a line, an empty line between segments. git does not mind it.
const FILE: &str = "bucketload.segments";

pub(in super::super) fn is_segment(name: &BString) -> bool {
    name.starts_with(PREFIX)
}

/// Whether the mirror is being cloned in segments.
pub(in super::super) fn has_segments(refs: &Refs) -> bool {
    refs.by_name.keys().any(is_segment)
}

/// Whether nothing but segments ever came into the mirror.
pub(super) fn is_first_clone(refs: &Refs) -> bool {
    refs.by_name.keys().all(is_segment)
}

/// Notes that `ids` and all behind them are here.
pub(super) fn hold(repository: &Repository, ids: &[Oid]) -> Result<(), MirrorError> {
    let mut refs = Refs::read(repository)?;
    for id in ids {
        let mut name = BString::from(PREFIX);
        name.extend_from_slice(id.to_string().as_bytes());
        refs.by_name.insert(name, Target::new(*id));
    }
    refs.write(repository)
}

/// Takes the segments out of `refs` and returns what they held.
pub(super) fn take_segments(refs: &mut Refs) -> HashSet<Oid> {
    let mut held = HashSet::new();
    refs.by_name.retain(|name, target| {
        if is_segment(name) {
            held.insert(target.id);
        }
        !is_segment(name)
    });
    held
}

/// Forgets all that arrived: the clone begins anew. The packs stay, but nothing is
/// believed because of them.
pub(super) fn forget(repository: &Repository) -> Result<(), MirrorError> {
    let mut refs = Refs::read(repository)?;
    take_segments(&mut refs);
    refs.write(repository)?;
    forget_cuts(repository.path())
}

/// The cuts of a clone that was interrupted. A file that nobody understands is
/// none: there are other cuts.
pub(super) fn read_cuts(mirror: &Path) -> Option<Cuts> {
    let text = fs::read_to_string(mirror.join(FILE)).ok()?;
    let mut cuts: Cuts = vec![Vec::new()];
    for line in text.lines() {
        if line.is_empty() {
            cuts.push(Vec::new());
        } else {
            let id = (line.len() == 40).then(|| Oid::from_str(line).ok());
            cuts.last_mut()?.push(id.flatten()?);
        }
    }
    cuts.iter().all(|ids| !ids.is_empty()).then_some(cuts)
}

pub(super) fn save_cuts(mirror: &Path, cuts: &Cuts) -> Result<(), MirrorError> {
    let segment = |ids: &Vec<Oid>| {
        let lines: Vec<String> = ids.iter().map(Oid::to_string).collect();
        lines.join("\n") + "\n"
    };
    let text: Vec<String> = cuts.iter().map(segment).collect();
    replace(
        &mirror.join(FILE),
        &mirror.join(format!("{FILE}.lock")),
        text.join("\n").as_bytes(),
    )
}

/// Removes the cuts, if there are any.
pub(in super::super) fn forget_cuts(mirror: &Path) -> Result<(), MirrorError> {
    let file = mirror.join(FILE);
    match fs::remove_file(&file) {
        Ok(()) => sync(mirror),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(MirrorError::io("remove", &file)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_come_back_as_they_were() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let id = |number: u8| Oid::from_bytes(&[number; 20]);
        let cuts = vec![vec![id(1)?, id(2)?], vec![id(3)?]];
        save_cuts(folder.path(), &cuts)?;
        assert_eq!(read_cuts(folder.path()), Some(cuts));
        for bad in ["", "\n\n", "0101", "../../etc/passwd\n"] {
            fs::write(folder.path().join(FILE), bad)?;
            assert_eq!(read_cuts(folder.path()), None, "{bad}");
        }
        forget_cuts(folder.path())?;
        assert_eq!(read_cuts(folder.path()), None);
        forget_cuts(folder.path())?;
        Ok(())
    }
}
