//! Images that texts link to: each address once, and which texts have it.

use bucketload_model::{GapReason, ImportId, RepositoryUuid, Stage};
use chrono::{DateTime, Utc};
use serde_json::json;

use super::imports::inconsistent;
use super::sql::{StatementBuilder, statement};
use super::{Archive, DatabaseError, StoredText, Transaction, short_key, signed, unsigned};

/// Rows of one statement.
const AT_A_TIME: usize = 500;

/// An address in a text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkedImage {
    /// The address.
    pub url: String,
    /// Its host.
    pub host: String,
}

/// An image that some text links to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredImage {
    /// The address.
    pub url: String,
    /// The SHA-256 of its content, if that is in the store.
    pub blob: Option<String>,
    /// Why it cannot be had, if that was found out for good.
    pub refused: Option<(GapReason, String)>,
}

/// A text that links to an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageLink {
    /// The stage that brought the text.
    pub stage: Stage,
    /// The pull request or issue that it belongs to; 0 where it is none's.
    pub parent: i64,
    /// Its number; 0 where it has none.
    pub id: i64,
}

/// Images, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImageTally {
    /// Those that are wanted: on hosts that they may come from.
    pub expected: u64,
    /// Those whose content is there.
    pub stored: u64,
    /// Those on other hosts.
    pub left_out: u64,
}

#[derive(sqlx::FromRow)]
struct ImageRow {
    url: String,
    blob_sha256: Option<String>,
    reason: Option<String>,
    detail: Option<String>,
}

impl TryFrom<ImageRow> for StoredImage {
    type Error = DatabaseError;

    fn try_from(row: ImageRow) -> Result<Self, Self::Error> {
        let reason = row.reason.map(|reason| {
            let wrong = |_| inconsistent("images", "reason", &reason);
            reason.parse::<GapReason>().map_err(wrong)
        });
        Ok(Self {
            url: row.url,
            blob: row.blob_sha256,
            refused: reason.transpose()?.zip(row.detail),
        })
    }
}

/// What is known of an image, as it stands in an export.
fn source(url: &str, media_type: Option<&str>) -> String {
    match media_type {
        Some(media_type) => json!({ "url": url, "media_type": media_type }).to_string(),
        None => json!({ "url": url }).to_string(),
    }
}

