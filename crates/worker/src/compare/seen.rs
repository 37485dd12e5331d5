//! Versions of objects, page for page against those of the archive.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

use bucketload_archive::StoredVersion;
use bucketload_bitbucket::{Endpoint, ObjectVersion, PageUrl};
use bucketload_model::Stage;
use futures::StreamExt as _;

use super::{Comparison, Difference};
use crate::failure::StageError;

/// What was seen of a list, each object once.
#[derive(Debug, Default)]
pub(super) struct Seen {
    ids: BTreeSet<i64>,
    /// Objects that the archive has not.
    pub(super) new: u64,
    /// Objects that the archive has in another version.
    pub(super) changed: u64,
    /// Comments that came since.
    pub(super) comments: u64,
    /// On how many objects.
    pub(super) commented: u64,
}

impl Seen {
    /// Reads no more than so many pages of a list. Returns how long Bitbucket says it is.
    pub(super) async fn read(
        &mut self,
        comparison: &Comparison<'_>,
        stage: Stage,
        (endpoint, first): (Endpoint, PageUrl),
        most_pages: u64,
    ) -> Result<Option<u64>, StageError> {
        let client = &comparison.importer.client;
        let archive = &comparison.importer.archive;
        let repository = &comparison.repository.uuid;
        let most = usize::try_from(most_pages).unwrap_or(usize::MAX);
        let pages = client.pages::<ObjectVersion>(endpoint, first.of_versions());
        let mut pages = pin!(pages.take(most));
        let mut size = None;
        while let Some(page) = pages.next().await {
            let page = page?;
            size = size.or(page.size);
            let shown: Vec<_> = page.items.into_iter().map(|item| item.value).collect();
            let ids: Vec<i64> = shown.iter().map(|version| version.id).collect();
            let stored = archive.versions(repository, stage, &ids).await?;
            let stored: BTreeMap<_, _> = stored.into_iter().map(|one| (one.id, one)).collect();
            for version in &shown {
                self.add(version, stored.get(&version.id));
            }
        }
        Ok(size)
    }

    fn add(&mut self, shown: &ObjectVersion, stored: Option<&StoredVersion>) {
        if !self.ids.insert(shown.id) {
            return;
        }
        let before = stored.map_or(Some(0), |stored| stored.comment_count);
        let comments = match (shown.comment_count, before) {
            (Some(now), Some(before)) => now.saturating_sub(before),
            _ => 0,
        };
        self.comments += comments;
        self.commented += u64::from(comments > 0);
        match stored {
            None => self.new += 1,
            Some(stored) => {
                let is_same = comments == 0 && stored.updated_on == shown.updated_on;
                self.changed += u64::from(!is_same);
            }
        }
    }

    /// How many objects were looked at.
    pub(super) fn len(&self) -> u64 {
        self.ids.len() as u64
    }
}

/// What is new and changed in a list, if anything is.
pub(super) fn difference(
    stage: Stage,
    list: &str,
    size: Option<u64>,
    new: u64,
    changed: u64,
) -> Option<Difference> {
    let size = size.map_or_else(String::new, |size| format!("{size} "));
    (new + changed > 0).then(|| Difference {
        stage,
        objects: new + changed,
        detail: format!("of Bitbucket's {size}{list} {new} are new and {changed} have changed"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(id: i64, updated_on: &str, comment_count: Option<u64>) -> ObjectVersion {
        let updated_on = Some(updated_on.to_owned());
        ObjectVersion {
            id,
            updated_on,
            comment_count,
        }
    }

    fn stored(id: i64, updated_on: &str, comment_count: Option<u64>) -> StoredVersion {
        let updated_on = Some(updated_on.to_owned());
        StoredVersion {
            id,
            updated_on,
            comment_count,
        }
    }

    #[test]
    fn each_object_counts_once_as_what_it_is() {
        let mut seen = Seen::default();
        let mut add = |now: ObjectVersion, before: Option<StoredVersion>| {
            seen.add(&now, before.as_ref());
            (seen.new, seen.changed, seen.comments, seen.commented)
        };
        let same = stored(1, "a", Some(2));
        assert_eq!(add(shown(1, "a", Some(2)), Some(same)), (0, 0, 0, 0));
        assert_eq!(add(shown(2, "a", Some(3)), None), (1, 0, 3, 1));
        assert_eq!(add(shown(2, "a", Some(3)), None), (1, 0, 3, 1));
        // A comment was deleted.
        let fewer = stored(3, "a", Some(2));
        assert_eq!(add(shown(3, "b", Some(1)), Some(fewer)), (1, 1, 3, 1));
        // One was written that moved nothing else.
        let more = stored(4, "a", Some(2));
        assert_eq!(add(shown(4, "a", Some(4)), Some(more)), (1, 2, 5, 2));
        // Nobody has told how many there were.
        assert_eq!(
            add(shown(5, "a", Some(4)), Some(stored(5, "a", None))),
            (1, 2, 5, 2)
        );
        assert_eq!(seen.len(), 5);
    }
}
