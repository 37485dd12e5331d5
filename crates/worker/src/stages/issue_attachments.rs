//! The files of issues, with their content.

use bucketload_archive::{Blob, MissingAttachment, Transaction};
use bucketload_bitbucket::{Endpoint, PageUrl};
use bucketload_model::{Gap, GapReason, Stage};

use super::files::{Files, bring, shown_name};
use super::issue_children::{self, Attachments};
use super::{StageContext, issue_tracker};
use crate::failure::StageError;

const STAGE: Stage = Stage::IssueAttachments;

pub(super) async fn run(context: &StageContext) -> Result<(), StageError> {
    issue_children::run(context, &Attachments).await?;
    let archive = &context.importer.archive;
    let missing = archive
        .missing_attachments(&context.repository()?.uuid)
        .await?;
    let answers = issue_tracker::answers(context).await?;
    let (wanted, lost): (Vec<_>, Vec<_>) = missing
        .into_iter()
        .partition(|attachment| answers && attachment.is_online);
    for attachment in &lost {
        name_lost(context, attachment).await?;
    }
    bring(context, &Contents, wanted).await
}

/// Nobody has it any more.
async fn name_lost(
    context: &StageContext,
    attachment: &MissingAttachment,
) -> Result<(), StageError> {
    let (reason, detail) = if attachment.is_online {
        let detail = "the tracker was removed before the file was fetched";
        (GapReason::RemovedByAtlassian, detail)
    } else {
        let detail = "the export that was taken in has no content for it";
        (GapReason::NotFound, detail)
    };
    let gap = Gap {
        stage: STAGE,
        object: Contents.object(attachment),
        reason,
        detail: detail.to_owned(),
        url: Contents
            .address(context, attachment)
            .map(|(_, url)| url.to_string()),
    };
    context.record_gap(gap, "", 0).await
}

/// What is in the files.
struct Contents;

impl Files for Contents {
    type Key = MissingAttachment;

    const STAGE: Stage = STAGE;

    fn address(
        &self,
        context: &StageContext,
        attachment: &MissingAttachment,
    ) -> Option<(Endpoint, PageUrl)> {
        let client = &context.importer.client;
        client.issue_attachment(&context.name, attachment.issue, &attachment.name)
    }

    fn object(&self, attachment: &MissingAttachment) -> String {
        let name = shown_name(&attachment.name);
        let number = match attachment.number {
            0 => String::new(),
            number => format!(" ({})", number + 1),
        };
        format!("attachment “{name}”{number} of issue #{}", attachment.issue)
    }

    async fn put(
        &self,
        context: &StageContext,
        transaction: &mut Transaction,
        attachment: &MissingAttachment,
        blob: &Blob,
    ) -> Result<(), StageError> {
        let repository = &context.repository()?.uuid;
        let MissingAttachment {
            issue,
            name,
            number,
            ..
        } = attachment;
        transaction
            .set_attachment_blob(repository, *issue, name, *number, &blob.sha256)
            .await?;
        Ok(())
    }
}
