//! What goes wrong with channels.

/// A channel that cannot be set up. None of it repeats an address: those are secrets.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// It is no address, or of a scheme that is none of its own.
    #[error("it is no address of the form {wanted}")]
    Address {
        /// What is wanted.
        wanted: &'static str,
    },
    /// What is sent could be read on its way.
    #[error("it leads to another machine and is not encrypted")]
    Insecure,
    /// A mailbox cannot be read.
    #[error("“{0}” is no address of a mailbox")]
    Mailbox(String),
    /// Nobody gets the mail.
    #[error("there is nobody to send mail to")]
    Nobody,
    /// The mail server's address has something that cannot be used.
    #[error("the address of the mail server cannot be used")]
    MailServer,
    /// The system gives no TLS.
    #[error("no encrypted connections can be made")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Something could not be told. Whether it arrived is not known.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The receiver cannot be reached, or broke off.
    #[error("the receiver cannot be reached")]
    Network(#[source] reqwest::Error),
    /// It took too long.
    #[error("the receiver did not answer within {seconds} seconds")]
    Late {
        /// How long it had.
        seconds: u64,
    },
    /// The receiver did not take it.
    #[error("the receiver answered {status}")]
    Refused {
        /// The status of its answer.
        status: u16,
    },
    /// The mail server did not take it.
    #[error("the mail server did not take it: {0}")]
    Mail(String),
    /// The message cannot be written.
    #[error("the message cannot be written")]
    Unwritable(#[source] Box<dyn std::error::Error + Send + Sync>),
}
