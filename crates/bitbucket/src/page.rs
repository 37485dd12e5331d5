//! Pages of a list, and the stream of them.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};

use chrono::{DateTime, Utc};
use futures::Stream;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use url::Url;

use crate::answer::json;
use crate::error::{RequestError, RequestErrorKind};
use crate::request::{Got, Question, json_unless_same};
use crate::{Client, Endpoint, EntityTag, Unless};

/// An answer and what it cost.
#[derive(Debug, Clone)]
pub struct Answer<T> {
    /// What was answered.
    pub item: Item<T>,
    /// Requests sent for it, repeated ones included.
    pub requests: u64,
    /// Its version, where Bitbucket names it.
    pub entity_tag: Option<EntityTag>,
}

/// An object: typed, and as it was sent.
#[derive(Debug, Clone)]
pub struct Item<T> {
    /// The typed fields.
    pub value: T,
    /// The text as sent.
    pub source: Box<RawValue>,
}

/// An object on a page that could not be read as what it should be.
#[derive(Debug, Clone)]
pub struct UnreadableItem {
    /// Its place on the page, from 0.
    pub index: usize,
    /// The field and what is wrong with it.
    pub problem: String,
}

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// Its address.
    pub url: PageUrl,
    /// The objects that could be read.
    pub items: Vec<Item<T>>,
    /// Those that could not.
    pub unreadable: Vec<UnreadableItem>,
    /// The next page, as Bitbucket gave it.
    pub next: Option<PageUrl>,
    /// Objects in the whole list, where Bitbucket says.
    pub size: Option<u64>,
    /// Requests sent for this page, repeated ones included.
    pub requests: u64,
    /// When it was made, by Bitbucket's clock.
    pub served_at: Option<DateTime<Utc>>,
    /// Its version, where Bitbucket names it.
    pub entity_tag: Option<EntityTag>,
}

/// The address of a page: on our API host, followed as given, never built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageUrl(pub(crate) Url);

impl fmt::Display for PageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Lengths of pages to try where a longer one is refused. Ten is the documented
/// least and default.
const SHORTER_PAGES: [u64; 2] = [50, 10];

impl PageUrl {
    /// The same page with fewer objects, if it has more than the fewest.
    fn with_shorter_pages(&self) -> Option<Self> {
        let length = |(name, value): (Cow<'_, str>, Cow<'_, str>)| {
            (name == "pagelen").then(|| value.parse::<u64>().ok())?
        };
        let now = self.0.query_pairs().find_map(length)?;
        let shorter = SHORTER_PAGES.into_iter().find(|length| *length < now)?;
        let query: Vec<(String, String)> = self
            .0
            .query_pairs()
            .map(|(name, value)| match name.as_ref() {
                "pagelen" => (name.into_owned(), shorter.to_string()),
                _ => (name.into_owned(), value.into_owned()),
            })
            .collect();
        let mut url = self.0.clone();
        url.query_pairs_mut().clear().extend_pairs(query);
        Some(Self(url))
    }
}

/// The envelope of every list.
#[derive(Debug, Deserialize)]
pub(crate) struct Envelope {
    pub(crate) values: Vec<Box<RawValue>>,
    #[serde(default)]
    pub(crate) next: Option<String>,
    #[serde(default, deserialize_with = "crate::lenient::scalar")]
    size: Option<u64>,
}

impl Envelope {
    /// The objects that can be read, and those that cannot.
    pub(crate) fn read<T: DeserializeOwned>(
        values: Vec<Box<RawValue>>,
    ) -> (Vec<Item<T>>, Vec<UnreadableItem>) {
        let mut items = Vec::with_capacity(values.len());
        let mut unreadable = Vec::new();
        for (index, source) in values.into_iter().enumerate() {
            match read_item(source) {
                Ok(item) => items.push(item),
                Err(error) => unreadable.push(UnreadableItem {
                    index,
                    problem: format!("{}: {}", error.path(), error.inner()),
                }),
            }
        }
        (items, unreadable)
    }
}

pub(crate) fn read_item<T: DeserializeOwned>(
    source: Box<RawValue>,
) -> Result<Item<T>, serde_path_to_error::Error<serde_json::Error>> {
    let mut deserializer = serde_json::Deserializer::from_str(source.get());
    let value = serde_path_to_error::deserialize(&mut deserializer)?;
    Ok(Item { value, source })
}

