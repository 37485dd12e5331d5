//! The telling of notices, by one at a time, across processes.

use bucketload_model::{ChannelKind, DeliveryState, LeaseOwner, NoticeId, NoticeKind};
use chrono::{DateTime, Duration, Utc};

use super::{LOCK, Notice, NoticeRow, SELECT};
use crate::database::sql::{StatementBuilder, statement};
use crate::database::unsigned;
use crate::{DatabaseError, Transaction};

/// What is older is no news: nobody is told of it who was not before.
const OLD_NEWS: Duration = Duration::days(7);

/// How often those who have a channel say so.
const SEEN_EVERY: Duration = Duration::hours(1);

/// Who wants to tell what is due on a channel.
#[derive(Debug, Clone, Copy)]
pub struct DeliveryClaim<'a> {
    /// The channel.
    pub channel: ChannelKind,
    /// Who.
    pub owner: &'a LeaseOwner,
    /// Now.
    pub now: DateTime<Utc>,
    /// Until when others keep off.
    pub until: DateTime<Utc>,
    /// How many, at most.
    pub limit: u32,
    /// Where all that is pending goes in one message: there is none if one went after this
    /// time, if somebody tries just now, or if an attempt failed and it is too early for
    /// another.
    pub none_since: Option<DateTime<Utc>>,
}

/// A notice to be told now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedNotice {
    /// What is to be told.
    pub notice: Notice,
    /// Attempts, this one included.
    pub attempts: u64,
}

/// An attempt that failed.
#[derive(Debug, Clone, Copy)]
pub struct Failure<'a> {
    /// Why, in words.
    pub why: &'a str,
    /// Now.
    pub now: DateTime<Utc>,
    /// When to try again.
    pub again_at: DateTime<Utc>,
    /// What was pending before that time is given up.
    pub give_up_before: DateTime<Utc>,
}

