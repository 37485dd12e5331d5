#![doc = include_str!("../README.md")]

mod channel;
mod digest;
mod email;
mod error;
mod message;
mod plain;
mod webhook;

pub use channel::Channel;
pub use email::{Email, EmailOptions};
pub use error::{ChannelError, SendError};
pub use message::Message;
pub use plain::one_line;
pub use webhook::{Webhook, WebhookOptions};

use std::time::Duration;

/// Longest time for a whole exchange. Whoever claims a delivery claims it for longer.
pub const LONGEST_SEND: Duration = Duration::from_secs(20);