impl Archive {
    /// How many images there are, and how many there should be, of those on `hosts`.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn tally_images(
        &self,
        repository: &RepositoryUuid,
        hosts: &[&str],
    ) -> Result<ImageTally, DatabaseError> {
        let mut query = StatementBuilder::new(
            "select cast(coalesce(sum(case when blob_sha256 is not null or host in ",
        );
        query
            .push_list(hosts.iter().copied())
            .push(" then 1 else 0 end), 0) as bigint), count(blob_sha256), count(*)")
            .push(" from images where repository_uuid = ")
            .push_bind(repository.as_str());
        let (expected, stored, all): (i64, i64, i64) =
            query.build().fetch_one(&self.reader).await?;
        Ok(ImageTally {
            expected: unsigned(expected),
            stored: unsigned(stored),
            left_out: unsigned(all - expected),
        })
    }

    /// The images on `hosts` and those whose content is there, in the order of their keys.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn images(
        &self,
        repository: &RepositoryUuid,
        hosts: &[&str],
    ) -> Result<Vec<StoredImage>, DatabaseError> {
        let mut query = StatementBuilder::new(
            "select url, blob_sha256, reason, detail from images where repository_uuid = ",
        );
        query
            .push_bind(repository.as_str())
            .push(" and (blob_sha256 is not null or host in ")
            .push_list(hosts.iter().copied())
            .push(") order by url_key");
        let rows: Vec<ImageRow> = query.build().fetch_all(&self.reader).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// How many images there are on each host that is not one of `hosts`, most first.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn foreign_image_hosts(
        &self,
        repository: &RepositoryUuid,
        hosts: &[&str],
    ) -> Result<Vec<(String, u64)>, DatabaseError> {
        let mut query =
            StatementBuilder::new("select host, count(*) from images where repository_uuid = ");
        query
            .push_bind(repository.as_str())
            .push(" and blob_sha256 is null and host not in ")
            .push_list(hosts.iter().copied())
            .push(" group by host order by count(*) desc, host");
        let rows: Vec<(String, i64)> = query.build().fetch_all(&self.reader).await?;
        let rows = rows.into_iter();
        Ok(rows.map(|(host, count)| (host, unsigned(count))).collect())
    }

    /// The first texts that link to an image, and how many do.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn image_links(
        &self,
        repository: &RepositoryUuid,
        url: &str,
        limit: u32,
    ) -> Result<(Vec<ImageLink>, u64), DatabaseError> {
        let key = short_key(url);
        let count: i64 = statement(
            "select count(*) from image_links where repository_uuid = $1 and url_key = $2",
        )
        .bind(repository.as_str())
        .bind(key.as_ref())
        .fetch_scalar(&self.reader)
        .await?;
        let rows: Vec<(String, i64, i64)> = statement(
            "select kind, parent_id, entry_id from image_links
             where repository_uuid = $1 and url_key = $2
             order by case kind when 'pull_request_activity' then 1 else 0 end,
                 kind, parent_id, entry_id, entry_key
             limit $3",
        )
        .bind(repository.as_str())
        .bind(key.as_ref())
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        let links = rows.into_iter().map(|(kind, parent, id)| {
            let wrong = |_| inconsistent("image_links", "kind", &kind);
            Ok(ImageLink {
                stage: kind.parse().map_err(wrong)?,
                parent,
                id,
            })
        });
        Ok((
            links.collect::<Result<_, DatabaseError>>()?,
            unsigned(count),
        ))
    }
}

