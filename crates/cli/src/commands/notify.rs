//! `bucketload notify`.

use bucketload_archive::{Delivery, NoticeEntry};
use bucketload_model::{Clock as _, DeliveryState, NoticeId, SystemClock};
use bucketload_notify::{Channel, Message, SendError};
use chrono::{DateTime, Local, Utc};
use serde_json::{Value, json};

use super::Session;
use crate::arguments::NotifyOptions;
use crate::messages::{Exit, Problem};
use crate::output::{self, printable};

pub(crate) async fn run(session: &Session, options: &NotifyOptions) -> Result<Exit, Problem> {
    if options.test {
        return test(session).await;
    }
    let archive = session.read_archive().await?;
    let entries = archive.notices(None, options.limit).await?;
    archive.close().await;
    let notify = &session.config.notify;
    if session.json {
        output::json(&json!({
            "channels": notify.channels.iter().map(channel_json).collect::<Vec<_>>(),
            "kinds": notify.kinds,
            "notices": entries.iter().map(entry_json).collect::<Vec<_>>(),
        }));
        return Ok(Exit::Complete);
    }
    if notify.channels.is_empty() {
        output::line("Nobody is told: no channel is set up (docs/NOTIFICATIONS.md).");
    } else {
        for channel in &notify.channels {
            output::line(&channel_line(channel));
        }
        let kinds: Vec<_> = notify.kinds.iter().map(|kind| kind.name()).collect();
        output::line(&format!("Told: {}.", kinds.join(", ")));
    }
    output::line("");
    if entries.is_empty() {
        output::line("Nothing happened yet that anybody would have to be told.");
    }
    // The latest last, as logs have it.
    for entry in entries.iter().rev() {
        for line in entry_lines(entry) {
            output::line(&line);
        }
    }
    Ok(Exit::Complete)
}

/// Tells everybody that this is a test.
async fn test(session: &Session) -> Result<Exit, Problem> {
    let channels = &session.config.notify.channels;
    if channels.is_empty() {
        return Err(Problem::usage(
            "no channel is set up",
            "set BUCKETLOAD_NOTIFY_WEBHOOK_URL, or BUCKETLOAD_SMTP_URL with \
             BUCKETLOAD_NOTIFY_EMAIL_FROM and BUCKETLOAD_NOTIFY_EMAIL_TO",
        ));
    }
    let now = SystemClock.now();
    let message = Message::test(NoticeId::new(now).to_string(), now);
    let mut exit = Exit::Complete;
    let mut told = Vec::new();
    for channel in channels {
        let sent = channel.send(std::slice::from_ref(&message), now).await;
        let error = sent.as_ref().err().map(in_words);
        if error.is_some() {
            exit = Exit::Failed;
        }
        if !session.json {
            let result = match &error {
                None => "it took the test".to_owned(),
                Some(error) => format!("FAILED: {}", printable(error)),
            };
            output::line(&format!("{}: {result}", channel_line(channel)));
        }
        let mut entry = channel_json(channel);
        entry["error"] = json!(error);
        told.push(entry);
    }
    if session.json {
        output::json(&json!({ "channels": told }));
    }
    Ok(exit)
}

fn in_words(error: &SendError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn channel_line(channel: &Channel) -> String {
    let name = channel.kind().name();
    format!("{name:<8} {}", printable(&channel.description()))
}

fn channel_json(channel: &Channel) -> Value {
    json!({ "channel": channel.kind(), "to": channel.description() })
}

fn entry_json(entry: &NoticeEntry) -> Value {
    let notice = &entry.notice;
    let deliveries = entry.deliveries.iter().map(|delivery| {
        json!({
            "channel": delivery.channel,
            "state": delivery.state,
            "attempts": delivery.attempts,
            "next_at": (delivery.state == DeliveryState::Pending).then_some(delivery.next_at),
            "ended_at": delivery.ended_at,
            "error": delivery.error,
        })
    });
    json!({
        "id": notice.id,
        "kind": notice.kind,
        "happened_at": notice.happened_at,
        "over_at": notice.over_at,
        "repository": notice.repository.as_ref().map(ToString::to_string),
        "import": notice.import,
        "text": notice.line,
        "deliveries": deliveries.collect::<Vec<_>>(),
    })
}

fn entry_lines(entry: &NoticeEntry) -> Vec<String> {
    let notice = &entry.notice;
    let mut lines = vec![format!(
        "{}  {:<18} {}",
        local(notice.happened_at),
        notice.kind.name(),
        printable(&notice.line)
    )];
    for delivery in &entry.deliveries {
        lines.push(format!("{:21}{}", "", delivery_line(delivery)));
    }
    lines
}

fn delivery_line(delivery: &Delivery) -> String {
    let name = delivery.channel.name();
    let error = delivery.error.as_deref().map(printable);
    let error = error.map_or_else(String::new, |error| format!(": {error}"));
    match delivery.state {
        DeliveryState::Delivered => format!("{name}: told"),
        DeliveryState::Pending => {
            format!(
                "{name}: pending, to be tried at {}{error}",
                local(delivery.next_at)
            )
        }
        DeliveryState::GivenUp => format!("{name}: given up{error}"),
    }
}

fn local(time: DateTime<Utc>) -> String {
    let time = time.with_timezone(&Local);
    time.format("%Y-%m-%d %H:%M:%S").to_string()
}
