//! What is pending is told, and tried again where it fails.

use std::time::Duration;

use bucketload_archive::{ClaimedNotice, DatabaseError, DeliveryClaim, Failure};
use bucketload_model::{LeaseOwner, NoticeId};
use bucketload_notify::{Channel, LONGEST_SEND, Message, SendError, one_line};

use super::{MOST_CHARACTERS, Teller};
use crate::failure::describe;

/// Messages to a webhook in one round.
const MOST_IN_A_ROUND: u32 = 100;

/// Notices in one mail.
const MOST_IN_A_MAIL: u32 = 1_000;

/// What happens together goes in one mail.
const COLLECTED: Duration = Duration::from_mins(1);

/// How long to wait after the first attempt that failed, the second, and so on; the last one
/// for all further ones.
const PAUSES: [Duration; 4] = [
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(20),
    Duration::from_hours(1),
];

/// A receiver may be down for a day and a night before anybody looks; what is older than that
/// helps nobody.
const GIVEN_UP_AFTER: Duration = Duration::from_hours(48);

fn pause(attempts: u64) -> Duration {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let last = PAUSES[PAUSES.len() - 1];
    PAUSES.get(index).copied().unwrap_or(last)
}

impl Teller {
    /// Says which kinds are told where. What happens from now on is.
    pub(super) async fn subscribe(&self) -> Result<(), DatabaseError> {
        let now = self.clock.now();
        let mut transaction = self.archive.begin().await?;
        for channel in &self.options.channels {
            let kinds = &self.options.kinds;
            transaction.subscribe(channel.kind(), kinds, now).await?;
        }
        transaction.commit().await
    }

    /// Takes up what is new for a channel, and tells what is due there.
    pub(super) async fn deliver(&self, channel: &Channel) -> Result<(), DatabaseError> {
        let kind = channel.kind();
        let now = self.clock.now();
        let due_at = if kind.is_digest() {
            now + COLLECTED
        } else {
            now
        };
        let mut transaction = self.archive.begin().await?;
        let kinds = &self.options.kinds;
        transaction
            .take_up_notices(kind, kinds, now, due_at)
            .await?;
        transaction.commit().await?;
        let owner = LeaseOwner::new();
        if kind.is_digest() {
            self.tell_some(channel, &owner, MOST_IN_A_MAIL).await?;
            return Ok(());
        }
        for _ in 0..MOST_IN_A_ROUND {
            // After one that failed the others wait for the next round: a receiver that is
            // down costs one attempt.
            if !self.tell_some(channel, &owner, 1).await? {
                break;
            }
        }
        Ok(())
    }

    /// Tells what is due, at most `limit` in one message. False if there was nothing, or it
    /// failed.
    async fn tell_some(
        &self,
        channel: &Channel,
        owner: &LeaseOwner,
        limit: u32,
    ) -> Result<bool, DatabaseError> {
        let now = self.clock.now();
        let kind = channel.kind();
        let claim = DeliveryClaim {
            channel: kind,
            owner,
            now,
            until: now + 2 * LONGEST_SEND,
            limit,
            none_since: kind.is_digest().then(|| now - self.options.between_mails),
        };
        let mut transaction = self.archive.begin().await?;
        let claimed = transaction.claim_notices(&claim).await?;
        transaction.commit().await?;
        if claimed.is_empty() {
            return Ok(false);
        }
        let messages: Vec<Message> = claimed
            .iter()
            .map(|claimed| self.message(&claimed.notice))
            .collect();
        let sent = channel.send(&messages, now).await;
        self.note_result(channel, owner, &claimed, &sent).await?;
        Ok(sent.is_ok())
    }

    async fn note_result(
        &self,
        channel: &Channel,
        owner: &LeaseOwner,
        claimed: &[ClaimedNotice],
        sent: &Result<(), SendError>,
    ) -> Result<(), DatabaseError> {
        let now = self.clock.now();
        let kind = channel.kind();
        let ids: Vec<NoticeId> = claimed.iter().map(|claimed| claimed.notice.id).collect();
        let mut transaction = self.archive.begin().await?;
        match sent {
            Ok(()) => {
                transaction.delivered(kind, &ids, now).await?;
                tracing::debug!(
                    channel = kind.name(),
                    notices = ids.len(),
                    "notices were told"
                );
            }
            Err(error) => {
                let why = one_line(&describe(error), MOST_CHARACTERS);
                let attempts = claimed.iter().map(|claimed| claimed.attempts).max();
                let failure = Failure {
                    why: &why,
                    now,
                    again_at: now + pause(attempts.unwrap_or_default()),
                    give_up_before: now - GIVEN_UP_AFTER,
                };
                let given_up = transaction
                    .not_delivered(kind, &ids, owner, &failure)
                    .await?;
                tracing::warn!(
                    channel = kind.name(),
                    notices = ids.len(),
                    given_up,
                    problem = why,
                    "notices could not be told"
                );
            }
        }
        transaction.commit().await
    }
}