impl Transaction {
    /// Notes what texts link to, in the place of what they linked to before. The texts are
    /// all of one stage.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_image_links(
        &mut self,
        repository: &RepositoryUuid,
        texts: &[(StoredText, Vec<LinkedImage>)],
        now: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        self.forget_image_links(repository, texts).await?;
        let found = texts.iter();
        let found = found.flat_map(|(text, images)| images.iter().map(move |image| (text, image)));
        let found: Vec<_> = found.collect();
        for part in found.chunks(AT_A_TIME) {
            let mut insert = StatementBuilder::new(
                "insert into images (repository_uuid, url_key, url, host, changed_at_ms, source) ",
            );
            insert.push_values(part, |row, (_, image)| {
                row.push_bind(repository.as_str())
                    .push_bind(short_key(&image.url).into_owned())
                    .push_bind(image.url.as_str())
                    .push_bind(image.host.as_str())
                    .push_bind(now.timestamp_millis())
                    .push_bind(source(&image.url, None));
            });
            insert.push(" on conflict (repository_uuid, url_key) do nothing");
            insert.build().execute(&mut self.inner).await?;
            let mut insert = StatementBuilder::new(
                "insert into image_links (repository_uuid, kind, parent_id, entry_id, entry_key,
                     url_key) ",
            );
            insert.push_values(part, |row, (text, image)| {
                row.push_bind(repository.as_str())
                    .push_bind(text.stage.name())
                    .push_bind(text.parent)
                    .push_bind(text.id)
                    .push_bind(text.key.as_str())
                    .push_bind(short_key(&image.url).into_owned());
            });
            insert.push(" on conflict do nothing");
            insert.build().execute(&mut self.inner).await?;
        }
        Ok(())
    }

    async fn forget_image_links(
        &mut self,
        repository: &RepositoryUuid,
        texts: &[(StoredText, Vec<LinkedImage>)],
    ) -> Result<(), DatabaseError> {
        let Some((first, _)) = texts.first() else {
            return Ok(());
        };
        for part in texts.chunks(AT_A_TIME) {
            let mut delete =
                StatementBuilder::new("delete from image_links where repository_uuid = ");
            delete
                .push_bind(repository.as_str())
                .push(" and kind = ")
                .push_bind(first.stage.name())
                .push(" and (parent_id, entry_id, entry_key) in (");
            delete.push_values(part, |row, (text, _)| {
                row.push_bind(text.parent)
                    .push_bind(text.id)
                    .push_bind(text.key.as_str());
            });
            delete.push(")");
            delete.build().execute(&mut self.inner).await?;
        }
        Ok(())
    }

    /// Forgets images that no text links to any more and whose content is not there. Returns
    /// their addresses.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn forget_unlinked_images(
        &mut self,
        repository: &RepositoryUuid,
    ) -> Result<Vec<String>, DatabaseError> {
        statement(
            "delete from images where repository_uuid = $1 and blob_sha256 is null
                 and not exists (select 1 from image_links l
                     where l.repository_uuid = images.repository_uuid
                         and l.url_key = images.url_key)
             returning url",
        )
        .bind(repository.as_str())
        .fetch_all_scalars(&mut self.inner)
        .await
    }

    /// Notes the content of an image.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn set_image_blob(
        &mut self,
        repository: &RepositoryUuid,
        url: &str,
        media_type: &str,
        blob: &str,
        now: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        statement(
            "update images set blob_sha256 = $3, source = $4, changed_at_ms = $5,
                 reason = null, detail = null
             where repository_uuid = $1 and url_key = $2",
        )
        .bind(repository.as_str())
        .bind(short_key(url).into_owned())
        .bind(blob)
        .bind(source(url, Some(media_type)))
        .bind(now.timestamp_millis())
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Notes why an image cannot be had, so that it is not asked for again and again; or that
    /// nothing is known for good.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn set_image_refused(
        &mut self,
        repository: &RepositoryUuid,
        url: &str,
        refused: Option<(GapReason, &str)>,
    ) -> Result<(), DatabaseError> {
        statement(
            "update images set reason = $3, detail = $4
             where repository_uuid = $1 and url_key = $2 and blob_sha256 is null",
        )
        .bind(repository.as_str())
        .bind(short_key(url).into_owned())
        .bind(refused.map(|(reason, _)| reason.name()))
        .bind(refused.map(|(_, detail)| detail))
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Stores an image of an export, as it stands there.
    ///
    /// # Errors
    ///
    /// When the database fails, or there is one with that address.
    pub async fn restore_image(
        &mut self,
        repository: &RepositoryUuid,
        image: &LinkedImage,
        source: &str,
        blob: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        statement(
            "insert into images (repository_uuid, url_key, url, host, blob_sha256, changed_at_ms,
                 source)
             values ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(repository.as_str())
        .bind(short_key(&image.url).into_owned())
        .bind(&image.url)
        .bind(&image.host)
        .bind(blob)
        .bind(now.timestamp_millis())
        .bind(source)
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Brings what an import says of its images up to date, after some came without it.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn count_images_again(
        &mut self,
        import: ImportId,
        tally: ImageTally,
    ) -> Result<(), DatabaseError> {
        let import = import.to_string();
        statement(
            "update import_stages set expected = $2, stored = $3, missing = $4,
                 state = case when state = 'complete_with_gaps' and not exists (
                     select 1 from gaps g where g.import_id = $1 and g.stage = 'images')
                     then 'complete' else state end
             where import_id = $1 and stage = 'images'
                 and state in ('complete', 'complete_with_gaps')",
        )
        .bind(&import)
        .bind(signed(tally.expected))
        .bind(signed(tally.stored))
        .bind(signed(tally.expected.saturating_sub(tally.stored)))
        .execute(&mut self.inner)
        .await?;
        statement(
            "update imports set state = 'complete'
             where id = $1 and state = 'complete_with_gaps'
                 and not exists (select 1 from gaps g where g.import_id = $1)
                 and not exists (select 1 from import_stages s
                     where s.import_id = $1 and s.missing > 0)",
        )
        .bind(&import)
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }
}
