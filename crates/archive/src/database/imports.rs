//! Imports: what was asked, how far it is, what it cost, what is missing.

use std::time::Duration;

use bucketload_model::{
    Checkpoint, GitReport, ImportId, ImportState, RepositoryName, RepositoryUuid, RequestEstimate,
    Stage, StageReport, StageState,
};
use chrono::{DateTime, Utc};

use super::sql::statement;
use super::{Archive, DatabaseError, Transaction, signed, unsigned};

/// An import that begins.
#[derive(Debug, Clone, Copy)]
pub struct ImportStart<'a> {
    /// Its id.
    pub id: ImportId,
    /// Of what.
    pub name: &'a RepositoryName,
    /// Its stages, in order.
    pub stages: &'a [Stage],
    /// When.
    pub now: DateTime<Utc>,
}

/// An import in the archive.
#[derive(Debug, Clone)]
pub struct StoredImport {
    /// Its id.
    pub id: ImportId,
    /// Of what.
    pub name: RepositoryName,
    /// The repository, once known.
    pub repository: Option<RepositoryUuid>,
    /// Its stages, in order.
    pub stages: Vec<Stage>,
    /// Where it stands.
    pub state: ImportState,
}

/// How far a stage is.
#[derive(Debug, Clone, PartialEq)]
pub struct StageProgress {
    /// Where it stands.
    pub state: StageState,
    /// Where it goes on; absent before its first page.
    pub checkpoint: Option<Checkpoint>,
    /// Objects that Bitbucket reported.
    pub expected: Option<u64>,
}

#[derive(sqlx::FromRow)]
pub(super) struct ImportRow {
    pub(super) id: String,
    pub(super) workspace: String,
    pub(super) slug: String,
    pub(super) repository_uuid: Option<String>,
    pub(super) stages: String,
    pub(super) state: String,
    pub(super) error: Option<String>,
    pub(super) git_refs: i64,
    pub(super) git_bytes_received: i64,
    pub(super) git_commits: Option<i64>,
    pub(super) started_at_ms: i64,
    pub(super) finished_at_ms: Option<i64>,
    pub(super) wait_until_ms: Option<i64>,
}

pub(super) const SELECT_IMPORTS: &str =
    "select id, workspace, slug, repository_uuid, stages, state, error,
    git_refs, git_bytes_received, git_commits, started_at_ms, finished_at_ms, wait_until_ms from imports";

pub(super) fn inconsistent(
    table: &'static str,
    column: &'static str,
    value: &str,
) -> DatabaseError {
    DatabaseError::Inconsistent {
        table,
        column,
        value: value.to_owned(),
    }
}

impl TryFrom<&ImportRow> for StoredImport {
    type Error = DatabaseError;

    fn try_from(row: &ImportRow) -> Result<Self, Self::Error> {
        let wrong = |column, value: &str| inconsistent("imports", column, value);
        let repository = row
            .repository_uuid
            .as_deref()
            .map(|uuid| uuid.parse().map_err(|_| wrong("repository_uuid", uuid)));
        Ok(Self {
            id: row.id.parse().map_err(|_| wrong("id", &row.id))?,
            name: RepositoryName {
                workspace: row
                    .workspace
                    .parse()
                    .map_err(|_| wrong("workspace", &row.workspace))?,
                slug: row.slug.parse().map_err(|_| wrong("slug", &row.slug))?,
            },
            repository: repository.transpose()?,
            stages: row
                .stages
                .split(',')
                .map(|stage| stage.parse().map_err(|_| wrong("stages", stage)))
                .collect::<Result<_, _>>()?,
            state: row.state.parse().map_err(|_| wrong("state", &row.state))?,
        })
    }
}

