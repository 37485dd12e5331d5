//! One request, from governor to classified answer.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use bucketload_auth::Signed;
use bucketload_model::{ErrorClass, Leave, NoLeave, ProgressEvent, Wait, WaitReason};
use chrono::{DateTime, Utc};
use reqwest::header;
use reqwest::{RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::SemaphorePermit;
use tracing::Instrument as _;
use url::Url;

use crate::answer::{
    Body, ReadBody, announced_removal, entity_tag, json, refusal, said_of_quota, served_at, shape,
    text, told_to_wait,
};
use crate::error::{RequestError, RequestErrorKind};
use crate::governor::Governor;
use crate::page::{Answer, Item, read_item};
use crate::{Client, Endpoint, EntityTag};

/// No JSON answer of Bitbucket comes near it: pages have at most 100 objects.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// Longest time for a whole answer.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(5);

/// Retries of a request that failed for a passing reason: about 0.5, 1, 2, 4 and
/// 8 seconds apart with jitter, so an outage of a quarter of a minute is outlived.
const MAX_RETRIES: usize = 5;
const LONGEST_RETRY_DELAY: Duration = Duration::from_secs(30);

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) endpoint: Endpoint,
    pub(crate) url: &'a Url,
    /// An answer that still has this tag need not be sent again.
    pub(crate) unless: Option<&'a EntityTag>,
}

/// An answer that was understood.
#[derive(Debug)]
pub(crate) struct Got<T> {
    pub(crate) value: T,
    /// Requests sent for it, repeated ones included.
    pub(crate) requests: u64,
    /// What is known of it besides.
    pub(crate) facts: Facts,
}

/// What the headers of an answer say about it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// When it was made, by the server's clock.
    pub(crate) served_at: Option<DateTime<Utc>>,
    /// Its version.
    pub(crate) entity_tag: Option<EntityTag>,
}

impl<'a> Question<'a> {
    pub(crate) const fn new(endpoint: Endpoint, url: &'a Url) -> Self {
        Self {
            endpoint,
            url,
            unless: None,
        }
    }
}

impl Client {
    pub(crate) async fn get_object<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        url: &Url,
    ) -> Result<Answer<T>, RequestError> {
        let got = self.get(Question::new(endpoint, url), json).await?;
        answer(got.value, got.requests, got.facts)
            .map_err(|kind| RequestError::new(endpoint, url, got.requests, kind))
    }

    /// The same, or nothing if the answer still has this tag.
    pub(crate) async fn get_object_unless<T: DeserializeOwned>(
        &self,
        question: Question<'_>,
    ) -> Result<Unless<Answer<T>>, RequestError> {
        let got = self.get(question, json_unless_same).await?;
        let requests = got.requests;
        let Some(source) = got.value else {
            return Ok(Unless::Same { requests });
        };
        answer(source, requests, got.facts)
            .map(Unless::Changed)
            .map_err(|kind| RequestError::new(question.endpoint, question.url, requests, kind))
    }

    /// Gets an answer, waiting for quota and retrying what may pass.
    pub(crate) async fn get<T>(
        &self,
        question: Question<'_>,
        read: ReadBody<T>,
    ) -> Result<Got<T>, RequestError> {
        let mut tries = Tries::new(self, question.endpoint, question.url, &self.buckets().rest);
        loop {
            let Turn {
                place,
                leave,
                signed,
            } = tries.begin().await?;
            let span = tracing::debug_span!("request", endpoint = question.endpoint.name());
            let attempt = self.attempt(question, leave, &signed, read);
            let result = attempt.instrument(span).await;
            drop(place);
            match result {
                Ok((value, facts)) => {
                    return Ok(Got {
                        value,
                        requests: tries.requests,
                        facts,
                    });
                }
                Err(kind) => tries.failed(kind).await?,
            }
        }
    }

    async fn attempt<T>(
        &self,
        question: Question<'_>,
        leave: Leave,
        signed: &Signed,
        read: ReadBody<T>,
    ) -> Result<(T, Facts), RequestErrorKind> {
        let Question { endpoint, url, .. } = question;
        let mut request = Self::sign(self.http().get(url.clone()), signed);
        if let Some(tag) = question.unless {
            request = request.header(header::IF_NONE_MATCH, tag.as_str());
        }
        let body = receive(request.timeout(REQUEST_TIMEOUT)).await;
        self.note_answer(endpoint, body.as_ref().ok().map(|body| body.status));
        let body = body?;
        tracing::debug!(
            endpoint = endpoint.name(),
            %url,
            status = body.status.as_u16(),
            bytes = body.bytes.len(),
            "answered"
        );
        self.note_time(served_at(&body.headers));
        let governor = &self.buckets().rest;
        let noted = if body.status == StatusCode::TOO_MANY_REQUESTS {
            governor.refused(leave, told_to_wait(&body.headers)).await
        } else {
            governor.answered(leave, said_of_quota(&body.headers)).await
        };
        noted.map_err(RequestErrorKind::Ledger)?;
        self.note_removal(endpoint, announced_removal(endpoint, &body.headers));
        let is_same = body.status == StatusCode::NOT_MODIFIED && question.unless.is_some();
        if body.status.is_redirection() && body.status != StatusCode::NOT_MODIFIED {
            return Err(RequestErrorKind::ForeignNext {
                address: text(&body.headers, "location").unwrap_or_default(),
            });
        }
        if !body.status.is_success() && !is_same {
            return Err(refusal(&body));
        }
        let facts = Facts {
            served_at: served_at(&body.headers),
            entity_tag: entity_tag(&body.headers),
        };
        read(body).map(|value| (value, facts))
    }
}

