//! One newtype per id, so that a comment id cannot be passed for a pull request id.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};

/// A text that is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{text}” is not a {kind}: {rule}")]
pub struct ParseIdError {
    /// What was wanted, in words.
    pub kind: &'static str,
    /// What was given.
    pub text: String,
    /// The rule it breaks.
    pub rule: &'static str,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }
    };
}

macro_rules! time_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(uuid::Uuid);

        impl $name {
            /// The id of what is made at `now`.
            pub fn new(now: chrono::DateTime<chrono::Utc>) -> Self {
                Self($crate::ids::uuid_of(now))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                uuid::Uuid::try_parse(text)
                    .map(Self)
                    .map_err(|_| $crate::ParseIdError {
                        kind: $kind,
                        text: text.to_owned(),
                        rule: "it must be a UUID",
                    })
            }
        }
    };
}

pub(crate) use time_id;

text_id! {
    /// The name of a workspace in addresses, such as `atlassian`.
    WorkspaceSlug
}
text_id! {
    /// The name of a repository in addresses, such as `python-bitbucket`.
    RepositorySlug
}
text_id! {
    /// The permanent id of a repository, in braces: `{7b764bc5-c3f3-4910-a90b-4cdc229a66b7}`.
    ///
    /// A rename changes the slug and every address; this stays.
    RepositoryUuid
}
text_id! {
    /// The permanent id of an account (user, team or app), in braces.
    AccountUuid
}

text_id! {
    /// The Atlassian account id of a person, in one of several shapes: `557058:` or `712020:`
    /// and a UUID, or 24 hexadecimal digits. Issue exports and mentions in texts have it.
    AccountId
}

text_id! {
    /// The permanent id of a deployment environment, in braces.
    EnvironmentUuid
}
text_id! {
    /// The hash of a commit in hexadecimal digits: all 40 of it, or the 12 that
    /// pull requests show.
    CommitHash
}

/// Slugs become folder names and parts of URLs, so only what Bitbucket itself
/// allows in them gets through: letters, digits, `_`, `-` and `.`, and neither
/// a leading dot nor a name that is only dots.
fn check_slug(text: &str, kind: &'static str) -> Result<(), ParseIdError> {
    let fail = |rule| {
        Err(ParseIdError {
            kind,
            text: text.to_owned(),
            rule,
        })
    };
    if text.is_empty() || text.len() > 128 {
        return fail("it must have 1 to 128 characters");
    }
    if !text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
    {
        return fail("only letters, digits, “_”, “-” and “.” are allowed");
    }
    if text.starts_with(['.', '-']) {
        return fail("it must not begin with “.” or “-”");
    }
    if text.ends_with('.') || text.to_ascii_lowercase().ends_with(".lock") {
        return fail("it must not end with “.” or “.lock”");
    }
    Ok(())
}

fn check_braced_uuid(text: &str, kind: &'static str) -> Result<(), ParseIdError> {
    let inner = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'));
    if inner.is_some_and(|t| uuid::Uuid::try_parse(t).is_ok()) {
        Ok(())
    } else {
        Err(ParseIdError {
            kind,
            text: text.to_owned(),
            rule: "it must be a UUID in braces",
        })
    }
}

impl FromStr for WorkspaceSlug {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        check_slug(text, "workspace")?;
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl FromStr for RepositorySlug {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        check_slug(text, "repository")?;
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl FromStr for RepositoryUuid {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        check_braced_uuid(text, "repository UUID")?;
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for AccountUuid {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        check_braced_uuid(text, "account UUID")?;
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for AccountId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_id = (1..=128).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-' | b'_'));
        if is_id {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseIdError {
                kind: "account id",
                text: text.to_owned(),
                rule: "it must be 1 to 128 letters, digits, “:”, “-” or “_”",
            })
        }
    }
}

impl FromStr for EnvironmentUuid {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        check_braced_uuid(text, "environment UUID")?;
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for CommitHash {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // 64 digits are those of SHA-256, should it come; git shortens to no less than 4.
        let is_hash =
            (4..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hash {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(ParseIdError {
                kind: "commit hash",
                text: text.to_owned(),
                rule: "it must be 4 to 64 hexadecimal digits",
            })
        }
    }
}

/// A repository as people name it: `workspace/slug`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryName {
    /// The workspace.
    pub workspace: WorkspaceSlug,
    /// The repository in it.
    pub slug: RepositorySlug,
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.workspace, self.slug)
    }
}

impl FromStr for RepositoryName {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (workspace, slug) = text.split_once('/').ok_or_else(|| ParseIdError {
            kind: "repository name",
            text: text.to_owned(),
            rule: "it must have the form workspace/repository",
        })?;
        Ok(Self {
            workspace: workspace.parse()?,
            slug: slug.parse()?,
        })
    }
}

impl Serialize for RepositoryName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RepositoryName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

