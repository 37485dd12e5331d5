//! The repository object itself: one request.

use bucketload_archive::RepositoryRecord;
use bucketload_bitbucket::Endpoint;
use bucketload_model::{Checkpoint, RequestEstimate, Stage};

use super::{StageContext, account_records};
use crate::failure::StageError;

pub(super) async fn run(context: &StageContext) -> Result<(), StageError> {
    let archive = &context.importer.archive;
    let answer = context.importer.client.repository(&context.name).await?;
    let repository = &answer.item.value;

    // A rename moves the mirror along, so that its history stays one.
    let old = archive.repository_by_uuid(&repository.uuid).await?;
    let old = old.filter(|old| old.name != context.name);
    if let Some(old) = &old {
        let from = context.importer.data_dir.mirror(&old.name);
        let to = context.importer.data_dir.mirror(&context.name);
        if from.exists() && !to.exists() {
            if let Some(folder) = to.parent() {
                std::fs::create_dir_all(folder)?;
            }
            std::fs::rename(&from, &to)?;
            tracing::info!(from = %old.name, to = %context.name, "the repository was renamed");
        }
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
    let mut transaction = archive.begin().await?;
    let stored = transaction.put_repository(&record).await?;
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
    transaction
        .set_import_repository(context.import, &repository.uuid)
        .await?;
    transaction
        .save_checkpoint(
            context.import,
            Stage::Repository,
            &Checkpoint::EndOfList,
            Some(1),
        )
        .await?;
    transaction
        .add_requests(context.import, Endpoint::Repository.name(), answer.requests)
        .await?;
    transaction
        .set_estimate(
            context.import,
            Stage::Repository,
            RequestEstimate::exactly(1),
        )
        .await?;
    transaction.commit().await?;
    Ok(())
}
