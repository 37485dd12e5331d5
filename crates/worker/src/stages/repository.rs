//! The repository object itself: one request.

use bucketload_archive::{RepositoryRecord, StoredRepository, Tagged, Transaction};
use bucketload_bitbucket::{Answer, Endpoint, EntityTag, Repository, Unless};
use bucketload_model::{Checkpoint, RepositoryUuid, RequestEstimate, Stage};

use super::{StageContext, account_records};
use crate::failure::StageError;

pub(super) async fn run(context: &StageContext) -> Result<(), StageError> {
    let importer = &context.importer;
    let client = &importer.client;
    let stored = importer.archive.repository(&context.name).await?;
    let tag = match &stored {
        Some(stored) => {
            let of = Tagged::Repository(&stored.uuid, &context.name);
            importer
                .entity_tag(client.repository_url(&context.name).as_str(), of)
                .await?
        }
        None => None,
    };
    let answer = client
        .repository_unless(&context.name, tag.as_ref())
        .await?;
    match (answer, stored) {
        (Unless::Changed(answer), _) => store(context, &answer).await,
        (Unless::Same { requests }, Some(stored)) => {
            let transaction = context.begin().await?;
            end(context, transaction, &stored.uuid, requests).await
        }
        // Nobody asked with a tag.
        (Unless::Same { .. }, None) => Err(StageError::Lost),
    }
}

async fn store(context: &StageContext, answer: &Answer<Repository>) -> Result<(), StageError> {
    let archive = &context.importer.archive;
    let repository = &answer.item.value;
    let old = archive.repository_by_uuid(&repository.uuid).await?;
    let old = old.filter(|old| old.name != context.name);
    if let Some(old) = &old {
        take_mirrors_along(context, old)?;
    }
    let main_branch = repository.mainbranch.as_ref();
    let record = RepositoryRecord {
        uuid: &repository.uuid,
        name: &context.name,
        display_name: repository.name.as_deref(),
        scm: repository.scm.as_deref(),
        is_private: repository.is_private,
        main_branch: main_branch.map(|branch| branch.name.as_str()),
        size_bytes: repository.size,
        updated_on: repository.updated_on.as_deref(),
        source: answer.item.source.get(),
    };
    let mut transaction = context.begin().await?;
    let stored = transaction.put_repository(&record).await?;
    // An export may have brought issues before Bitbucket was asked.
    transaction
        .adopt_issue_export(&context.name, &repository.uuid)
        .await?;
    if stored.inserted + stored.updated > 0 {
        let owner = account_records(repository.owner.iter());
        transaction
            .put_accounts(&repository.uuid, context.import, owner)
            .await?;
    }
    if old.is_some() {
        // The new name stands in the links of every object, changed or not.
        transaction.forget_covered_lists(&repository.uuid).await?;
    }
    let url = context.importer.client.repository_url(&context.name);
    let of = Tagged::Repository(&repository.uuid, &context.name);
    let tag = answer.entity_tag.as_ref().map(EntityTag::as_str);
    transaction.put_entity_tag(url.as_str(), tag, of).await?;
    end(context, transaction, &repository.uuid, answer.requests).await
}

/// A rename moves the mirrors along, so that their history stays one.
fn take_mirrors_along(context: &StageContext, old: &StoredRepository) -> Result<(), StageError> {
    let data_dir = &context.importer.data_dir;
    for (from, to) in [
        (data_dir.mirror(&old.name), data_dir.mirror(&context.name)),
        (data_dir.wiki(&old.name), data_dir.wiki(&context.name)),
    ] {
        if from.exists() && !to.exists() {
            if let Some(folder) = to.parent() {
                std::fs::create_dir_all(folder)?;
            }
            std::fs::rename(&from, &to)?;
            tracing::info!(from = %old.name, to = %context.name, "a mirror was renamed");
        }
    }
    Ok(())
}

async fn end(
    context: &StageContext,
    mut transaction: Transaction,
    repository: &RepositoryUuid,
    requests: u64,
) -> Result<(), StageError> {
    let import = context.import;
    transaction
        .set_import_repository(import, repository)
        .await?;
    let checkpoint = Checkpoint::EndOfList;
    transaction
        .save_checkpoint(import, Stage::Repository, &checkpoint, Some(1))
        .await?;
    transaction
        .add_requests(import, Endpoint::Repository.name(), requests)
        .await?;
    transaction
        .set_estimate(import, Stage::Repository, RequestEstimate::exactly(1))
        .await?;
    Ok(transaction.commit().await?)
}