/// An answer, or the word that it is as it was.
#[derive(Debug, Clone)]
pub enum Unless<T> {
    /// It has another tag than the one that was given, or none was.
    Changed(T),
    /// What has that tag still holds (304).
    Same {
        /// Requests sent to learn that: a 304 is counted like any other answer.
        requests: u64,
    },
}

/// The tries of one request.
pub(crate) struct Tries<'a> {
    client: &'a Client,
    endpoint: Endpoint,
    url: &'a Url,
    governor: &'a Governor,
    delays: ExponentialBackoff,
    /// What signed the last request.
    signed: Option<Signed>,
    /// Whether Bitbucket has refused what signed it, and it was replaced.
    is_replaced: bool,
    /// Requests sent so far.
    pub(crate) requests: u64,
}

/// A request's turn.
pub(crate) struct Turn<'a> {
    /// Kept while the request is under way.
    pub(crate) place: Option<SemaphorePermit<'a>>,
    pub(crate) leave: Leave,
    pub(crate) signed: Signed,
}

impl<'a> Tries<'a> {
    pub(crate) fn new(
        client: &'a Client,
        endpoint: Endpoint,
        url: &'a Url,
        governor: &'a Governor,
    ) -> Self {
        let delays = ExponentialBuilder::default()
            .with_min_delay(client.options().first_retry_delay)
            .with_max_delay(LONGEST_RETRY_DELAY)
            .with_max_times(MAX_RETRIES)
            .with_jitter()
            .build();
        Self {
            client,
            endpoint,
            url,
            governor,
            delays,
            signed: None,
            is_replaced: false,
            requests: 0,
        }
    }

