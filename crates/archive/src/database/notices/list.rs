//! Notices with their deliveries, for people who look at them.

use std::collections::BTreeMap;

use bucketload_model::{ChannelKind, DeliveryState};
use chrono::{DateTime, Utc};

use super::{Notice, NoticeRow, SELECT};
use crate::database::imports::inconsistent;
use crate::database::sql::{StatementBuilder, statement};
use crate::database::{time, unsigned};
use crate::{Archive, DatabaseError};

/// A notice, and how it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeEntry {
    /// The notice.
    pub notice: Notice,
    /// Its deliveries, by channel; none for one that nobody wants to be told.
    pub deliveries: Vec<Delivery>,
}

/// The telling of a notice on one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The channel.
    pub channel: ChannelKind,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u64,
    /// When it is tried next, while it is pending.
    pub next_at: DateTime<Utc>,
    /// When it was told, or given up.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why the latest attempt failed.
    pub error: Option<String>,
}

#[derive(sqlx::FromRow)]
struct DeliveryRow {
    notice_id: String,
    channel: String,
    state: String,
    attempts: i64,
    next_at_ms: i64,
    ended_at_ms: Option<i64>,
    error: Option<String>,
}

fn channel(text: &str) -> Result<ChannelKind, DatabaseError> {
    let wrong = |_| inconsistent("notice_deliveries", "channel", text);
    text.parse().map_err(wrong)
}

fn state(text: &str) -> Result<DeliveryState, DatabaseError> {
    let wrong = |_| inconsistent("notice_deliveries", "state", text);
    text.parse().map_err(wrong)
}

impl TryFrom<DeliveryRow> for Delivery {
    type Error = DatabaseError;

    fn try_from(row: DeliveryRow) -> Result<Self, Self::Error> {
        Ok(Self {
            channel: channel(&row.channel)?,
            state: state(&row.state)?,
            attempts: unsigned(row.attempts),
            next_at: time(row.next_at_ms),
            ended_at: row.ended_at_ms.map(time),
            error: row.error,
        })
    }
}

impl Archive {
    /// The latest notices before one of them, the latest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn notices(
        &self,
        before: Option<&str>,
        limit: u32,
    ) -> Result<Vec<NoticeEntry>, DatabaseError> {
        let rows: Vec<NoticeRow> = statement(SELECT)
            .push(" where n.id < $1 order by n.id desc limit $2")
            // Ids are hexadecimal: each is less than this.
            .bind(before.unwrap_or("g"))
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        let mut deliveries = self.deliveries(&rows).await?;
        let entries = rows.into_iter().map(|row| {
            Ok(NoticeEntry {
                deliveries: deliveries.remove(&row.id).unwrap_or_default(),
                notice: row.try_into()?,
            })
        });
        entries.collect()
    }

    async fn deliveries(
        &self,
        notices: &[NoticeRow],
    ) -> Result<BTreeMap<String, Vec<Delivery>>, DatabaseError> {
        let mut found: BTreeMap<String, Vec<Delivery>> = BTreeMap::new();
        if notices.is_empty() {
            return Ok(found);
        }
        let mut select = StatementBuilder::new(
            "select notice_id, channel, state, attempts, next_at_ms, ended_at_ms, error
             from notice_deliveries where notice_id in ",
        );
        select.push_list(notices.iter().map(|row| row.id.as_str()));
        select.push(" order by notice_id, channel");
        let rows: Vec<DeliveryRow> = select.build().fetch_all(&self.reader).await?;
        for row in rows {
            let of_notice = found.entry(row.notice_id.clone()).or_default();
            of_notice.push(row.try_into()?);
        }
        Ok(found)
    }

    /// How many notices stand how on each channel.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn count_deliveries(
        &self,
    ) -> Result<Vec<(ChannelKind, DeliveryState, u64)>, DatabaseError> {
        let rows: Vec<(String, String, i64)> = statement(
            "select channel, state, count(*) from notice_deliveries
             group by channel, state order by channel, state",
        )
        .fetch_all(&self.reader)
        .await?;
        rows.into_iter()
            .map(|(name, how, count)| Ok((channel(&name)?, state(&how)?, unsigned(count))))
            .collect()
    }
}
