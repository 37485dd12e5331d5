//! One way to tell somebody.

use bucketload_model::ChannelKind;
use chrono::{DateTime, Utc};

use crate::{Email, Message, SendError, Webhook};

/// A channel that is set up.
#[derive(Debug, Clone)]
pub enum Channel {
    /// A webhook.
    Webhook(Webhook),
    /// E-mail.
    Email(Email),
}

impl From<Webhook> for Channel {
    fn from(webhook: Webhook) -> Self {
        Self::Webhook(webhook)
    }
}

impl From<Email> for Channel {
    fn from(email: Email) -> Self {
        Self::Email(email)
    }
}

impl Channel {
    /// Its kind.
    pub const fn kind(&self) -> ChannelKind {
        match self {
            Self::Webhook(_) => ChannelKind::Webhook,
            Self::Email(_) => ChannelKind::Email,
        }
    }

    /// Where it leads, without what is secret.
    pub fn description(&self) -> String {
        match self {
            Self::Webhook(webhook) => webhook.description(),
            Self::Email(email) => email.description(),
        }
    }

    /// Tells messages, the oldest first. Whether they arrived is not known after an error.
    ///
    /// # Errors
    ///
    /// When it cannot be reached or refuses.
    pub async fn send(&self, messages: &[Message], now: DateTime<Utc>) -> Result<(), SendError> {
        match self {
            Self::Webhook(webhook) => {
                for message in messages {
                    webhook.send(message).await?;
                }
                Ok(())
            }
            Self::Email(email) => email.send(messages, now).await,
        }
    }
}
