//! Telling what happened to those who do not watch (`docs/NOTIFICATIONS.md`).
//!
//! | module | holds |
//! |---|---|
//! | (this) | `Teller`: one round after the other; what is told, and where |
//! | `ends` | what the end of a run is told as, in the transaction that ends it |
//! | `overdue` | schedules that have not been kept for too long |
//! | `credentials` | tokens that end soon, and credentials that are well again |
//! | `deliver` | what is pending is told, and tried again where it fails |
//!
//! What happened stands in the database before anybody tries to tell it, and a state that
//! lasts stands there once. So any number of processes may do all of this at any time.

mod credentials;
mod deliver;
mod ends;
mod overdue;

use std::sync::Arc;
use std::time::Duration;

use bucketload_archive::{Archive, DatabaseError, NewNotice, Notice};
use bucketload_model::{Clock, NoticeKind};
use bucketload_notify::{Channel, Message, one_line};
use chrono::{DateTime, Utc};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use url::Url;

pub(crate) use ends::{End, Refusal};

/// What is told, and where.
#[derive(Debug, Clone)]
pub struct NoticeOptions {
    /// Where to; with none, notices are only kept for the dashboard.
    pub channels: Vec<Channel>,
    /// What is told.
    pub kinds: Vec<NoticeKind>,
    /// The address that people use for the dashboard, if it is known.
    pub dashboard: Option<Url>,
    /// The least time between two mails.
    pub between_mails: Duration,
}

impl NoticeOptions {
    /// What needs somebody; that an import reached its end does not.
    pub const USUAL: [NoticeKind; 4] = [
        NoticeKind::Failed,
        NoticeKind::Overdue,
        NoticeKind::CredentialExpired,
        NoticeKind::RepositoryGone,
    ];
}

impl Default for NoticeOptions {
    fn default() -> Self {
        Self {
            channels: Vec::new(),
            kinds: Self::USUAL.to_vec(),
            dashboard: None,
            between_mails: Duration::from_mins(15),
        }
    }
}

/// A line that fits into a mail, a chat and a table.
const MOST_CHARACTERS: usize = 400;

/// How often it looks whether there is something to tell.
const EVERY: Duration = Duration::from_secs(15);

/// How long a message that is under way may take when the process ends. What is not known to
/// have arrived is told again by the next one.
const PATIENCE: Duration = Duration::from_secs(3);

/// Finds what is to be told beside what imports tell themselves, and tells it.
#[derive(Debug, Clone)]
pub struct Teller {
    archive: Archive,
    clock: Arc<dyn Clock>,
    options: NoticeOptions,
}

impl Teller {
    /// Nothing is told yet.
    pub fn new(archive: Archive, clock: Arc<dyn Clock>, options: NoticeOptions) -> Self {
        Self {
            archive,
            clock,
            options,
        }
    }

    /// Goes round after round until it is stopped. `failed` hears of rounds that fail.
    pub(crate) async fn run(&self, stop: &CancellationToken, failed: impl Fn()) {
        let mut rounds = tokio::time::interval(EVERY);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let too_late = async {
            stop.cancelled().await;
            tokio::time::sleep(PATIENCE).await;
        };
        let mut too_late = std::pin::pin!(too_late);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = rounds.tick() => {}
            }
            let result = tokio::select! {
                biased;
                result = self.round() => result,
                () = &mut too_late => return,
            };
            if let Err(error) = result {
                tracing::warn!(%error, "what happened cannot be told");
                failed();
            }
        }
    }

    /// One round: what is to be told is found, and told where it is time for it. What cannot
    /// be told is noted with its reason, and tried again by a later round.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn round(&self) -> Result<(), DatabaseError> {
        // First, so that what is found now is told.
        self.subscribe().await?;
        self.look_for_overdue().await?;
        self.look_at_credentials().await?;
        for channel in &self.options.channels {
            self.deliver(channel).await?;
        }
        Ok(())
    }

    /// Puts notices of states that last, and ends those of states that do not any more.
    async fn put_and_end(
        &self,
        kind: NoticeKind,
        begun: &[Begun],
        over: &[&Notice],
        now: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        if begun.is_empty() && over.is_empty() {
            return Ok(());
        }
        let mut transaction = self.archive.begin().await?;
        for notice in over {
            transaction.end_notice(kind, &notice.subject, now).await?;
        }
        for begun in begun {
            let notice = NewNotice {
                kind,
                subject: &begun.subject,
                happened_at: now,
                repository: begun.repository.as_ref(),
                import: begun.import,
                line: &one_line(&begun.line, MOST_CHARACTERS),
            };
            transaction.put_notice(&notice).await?;
        }
        transaction.commit().await
    }

    fn message(&self, notice: &Notice) -> Message {
        Message {
            id: notice.id.to_string(),
            kind: notice.kind.name(),
            happened_at: notice.happened_at,
            repository: notice.repository.as_ref().map(ToString::to_string),
            import: notice.import.map(|import| import.to_string()),
            text: notice.line.clone(),
            link: self.link(notice),
        }
    }

    /// Where the dashboard shows it.
    fn link(&self, notice: &Notice) -> Option<String> {
        let mut url = self.options.dashboard.clone()?;
        {
            let mut path = url.path_segments_mut().ok()?;
            path.pop_if_empty();
            match (notice.import, &notice.repository) {
                (Some(import), _) => {
                    path.extend(["imports", &import.to_string()]);
                }
                (None, Some(name)) => {
                    let (workspace, slug) = (name.workspace.as_str(), name.slug.as_str());
                    path.extend(["repositories", workspace, slug]);
                }
                (None, None) => {
                    path.push("");
                }
            }
        }
        Some(url.into())
    }
}

/// A state that has begun.
struct Begun {
    subject: String,
    repository: Option<bucketload_model::RepositoryName>,
    import: Option<bucketload_model::ImportId>,
    line: String,
}
