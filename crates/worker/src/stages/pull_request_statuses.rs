//! What builds said of every pull request.
//!
//! One request for each pull request, whether it was ever built or not: the costliest stage,
//! and the one that tells least. So it is run on request, and begins when all others have
//! ended: whatever the quota allows comes to them first.

use bucketload_archive::{ObjectKey, ObjectRecord, Parents, Transaction};
use bucketload_bitbucket::{CommitStatus, Endpoint, Page, PageUrl};
use bucketload_model::{PullRequestId, Stage};

use super::StageContext;
use super::children::{ChildList, begin, read_pending};
use crate::failure::StageError;

const STAGE: Stage = Stage::PullRequestStatuses;

pub(super) async fn run(context: &StageContext) -> Result<(), StageError> {
    let others: Vec<Stage> = Stage::ALL
        .iter()
        .copied()
        .filter(|stage| stage.is_optional() && *stage != STAGE)
        .collect();
    context.wait_for(&others).await?;
    // Those that are new or have changed, and those that were stored without the stage.
    begin(context, STAGE, Parents::PullRequests).await?;
    read_pending(context, &Statuses).await
}

/// Reads what has become pending once more, and what the sweep found changed.
pub(super) async fn read_again(context: &StageContext) -> Result<(), StageError> {
    begin(context, STAGE, Parents::PullRequests).await?;
    read_pending(context, &Statuses).await
}

/// What a gap of one pull request's statuses is called.
pub(super) fn object(parent: i64) -> String {
    format!("statuses of pull request #{parent}")
}

struct Statuses;

impl ChildList for Statuses {
    type Item = CommitStatus;

    const STAGE: Stage = STAGE;
    const PARENTS: &[Stage] = &[Stage::PullRequests];

    fn first(&self, context: &StageContext, parent: i64) -> (Endpoint, PageUrl) {
        let client = &context.importer.client;
        client.pull_request_statuses(&context.name, PullRequestId(parent))
    }

    fn object(&self, parent: i64) -> String {
        object(parent)
    }

    async fn put(
        &self,
        context: &StageContext,
        transaction: &mut Transaction,
        parent: i64,
        page: &Page<CommitStatus>,
    ) -> Result<(), StageError> {
        let repository = &context.repository()?.uuid;
        let keys: Vec<String> = page.items.iter().map(|item| key(&item.value)).collect();
        let records: Vec<_> = page
            .items
            .iter()
            .zip(&keys)
            .map(|(item, key)| ObjectRecord {
                key: ObjectKey { parent, id: 0, key },
                created_on: item.value.created_on.as_deref(),
                updated_on: item.value.updated_on.as_deref(),
                source: item.source.get(),
            })
            .collect();
        transaction.put_objects(repository, STAGE, &records).await?;
        transaction
            .set_reported(repository, STAGE, parent, page.size)
            .await?;
        Ok(())
    }
}

/// Its name among those of the commit, and the commit.
fn key(status: &CommitStatus) -> String {
    let commit = status.commit.as_ref();
    let hash = commit.map_or("", |commit| commit.hash.as_str());
    format!("{hash}:{}", status.key)
}
