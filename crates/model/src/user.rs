//! The people who use a service of bucketload: not Bitbucket's accounts, which are
//! only a way for them to sign in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ParseIdError;

/// The id of a user: a version 7 UUID, so that ids sort by the time they were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct UserId(uuid::Uuid);

impl UserId {
    /// An id for a user who comes at `now`.
    pub fn new(now: chrono::DateTime<chrono::Utc>) -> Self {
        Self(crate::ids::uuid_of(now))
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for UserId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        uuid::Uuid::try_parse(text)
            .map(Self)
            .map_err(|_| ParseIdError {
                kind: "user id",
                text: text.to_owned(),
                rule: "it must be a UUID",
            })
    }
}

/// A word that is none of those it could be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{text}” is not a {kind}")]
pub struct ParseWordError {
    /// What was wanted, in words.
    pub kind: &'static str,
    /// What was given.
    pub text: String,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $kind:literal, { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its word in the database, in forms and in JSON.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl FromStr for $name {
            type Err = ParseWordError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|known| known.name() == text)
                    .ok_or_else(|| ParseWordError {
                        kind: $kind,
                        text: text.to_owned(),
                    })
            }
        }
    };
}

words! {
    /// What a user may do. A greater one may do all that a smaller one may.
    UserRole, "role", {
        /// Sees imports and what the archive holds.
        Viewer = "viewer",
        /// Imports, too, and connects Bitbucket for it.
        Member = "member",
        /// Decides who comes in, too, and what the service does.
        Administrator = "administrator",
    }
}

words! {
    /// Whether a user may come in.
    UserState, "user state", {
        /// Yes.
        Active = "active",
        /// Not before an administrator approves.
        Pending = "pending",
        /// No longer.
        Blocked = "blocked",
    }
}

words! {
    /// What a script with a service token may do.
    TokenScope, "scope", {
        /// Read imports and what the archive holds.
        ImportsRead = "imports:read",
        /// Start, stop and repeat imports.
        ImportsWrite = "imports:write",
        /// What administrators may.
        Admin = "admin",
    }
}

impl TokenScope {
    /// The smallest role that may have a token of this scope.
    pub const fn needs(self) -> UserRole {
        match self {
            Self::ImportsRead => UserRole::Viewer,
            Self::ImportsWrite => UserRole::Member,
            Self::Admin => UserRole::Administrator,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written_and_nothing_else_is() {
        for role in UserRole::ALL {
            assert_eq!(role.name().parse::<UserRole>().unwrap(), *role);
        }
        for bad in ["", "Administrator", "admin ", "root"] {
            assert!(bad.parse::<UserRole>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn greater_roles_come_later() {
        assert!(UserRole::Viewer < UserRole::Member);
        assert!(UserRole::Member < UserRole::Administrator);
    }
}
