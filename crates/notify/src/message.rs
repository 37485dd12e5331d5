//! One thing to be told.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

/// One thing to be told, as a webhook sends it. `docs/NOTIFICATIONS.md` promises its fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Its id: what arrives twice has the same one.
    pub id: String,
    /// What it is about: a [`bucketload_model::NoticeKind`], or `test`.
    pub kind: &'static str,
    /// When it happened.
    #[serde(serialize_with = "to_the_second")]
    pub happened_at: DateTime<Utc>,
    /// The repository, as `workspace/repository`, where it is about one.
    pub repository: Option<String>,
    /// The import, where it is about one.
    pub import: Option<String>,
    /// What happened, in one line.
    pub text: String,
    /// Where the dashboard shows it, if anybody said where that is.
    pub link: Option<String>,
}

fn to_the_second<S: Serializer>(time: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Secs, true))
}

impl Message {
    /// One that says only that the channel works.
    pub fn test(id: String, now: DateTime<Utc>) -> Self {
        Self {
            id,
            kind: "test",
            happened_at: now,
            repository: None,
            import: None,
            text: "This is a test: somebody asked bucketload whether it can tell you something."
                .to_owned(),
            link: None,
        }
    }
}