impl Archive {
    /// Commits in the mirror of a repository, as its latest import counted them.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn git_commits(
        &self,
        repository: &RepositoryUuid,
    ) -> Result<Option<u64>, DatabaseError> {
        let counted: Option<i64> = statement(
            "select git_commits from imports
             where repository_uuid = $1 and git_commits is not null
             order by id desc limit 1",
        )
        .bind(repository.as_str())
        .fetch_optional_scalar(&self.reader)
        .await?;
        Ok(counted.map(unsigned))
    }

    /// The latest import of a repository, if there was one.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn latest_import(
        &self,
        name: &RepositoryName,
    ) -> Result<Option<StoredImport>, DatabaseError> {
        let row: Option<ImportRow> = statement(SELECT_IMPORTS)
            .push(" where workspace = $1 and slug = $2 order by id desc limit 1")
            .bind(name.workspace.as_str())
            .bind(name.slug.as_str())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(TryInto::try_into).transpose()
    }

    /// Whether an import of a repository has come to its end, be it with gaps, whatever the
    /// repository was called then.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn has_ended_import(
        &self,
        repository: &RepositoryUuid,
    ) -> Result<bool, DatabaseError> {
        let ended: i64 = statement(
            "select count(*) from imports where repository_uuid = $1 and state in ($2, $3)",
        )
        .bind(repository.as_str())
        .bind(ImportState::Complete.name())
        .bind(ImportState::CompleteWithGaps.name())
        .fetch_scalar(&self.reader)
        .await?;
        Ok(ended > 0)
    }

    /// An import, if there is one of that id.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn import(&self, import: ImportId) -> Result<Option<StoredImport>, DatabaseError> {
        let row: Option<ImportRow> = statement(SELECT_IMPORTS)
            .push(" where id = $1")
            .bind(import.to_string())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(TryInto::try_into).transpose()
    }

    /// The latest import of every name, by name.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn latest_imports(&self) -> Result<Vec<StoredImport>, DatabaseError> {
        let rows: Vec<ImportRow> = statement(SELECT_IMPORTS)
            .push(
                " where id in (select max(id) from imports group by workspace, slug)
                 order by workspace, slug",
            )
            .fetch_all(&self.reader)
            .await?;
        rows.iter().map(TryInto::try_into).collect()
    }

    /// How far each stage of an import is.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn stage_progress(
        &self,
        import: ImportId,
        stage: Stage,
    ) -> Result<Option<StageProgress>, DatabaseError> {
        let row: Option<(String, Option<String>, Option<i64>)> = statement(
            "select state, checkpoint, expected from import_stages
             where import_id = $1 and stage = $2",
        )
        .bind(import.to_string())
        .bind(stage.name())
        .fetch_optional(&self.reader)
        .await?;
        let Some((state, checkpoint, expected)) = row else {
            return Ok(None);
        };
        let checkpoint = checkpoint
            .map(|text| {
                serde_json::from_str(&text)
                    .map_err(|_| inconsistent("import_stages", "checkpoint", &text))
            })
            .transpose()?;
        Ok(Some(StageProgress {
            state: state
                .parse()
                .map_err(|_| inconsistent("import_stages", "state", &state))?,
            checkpoint,
            expected: expected.map(unsigned),
        }))
    }
}

