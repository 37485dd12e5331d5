//! All that is to be told, as one mail.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bucketload_model::NoticeKind;
use sha2::{Digest as _, Sha256};

use crate::{Message, one_line};

/// Lines of one kind. Who has that many to look after looks at the dashboard.
const MOST_LINES: usize = 50;

/// A subject that mail programs show whole.
const MOST_SUBJECT: usize = 120;

/// What stands in a mail.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mail {
    pub(crate) subject: String,
    pub(crate) body: String,
    /// The same for the same messages: what arrives twice can be told to be the same.
    pub(crate) id: String,
}

/// What messages of a kind say together, and what one kind is called in a heading.
const fn words(kind: NoticeKind) -> (&'static str, &'static str) {
    match kind {
        NoticeKind::CredentialExpired => ("credentials expired", "Credentials"),
        NoticeKind::Failed => ("failed", "Failed"),
        NoticeKind::Overdue => ("overdue", "Overdue"),
        NoticeKind::RepositoryGone => ("gone at the source", "Gone at the source"),
        NoticeKind::Finished => ("finished", "Finished"),
    }
}

/// What needs somebody comes first.
const ORDER: [NoticeKind; 5] = [
    NoticeKind::CredentialExpired,
    NoticeKind::RepositoryGone,
    NoticeKind::Failed,
    NoticeKind::Overdue,
    NoticeKind::Finished,
];

pub(crate) fn mail(messages: &[Message]) -> Mail {
    let mut by_kind: BTreeMap<&str, Vec<&Message>> = BTreeMap::new();
    for message in messages {
        by_kind.entry(message.kind).or_default().push(message);
    }
    let mut sections = Vec::new();
    let mut counts = Vec::new();
    for kind in ORDER {
        let Some(messages) = by_kind.remove(kind.name()) else {
            continue;
        };
        let (said, heading) = words(kind);
        counts.push(format!("{} {said}", messages.len()));
        sections.push(section(heading, &messages));
    }
    for (_, messages) in by_kind {
        counts.push("a test".to_owned());
        sections.push(section("Test", &messages));
    }
    let subject = match messages {
        [one] => one.text.clone(),
        _ => counts.join(", "),
    };
    let mut body = sections.join("\n");
    body.push_str("\n-- \nbucketload. What it tells, and how often: docs/NOTIFICATIONS.md\n");
    Mail {
        subject: one_line(&format!("bucketload: {subject}"), MOST_SUBJECT),
        body,
        id: id(messages),
    }
}

fn section(heading: &str, messages: &[&Message]) -> String {
    let mut text = format!("{heading} ({})\n\n", messages.len());
    for message in messages.iter().take(MOST_LINES) {
        let time = message.happened_at.format("%Y-%m-%d %H:%M UTC");
        // Writing to a String cannot fail.
        let _ = writeln!(text, "* {time}  {}", message.text);
        if let Some(link) = &message.link {
            let _ = writeln!(text, "  {link}");
        }
    }
    let more = messages.len().saturating_sub(MOST_LINES);
    if more > 0 {
        let _ = writeln!(
            text,
            "and {more} more, which the dashboard and “bucketload notify” show"
        );
    }
    text
}

fn id(messages: &[Message]) -> String {
    let mut hash = Sha256::new();
    for message in messages {
        hash.update(message.id.as_bytes());
        hash.update(b"\n");
    }
    let mut text = String::with_capacity(32);
    for byte in hash.finalize().iter().take(16) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: usize, kind: NoticeKind) -> Message {
        Message {
            id: format!("id-{number}"),
            kind: kind.name(),
            happened_at: "2026-11-23T03:05:00Z".parse().unwrap(),
            repository: None,
            import: None,
            text: format!("something happened to tea/cup-{number}"),
            link: (number == 0).then(|| "https://loads.example.org/imports/0".to_owned()),
        }
    }

    #[test]
    fn one_message_is_the_subject_itself() {
        let mail = mail(&[message(0, NoticeKind::Failed)]);
        assert_eq!(mail.subject, "bucketload: something happened to tea/cup-0");
        assert_eq!(
            mail.body,
            "Failed (1)\n\n\
             * 2026-11-23 03:05 UTC  something happened to tea/cup-0\n  \
             https://loads.example.org/imports/0\n\n-- \n\
             bucketload. What it tells, and how often: docs/NOTIFICATIONS.md\n"
        );
    }

    #[test]
    fn many_are_counted_and_not_all_are_listed() {
        let mut messages: Vec<_> = (0..70).map(|n| message(n, NoticeKind::Failed)).collect();
        messages.push(message(70, NoticeKind::CredentialExpired));
        let mail = mail(&messages);
        assert_eq!(mail.subject, "bucketload: 1 credentials expired, 70 failed");
        assert!(mail.body.starts_with("Credentials (1)\n"), "{}", mail.body);
        assert!(mail.body.contains("tea/cup-49\n") && !mail.body.contains("tea/cup-50\n"));
        assert!(mail.body.contains("and 20 more"), "{}", mail.body);
    }

    #[test]
    fn the_same_messages_make_the_same_id() {
        let two = [
            message(1, NoticeKind::Failed),
            message(2, NoticeKind::Failed),
        ];
        assert_eq!(mail(&two).id, mail(&two).id);
        assert_ne!(mail(&two).id, mail(&two[..1]).id);
    }
}
