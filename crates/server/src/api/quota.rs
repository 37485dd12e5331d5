//! `GET /api/v1/quota`: how much of each bucket is used.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use bucketload_archive::ImportRequests;
use bucketload_model::ImportId;
use bucketload_model::TokenScope::ImportsRead;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::document::Operation;
use super::etag::tagged;
use super::for_scope;
use super::problem::Problem;
use crate::quota::curve::Requests;
use crate::quota::look::Bucket;
use crate::routes::Route;
use crate::service::App;

/// How much of each bucket is used, and by whom.
#[derive(Debug, Serialize, JsonSchema)]
struct Quota {
    /// Those in use first.
    buckets: Vec<QuotaBucket>,
    /// The imports of the last day that took most requests, those first.
    imports: Vec<ImportUse>,
}

/// Requests that Bitbucket counts together.
#[derive(Debug, Serialize, JsonSchema)]
struct QuotaBucket {
    /// `rest`, `git` or `raw`, and whose they are by a fingerprint.
    name: String,
    /// Whose requests count together, in words.
    whose: String,
    /// Requests of the hour that ends now.
    used: u32,
    /// Requests that an hour may have.
    limit: u32,
    /// Of them kept back for people who wait for a page.
    reserve: u32,
    /// Until when imports wait, if they do.
    waits_until: Option<DateTime<Utc>>,
    /// When the first requests of the hour can be sent again.
    returns_at: Option<DateTime<Utc>>,
    /// The last 24 hours, the latest first.
    hours: Vec<HourUse>,
}

/// What an hour was used for.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "QuotaHour")]
struct HourUse {
    /// When it began.
    began_at: DateTime<Utc>,
    /// Requests of imports.
    imports: u64,
    /// Requests of people who waited for a page.
    people: u64,
    /// Requests of others, as far as Bitbucket told.
    others: u64,
}

/// What an import took.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "QuotaImport")]
struct ImportUse {
    /// The import.
    id: ImportId,
    /// `workspace/repository`.
    source: String,
    /// All requests that it took.
    requests: u64,
}

impl From<Bucket> for QuotaBucket {
    fn from(bucket: Bucket) -> Self {
        let hour = |(began_at, requests): (DateTime<Utc>, Requests)| HourUse {
            began_at,
            imports: requests.imports,
            people: requests.people,
            others: requests.others,
        };
        Self {
            name: bucket.name,
            whose: bucket.whose,
            used: bucket.used,
            limit: bucket.limit,
            reserve: bucket.reserve,
            waits_until: bucket.waits_until,
            returns_at: bucket.returns_at,
            hours: bucket.day.hours.into_iter().map(hour).collect(),
        }
    }
}

impl From<ImportRequests> for ImportUse {
    fn from(import: ImportRequests) -> Self {
        Self {
            id: import.import,
            source: import.name.to_string(),
            requests: import.requests,
        }
    }
}

pub(super) fn route() -> Route {
    let operation = Operation::answers::<Quota>("get_quota", "How much of the quota is used");
    Route::get("/quota", for_scope(ImportsRead), show).told(operation.tagged())
}

async fn show(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let quota = app.quota().await?;
    let answer = Quota {
        buckets: quota.buckets.into_iter().map(Into::into).collect(),
        imports: quota.imports.into_iter().map(Into::into).collect(),
    };
    tagged(&headers, &answer)
}
