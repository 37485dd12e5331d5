//! Where objects are.
//!
//! <https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md>

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bucketload_model::{LfsObject, QuotaSaid};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::answer::{Body, json as read_json, printable, refusal, told_to_wait};
use crate::error::{RequestError, RequestErrorKind};
use crate::file::patiently;
use crate::lenient::scalar;
use crate::lfs::{below, sign};
use crate::request::{Tries, Turn, network, read_up_to};
use crate::{Client, Endpoint};

/// The media type of questions and answers.
const LFS_JSON: &str = "application/vnd.git-lfs+json";

/// An answer about a hundred objects has some hundred kilobytes, however long the tokens.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// Headers of an action that a client may not let others set: they are the connection's.
const NOT_TO_BE_SET: [HeaderName; 7] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::RANGE,
    header::COOKIE,
];

/// What Bitbucket says about some objects.
#[derive(Debug, Default)]
pub struct LfsBatch {
    /// One for each object that was asked for, in that order.
    pub answers: Vec<LfsAnswer>,
    /// Requests sent for it, repeated ones included.
    pub requests: u64,
}

/// What Bitbucket says about an object.
#[derive(Debug)]
pub struct LfsAnswer {
    /// The object.
    pub object: LfsObject,
    /// Where it is, or why it is not there.
    pub action: Result<LfsAction, LfsRefusal>,
}

/// Where an object is, and what has to be sent to get it.
#[derive(Clone)]
pub struct LfsAction {
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    /// Whether the address or the headers authorise it by themselves.
    pub(super) is_authenticated: bool,
    pub(super) expires_at: Option<DateTime<Utc>>,
}

/// Address and headers let everybody read the object.
impl fmt::Debug for LfsAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LfsAction")
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

impl LfsAction {
    /// Whether it is no longer of use.
    pub fn has_expired(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

/// Why an object cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LfsRefusal {
    /// Like an HTTP status: 404 where the object is not there, 410 where it was removed.
    pub code: u16,
    /// In words, without control characters.
    pub message: String,
}

#[derive(Deserialize)]
struct WireBatch {
    #[serde(default, deserialize_with = "scalar")]
    transfer: Option<String>,
    objects: Vec<WireObject>,
}

#[derive(Deserialize)]
struct WireObject {
    #[serde(default, deserialize_with = "scalar")]
    oid: Option<String>,
    #[serde(default, deserialize_with = "scalar")]
    authenticated: Option<bool>,
    #[serde(default)]
    actions: Option<Value>,
    #[serde(default)]
    error: Option<Value>,
}

impl Client {
    /// Asks where objects are, of the repository at `repository`, the address that `git`
    /// would clone from. Counts as a request of git.
    ///
    /// # Errors
    ///
    /// When it fails for good: 404 where there is no LFS, 413 where these are too many.
    pub async fn lfs_batch(
        &self,
        repository: &Url,
        objects: &[LfsObject],
    ) -> Result<LfsBatch, RequestError> {
        let url = below(repository, &["batch"]);
        let asked: Vec<Value> = objects
            .iter()
            .map(|object| json!({ "oid": object.oid.as_str(), "size": object.size_bytes }))
            .collect();
        let question = json!({
            "operation": "download",
            "transfers": ["basic"],
            "objects": asked,
            "hash_algo": "sha256",
        });
        let question = Bytes::from(question.to_string());
        let endpoint = Endpoint::LfsBatch;
        let mut tries = Tries::new(self, endpoint, &url, &self.buckets().git);
        let wire = loop {
            let turn = tries.begin().await?;
            let result = self.ask(&url, question.clone(), &turn).await;
            drop(turn);
            match result {
                Ok(wire) => break wire,
                Err(kind) => tries.failed(kind).await?,
            }
        };
        let requests = tries.requests;
        if let Some(transfer) = wire.transfer.as_deref().filter(|name| *name != "basic") {
            tracing::debug!(transfer, "an unknown way of transfer");
            let kind = RequestErrorKind::FileStore {
                problem: "LFS objects come in a way that was not asked for",
            };
            return Err(RequestError::new(endpoint, &url, requests, kind));
        }
        Ok(LfsBatch {
            answers: self.sort_out(&url, objects, wire.objects),
            requests,
        })
    }

