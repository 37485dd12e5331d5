//! Doors for tests by chance (`crates/fuzzing`): what reads the bytes of others, without a
//! server that sends them. Nobody else needs it, and it may change at any time.

use std::time::Duration;

use bucketload_model::LfsObject;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use url::Url;

use crate::answer::{self, Body, announced_removal, json};
use crate::error::RequestErrorKind;
use crate::lfs::first_byte;
use crate::page::Envelope;
use crate::storage::may_be_stored_at;
use crate::{Client, Endpoint, ImageHosts, Item, LfsAnswer, PageUrl, UnreadableItem};

/// What a page says.
pub type ReadPage<T> = (Vec<Item<T>>, Vec<UnreadableItem>, Option<PageUrl>);

/// What the rest of an answer says.
#[derive(Debug)]
pub struct Heard {
    /// How long to wait.
    pub wait: Option<Duration>,
    /// Everything in it that people may be shown.
    pub words: Vec<String>,
    /// Where a part begins that was sent.
    pub first_byte: Option<u64>,
}

fn answered(headers: HeaderMap, bytes: &[u8]) -> Body {
    Body {
        status: StatusCode::OK,
        headers,
        bytes: bytes.to_vec(),
    }
}

/// Reads a page of a list.
///
/// # Errors
///
/// When it is none, or leads to where none of ours is.
pub fn read_page<T: DeserializeOwned>(
    client: &Client,
    bytes: &[u8],
) -> Result<ReadPage<T>, RequestErrorKind> {
    let envelope: Envelope = json(answered(HeaderMap::new(), bytes))?;
    let (items, unreadable) = Envelope::read(envelope.values);
    let next = envelope.next.map(|next| client.page_url(&next));
    Ok((items, unreadable, next.transpose()?))
}

/// Reads what is said of one large file.
///
/// # Errors
///
/// When it is no such answer.
pub fn read_lfs_answers(
    client: &Client,
    at: &Url,
    asked: &[LfsObject],
    bytes: &[u8],
) -> Result<Vec<LfsAnswer>, RequestErrorKind> {
    client.lfs_answers(at, asked, answered(HeaderMap::new(), bytes))
}

/// Reads the head of an answer, a header a line, and its body as that of an error.
pub fn hear(head: &[u8], body: &[u8]) -> Heard {
    let lines = head.split(|byte| *byte == b'\n').filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(line.get(..colon)?).ok()?;
        let value = line.get(colon + 1..)?.trim_ascii();
        Some((name, HeaderValue::from_bytes(value).ok()?))
    });
    let headers: HeaderMap = lines.collect();
    let mut words = vec![answer::message_of(body), answer::excerpt(body)];
    words.extend(answer::text(&headers, "content-type"));
    words.extend(answer::entity_tag(&headers).map(|tag| tag.as_str().to_owned()));
    if let Some(removal) = announced_removal(Endpoint::PullRequests, &headers) {
        words.extend(
            [removal.deprecation, removal.sunset, removal.link]
                .into_iter()
                .flatten(),
        );
    }
    answer::said_of_quota(&headers);
    answer::served_at(&headers);
    Heard {
        wait: answer::told_to_wait(&headers),
        words,
        first_byte: first_byte(&headers),
    }
}

/// Whether a file may be brought from an address.
pub fn may_bring_from(client: &Client, url: &Url) -> bool {
    may_be_stored_at(url, client.options()).is_ok()
}

/// Whether an image may be brought from an address.
pub fn may_bring_image_from(hosts: &ImageHosts, url: &Url) -> bool {
    hosts.check(url).is_ok()
}