impl Client {
    /// Fetches one page.
    ///
    /// Not every endpoint says how long its pages may be. One that refuses ours
    /// is asked for shorter ones.
    ///
    /// # Errors
    ///
    /// When the request fails for good, or the answer is no page.
    pub async fn page<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        url: &PageUrl,
    ) -> Result<Page<T>, RequestError> {
        match self.page_unless(endpoint, url, None).await? {
            Unless::Changed(page) => Ok(page),
            // Only an answer to a question with a tag can be that.
            Unless::Same { requests } => {
                let kind = RequestErrorKind::NotJson {
                    excerpt: "an empty body".to_owned(),
                };
                Err(RequestError::new(endpoint, &url.0, requests, kind))
            }
        }
    }

    /// Fetches one page, unless it still has this tag.
    ///
    /// # Errors
    ///
    /// As of [`Client::page`].
    pub async fn page_unless<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        url: &PageUrl,
        tag: Option<&EntityTag>,
    ) -> Result<Unless<Page<T>>, RequestError> {
        let mut url = url.clone();
        let mut tag = tag;
        let mut refused = 0;
        loop {
            let result = self.page_as_asked(endpoint, &url, tag).await;
            let error = match result {
                Ok(Unless::Changed(mut page)) => {
                    page.requests += refused;
                    return Ok(Unless::Changed(page));
                }
                Ok(Unless::Same { requests }) => {
                    let requests = requests + refused;
                    return Ok(Unless::Same { requests });
                }
                Err(error) => error,
            };
            let shorter = url
                .with_shorter_pages()
                .filter(|_| error.is_about_pagelen());
            let Some(shorter) = shorter else {
                return Err(RequestError {
                    requests: error.requests + refused,
                    ..error
                });
            };
            tracing::info!(endpoint = endpoint.name(), %url, "pages of this length are refused");
            refused += error.requests;
            url = shorter;
            // It was another page's.
            tag = None;
        }
    }

    async fn page_as_asked<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        url: &PageUrl,
        tag: Option<&EntityTag>,
    ) -> Result<Unless<Page<T>>, RequestError> {
        let question = Question {
            unless: tag,
            ..Question::new(endpoint, &url.0)
        };
        let got: Got<Option<Envelope>> = self.get(question, json_unless_same).await?;
        let requests = got.requests;
        let Some(envelope) = got.value else {
            return Ok(Unless::Same { requests });
        };
        let (items, unreadable) = Envelope::read(envelope.values);
        let fail = |kind| RequestError::new(endpoint, &url.0, requests, kind);
        let next = match envelope.next {
            Some(next) => Some(self.page_url(&next).map_err(fail)?),
            None => None,
        };
        if next.as_ref() == Some(url) {
            return Err(fail(RequestErrorKind::PagesInCircle));
        }
        Ok(Unless::Changed(Page {
            url: url.clone(),
            items,
            unreadable,
            next,
            size: envelope.size,
            requests,
            served_at: got.facts.served_at,
            entity_tag: got.facts.entity_tag,
        }))
    }

    /// How many objects a list has, by the smallest possible request.
    ///
    /// # Errors
    ///
    /// When the request fails for good.
    pub async fn size(
        &self,
        endpoint: Endpoint,
        first: &PageUrl,
    ) -> Result<Option<u64>, RequestError> {
        #[derive(Deserialize)]
        struct Size {
            #[serde(default, deserialize_with = "crate::lenient::scalar")]
            size: Option<u64>,
        }

        let mut url = first.0.clone();
        let kept: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, _)| name != "pagelen" && name != "fields")
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        url.query_pairs_mut()
            .clear()
            .extend_pairs(kept)
            .append_pair("pagelen", "10")
            .append_pair("fields", "size");
        let got: Got<Size> = self.get(Question::new(endpoint, &url), json).await?;
        Ok(got.value.size)
    }

    /// Every page from `first` on, one at a time, in Bitbucket's order.
    ///
    /// The stream ends with the last page or with the first error; an empty page
    /// in the middle does not end it.
    pub fn pages<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        first: PageUrl,
    ) -> impl Stream<Item = Result<Page<T>, RequestError>> + '_ {
        // A hostile or broken server could send us round for ever. Addresses are
        // kept as hashes, a few bytes for each page.
        let hasher = RandomState::new();
        let seen = HashSet::new();
        let begin = (Some(first), hasher, seen);
        futures::stream::try_unfold(begin, move |(url, hasher, mut seen)| async move {
            let Some(url) = url else { return Ok(None) };
            if !seen.insert(hasher.hash_one(&url.0)) {
                let kind = RequestErrorKind::PagesInCircle;
                return Err(RequestError::new(endpoint, &url.0, 0, kind));
            }
            let page = self.page::<T>(endpoint, &url).await?;
            let next = page.next.clone();
            Ok(Some((page, (next, hasher, seen))))
        })
    }

    /// Reads an address that was stored as a checkpoint or given as `next`.
    ///
    /// # Errors
    ///
    /// When it is no address or points to another host than the API's: no
    /// credential may ever be sent there.
    pub fn page_url(&self, text: &str) -> Result<PageUrl, RequestErrorKind> {
        let url = Url::parse(text).map_err(|_| RequestErrorKind::ForeignNext {
            address: shortened(text),
        })?;
        let root = self.api_url();
        let same_host = url.origin() == root.origin();
        let below_root = url
            .path()
            .strip_prefix(root.path().trim_end_matches('/'))
            .is_some_and(|rest| rest.starts_with('/'));
        if same_host && below_root && url.username().is_empty() && url.password().is_none() {
            Ok(PageUrl(url))
        } else {
            Err(RequestErrorKind::ForeignNext {
                address: shortened(url.origin().ascii_serialization().as_str()),
            })
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}
