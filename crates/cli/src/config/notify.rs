//! Who is told what happened, and how.

use std::time::Duration;

use bucketload_model::NoticeKind;
use bucketload_notify::{Channel, ChannelError, Email, EmailOptions, Webhook, WebhookOptions};
use bucketload_worker::NoticeOptions;

use super::values::Values;
use crate::messages::Problem;

/// All of it; the dashboard's address is where people reach it from elsewhere.
pub(super) fn options(values: &Values, allow_insecure: bool) -> Result<NoticeOptions, Problem> {
    let channels = [
        webhook(values, allow_insecure)?,
        email(values, allow_insecure)?,
    ];
    let minutes = values.number("notify_email_minutes")?.unwrap_or_default();
    Ok(NoticeOptions {
        channels: channels.into_iter().flatten().collect(),
        kinds: kinds(values)?,
        dashboard: values.set_url("public_url")?,
        between_mails: Duration::from_secs(60 * u64::from(minutes)),
    })
}

fn kinds(values: &Values) -> Result<Vec<NoticeKind>, Problem> {
    let text = values.text("notify_on")?.unwrap_or_default();
    let words = text.split(',').map(str::trim);
    let words = words.filter(|word| !word.is_empty());
    let kinds = words.map(|word| {
        word.parse().map_err(|_| {
            let known: Vec<_> = NoticeKind::ALL.iter().map(|kind| kind.name()).collect();
            Problem::usage(
                format!("BUCKETLOAD_NOTIFY_ON has “{word}”, of which nobody can be told"),
                format!("give some of {}, with commas between", known.join(", ")),
            )
        })
    });
    kinds.collect()
}

fn webhook(values: &Values, allow_insecure: bool) -> Result<Option<Channel>, Problem> {
    let secret = values.text("notify_webhook_secret")?;
    let Some(url) = values.text("notify_webhook_url")? else {
        return match secret {
            None => Ok(None),
            Some(_) => Err(Problem::usage(
                "BUCKETLOAD_NOTIFY_WEBHOOK_SECRET is set, and no address that goes with it",
                "set BUCKETLOAD_NOTIFY_WEBHOOK_URL or BUCKETLOAD_NOTIFY_WEBHOOK_URL_FILE too",
            )),
        };
    };
    let webhook = Webhook::new(WebhookOptions {
        url: url.into(),
        secret: secret.map(Into::into),
        allow_insecure,
    });
    let webhook = webhook.map_err(|error| unusable("BUCKETLOAD_NOTIFY_WEBHOOK_URL", &error))?;
    Ok(Some(webhook.into()))
}

fn email(values: &Values, allow_insecure: bool) -> Result<Option<Channel>, Problem> {
    let url = values.text("smtp_url")?;
    let from = values.text("notify_email_from")?;
    let to = values.text("notify_email_to")?;
    let (url, from, to) = match (url, from, to) {
        (None, None, None) => return Ok(None),
        (Some(url), Some(from), Some(to)) => (url, from, to),
        _ => {
            return Err(Problem::usage(
                "of the settings for mail, some are set and some are not",
                "set BUCKETLOAD_SMTP_URL, BUCKETLOAD_NOTIFY_EMAIL_FROM and \
                 BUCKETLOAD_NOTIFY_EMAIL_TO, or none of them",
            ));
        }
    };
    let email = Email::new(&EmailOptions {
        url: url.into(),
        from,
        to,
        allow_insecure,
    });
    let email = email.map_err(|error| match error {
        ChannelError::Mailbox(_) | ChannelError::Nobody => unusable(
            "BUCKETLOAD_NOTIFY_EMAIL_FROM and BUCKETLOAD_NOTIFY_EMAIL_TO",
            &error,
        ),
        error => unusable("BUCKETLOAD_SMTP_URL", &error),
    })?;
    Ok(Some(email.into()))
}

/// The address itself is not repeated: it may hold a secret.
fn unusable(variable: &str, error: &ChannelError) -> Problem {
    let remedy = match error {
        ChannelError::Insecure => {
            "use an address that is encrypted, or set BUCKETLOAD_ALLOW_INSECURE=1"
        }
        ChannelError::Tls(_) => {
            "install the certificates of the system (ca-certificates), or name a file of them in \
             SSL_CERT_FILE"
        }
        _ => "docs/CONFIGURATION.md says what can stand there",
    };
    Problem::of(format!("{variable} cannot be used"), error)
        .remedy(remedy)
        .with_usage_exit()
}
