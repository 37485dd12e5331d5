//! Messages over real HTTP and a real conversation with a mail server.
#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod email;
#[expect(dead_code, reason = "no test needs all of it")]
#[path = "../../../../tests/receivers/mod.rs"]
mod receivers;
mod webhook;

use bucketload_notify::Message;
use chrono::{DateTime, Utc};

fn now() -> DateTime<Utc> {
    "2026-11-23T03:05:00.250Z".parse().unwrap()
}

fn message(number: u32, text: &str) -> Message {
    Message {
        id: format!("0190-{number}"),
        kind: "failed",
        happened_at: now(),
        repository: Some("teapots/kettle".to_owned()),
        import: Some("0191".to_owned()),
        text: text.to_owned(),
        link: Some("https://loads.example.org/imports/0191".to_owned()),
    }
}