impl Transaction {
    /// Says that these kinds are told on a channel, from now on if they were not before.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn subscribe(
        &mut self,
        channel: ChannelKind,
        kinds: &[NoticeKind],
        now: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        if kinds.is_empty() {
            return Ok(());
        }
        let now_ms = now.timestamp_millis();
        let mut subscribe = StatementBuilder::new(
            "insert into notice_subscriptions (channel, kind, since_ms, seen_at_ms) ",
        );
        subscribe.push_values(kinds, |row, kind| {
            row.push_bind(channel.name())
                .push_bind(kind.name())
                .push_bind(now_ms)
                .push_bind(now_ms);
        });
        subscribe
            .push(
                " on conflict (channel, kind) do update set
                     since_ms = case when notice_subscriptions.seen_at_ms < ",
            )
            .push_bind((now - OLD_NEWS).timestamp_millis())
            .push(
                " then excluded.since_ms else notice_subscriptions.since_ms end,
                     seen_at_ms = excluded.seen_at_ms
                 where notice_subscriptions.seen_at_ms < ",
            )
            .push_bind((now - SEEN_EVERY).timestamp_millis());
        subscribe.build().execute(&mut self.inner).await?;
        Ok(())
    }

    /// Takes up what is to be told on a channel and was not taken up yet: of these kinds, since
    /// they are told there. It is due at `due_at`. Returns how many there were.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn take_up_notices(
        &mut self,
        channel: ChannelKind,
        kinds: &[NoticeKind],
        now: DateTime<Utc>,
        due_at: DateTime<Utc>,
    ) -> Result<u64, DatabaseError> {
        if kinds.is_empty() {
            return Ok(0);
        }
        let mut take_up = StatementBuilder::new(
            "insert into notice_deliveries (notice_id, channel, state, attempts, since_ms,
                 next_at_ms)
             select n.id, s.channel, 'pending', 0, cast(",
        );
        take_up
            .push_bind(now.timestamp_millis())
            .push(" as bigint), cast(")
            .push_bind(due_at.timestamp_millis())
            .push(
                " as bigint) from notices n join notice_subscriptions s on s.kind = n.kind
                 where n.happened_at_ms >= s.since_ms and n.happened_at_ms >= ",
            )
            .push_bind((now - OLD_NEWS).timestamp_millis())
            .push(" and s.channel = ")
            .push_bind(channel.name())
            .push(" and n.kind in ")
            .push_list(kinds.iter().map(|kind| kind.name()))
            .push(
                " and not exists (select 1 from notice_deliveries d
                     where d.notice_id = n.id and d.channel = s.channel)
                 on conflict (notice_id, channel) do nothing",
            );
        take_up.build().execute(&mut self.inner).await
    }

    /// Claims what is due on a channel, the oldest first.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn claim_notices(
        &mut self,
        claim: &DeliveryClaim<'_>,
    ) -> Result<Vec<ClaimedNotice>, DatabaseError> {
        self.inner.lock(LOCK).await?;
        if let Some(since) = claim.none_since
            && !self.is_quiet(claim, since).await?
        {
            return Ok(Vec::new());
        }
        let now = claim.now.timestamp_millis();
        let rows: Vec<(String, i64)> = statement(
            "select notice_id, attempts from notice_deliveries
             where channel = $1 and state = 'pending' and next_at_ms <= $2
                 and (lease_until_ms is null or lease_until_ms <= $2)
             order by notice_id limit $3",
        )
        .bind(claim.channel.name())
        .bind(now)
        .bind(i64::from(claim.limit))
        .fetch_all(&mut self.inner)
        .await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let ids = || rows.iter().map(|(id, _)| id.as_str());
        let mut take = StatementBuilder::new(
            "update notice_deliveries set attempts = attempts + 1, lease_owner = ",
        );
        take.push_bind(claim.owner.as_str())
            .push(", lease_until_ms = ")
            .push_bind(claim.until.timestamp_millis())
            .push(" where channel = ")
            .push_bind(claim.channel.name())
            .push(" and notice_id in ")
            .push_list(ids());
        take.build().execute(&mut self.inner).await?;
        let mut select = StatementBuilder::new(SELECT);
        select.push(" where n.id in ").push_list(ids());
        select.push(" order by n.id");
        let notices: Vec<NoticeRow> = select.build().fetch_all(&mut self.inner).await?;
        let claimed = notices
            .into_iter()
            .zip(&rows)
            .map(|(notice, (_, attempts))| {
                Ok(ClaimedNotice {
                    notice: notice.try_into()?,
                    attempts: unsigned(*attempts) + 1,
                })
            });
        claimed.collect()
    }

    /// Whether nothing keeps the next message of a channel back.
    async fn is_quiet(
        &mut self,
        claim: &DeliveryClaim<'_>,
        since: DateTime<Utc>,
    ) -> Result<bool, DatabaseError> {
        let in_the_way: i64 = statement(
            "select count(*) from notice_deliveries where channel = $1
                 and (state = 'pending' and (lease_until_ms > $2
                         or attempts > 0 and next_at_ms > $2)
                     or state = 'delivered' and ended_at_ms > $3)",
        )
        .bind(claim.channel.name())
        .bind(claim.now.timestamp_millis())
        .bind(since.timestamp_millis())
        .fetch_scalar(&mut self.inner)
        .await?;
        Ok(in_the_way == 0)
    }

    /// Notes that notices were told on a channel.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn delivered(
        &mut self,
        channel: ChannelKind,
        notices: &[NoticeId],
        now: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        // Whoever told them: it happened.
        let mut update = StatementBuilder::new("update notice_deliveries set state = ");
        update
            .push_bind(DeliveryState::Delivered.name())
            .push(", error = null, lease_owner = null, lease_until_ms = null, ended_at_ms = ")
            .push_bind(now.timestamp_millis())
            .push(" where channel = ")
            .push_bind(channel.name())
            .push(" and notice_id in ")
            .push_list(notices.iter().map(ToString::to_string));
        update.build().execute(&mut self.inner).await?;
        Ok(())
    }

    /// Notes that notices could not be told on a channel. Returns how many are given up.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn not_delivered(
        &mut self,
        channel: ChannelKind,
        notices: &[NoticeId],
        owner: &LeaseOwner,
        failure: &Failure<'_>,
    ) -> Result<u64, DatabaseError> {
        let ids = || notices.iter().map(ToString::to_string);
        let mut update = StatementBuilder::new("update notice_deliveries set error = ");
        update
            .push_bind(failure.why)
            .push(", next_at_ms = ")
            .push_bind(failure.again_at.timestamp_millis())
            // Whoever holds it now tries again by himself.
            .push(", lease_owner = null, lease_until_ms = null where lease_owner = ")
            .push_bind(owner.as_str())
            .push(" and channel = ")
            .push_bind(channel.name())
            .push(" and notice_id in ")
            .push_list(ids());
        update.build().execute(&mut self.inner).await?;
        let mut give_up = StatementBuilder::new("update notice_deliveries set state = ");
        give_up
            .push_bind(DeliveryState::GivenUp.name())
            .push(", ended_at_ms = ")
            .push_bind(failure.now.timestamp_millis())
            .push(" where state = 'pending' and lease_owner is null and since_ms <= ")
            .push_bind(failure.give_up_before.timestamp_millis())
            .push(" and channel = ")
            .push_bind(channel.name())
            .push(" and notice_id in ")
            .push_list(ids());
        give_up.build().execute(&mut self.inner).await
    }
}
