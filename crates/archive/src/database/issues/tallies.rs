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

    async fn reported(
        &self,
        repository: &RepositoryUuid,
        stage: Stage,
    ) -> Result<u64, DatabaseError> {
        let reported: i64 = statement(
            "select cast(coalesce(sum(reported), 0) as bigint) from child_lists
             where repository_uuid = $1 and stage = $2",
        )
        .bind(repository.as_str())
        .bind(stage.name())
        .fetch_scalar(&self.reader)
        .await?;
        Ok(unsigned(reported))
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
        let table = match stage {
            Stage::IssueComments => "issue_comments",
            Stage::IssueChanges => "issue_changes",
            Stage::IssueAttachments => "issue_attachments",
            _ => return Ok(Vec::new()),
        };
        let rows: Vec<(i64, i64, i64)> = statement(
            "select parent_id, stored, expected from (
                 select parent_id, coalesce(reported, 0) as expected,
                     (select count(*) from ",
        )
        .push(table)
        .push(
            " c where c.repository_uuid = l.repository_uuid and c.issue_id = l.parent_id
                          and c.origin = 'bitbucket') as stored
                 from child_lists l where repository_uuid = $1 and stage = $2
             ) counts where stored < expected order by parent_id",
        )
        .bind(repository.as_str())
        .bind(stage.name())
        .fetch_all(&self.reader)
        .await?;
        let rows = rows.into_iter().map(|(issue, stored, expected)| {
            let tally = Tally {
                stored: unsigned(stored),
                expected: unsigned(expected),
            };
            (IssueId(issue), tally)
        });
        Ok(rows.collect())
    }
}
