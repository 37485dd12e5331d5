//! The rows of an export, streamed in ascending order of their ids.

use bucketload_model::RepositoryUuid;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use super::compact::compact;
use crate::database::sql::{Session, statement};
use crate::{DatabaseError, IssueOrigin, PersonName};

/// A kind of object: its file, its rows, and the key of a row.
pub(crate) struct Kind {
    pub(crate) file: &'static str,
    /// Gives `id`, `parent_id` (0 where there is none), `text_id` and `source`; of issues also
    /// their `origin`, of files the `blob` with their content.
    query: &'static str,
    key: fn(&Row) -> Value,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    parent_id: i64,
    text_id: String,
    source: String,
    #[sqlx(default)]
    number: i64,
    #[sqlx(default)]
    origin: Option<String>,
    #[sqlx(default)]
    blob: Option<String>,
}

/// Every kind that an export has, in the order of its stages.
pub(crate) const KINDS: &[Kind] = &[
    Kind {
        file: "repository.json",
        query: "select cast(0 as bigint) as id, cast(0 as bigint) as parent_id, uuid as text_id, source
                from repositories where uuid = $1",
        key: |row| json!({ "repository": row.text_id }),
    },
    Kind {
        file: "users.jsonl",
        // A member who was also met in the repository is written as met there.
        query: "select cast(0 as bigint) as id, cast(0 as bigint) as parent_id, uuid as text_id, source
                from accounts where repository_uuid = $1
                union all
                select 0, 0, account_uuid, account_source from workspace_members
                where workspace = (select workspace from repositories where uuid = $1)
                    and account_uuid not in (
                        select uuid from accounts where repository_uuid = $1)
                order by text_id",
        key: |row| json!({ "account": row.text_id }),
    },
    Kind {
        file: "pull_requests.jsonl",
        query: "select id, cast(0 as bigint) as parent_id, '' as text_id, source
                from pull_requests where repository_uuid = $1 order by id",
        key: |row| json!({ "pull_request": row.id }),
    },
    Kind {
        file: "pull_request_comments.jsonl",
        query: "select id, pull_request_id as parent_id, '' as text_id, source
                from pull_request_comments where repository_uuid = $1 order by id",
        key: |row| json!({ "pull_request": row.parent_id, "comment": row.id }),
    },
    Kind {
        file: "pull_request_activity.jsonl",
        // In the order it happened, which every reader can follow.
        query: "select cast(0 as bigint) as id, pull_request_id as parent_id, entry_key as text_id, source
                from pull_request_activity where repository_uuid = $1
                order by pull_request_id, occurred_on nulls first, entry_key",
        key: |row| json!({ "pull_request": row.parent_id, "activity": row.text_id }),
    },
    Kind {
        file: "pull_request_tasks.jsonl",
        query: "select entry_id as id, parent_id, '' as text_id, source from objects
                where repository_uuid = $1 and kind = 'pull_request_tasks'
                order by parent_id, entry_id",
        key: |row| json!({ "pull_request": row.parent_id, "task": row.id }),
    },
    Kind {
        file: "pull_request_statuses.jsonl",
        query: "select entry_id as id, parent_id, entry_key as text_id, source from objects
                where repository_uuid = $1 and kind = 'pull_request_statuses'
                order by parent_id, entry_key",
        key: |row| {
            let (commit, status) = row.text_id.split_once(':').unwrap_or_default();
            json!({ "pull_request": row.parent_id, "commit": commit, "status": status })
        },
    },
    Kind {
        file: "pull_request_commits.jsonl",
        // Newest first, as Bitbucket lists them.
        query: "select cast(0 as bigint) as id, parent_id, entry_key as text_id, source
                from objects
                where repository_uuid = $1 and kind = 'pull_request_diffs' and entry_id > 0
                order by parent_id, created_on desc, entry_key",
        key: |row| json!({ "pull_request": row.parent_id, "commit": row.text_id }),
    },
    Kind {
        file: "issues.jsonl",
        query: "select id, cast(0 as bigint) as parent_id, '' as text_id, source, origin
                from issues where repository_uuid = $1 order by id",
        key: |row| json!({ "issue": row.id }),
    },
    Kind {
        file: "issue_fields.jsonl",
        query: "select cast(0 as bigint) as id, cast(0 as bigint) as parent_id,
                    kind || ':' || entry_key as text_id, source, origin
                from issue_fields where repository_uuid = $1 order by kind, entry_key",
        key: |row| {
            let (kind, name) = row.text_id.split_once(':').unwrap_or_default();
            json!({ kind: name })
        },
    },
    Kind {
        file: "issue_comments.jsonl",
        query: "select id, issue_id as parent_id, '' as text_id, source, origin
                from issue_comments where repository_uuid = $1 order by id",
        key: |row| json!({ "issue": row.parent_id, "comment": row.id }),
    },
    Kind {
        file: "issue_changes.jsonl",
        query: "select change_id as id, issue_id as parent_id, field as text_id, source, origin,
                    number
                from issue_changes where repository_uuid = $1
                order by issue_id, change_id, field, number",
        key: |row| {
            let mut key = json!({ "issue": row.parent_id, "change": row.id });
            if !row.text_id.is_empty() {
                key["field"] = row.text_id.clone().into();
            }
            numbered(key, row.number)
        },
    },
    Kind {
        file: "issue_attachments.jsonl",
        query: "select cast(0 as bigint) as id, issue_id as parent_id, entry_key as text_id,
                    source, origin, number, blob_sha256 as blob
                from issue_attachments where repository_uuid = $1
                order by issue_id, entry_key, number",
        key: |row| {
            let key = json!({ "issue": row.parent_id, "attachment": row.text_id });
            numbered(key, row.number)
        },
    },
    Kind {
        file: "downloads.jsonl",
        query: "select cast(0 as bigint) as id, cast(0 as bigint) as parent_id,
                    entry_key as text_id, source, blob_sha256 as blob
                from objects where repository_uuid = $1 and kind = 'downloads'
                order by entry_key",
        key: |row| json!({ "download": row.text_id }),
    },
    Kind {
        file: "images.jsonl",
        query: "select cast(0 as bigint) as id, cast(0 as bigint) as parent_id,
                    url_key as text_id, source, blob_sha256 as blob
                from images where repository_uuid = $1 order by url_key",
        key: |row| json!({ "image": row.text_id }),
    },
];

