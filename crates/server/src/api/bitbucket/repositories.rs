//! `GET /api/v1/workspaces/{workspace}/repositories`: what a credential sees of a workspace.

use std::borrow::Cow;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use bucketload_model::WorkspaceSlug;
use chrono::{DateTime, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use url::form_urlencoded;

use super::{CREDENTIAL, named};
use crate::api::bearer::Script;
use crate::api::document::Operation;
use crate::api::problem::Problem;
use crate::bitbucket::lists::{Candidate, MOST_PAGES, Sort, Unfit};
use crate::imports::new::Place;
use crate::service::App;

/// The beginning of a list of repositories at Bitbucket.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SourceList {
    /// Those that can be imported.
    repositories: Vec<SourceRepository>,
    /// Those that cannot.
    not_importable: Vec<NotImportable>,
    /// How many the whole list has, where Bitbucket says.
    size: Option<u64>,
    /// Whether it goes on: ask with more `pages`.
    has_more: bool,
}

/// A repository at Bitbucket.
#[derive(Debug, Serialize, JsonSchema)]
struct SourceRepository {
    /// `workspace/repository`.
    source: String,
    /// Whether a credential is needed to read it.
    is_private: Option<bool>,
    /// Its size, bytes by all appearances.
    size_bytes: Option<u64>,
    /// When anything in it last changed.
    updated_at: Option<DateTime<Utc>>,
    /// The language that it is written in, as its people say.
    language: Option<String>,
}

/// A repository that cannot be imported.
#[derive(Debug, Serialize, JsonSchema)]
struct NotImportable {
    /// What Bitbucket calls it.
    name: String,
    /// Why it cannot, in words.
    reason: String,
}

impl From<&Candidate> for SourceRepository {
    fn from(candidate: &Candidate) -> Self {
        Self {
            source: candidate.name.to_string(),
            is_private: candidate.is_private,
            size_bytes: candidate.size_bytes,
            updated_at: candidate.updated_at,
            language: candidate.language.clone(),
        }
    }
}

impl From<&Unfit> for NotImportable {
    fn from(unfit: &Unfit) -> Self {
        Self {
            name: unfit.name.clone(),
            reason: unfit.why.to_owned(),
        }
    }
}

/// The words of [`Sort`], as the document has them.
struct SortWord;

impl JsonSchema for SortWord {
    fn schema_name() -> Cow<'static, str> {
        "RepositorySort".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Sort::ALL.map(Sort::name) })
    }
}

pub(super) fn operation() -> Operation {
    Operation::answers::<SourceList>(
        "list_source_repositories",
        "The repositories of a workspace at Bitbucket, as of two minutes ago at most",
    )
    .path::<WorkspaceSlug>("workspace", "The workspace")
    .query::<String>("credential", CREDENTIAL)
    .query::<String>("q", "Only those with this in their name")
    .query::<SortWord>("sort", "What comes first; `updated` unless given")
    .query::<u32>("pages", "So many hundreds from the beginning, 10 at most")
}

pub(crate) async fn list(
    State(app): State<App>,
    script: Script,
    Path(workspace): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<SourceList>, Problem> {
    let query = query.unwrap_or_default();
    check(&query)?;
    let mut place = Place::read(query.as_bytes());
    place.workspace = workspace.parse().ok();
    let search = place.search();
    let search = search.ok_or_else(|| Problem::not_found("workspace"))?;
    let credential = named(&app, &script, &query).await?;
    let found = app
        .repositories_of(script.user.id, &credential, &search, place.pages)
        .await?;
    Ok(Json(SourceList {
        repositories: found.candidates.iter().map(Into::into).collect(),
        not_importable: found.unfit.iter().map(Into::into).collect(),
        size: found.in_all,
        has_more: found.has_more(),
    }))
}

/// A page may leave out what it cannot read; a script is told.
fn check(query: &str) -> Result<(), Problem> {
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let is_good = match &*name {
            "credential" | "q" => true,
            "sort" => value.parse::<Sort>().is_ok(),
            "pages" => (1..=MOST_PAGES).contains(&value.parse().unwrap_or_default()),
            _ => false,
        };
        if !is_good {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                format!(
                    "“{name}={value}” is not understood. There are credential, q, sort and pages, \
                     1 to {MOST_PAGES}."
                ),
            ));
        }
    }
    Ok(())
}