impl Transaction {
    /// Notes that an import begins, with all its stages pending.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn start_import(&mut self, start: &ImportStart<'_>) -> Result<(), DatabaseError> {
        let names: Vec<&str> = start.stages.iter().map(|stage| stage.name()).collect();
        let id = start.id.to_string();
        self.supersede(start.name).await?;
        statement(
            "insert into imports (id, workspace, slug, stages, state, started_at_ms)
             values ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&id)
        .bind(start.name.workspace.as_str())
        .bind(start.name.slug.as_str())
        .bind(names.join(","))
        .bind(ImportState::Running.name())
        .bind(start.now.timestamp_millis())
        .execute(&mut self.inner)
        .await?;
        self.put_stages(start.id, start.stages).await
    }

    /// Another import of a repository is about to be its latest.
    pub(super) async fn supersede(&mut self, name: &RepositoryName) -> Result<(), DatabaseError> {
        statement(
            "update imports set is_latest = 0
             where workspace = $1 and slug = $2 and is_latest = 1",
        )
        .bind(name.workspace.as_str())
        .bind(name.slug.as_str())
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Sets where an import stands. An end has a time, and a failure a reason.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn set_import_state(
        &mut self,
        import: ImportId,
        state: ImportState,
        error: Option<&str>,
        finished_at: Option<DateTime<Utc>>,
    ) -> Result<(), DatabaseError> {
        statement("update imports set state = $2, error = $3, finished_at_ms = $4 where id = $1")
            .bind(import.to_string())
            .bind(state.name())
            .bind(error)
            .bind(finished_at.map(|time| time.timestamp_millis()))
            .execute(&mut self.inner)
            .await?;
        Ok(())
    }

    /// Notes which repository an import turned out to be of.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn set_import_repository(
        &mut self,
        import: ImportId,
        repository: &RepositoryUuid,
    ) -> Result<(), DatabaseError> {
        statement("update imports set repository_uuid = $2 where id = $1")
            .bind(import.to_string())
            .bind(repository.as_str())
            .execute(&mut self.inner)
            .await?;
        Ok(())
    }

    /// Notes what the mirror holds, and adds to what it took.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn add_git_result(
        &mut self,
        import: ImportId,
        result: GitReport,
    ) -> Result<(), DatabaseError> {
        statement(
            "update imports set git_refs = $2, git_bytes_received = git_bytes_received + $3,
                 git_commits = $4
             where id = $1",
        )
        .bind(import.to_string())
        .bind(signed(result.refs))
        .bind(signed(result.bytes_received))
        .bind(result.commits.map(signed))
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Adds to the requests that an import took.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn add_requests(
        &mut self,
        import: ImportId,
        endpoint: &str,
        requests: u64,
    ) -> Result<(), DatabaseError> {
        if requests == 0 {
            return Ok(());
        }
        statement(
            "insert into import_requests (import_id, endpoint, requests) values ($1, $2, $3)
             on conflict (import_id, endpoint) do update set
                 requests = import_requests.requests + excluded.requests",
        )
        .bind(import.to_string())
        .bind(endpoint)
        .bind(signed(requests))
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Notes how many requests a stage is expected to take.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn set_estimate(
        &mut self,
        import: ImportId,
        stage: Stage,
        estimate: RequestEstimate,
    ) -> Result<(), DatabaseError> {
        statement(
            "update import_stages set requests_min = $3, requests_max = $4
             where import_id = $1 and stage = $2",
        )
        .bind(import.to_string())
        .bind(stage.name())
        .bind(signed(estimate.min))
        .bind(signed(estimate.max))
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Notes that a stage will take the most requests that it was expected to take.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn expect_most(
        &mut self,
        import: ImportId,
        stage: Stage,
    ) -> Result<(), DatabaseError> {
        statement(
            "update import_stages set requests_min = requests_max
             where import_id = $1 and stage = $2",
        )
        .bind(import.to_string())
        .bind(stage.name())
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Notes that a stage begins or goes on.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn start_stage(
        &mut self,
        import: ImportId,
        stage: Stage,
        now: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        statement(
            "update import_stages set state = $3, started_at_ms = $4, ended_at_ms = null,
                 stored_before = stored
             where import_id = $1 and stage = $2",
        )
        .bind(import.to_string())
        .bind(stage.name())
        .bind(StageState::Running.name())
        .bind(now.timestamp_millis())
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Saves where a stage goes on, and what Bitbucket reported if it did. A place that is
    /// new brings the import forward.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn save_checkpoint(
        &mut self,
        import: ImportId,
        stage: Stage,
        checkpoint: &Checkpoint,
        expected: Option<u64>,
    ) -> Result<(), DatabaseError> {
        let checkpoint = serde_json::to_string(checkpoint)
            .map_err(|_| inconsistent("import_stages", "checkpoint", "unwritable"))?;
        statement(
            "update imports set progress = progress + 1
             where id = $1 and exists (select 1 from import_stages where import_id = $1
                 and stage = $2 and coalesce(checkpoint, '') <> $3)",
        )
        .bind(import.to_string())
        .bind(stage.name())
        .bind(&checkpoint)
        .execute(&mut self.inner)
        .await?;
        statement(
            "update import_stages set checkpoint = $3, expected = coalesce($4, expected)
             where import_id = $1 and stage = $2",
        )
        .bind(import.to_string())
        .bind(stage.name())
        .bind(checkpoint)
        .bind(expected.map(signed))
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Adds to the time that a stage took.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn finish_stage(
        &mut self,
        import: ImportId,
        report: &StageReport,
        took: Duration,
    ) -> Result<(), DatabaseError> {
        statement(
            "update import_stages set state = $3, expected = $4, stored = $5, missing = $6,
                 left_out = $7, duration_ms = duration_ms + $8
             where import_id = $1 and stage = $2",
        )
        .bind(import.to_string())
        .bind(report.name.name())
        .bind(report.state.name())
        .bind(report.expected.map(signed))
        .bind(signed(report.stored))
        .bind(signed(report.missing))
        .bind(signed(report.left_out))
        .bind(i64::try_from(took.as_millis()).unwrap_or(i64::MAX))
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }
}
