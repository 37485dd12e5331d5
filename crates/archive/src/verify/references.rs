//! What belongs to something: whether that is there.

use bucketload_model::Stage;

use super::{Problem, ProblemKind, Proof, VerifyError};
use crate::database::sql::statement;
use crate::{Archive, StoredRepository};

/// One kind of belonging.
struct Reference {
    stage: Stage,
    /// What the object is called before its id.
    object: &'static str,
    /// What it belongs to.
    parent: &'static str,
    /// Gives the id of the object, as text, and that of what is not there.
    query: &'static str,
}

const REFERENCES: &[Reference] = &[
    Reference {
        stage: Stage::PullRequestComments,
        object: "comment",
        parent: "pull request",
        query: "select cast(c.id as text), c.pull_request_id from pull_request_comments c
                left join pull_requests p
                    on p.repository_uuid = c.repository_uuid and p.id = c.pull_request_id
                where c.repository_uuid = $1 and p.id is null order by c.id",
    },
    Reference {
        stage: Stage::PullRequestActivity,
        object: "activity",
        parent: "pull request",
        query: "select a.entry_key, a.pull_request_id from pull_request_activity a
                left join pull_requests p
                    on p.repository_uuid = a.repository_uuid and p.id = a.pull_request_id
                where a.repository_uuid = $1 and p.id is null
                order by a.pull_request_id, a.entry_key",
    },
    Reference {
        stage: Stage::IssueComments,
        object: "comment",
        parent: "issue",
        query: "select cast(c.id as text), c.issue_id from issue_comments c
                left join issues i
                    on i.repository_uuid = c.repository_uuid and i.id = c.issue_id
                where c.repository_uuid = $1 and i.id is null order by c.id",
    },
    Reference {
        stage: Stage::IssueChanges,
        object: "change",
        parent: "issue",
        query: "select cast(c.change_id as text), c.issue_id from issue_changes c
                left join issues i
                    on i.repository_uuid = c.repository_uuid and i.id = c.issue_id
                where c.repository_uuid = $1 and i.id is null
                order by c.change_id, c.field, c.number",
    },
    Reference {
        stage: Stage::IssueAttachments,
        object: "attachment",
        parent: "issue",
        query: "select a.entry_key, a.issue_id from issue_attachments a
                left join issues i
                    on i.repository_uuid = a.repository_uuid and i.id = a.issue_id
                where a.repository_uuid = $1 and i.id is null
                order by a.issue_id, a.entry_key, a.number",
    },
    Reference {
        stage: Stage::Repository,
        object: "object",
        parent: "pull request",
        query: "select o.kind || ' ' || cast(o.entry_id as text) || o.entry_key, o.parent_id
                from objects o
                left join pull_requests p
                    on p.repository_uuid = o.repository_uuid and p.id = o.parent_id
                where o.repository_uuid = $1 and o.parent_id <> 0 and p.id is null
                    and o.kind like 'pull_request%'
                order by o.kind, o.parent_id, o.entry_id, o.entry_key",
    },
];

pub(super) async fn prove(
    archive: &Archive,
    repository: &StoredRepository,
    proof: &mut Proof,
) -> Result<(), VerifyError> {
    let mut snapshot = archive.snapshot().await?;
    for reference in REFERENCES {
        let rows = statement(reference.query).bind(repository.uuid.as_str());
        let rows: Vec<(String, i64)> = rows.fetch_all(&mut snapshot).await?;
        for (object, parent) in rows {
            proof.problems.push(Problem {
                kind: ProblemKind::Missing,
                stage: reference.stage,
                object: format!("{} #{parent}", reference.parent),
                detail: format!("{} {object} belongs to it", reference.object),
            });
        }
    }
    Ok(())
}
