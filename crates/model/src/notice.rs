//! What somebody is to be told who does not watch.

use crate::ids::time_id;
use crate::words::words;

time_id! {
    /// The id of a notice: a version 7 UUID, so that ids sort by the time of what happened.
    NoticeId, "notice id"
}

words! {
    /// What a notice is about.
    NoticeKind, "kind of notice", {
        /// An import reached its end, with gaps or without.
        Finished = "finished",
        /// An import failed, and nobody tries again by himself.
        Failed = "failed",
        /// What is scheduled has not been brought up to date for too long.
        Overdue = "overdue",
        /// A credential is refused, or will be in some days.
        CredentialExpired = "credential_expired",
        /// A repository of the archive is not at its source any more.
        RepositoryGone = "repository_gone",
    }
}

impl NoticeKind {
    /// Whether it is a state that lasts: then it is told once, and again only after all was
    /// well in between.
    pub const fn lasts(self) -> bool {
        !matches!(self, Self::Finished)
    }
}

words! {
    /// A way to tell somebody; there is one of each at most.
    ChannelKind, "kind of channel", {
        /// A webhook.
        Webhook = "webhook",
        /// E-mail.
        Email = "email",
    }
}

impl ChannelKind {
    /// Whether all that is pending goes in one message.
    pub const fn is_digest(self) -> bool {
        matches!(self, Self::Email)
    }
}

words! {
    /// Where the telling of a notice stands, on one channel.
    DeliveryState, "state of a delivery", {
        /// It is still to be told.
        Pending = "pending",
        /// It was told.
        Delivered = "delivered",
        /// It could not be told for too long.
        GivenUp = "given_up",
    }
}