number_id! {
    /// The number of a pull request, unique in its repository.
    PullRequestId
}
number_id! {
    /// The id of a comment, unique in all of Bitbucket.
    CommentId
}
number_id! {
    /// The id of a task on a pull request.
    TaskId
}
number_id! {
    /// The number of an issue, unique in its repository.
    IssueId
}
number_id! {
    /// The id of a change to an issue, which is also that of the comment made with it.
    IssueChangeId
}
number_id! {
    /// The id of a branch restriction.
    BranchRestrictionId
}

/// The id of one import: a version 7 UUID, so that ids sort by the time they began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct ImportId(uuid::Uuid);

impl ImportId {
    /// An id for an import that begins at `now`.
    pub fn new(now: chrono::DateTime<chrono::Utc>) -> Self {
        Self(uuid_of(now))
    }

    /// When the import began, to the millisecond.
    pub fn began_at(self) -> chrono::DateTime<chrono::Utc> {
        let began = self.0.get_timestamp().and_then(|timestamp| {
            let (seconds, nanoseconds) = timestamp.to_unix();
            let seconds = i64::try_from(seconds).ok()?;
            chrono::DateTime::from_timestamp(seconds, nanoseconds)
        });
        // No id of ours is of another version.
        began.unwrap_or_default()
    }
}

/// A version 7 UUID of that time, greater than those of the same millisecond that this process
/// made before. uuid's own `ContextV7` would do that, too, but gives no time that is before the
/// last one: once a clock was set back, an id would tell another time than it was made for.
pub(crate) fn uuid_of(now: chrono::DateTime<chrono::Utc>) -> uuid::Uuid {
    /// Behind it 42 bits stay random, which tell apart what several processes make.
    static NEXT: AtomicU32 = AtomicU32::new(0);

    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    let counter = u128::from(NEXT.fetch_add(1, Ordering::Relaxed));
    let timestamp =
        uuid::Timestamp::from_unix_time(seconds, now.timestamp_subsec_nanos(), counter, 32);
    uuid::Uuid::new_v7(timestamp)
}

impl fmt::Display for ImportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for ImportId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        uuid::Uuid::try_parse(text)
            .map(Self)
            .map_err(|_| ParseIdError {
                kind: "import id",
                text: text.to_owned(),
                rule: "it must be a UUID",
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_that_would_leave_their_folder_are_refused() {
        for bad in [
            "..", ".", "a/b", "", "-x", ".git", "a b", "ü", "x.lock", "a\\b",
        ] {
            assert!(bad.parse::<RepositorySlug>().is_err(), "{bad:?}");
        }
        for good in ["a", "A-b_c.d", "0", "repo.git"] {
            assert!(good.parse::<RepositorySlug>().is_ok(), "{good:?}");
        }
    }

    #[test]
    fn a_slug_is_kept_in_lower_case_as_bitbucket_does() {
        assert_eq!("Team".parse::<WorkspaceSlug>().unwrap().as_str(), "team");
    }

    #[test]
    fn uuids_want_braces() {
        let uuid = "{7b764bc5-c3f3-4910-a90b-4cdc229a66b7}";
        assert_eq!(uuid.parse::<RepositoryUuid>().unwrap().as_str(), uuid);
        assert!(
            uuid.trim_matches(['{', '}'])
                .parse::<RepositoryUuid>()
                .is_err()
        );
    }

    #[test]
    fn hashes_are_hexadecimal_and_nothing_else() {
        for good in ["9f733b96b98a", "9F733B96B98A4175276EDF6A2E1231489C3BDD23"] {
            let hash = good.parse::<CommitHash>().unwrap();
            assert_eq!(hash.as_str(), good.to_ascii_lowercase());
        }
        for bad in ["", "..", "main", "9f7", "9f733b96b98a ", &"a".repeat(65)] {
            assert!(bad.parse::<CommitHash>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn later_imports_have_greater_ids() {
        let early = chrono::DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let late = early + chrono::Duration::seconds(1);
        assert!(ImportId::new(early) < ImportId::new(late));
        assert_eq!(ImportId::new(late).began_at(), late);
    }

    #[test]
    fn ids_of_one_millisecond_are_in_the_order_of_the_request() {
        let now = chrono::DateTime::from_timestamp_millis(1_700_000_000_123).unwrap();
        let before = now - chrono::Duration::hours(1);
        let mut ids = Vec::new();
        for _ in 0..100 {
            ids.push(ImportId::new(now));
            // A clock that goes back changes neither order nor times.
            assert_eq!(ImportId::new(before).began_at(), before);
        }
        assert!(ids.is_sorted(), "{ids:?}");
        assert!(ids.iter().all(|id| id.began_at() == now));
    }

    #[test]
    fn account_ids_come_in_several_shapes() {
        for good in [
            "557058:65740f22-cc56-4418-9608-7e17d0ed47b7",
            "5b10a2844c20165700ede21f",
        ] {
            assert_eq!(good.parse::<AccountId>().unwrap().as_str(), good);
        }
        for bad in ["", "{9}", "a b", "ü", &"a".repeat(129)] {
            assert!(bad.parse::<AccountId>().is_err(), "{bad:?}");
        }
    }
}
