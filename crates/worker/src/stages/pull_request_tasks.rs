//! The tasks of every pull request that has some.
//!
//! A pull request counts its open tasks alone. So those are asked for their tasks that have
//! open ones, and those that once had some; with lists read whole on request, every one
//! that was never asked.

use bucketload_archive::{ObjectKey, ObjectRecord, Parents, Transaction};
use bucketload_bitbucket::{Endpoint, Page, PageUrl, Task};
use bucketload_model::{PullRequestId, Stage};

use super::children::{ChildList, begin, read_pending};
use super::{StageContext, note_people};
use crate::failure::StageError;

const STAGE: Stage = Stage::PullRequestTasks;

pub(super) async fn run(context: &StageContext) -> Result<(), StageError> {
    // There are few of them, and comments come first.
    context.wait_for(&[Stage::PullRequests]).await?;
    let parents = if context.importer.whole_lists {
        Parents::PullRequests
    } else {
        Parents::PullRequestsWithTasks
    };
    begin(context, STAGE, parents).await?;
    read_pending(context, &Tasks).await
}

/// Reads what has become pending once more.
pub(super) async fn read_again(context: &StageContext) -> Result<(), StageError> {
    read_pending(context, &Tasks).await
}

/// What a gap of one pull request's tasks is called.
pub(super) fn object(parent: i64) -> String {
    format!("tasks of pull request #{parent}")
}

struct Tasks;

impl ChildList for Tasks {
    type Item = Task;

    const STAGE: Stage = STAGE;
    const PARENTS: &[Stage] = &[Stage::PullRequests];

    fn first(&self, context: &StageContext, parent: i64) -> (Endpoint, PageUrl) {
        let client = &context.importer.client;
        client.pull_request_tasks(&context.name, PullRequestId(parent))
    }

    fn object(&self, parent: i64) -> String {
        object(parent)
    }

    async fn put(
        &self,
        context: &StageContext,
        transaction: &mut Transaction,
        parent: i64,
        page: &Page<Task>,
    ) -> Result<(), StageError> {
        let repository = &context.repository()?.uuid;
        let records: Vec<_> = page
            .items
            .iter()
            .map(|item| ObjectRecord {
                key: ObjectKey {
                    parent,
                    id: item.value.id.0,
                    key: "",
                },
                created_on: item.value.created_on.as_deref(),
                updated_on: item.value.updated_on.as_deref(),
                source: item.source.get(),
            })
            .collect();
        let stored = transaction.put_objects(repository, STAGE, &records).await?;
        if stored.inserted + stored.updated > 0 {
            let accounts = page.items.iter().flat_map(|item| item.value.accounts());
            note_people(context, transaction, page, accounts).await?;
        }
        transaction
            .set_reported(repository, STAGE, parent, page.size)
            .await?;
        Ok(())
    }
}
