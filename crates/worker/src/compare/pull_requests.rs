//! Pull requests, and by their own count their comments.

use bucketload_bitbucket::{Endpoint, PullRequestFilter};
use bucketload_model::Stage;
use chrono::{DateTime, Utc};

use super::seen::{Seen, difference};
use super::{Comparison, Difference, LookedAt, MOST_PAGES, Online};
use crate::failure::StageError;

const STAGE: Stage = Stage::PullRequests;

/// Which pages of the list are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// All of them.
    Whole(u64),
    /// So many from that one on.
    Pages { from: u64, count: u64 },
}

impl Part {
    /// The part for that day. Each day has the pages that come after those of the day before.
    fn of(objects: u64, sample: f64, now: DateTime<Utc>) -> Self {
        let pages = objects
            .div_ceil(Endpoint::PullRequests.page_length())
            .max(1);
        // No list has so many pages that the least of them would be lost.
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "pages times a part of 1 is a small positive number"
        )]
        let wanted = (pages as f64 * sample).ceil() as u64;
        let count = wanted.clamp(1, MOST_PAGES);
        if count >= pages {
            return Self::Whole(pages);
        }
        let day = now.timestamp().unsigned_abs() / (24 * 60 * 60);
        Self::Pages {
            from: day % pages.div_ceil(count) * count,
            count,
        }
    }
}

impl Comparison<'_> {
    pub(super) async fn pull_requests(&self, online: &mut Online) -> Result<(), StageError> {
        if !self.is_list_wanted(STAGE).await? {
            return Ok(());
        }
        let uuid = &self.repository.uuid;
        let stored = self.importer.archive.count_pull_requests(uuid).await?;
        let part = Part::of(stored, self.sample, self.importer.clock.now());
        let mut seen = Seen::default();
        let client = &self.importer.client;
        let list = client.pull_requests(&self.repository.name);
        let size = match part {
            // What is new may fill a page more; of what is newer still, the number tells.
            Part::Whole(pages) => seen.read(self, STAGE, list, pages + 1).await?,
            Part::Pages { from, count } => {
                self.read_part(&mut seen, from, count).await?;
                client.size(list.0, &list.1).await?
            }
        };
        online.looked_at = Some(LookedAt {
            pull_requests: seen.len(),
            of: size,
        });
        let missing = size.map_or(0, |size| size.saturating_sub(stored));
        let new = seen.new.max(missing);
        let behind = difference(STAGE, "pull requests", size, new, seen.changed);
        online.behind.extend(behind);
        let (comments, commented) = (seen.comments, seen.commented);
        if comments > 0 && self.is_wanted(Stage::PullRequestComments) {
            online.behind.push(Difference {
                stage: Stage::PullRequestComments,
                objects: comments,
                detail: format!(
                    "Bitbucket has {comments} comments more, on {commented} pull requests"
                ),
            });
        }
        Ok(())
    }

    /// Reads what changed, and some pages of what did not.
    async fn read_part(&self, seen: &mut Seen, from: u64, count: u64) -> Result<(), StageError> {
        let archive = &self.importer.archive;
        let uuid = &self.repository.uuid;
        let matching = |filter| {
            let client = &self.importer.client;
            client.pull_requests_matching(&self.repository.name, &filter)
        };
        if let Some(covered) = archive.covered_list(uuid, STAGE).await? {
            let changes = matching(PullRequestFilter {
                updated_since: Some(covered.until),
                ..PullRequestFilter::default()
            });
            seen.read(self, STAGE, changes, MOST_PAGES).await?;
        }
        let position = from * Endpoint::PullRequests.page_length();
        let opened = archive.pull_request_opened_at(uuid, position).await?;
        let page = matching(PullRequestFilter {
            created_since: opened.and_then(|opened| opened.parse().ok()),
            ..PullRequestFilter::default()
        });
        seen.read(self, STAGE, page, count).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_part_is_bounded_and_moves_on_from_day_to_day() {
        let on = |day: i64| DateTime::from_timestamp(day * 86_400, 0).unwrap();
        let of = |objects, sample| Part::of(objects, sample, on(0));
        assert_eq!(of(0, 0.01), Part::Whole(1));
        assert_eq!(of(500, 1.0), Part::Whole(10));
        assert_eq!(of(501, 1.0), Part::Pages { from: 0, count: 10 });
        assert_eq!(of(500, 0.05), Part::Pages { from: 0, count: 1 });
        // 21 pages, 5 at a time: whoever looks for five days has seen all.
        let seen = (40..45).flat_map(|day| match Part::of(1_050, 0.2, on(day)) {
            Part::Pages { from, count } => from..from + count,
            Part::Whole(_) => 0..0,
        });
        let seen: BTreeSet<u64> = seen.collect();
        assert!((0..21).all(|page| seen.contains(&page)), "{seen:?}");
    }
}
