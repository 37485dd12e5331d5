//! `GET /api/v1/imports`: the latest import of every repository, in pages.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use bucketload_model::{ImportId, ImportState, WorkspaceSlug};
use schemars::JsonSchema;
use serde::Serialize;
use url::form_urlencoded;

use super::entry::Entry;
use crate::api::document::Operation;
use crate::api::etag::tagged;
use crate::api::problem::Problem;
use crate::imports::filter::Chosen;
use crate::service::App;

/// Imports on a page, unless less is asked for.
const LENGTH: u32 = 100;

/// A page of imports, the latest first.
#[derive(Debug, Serialize, JsonSchema)]
struct ImportList {
    imports: Vec<Entry>,
    /// The address of the next page, if there is one; also as `Link` (RFC 8288).
    next: Option<String>,
}

/// What the answer is, and what it can be filtered by.
pub(super) fn operation() -> Operation {
    Operation::answers::<ImportList>(
        "list_imports",
        "The latest import of every repository, the latest first",
    )
    .query::<Vec<ImportState>>("state", "Only those in one of these states")
    .query::<WorkspaceSlug>("workspace", "Only those of a workspace")
    .query::<String>("q", "Only those with this in `workspace/repository`")
    .query::<u32>("limit", "So many on a page, 100 at most")
    .query::<ImportId>("before", "Where the page before ended: use `next`")
    .tagged()
}

/// Filters by `state` (may be given several times), `workspace` and `q`, a part of
/// `workspace/repository`.
pub(crate) async fn list(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = query.unwrap_or_default();
    check(&query)?;
    let chosen = Chosen::read(query.as_bytes());
    let length = length(&query)?;
    let page = app.lines(chosen.filter(None), length).await?;
    let now = app.now();
    let next = page.next.map(|next| {
        let next = chosen.address("api/v1/imports", Some(next));
        format!("{}{next}&limit={length}", app.public_url)
    });
    let lines = page.lines.into_iter();
    let answer = ImportList {
        imports: lines.map(|line| Entry::of(line, now)).collect(),
        next,
    };
    let mut response = tagged(&headers, &answer)?;
    if let Some(next) = &answer.next {
        let link = HeaderValue::from_str(&format!("<{next}>; rel=\"next\""));
        let link = link.map_err(Problem::unwritable)?;
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// A page may leave out what it cannot read; a script is told.
fn check(query: &str) -> Result<(), Problem> {
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let is_good = match &*name {
            "state" => value.parse::<bucketload_model::ImportState>().is_ok(),
            "workspace" => value.parse::<bucketload_model::WorkspaceSlug>().is_ok(),
            "before" => value.parse::<bucketload_model::ImportId>().is_ok(),
            "q" | "limit" => true,
            _ => false,
        };
        if !is_good {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                format!(
                    "“{name}={value}” cannot be filtered by. There are state, workspace, q, \
                     limit and before."
                ),
            ));
        }
    }
    Ok(())
}

fn length(query: &str) -> Result<u32, Problem> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let Some((_, text)) = pairs.find(|(name, _)| name == "limit") else {
        return Ok(LENGTH);
    };
    let length = text.parse().ok();
    length
        .filter(|length| (1..=LENGTH).contains(length))
        .ok_or_else(|| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                format!("The limit is a number from 1 to {LENGTH}."),
            )
        })
}
