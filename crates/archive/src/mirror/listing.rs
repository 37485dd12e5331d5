//! The refs that a remote shows.

use std::collections::BTreeMap;

use git2::Oid;
use gix_object::bstr::BString;

/// Where the mirror keeps what the remote let go of; the remote has no say in it.
pub(super) const ARCHIVE_PREFIX: &[u8] = b"refs/archive/";

/// Where it keeps the commits of pull requests that no branch leads to. Bitbucket has no refs
/// of pull requests.
pub(super) const PULL_PREFIX: &[u8] = b"refs/pull/";

/// The refs of a remote, as listed before anything is fetched.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Refs to mirror, in the order of their names.
    pub(super) refs: BTreeMap<BString, Oid>,
    /// Refs that are not mirrored, because of their names.
    pub(super) skipped: Vec<BString>,
    /// The branch that the remote's `HEAD` points to.
    pub(super) head: Option<BString>,
}

impl Listing {
    /// Takes one ref of the remote. `HEAD` is not a ref to mirror; peeled
    /// `^{}` entries are no refs at all.
    pub(super) fn add(&mut self, name: BString, target: Oid) {
        if name == "HEAD" || name.ends_with(b"^{}") {
            return;
        }
        if may_be_mirrored(&name) {
            self.refs.insert(name, target);
        } else {
            self.skipped.push(name);
        }
    }
}

/// Whether the name is one that git itself would accept below `refs/`, and is
/// not ours. The rules are those of `git check-ref-format`.
pub(super) fn may_be_mirrored(name: &[u8]) -> bool {
    let Some(rest) = name.strip_prefix(b"refs/") else {
        return false;
    };
    // Also `refs/archive` itself: as a ref it would shadow the whole namespace.
    // Without regard to case, because a file system may have none.
    let lower = name.to_ascii_lowercase();
    let is_ours = |prefix: &[u8]| lower.starts_with(prefix) || lower == prefix[..prefix.len() - 1];
    if is_ours(ARCHIVE_PREFIX) || is_ours(PULL_PREFIX) {
        return false;
    }
    let bad_byte = |byte: &u8| *byte <= b' ' || *byte == 0x7f || b"~^:?*[\\".contains(byte);
    !rest.is_empty()
        && !name.iter().any(bad_byte)
        && !contains(name, b"..")
        && !contains(name, b"@{")
        && !name.ends_with(b".")
        && rest
            .split(|byte| *byte == b'/')
            .all(|part| !part.is_empty() && !part.starts_with(b".") && !part.ends_with(b".lock"))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_git_accepts_are_mirrored() {
        for name in [
            "refs/heads/main",
            "refs/heads/feature/ünïcode-😀",
            "refs/pull-requests/7/from",
            "refs/tags/v1.0",
            "refs/archived/x",
            "refs/stash",
        ] {
            assert!(may_be_mirrored(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn unsafe_names_and_our_own_namespace_are_not() {
        for name in [
            "HEAD",
            "refs/",
            "refs/archive",
            "refs/archive/20260101T000000Z/heads/main",
            "refs/Archive/x",
            "refs/pull",
            "refs/pull/7/head",
            "refs/heads/../../config",
            "refs/heads/.hidden",
            "refs/heads/x.lock",
            "refs/heads//x",
            "refs/heads/a b",
            "refs/heads/a\nb",
            "refs/heads/x^{}",
            "refs/heads/x@{1}",
            "refs/heads/x.",
            "config",
        ] {
            assert!(!may_be_mirrored(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn head_and_peeled_entries_are_no_refs() {
        let mut listing = Listing::default();
        for name in ["HEAD", "refs/tags/v1", "refs/tags/v1^{}"] {
            listing.add(name.into(), Oid::ZERO_SHA1);
        }
        assert_eq!(listing.refs.len(), 1);
        assert!(listing.skipped.is_empty());
    }
}
