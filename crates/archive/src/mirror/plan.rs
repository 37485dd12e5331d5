//! What an update changes: the difference between what the remote lists and
//! what the mirror has.

use chrono::{DateTime, Utc};
use git2::Oid;
use gix_object::bstr::{BString, ByteSlice};

use super::listing::{ARCHIVE_PREFIX, Listing, PULL_PREFIX};
use super::refs::{Refs, Target};

/// The difference, before anything is fetched.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Refs that the mirror has not.
    pub(super) created: Vec<(BString, Oid)>,
    /// Refs that point elsewhere: name, old target, new target.
    pub(super) moved: Vec<(BString, Oid, Oid)>,
    /// Refs that the remote no longer has.
    pub(super) vanished: Vec<(BString, Oid)>,
}

impl Plan {
    pub(super) fn new(listing: &Listing, own: &Refs) -> Self {
        let mut plan = Self::default();
        for (name, target) in &listing.refs {
            match own.by_name.get(name) {
                None => plan.created.push((name.clone(), *target)),
                Some(old) if old.id != *target => {
                    plan.moved.push((name.clone(), old.id, *target));
                }
                Some(_) => {}
            }
        }
        for (name, target) in &own.by_name {
            if !is_archived(name) && !listing.refs.contains_key(name) {
                plan.vanished.push((name.clone(), target.id));
            }
        }
        plan
    }

    pub(super) fn is_empty(&self) -> bool {
        self.created.is_empty() && self.moved.is_empty() && self.vanished.is_empty()
    }

    /// Every new target.
    pub(super) fn targets(&self) -> impl Iterator<Item = Oid> {
        let created = self.created.iter().map(|(_, new)| *new);
        created.chain(self.moved.iter().map(|(_, _, new)| *new))
    }

    /// Applies the difference to `own`. `lost` tells for each moved ref whether
    /// its old target has to be kept under a name of its own. Returns those
    /// names with the refs they were.
    pub(super) fn apply(
        &self,
        own: &mut Refs,
        lost: &[bool],
        now: DateTime<Utc>,
    ) -> Vec<ArchivedRef> {
        let folder = archive_folder(own, now);
        let mut archived = Vec::new();
        let mut keep = |own: &mut Refs, name: &BString, old: Oid| {
            let mut kept = folder.clone();
            kept.extend_from_slice(name.strip_prefix(b"refs/").unwrap_or(name));
            own.by_name.insert(kept.clone(), Target::new(old));
            archived.push(ArchivedRef {
                name: name.clone(),
                target: old,
                archived_as: kept,
            });
        };
        for (name, old) in &self.vanished {
            own.by_name.remove(name);
            keep(own, name, *old);
        }
        for ((name, old, new), lost) in self.moved.iter().zip(lost) {
            if *lost {
                keep(own, name, *old);
            }
            own.by_name.insert(name.clone(), Target::new(*new));
        }
        for (name, new) in &self.created {
            own.by_name.insert(name.clone(), Target::new(*new));
        }
        archived
    }
}

/// A ref whose old target the remote let go of, and where it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedRef {
    /// The ref as the remote had it.
    pub name: BString,
    /// Where it pointed.
    pub target: Oid,
    /// The ref of the mirror that now keeps it: `refs/archive/<timestamp>/…`.
    pub archived_as: BString,
}

/// Whether a ref is the mirror's own: the remote neither has it nor lets go of it.
pub(super) fn is_archived(name: &BString) -> bool {
    name.starts_with(ARCHIVE_PREFIX) || name.starts_with(PULL_PREFIX)
}

/// `refs/archive/<timestamp>/`, with a number behind the timestamp when an
/// update of the same second already used it.
pub(super) fn archive_folder(own: &Refs, now: DateTime<Utc>) -> BString {
    let stamp = now.format("%Y%m%dT%H%M%SZ");
    let is_used = |folder: &BString| {
        let mut following = own.by_name.range(folder.clone()..);
        following
            .next()
            .is_some_and(|(name, _)| name.starts_with_str(folder))
    };
    let mut folder = BString::from(format!("refs/archive/{stamp}/"));
    let mut number = 1;
    while is_used(&folder) {
        number += 1;
        folder = BString::from(format!("refs/archive/{stamp}-{number}/"));
    }
    folder
}
