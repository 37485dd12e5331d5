//! Files that discussions show or hold, and those that a repository offers.

use std::collections::BTreeMap;

use bucketload_model::{IssueId, RepositoryUuid, Stage};
use serde::Deserialize;

use crate::database::issues::{sent_name, short_key};
use crate::database::sql::{StatementBuilder, statement};
use crate::database::unsigned;
use crate::{Archive, DatabaseError};

/// An image whose content is in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownImage {
    /// The SHA-256 of its content.
    pub blob: String,
    /// What it was found to be when it came, such as `image/png`.
    pub media_type: Option<String>,
}

/// A file with a name that somebody gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFile {
    /// The name, as it was sent: text, and never a path.
    pub name: String,
    /// The SHA-256 of its content and its size; none where that is missing.
    pub content: Option<(String, u64)>,
}

type Row = (String, Option<String>, Option<i64>, String);

fn named((name, blob, size_bytes, source): Row) -> NamedFile {
    NamedFile {
        name: sent_name(&source).unwrap_or(name),
        content: blob.zip(size_bytes.map(unsigned)),
    }
}

impl Archive {
    /// Those of some images whose content is in the archive, by their addresses.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn images_at(
        &self,
        repository: &RepositoryUuid,
        urls: &[&str],
    ) -> Result<BTreeMap<String, ShownImage>, DatabaseError> {
        #[derive(Deserialize)]
        struct Source {
            media_type: Option<String>,
        }
        if urls.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut select = StatementBuilder::new(
            "select url, blob_sha256, source from images
             where blob_sha256 is not null and repository_uuid = ",
        );
        select
            .push_bind(repository.as_str())
            .push(" and url_key in ")
            .push_list(urls.iter().map(|url| short_key(url).into_owned()));
        let rows: Vec<(String, String, String)> = select.build().fetch_all(&self.reader).await?;
        let rows = rows.into_iter().map(|(url, blob, source)| {
            let source: Option<Source> = serde_json::from_str(&source).ok();
            let media_type = source.and_then(|source| source.media_type);
            (url, ShownImage { blob, media_type })
        });
        Ok(rows.collect())
    }

    /// Whether a file is an image that texts of a repository show.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn is_image_of(
        &self,
        repository: &RepositoryUuid,
        sha256: &str,
    ) -> Result<bool, DatabaseError> {
        let count: i64 = statement(
            "select count(*) from images where repository_uuid = $1 and blob_sha256 = $2",
        )
        .bind(repository.as_str())
        .bind(sha256)
        .fetch_scalar(&self.reader)
        .await?;
        Ok(count > 0)
    }

    /// The attachments of an issue, by name, at most `limit`.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn issue_files(
        &self,
        repository: &RepositoryUuid,
        issue: IssueId,
        limit: u32,
    ) -> Result<Vec<NamedFile>, DatabaseError> {
        let rows: Vec<Row> = statement(
            "select name, blob_sha256, size_bytes, source from issue_attachments
             left join blobs on sha256 = blob_sha256
             where repository_uuid = $1 and issue_id = $2 order by entry_key, number limit $3",
        )
        .bind(repository.as_str())
        .bind(issue.0)
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        Ok(rows.into_iter().map(named).collect())
    }

    /// The attachment of an issue that has this content, if one has.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn issue_file(
        &self,
        repository: &RepositoryUuid,
        issue: IssueId,
        sha256: &str,
    ) -> Result<Option<NamedFile>, DatabaseError> {
        let row: Option<Row> = statement(
            "select name, blob_sha256, size_bytes, source from issue_attachments
             join blobs on sha256 = blob_sha256
             where repository_uuid = $1 and issue_id = $2 and blob_sha256 = $3
             order by entry_key, number limit 1",
        )
        .bind(repository.as_str())
        .bind(issue.0)
        .bind(sha256)
        .fetch_optional(&self.reader)
        .await?;
        Ok(row.map(named))
    }

    /// The downloads of a repository behind a name, by name, at most `limit`. What tells
    /// each apart stands beside it.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn download_page(
        &self,
        repository: &RepositoryUuid,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(String, NamedFile)>, DatabaseError> {
        let rows: Vec<Row> = statement(
            "select entry_key, blob_sha256, size_bytes, source from objects
             left join blobs on sha256 = blob_sha256
             where repository_uuid = $1 and kind = $2 and parent_id = 0 and entry_id = 0
                 and entry_key > $3
             order by entry_key limit $4",
        )
        .bind(repository.as_str())
        .bind(Stage::Downloads.name())
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.0.clone(), named(row)))
            .collect())
    }

    /// The download of a repository that has this content, if one has.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn download_file(
        &self,
        repository: &RepositoryUuid,
        sha256: &str,
    ) -> Result<Option<NamedFile>, DatabaseError> {
        let row: Option<Row> = statement(
            "select entry_key, blob_sha256, size_bytes, source from objects
             join blobs on sha256 = blob_sha256
             where repository_uuid = $1 and kind = $2 and parent_id = 0 and blob_sha256 = $3
             order by entry_key limit 1",
        )
        .bind(repository.as_str())
        .bind(Stage::Downloads.name())
        .bind(sha256)
        .fetch_optional(&self.reader)
        .await?;
        Ok(row.map(named))
    }
}
