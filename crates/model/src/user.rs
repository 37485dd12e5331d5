//! The people who use a service of bucketload: not Bitbucket's accounts, which are
//! only a way for them to sign in.

use crate::ids::time_id;
use crate::words::words;

time_id! {
    /// The id of a user: a version 7 UUID, so that ids sort by the time they were made.
    UserId, "user id"
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
