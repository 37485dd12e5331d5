//! One mail for all messages, by SMTP.

use std::fmt;
use std::time::SystemTime;

use bucketload_model::is_loopback;
use chrono::{DateTime, Utc};
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Mailboxes};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use secrecy::{ExposeSecret as _, SecretString};
use url::{Host, Url};

use crate::digest::{self, Mail};
use crate::{ChannelError, LONGEST_SEND, Message, SendError, one_line};

/// What a mail server says may be as long as it likes.
const MOST_SAID: usize = 200;

/// The mail server, and who writes to whom.
#[derive(Debug)]
pub struct EmailOptions {
    /// `smtps://user:password@host`, `smtp://user:password@host?starttls`, or `smtp://host`
    /// without encryption.
    pub url: SecretString,
    /// Who writes, as an address or `Name <address>`.
    pub from: String,
    /// To whom, with commas between.
    pub to: String,
    /// Whether mail may go to another machine without encryption.
    pub allow_insecure: bool,
}

/// Sends mail.
#[derive(Clone)]
pub struct Email {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    host: String,
    from: Mailbox,
    to: Mailboxes,
}

/// The transport has a password.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Email")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

impl Email {
    /// A mail server, and who writes to whom; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// When an address cannot be used.
    pub fn new(options: &EmailOptions) -> Result<Self, ChannelError> {
        let mailbox = |text: &str| {
            let mailbox = text.parse::<Mailbox>();
            mailbox.map_err(|_| ChannelError::Mailbox(one_line(text, MOST_SAID)))
        };
        let from = mailbox(options.from.trim())?;
        let to = options.to.parse::<Mailboxes>();
        let to = to.map_err(|_| ChannelError::Mailbox(one_line(&options.to, MOST_SAID)))?;
        if to.iter().next().is_none() {
            return Err(ChannelError::Nobody);
        }
        let url = server(&options.url, options.allow_insecure)?;
        // Another part of the process may have installed it already; it is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.as_str());
        let builder = builder.map_err(|error| match error {
            error if error.is_tls() => ChannelError::Tls(error.into()),
            // What is wrong with the address may quote it.
            _ => ChannelError::MailServer,
        })?;
        let transport = builder
            .timeout(Some(LONGEST_SEND))
            // Without it a server is told that it speaks with itself, and some mind.
            .hello_name(ClientId::Domain(from.email.domain().to_owned()))
            .build();
        Ok(Self {
            transport,
            host: url.host_str().unwrap_or_default().to_owned(),
            from,
            to,
        })
    }

    pub(crate) fn description(&self) -> String {
        let to: Vec<String> = self.to.iter().map(|one| one.email.to_string()).collect();
        format!("to {}, by {}", to.join(", "), self.host)
    }

    pub(crate) async fn send(
        &self,
        messages: &[Message],
        now: DateTime<Utc>,
    ) -> Result<(), SendError> {
        let mail = self.write(&digest::mail(messages), now)?;
        let sent = tokio::time::timeout(LONGEST_SEND, self.transport.send(mail)).await;
        match sent {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(SendError::Mail(said(&error))),
            Err(_) => Err(SendError::Late {
                seconds: LONGEST_SEND.as_secs(),
            }),
        }
    }

    fn write(&self, mail: &Mail, now: DateTime<Utc>) -> Result<lettre::Message, SendError> {
        let mut builder = lettre::Message::builder()
            .from(self.from.clone())
            .date(SystemTime::from(now))
            .message_id(Some(format!("<{}@{}>", mail.id, self.from.email.domain())))
            .subject(mail.subject.as_str())
            .header(ContentType::TEXT_PLAIN)
            // RFC 3834: nobody's holiday answers it.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        for mailbox in self.to.iter() {
            builder = builder.to(mailbox.clone());
        }
        let written = builder.body(mail.body.clone());
        written.map_err(|error| SendError::Unwritable(error.into()))
    }
}

/// The address of the server, as the library wants it.
fn server(url: &SecretString, allow_insecure: bool) -> Result<Url, ChannelError> {
    let wanted = "smtps://user:password@host or smtp://user:password@host?starttls";
    let address = || ChannelError::Address { wanted };
    let mut url = Url::parse(url.expose_secret()).map_err(|_| address())?;
    if !url.has_host() || !matches!(url.path(), "" | "/") {
        return Err(address());
    }
    let has_starttls = match url.query() {
        None => false,
        Some("starttls") => true,
        Some(_) => return Err(address()),
    };
    match (url.scheme(), has_starttls) {
        ("smtps", false) => {}
        // A server that cannot is not spoken to.
        ("smtp", true) => url.set_query(Some("tls=required")),
        ("smtp", false) => {
            // Of a scheme that it does not know, the library takes no host apart.
            let host = Host::parse(url.host_str().unwrap_or_default());
            let is_here = host.is_ok_and(|host| is_loopback(&host));
            if !is_here && !allow_insecure {
                return Err(ChannelError::Insecure);
            }
        }
        _ => return Err(address()),
    }
    Ok(url)
}

/// An error with its causes, in one line.
fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    one_line(&text, MOST_SAID)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(url: &str, to: &str) -> Result<Email, ChannelError> {
        Email::new(&EmailOptions {
            url: url.into(),
            from: "Loads <loads@example.org>".to_owned(),
            to: to.to_owned(),
            allow_insecure: false,
        })
    }

    #[tokio::test]
    async fn passwords_are_not_sent_in_clear_and_not_shown() {
        let to = "ann@example.org";
        for url in [
            "smtps://ann:s3cret@mail.example.org",
            "smtp://ann:s3cret@mail.example.org:587?starttls",
            "smtp://127.0.0.1:2525",
            "smtp://[::1]:2525",
        ] {
            let email = email(url, to).unwrap();
            assert!(
                !format!("{email:?}{}", email.description()).contains("s3cret"),
                "{url}"
            );
        }
        let clear = email("smtp://ann:s3cret@mail.example.org", to);
        assert!(matches!(clear, Err(ChannelError::Insecure)));
        for url in [
            "mail.example.org",
            "smtps://",
            "smtps://h/x",
            "smtp://h?tls=none",
            "http://h",
        ] {
            let error = email(url, to).unwrap_err();
            assert!(
                matches!(error, ChannelError::Address { .. }),
                "{url}: {error}"
            );
        }
    }

    #[tokio::test]
    async fn mailboxes_are_checked_before_anything_is_sent() {
        let server = "smtp://127.0.0.1:2525";
        let email = |to| email(server, to);
        assert_eq!(
            email("ann@example.org, Bob <bob@example.org>")
                .unwrap()
                .description(),
            "to ann@example.org, bob@example.org, by 127.0.0.1"
        );
        for to in [
            "ann",
            "ann@example.org bob@example.org",
            "a@b.c\r\nBcc: d@e.f",
        ] {
            assert!(email(to).is_err(), "{to:?}");
        }
    }
}