    /// Waits until a request may be sent, and counts it.
    pub(crate) async fn begin(&mut self) -> Result<Turn<'a>, RequestError> {
        let stop = self.client.stop();
        tokio::select! {
            biased;
            () = stop.cancelled() => Err(self.error(RequestErrorKind::Stopped)),
            turn = self.next_turn() => turn,
        }
    }

    async fn next_turn(&mut self) -> Result<Turn<'a>, RequestError> {
        let patience = self.client.options().wait;
        // The place comes first: who has leave sends at once, and a 429 in
        // the meantime stops everybody who still stands in line.
        let place = self.client.place().await;
        let leave = self.governor.leave(patience).await;
        let leave = leave.map_err(|reason| self.error(reason.into()))?;
        // After that wait, which can be long for a token of an hour.
        let signed = loop {
            match self.client.credential().current().await {
                Ok(signed) => break signed,
                Err(error) => self.failed(RequestErrorKind::Credential(error)).await?,
            }
        };
        self.signed = Some(signed.clone());
        self.requests += 1;
        Ok(Turn {
            place,
            leave,
            signed,
        })
    }

    /// Waits for the next try, if there is one.
    pub(crate) async fn failed(&mut self, kind: RequestErrorKind) -> Result<(), RequestError> {
        let Some(kind) = self.replace_token(kind).await else {
            return Ok(());
        };
        match kind.class() {
            // The governor knows how long; asking never stops for a quota.
            ErrorClass::RateLimited => Ok(()),
            ErrorClass::Transient => match self.delays.next() {
                Some(delay) => {
                    self.pause(&kind, delay).await;
                    Ok(())
                }
                None => Err(self.error(kind)),
            },
            _ => Err(self.error(kind)),
        }
    }

    /// A token that Bitbucket refused may have a successor: clocks differ, and other
    /// processes renew it too. It is asked for once; what remains is the failure.
    async fn replace_token(&mut self, kind: RequestErrorKind) -> Option<RequestErrorKind> {
        let is_refusal = matches!(kind, RequestErrorKind::Status { status: 401, .. });
        let (true, false, Some(refused)) = (is_refusal, self.is_replaced, &self.signed) else {
            return Some(kind);
        };
        match self.client.credential().after_refusal(refused).await {
            Ok(Some(_)) => {
                self.is_replaced = true;
                None
            }
            Ok(None) => Some(kind),
            Err(error) => Some(RequestErrorKind::Credential(error)),
        }
    }

    fn error(&self, kind: RequestErrorKind) -> RequestError {
        RequestError::new(self.endpoint, self.url, self.requests, kind)
    }

    async fn pause(&self, kind: &RequestErrorKind, delay: Duration) {
        tracing::info!(
            endpoint = self.endpoint.name(),
            url = %self.url,
            delay_ms = delay.as_millis(),
            problem = %kind,
            "request failed for a passing reason and is tried again"
        );
        let options = self.client.options();
        let until = options.clock.now() + delay;
        options.sink.emit(ProgressEvent::WaitStarted(Wait {
            reason: WaitReason::Retry,
            until,
        }));
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            // The next try says so.
            () = self.client.stop().cancelled() => {}
        }
        options.sink.emit(ProgressEvent::WaitEnded);
    }
}

async fn receive(request: RequestBuilder) -> Result<Body, RequestErrorKind> {
    let mut response = request.send().await.map_err(network)?;
    let bytes = read_up_to(&mut response, MAX_ANSWER_BYTES).await?;
    Ok(Body {
        status: response.status(),
        headers: std::mem::take(response.headers_mut()),
        bytes,
    })
}

pub(crate) async fn read_up_to(
    response: &mut reqwest::Response,
    limit_bytes: usize,
) -> Result<Vec<u8>, RequestErrorKind> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(network)? {
        if bytes.len() + chunk.len() > limit_bytes {
            return Err(RequestErrorKind::TooLarge {
                limit_bytes: limit_bytes as u64,
            });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn answer<T: DeserializeOwned>(
    source: Box<RawValue>,
    requests: u64,
    facts: Facts,
) -> Result<Answer<T>, RequestErrorKind> {
    let item: Item<T> = read_item(source).map_err(shape)?;
    Ok(Answer {
        item,
        requests,
        entity_tag: facts.entity_tag,
    })
}

/// Reads JSON, where there is any: an answer that is as it was has no body.
pub(crate) fn json_unless_same<T: DeserializeOwned>(
    body: Body,
) -> Result<Option<T>, RequestErrorKind> {
    if body.status == StatusCode::NOT_MODIFIED {
        return Ok(None);
    }
    json(body).map(Some)
}

impl From<NoLeave> for RequestErrorKind {
    fn from(reason: NoLeave) -> Self {
        match reason {
            NoLeave::Until(until) => Self::QuotaSpent { until },
            NoLeave::Ledger(error) => Self::Ledger(error),
        }
    }
}

/// Our own URL is already in the message, and reqwest's copy could differ from it.
pub(crate) fn network(error: reqwest::Error) -> RequestErrorKind {
    RequestErrorKind::Network(error.without_url())
}
