//! `GET /api/v1/repositories/{workspace}/{slug}`: what the archive holds of one.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bucketload_archive::{Amount, ProofRecord, StateCounts};
use bucketload_model::{ImportId, RepositoryUuid};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::{below_repository, found};
use crate::api::document::Operation;
use crate::api::etag::tagged;
use crate::api::problem::Problem;
use crate::service::App;

/// What the archive holds of a repository.
#[derive(Debug, Serialize, JsonSchema)]
struct Repository {
    /// `workspace/repository`.
    name: String,
    /// Its permanent id.
    uuid: RepositoryUuid,
    main_branch: Option<String>,
    /// The import that was asked for last; none where all is from an export.
    latest_import: Option<ImportId>,
    /// Commits in its clone, as the latest import counted them; none where none did.
    commits: Option<u64>,
    /// How many pull requests are in each state, as Bitbucket calls it.
    pull_requests: StateCounts,
    /// The same of issues.
    issues: StateCounts,
    /// Comments on issues.
    issue_comments: u64,
    /// Attachments of issues whose content is there.
    issue_attachments: FileAmount,
    /// Large files (git LFS) that are there.
    large_files: FileAmount,
    /// What was found when it was last looked at whole; none for never.
    proof: Option<Proof>,
}

/// Files, counted.
#[derive(Debug, Serialize, JsonSchema)]
struct FileAmount {
    files: u64,
    /// Their bytes together.
    bytes: u64,
}

/// What was found when everything was last looked at.
#[derive(Debug, Serialize, JsonSchema)]
struct Proof {
    /// When nothing was found, if it ever was so.
    proven_at: Option<DateTime<Utc>>,
    /// When it was looked at last.
    tried_at: DateTime<Utc>,
    /// Whether only a sample of the files was read.
    is_sample: bool,
    /// Objects that are missing or damaged.
    problems: u64,
}

impl From<Amount> for FileAmount {
    fn from(amount: Amount) -> Self {
        Self {
            files: amount.objects,
            bytes: amount.bytes,
        }
    }
}

impl From<ProofRecord> for Proof {
    fn from(proof: ProofRecord) -> Self {
        Self {
            proven_at: proof.proven_at,
            tried_at: proof.tried_at,
            is_sample: proof.is_sample,
            problems: proof.problems,
        }
    }
}

pub(super) fn operation() -> Operation {
    let operation = Operation::answers::<Repository>(
        "get_repository",
        "What the archive holds of a repository",
    );
    below_repository(operation).tagged()
}

pub(super) async fn show(
    State(app): State<App>,
    Path((workspace, slug)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let stored = found(&app, &workspace, &slug).await?;
    let (archive, uuid) = (&app.archive, &stored.uuid);
    let latest = archive.imports_of(&stored.name, 1).await?;
    let answer = Repository {
        commits: archive.git_commits(uuid).await?,
        pull_requests: archive.pull_request_states(uuid).await?,
        issues: archive.issue_states(uuid).await?,
        issue_comments: archive.count_issues(uuid).await?.comments,
        issue_attachments: archive.attachment_amount(uuid).await?.into(),
        large_files: archive.lfs_amount(uuid).await?.into(),
        proof: archive.proof(uuid).await?.map(Proof::from),
        latest_import: latest.first().map(|latest| latest.id),
        name: stored.name.to_string(),
        main_branch: stored.main_branch,
        uuid: stored.uuid,
    };
    tagged(&headers, &answer)
}