    async fn ask(
        &self,
        url: &Url,
        question: Bytes,
        turn: &Turn<'_>,
    ) -> Result<WireBatch, RequestErrorKind> {
        let request = self
            .file_http()?
            .post(url.clone())
            .header(header::ACCEPT, LFS_JSON)
            .header(header::CONTENT_TYPE, LFS_JSON)
            .body(question);
        let sent = patiently(sign(request, &turn.signed).send()).await;
        let sent = sent.and_then(|sent| sent.map_err(network));
        self.note_answer(Endpoint::LfsBatch, sent.as_ref().ok().map(Response::status));
        let mut response = sent?;
        let status = response.status();
        tracing::debug!(%url, status = status.as_u16(), "answered");
        let governor = &self.buckets().git;
        let noted = if status == StatusCode::TOO_MANY_REQUESTS {
            let told = told_to_wait(response.headers());
            governor.refused(turn.leave, told).await
        } else {
            governor.answered(turn.leave, QuotaSaid::default()).await
        };
        noted.map_err(RequestErrorKind::Ledger)?;
        let bytes = patiently(read_up_to(&mut response, MAX_ANSWER_BYTES)).await??;
        let body = Body {
            status,
            headers: std::mem::take(response.headers_mut()),
            bytes,
        };
        if !status.is_success() {
            return Err(refusal(&body));
        }
        read_json(body)
    }

    /// What an answer from `at` says of the objects that were asked for.
    pub(crate) fn lfs_answers(
        &self,
        at: &Url,
        asked: &[LfsObject],
        body: Body,
    ) -> Result<Vec<LfsAnswer>, RequestErrorKind> {
        let wire: WireBatch = read_json(body)?;
        Ok(self.sort_out(at, asked, wire.objects))
    }

    /// One answer for each object that was asked for. Others are nobody's business.
    fn sort_out(&self, at: &Url, asked: &[LfsObject], wire: Vec<WireObject>) -> Vec<LfsAnswer> {
        let mut told: BTreeMap<String, Vec<WireObject>> = BTreeMap::new();
        for object in wire {
            if let Some(oid) = object.oid.clone() {
                told.entry(oid).or_default().push(object);
            }
        }
        let mut answers = Vec::new();
        for object in asked {
            // Two sizes of one hash are two questions and two answers, in one order.
            let found = told.get_mut(object.oid.as_str()).and_then(|objects| {
                let mut rest = objects.drain(..);
                let first = rest.next();
                let rest: Vec<_> = rest.collect();
                *objects = rest;
                first
            });
            let action = match found {
                Some(found) => self.action(at, &found),
                None => Err(refused(0, "the answer does not speak of it")),
            };
            answers.push(LfsAnswer {
                object: object.clone(),
                action,
            });
        }
        let unknown: BTreeSet<&String> = told
            .iter()
            .filter(|(_, objects)| !objects.is_empty())
            .map(|(oid, _)| oid)
            .collect();
        if !unknown.is_empty() {
            tracing::debug!(objects = unknown.len(), "objects that nobody asked for");
        }
        answers
    }

    fn action(&self, at: &Url, object: &WireObject) -> Result<LfsAction, LfsRefusal> {
        if let Some(error) = object.error.as_ref().filter(|error| error.is_object()) {
            let code = error.get("code").and_then(Value::as_u64);
            let message = error.get("message").and_then(Value::as_str);
            return Err(refused(
                code.and_then(|code| code.try_into().ok())
                    .unwrap_or_default(),
                message.unwrap_or("no reason was given"),
            ));
        }
        let download = object.actions.as_ref().and_then(|all| all.get("download"));
        let Some(download) = download else {
            return Err(refused(0, "the answer has no address for it"));
        };
        let href = download.get("href").and_then(Value::as_str);
        let Some(url) = href.and_then(|href| at.join(href).ok()) else {
            return Err(refused(0, "its address cannot be read"));
        };
        let mut headers = HeaderMap::new();
        let given = download.get("header").and_then(Value::as_object);
        for (name, value) in given.into_iter().flatten() {
            let name = HeaderName::try_from(name.as_str()).ok();
            let value = value.as_str().and_then(|it| HeaderValue::from_str(it).ok());
            let (Some(name), Some(mut value)) = (name, value) else {
                return Err(refused(0, "a header for it cannot be sent"));
            };
            if !NOT_TO_BE_SET.contains(&name) {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
        Ok(LfsAction {
            url,
            headers,
            is_authenticated: object.authenticated.unwrap_or_default(),
            expires_at: self.expires_at(download),
        })
    }

    /// Seconds count before a time: clocks differ.
    fn expires_at(&self, action: &Value) -> Option<DateTime<Utc>> {
        let seconds = action.get("expires_in").and_then(Value::as_i64);
        let seconds = seconds.filter(|seconds| *seconds != 0);
        if let Some(left) = seconds.and_then(TimeDelta::try_seconds) {
            return self.options().clock.now().checked_add_signed(left);
        }
        let at = action.get("expires_at").and_then(Value::as_str)?;
        let at = DateTime::parse_from_rfc3339(at).ok()?.to_utc();
        // Go's zero time stands for none.
        (at.timestamp() > 0).then_some(at)
    }
}

fn refused(code: u16, message: &str) -> LfsRefusal {
    LfsRefusal {
        code,
        message: printable(message),
    }
}
