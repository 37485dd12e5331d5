//! The ids of credentials that are kept.

use crate::ids::time_id;

time_id! {
    /// The id of a credential: a version 7 UUID, so that ids sort by the time they were made.
    CredentialId, "credential id"
}
