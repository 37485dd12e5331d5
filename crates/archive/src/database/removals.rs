//! What Bitbucket announced to remove.

use bucketload_model::AnnouncedRemoval;
use chrono::{DateTime, Utc};

use super::sql::statement;
use super::{Archive, DatabaseError, Transaction};

impl Archive {
    /// Everything that Bitbucket announced to remove, by kind of request.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn announced_removals(&self) -> Result<Vec<AnnouncedRemoval>, DatabaseError> {
        type Row = (String, Option<String>, Option<String>, Option<String>);
        let rows: Vec<Row> = statement(
            "select endpoint, deprecation, sunset, link from announced_removals order by endpoint",
        )
        .fetch_all(&self.reader)
        .await?;
        let rows = rows.into_iter();
        Ok(rows
            .map(|(endpoint, deprecation, sunset, link)| AnnouncedRemoval {
                endpoint,
                deprecation,
                sunset,
                link,
            })
            .collect())
    }
}

impl Transaction {
    /// Notes what Bitbucket announced to remove; the latest word counts.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_announced_removal(
        &mut self,
        removal: &AnnouncedRemoval,
        now: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        statement(
            "insert into announced_removals (endpoint, deprecation, sunset, link, seen_at_ms)
             values ($1, $2, $3, $4, $5)
             on conflict (endpoint) do update set
                 deprecation = excluded.deprecation, sunset = excluded.sunset,
                 link = excluded.link, seen_at_ms = excluded.seen_at_ms",
        )
        .bind(&removal.endpoint)
        .bind(removal.deprecation.as_deref())
        .bind(removal.sunset.as_deref())
        .bind(removal.link.as_deref())
        .bind(now.timestamp_millis())
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }
}
