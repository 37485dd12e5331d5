//! What every database has to do. Each one runs all of it; where there is none of its kind
//! a test says so and ends.

mod accounts;
mod activity;
mod discussions;
mod entity_tags;
mod images;
mod imports;
mod issues;
mod lfs;
mod live;
mod notices;
mod objects;
mod pending;
mod people;
mod queue;
mod quota_uses;
mod repository_list;
mod retention;
mod rows;
mod transactions;
mod versions;
mod wikis;

use bucketload_model::RepositoryUuid;

use super::KIND;
use crate::support::{Store, repository_uuid};

/// An archive with nothing in it.
async fn store() -> Option<Store> {
    Store::on(KIND).await
}

/// An archive with one repository in it.
async fn with_repository() -> Option<(Store, RepositoryUuid)> {
    let store = store().await?;
    let uuid = repository_uuid(1);
    store.put_repository(&uuid, "{}").await;
    Some((store, uuid))
}
