//! What is there of an issue tracker, and what Bitbucket reported of it.

use bucketload_model::{IssueId, RepositoryUuid, Stage};

use super::IssueCounts;
use crate::database::sql::statement;
use crate::database::{Tally, unsigned};
use crate::{Archive, DatabaseError};

/// Objects of an issue tracker, counted by where they came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IssueTallies {
    /// Those that Bitbucket itself sent. An attachment counts once its content is there.
    pub online: IssueCounts,
    /// What Bitbucket reported in the lists of each issue; its issues stand elsewhere.
    pub reported: IssueCounts,
}

impl Archive {
    /// What is there of Bitbucket's own, and what it reported.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn tally_issues(
        &self,
        repository: &RepositoryUuid,
    ) -> Result<IssueTallies, DatabaseError> {
        let (issues, comments, changes, attachments): (i64, i64, i64, i64) = statement(
            "select
                 (select count(*) from issues
                     where repository_uuid = $1 and origin = 'bitbucket'),
                 (select count(*) from issue_comments
                     where repository_uuid = $1 and origin = 'bitbucket'),
                 (select count(*) from issue_changes
                     where repository_uuid = $1 and origin = 'bitbucket'),
                 (select count(*) from issue_attachments
                     where repository_uuid = $1 and origin = 'bitbucket'
                         and blob_sha256 is not null)",
        )
        .bind(repository.as_str())
        .fetch_one(&self.reader)
        .await?;
        let online = IssueCounts {
            issues: unsigned(issues),
            comments: unsigned(comments),
            changes: unsigned(changes),
            attachments: unsigned(attachments),
        };
        let reported = IssueCounts {
            issues: 0,
            comments: self.reported(repository, Stage::IssueComments).await?,
            changes: self.reported(repository, Stage::IssueChanges).await?,
            attachments: self.reported(repository, Stage::IssueAttachments).await?,
        };
        Ok(IssueTallies { online, reported })
    }

    /// Issues of whose comments, changes or attachments (the stage says which) fewer are
    /// stored than Bitbucket reported. Attachments count here without their content.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn issues_with_missing_children(
        &self,
        repository: &RepositoryUuid,
        stage: Stage,
    ) -> Result<Vec<(IssueId, Tally)>, DatabaseError> {
        let children = match stage {
            Stage::IssueComments => {
                "issue_comments c where c.issue_id = l.parent_id and c.origin = 'bitbucket'"
            }
            Stage::IssueChanges => {
                "issue_changes c where c.issue_id = l.parent_id and c.origin = 'bitbucket'"
            }
            Stage::IssueAttachments => {
                "issue_attachments c where c.issue_id = l.parent_id and c.origin = 'bitbucket'"
            }
            _ => return Ok(Vec::new()),
        };
        let lacking = self.parents_lacking(repository, stage, children).await?;
        let lacking = lacking.into_iter();
        Ok(lacking
            .map(|(issue, tally)| (IssueId(issue), tally))
            .collect())
    }
}
