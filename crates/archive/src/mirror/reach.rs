//! What can be reached from what.

use std::collections::HashSet;

use git2::{ErrorCode, Oid, Repository, Sort};

/// From this many moved refs on, one walk over the new history sorts out most
/// of them. Below, a look at each is quicker.
const WALK_FROM: usize = 16;

/// Of `moves` (old target, new target), which lose the old one: it is not an
/// ancestor of the new one.
///
/// Thousands of refs move at once when somebody rewrites a history, and then
/// none of the old commits is in the new one. One walk over the new history
/// answers for all of those; only a commit found there is looked at by itself.
pub(super) fn lost(
    repository: &Repository,
    moves: &[(Oid, Oid)],
) -> Result<Vec<bool>, git2::Error> {
    let is_commit = |id: Oid| repository.find_commit(id).is_ok();
    // Only commits have ancestors: a moved annotated tag is always kept.
    let comparable: Vec<bool> = moves
        .iter()
        .map(|(old, new)| is_commit(*old) && is_commit(*new))
        .collect();
    let walked = if moves.len() >= WALK_FROM {
        let mut walk = repository.revwalk()?;
        for ((_, new), comparable) in moves.iter().zip(&comparable) {
            if *comparable {
                walk.push(*new)?;
            }
        }
        Some(walk.collect::<Result<HashSet<_>, _>>()?)
    } else {
        None
    };
    moves
        .iter()
        .zip(comparable)
        .map(|((old, new), comparable)| {
            let seen = walked.as_ref().is_none_or(|walked| walked.contains(old));
            Ok(!(comparable && seen && (repository.graph_descendant_of(*new, *old)?)))
        })
        .collect()
}

/// Commits that can be reached from any ref, those of the archive's own among them.
pub(super) fn commits(repository: &Repository) -> Result<u64, git2::Error> {
    let mut walk = repository.revwalk()?;
    walk.set_sorting(Sort::NONE)?;
    for reference in repository.references()? {
        // A ref may lead to a tree or to nothing: such a one has no commits.
        if let Ok(commit) = reference?.peel_to_commit() {
            walk.push(commit.id())?;
        }
    }
    walk.try_fold(0, |count, commit| commit.map(|_| count + 1))
}

/// Of `candidates`, those that are already here with all they need: commits
/// that can be reached from `tips`, which are the mirror's refs.
///
/// That an object is here proves nothing about what it refers to, so whatever
/// cannot be reached is fetched.
pub(super) fn known(
    repository: &Repository,
    candidates: impl Iterator<Item = Oid>,
    tips: &HashSet<Oid>,
) -> Result<HashSet<Oid>, git2::Error> {
    let mut known = HashSet::new();
    let mut unsure = Vec::new();
    for id in candidates {
        if tips.contains(&id) {
            known.insert(id);
        } else if repository.find_commit(id).is_ok() {
            unsure.push(id);
        }
    }
    if unsure.is_empty() {
        return Ok(known);
    }
    let mut walk = repository.revwalk()?;
    walk.set_sorting(Sort::NONE)?;
    for id in &unsure {
        walk.push(*id)?;
    }
    for tip in tips {
        let object = repository.find_object(*tip, None)?;
        if let Ok(commit) = object.peel_to_commit() {
            walk.hide(commit.id())?;
        }
    }
    match walk.collect::<Result<HashSet<_>, _>>() {
        Ok(missing) => known.extend(unsure.into_iter().filter(|id| !missing.contains(id))),
        // One of them lacks an ancestor. Which of them does not matter: what
        // is asked for in vain costs little.
        Err(error) if error.code() == ErrorCode::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(known)
}