/// The settings, each in a file of its own.
pub(crate) const SETTINGS: Kind = Kind {
    file: "settings",
    query: "select cast(0 as bigint) as id, cast(0 as bigint) as parent_id,
                entry_key as text_id, source
            from objects where repository_uuid = $1 and kind = 'settings'
            order by entry_id, entry_key",
    key: |row| json!({ "setting": row.text_id }),
};

/// The files that belong to a repository, `sha256`, each with the `stage` that brought it and
/// the `object` that it belongs to.
pub(crate) const BLOBS: &str = "select blob_sha256 as sha256, 'issue_attachments' as stage,
        name || ' of issue #' || cast(issue_id as text) as object
    from issue_attachments where repository_uuid = $1 and blob_sha256 is not null
    union all
    select blob_sha256, kind, case when parent_id = 0 then kind || ' ' || entry_key
            else kind || ' ' || entry_key || ' of #' || cast(parent_id as text) end
    from objects where repository_uuid = $1 and blob_sha256 is not null
    union all
    select blob_sha256, 'images', 'image ' || url_key
    from images where repository_uuid = $1 and blob_sha256 is not null";

/// The hashes of its LFS objects that are there, each once.
pub(super) const LFS_OBJECTS: &str = "select distinct oid from lfs_objects
    where repository_uuid = $1 and is_stored = 1 order by oid";

/// A key with the number that tells apart what has it twice.
fn numbered(mut key: Value, number: i64) -> Value {
    if number > 0 {
        key["number"] = number.into();
    }
    key
}

/// One object of an export.
#[derive(Debug)]
pub(crate) struct Line {
    /// What tells it apart, as in the export.
    pub(crate) key: Value,
    /// Its own number; 0 where it has none.
    pub(crate) id: i64,
    /// As it was sent.
    pub(crate) source: String,
    origin: Option<String>,
    blob: Option<String>,
    /// The names that an account had over time, where there were several.
    pub(super) names: Option<Vec<PersonName>>,
}

impl Line {
    /// The UUID of the account that it is.
    pub(super) fn account(&self) -> Option<&str> {
        self.key.get("account")?.as_str()
    }

    /// `{"key": …, "source": …}` and its end.
    pub(crate) fn text(&self) -> String {
        let mut line = format!(
            "{{\"key\":{},\"source\":{}",
            self.key,
            compact(&self.source)
        );
        // What Bitbucket sent needs no mention.
        let origin = self.origin.as_deref();
        let origin = origin.filter(|origin| *origin != IssueOrigin::Bitbucket.name());
        for (name, value) in [("origin", origin), ("blob", self.blob.as_deref())] {
            if let Some(value) = value {
                line = format!("{line},\"{name}\":{}", Value::from(value));
            }
        }
        if let Some(names) = &self.names {
            line = format!("{line},\"names\":{}", json!(names));
        }
        line.push_str("}\n");
        line
    }
}

impl Kind {
    /// The objects of one repository, one after the other.
    pub(crate) fn lines<'c>(
        &self,
        snapshot: &'c mut Session,
        repository: &RepositoryUuid,
    ) -> Result<BoxStream<'c, Result<Line, DatabaseError>>, DatabaseError> {
        let rows = statement(self.query).bind(repository.as_str().to_owned());
        let rows = rows.fetch::<Row>(snapshot)?;
        let key = self.key;
        let line = move |row: Row| Line {
            key: key(&row),
            id: row.id,
            source: row.source,
            origin: row.origin,
            blob: row.blob,
            names: None,
        };
        Ok(rows.map_ok(line).boxed())
    }
}
