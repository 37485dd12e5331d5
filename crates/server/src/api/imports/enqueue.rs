//! `POST /api/v1/imports`: asking for imports.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use bucketload_archive::Enqueued;
use bucketload_model::{ImportId, ImportState, Priority, RepositoryName, Stage};
use bucketload_worker::Selection;
use bucketload_worker::queue::Wish;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::asker;
use crate::api::bearer::Script;
use crate::api::bitbucket::usable;
use crate::api::body::Body;
use crate::api::document::Operation;
use crate::api::problem::Problem;
use crate::service::App;

/// Repositories that are asked for at once: one transaction asks for all of them.
const MOST: usize = 1_000;

/// Imports that are wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "WantedImports")]
pub(crate) struct Wanted {
    /// Each as `workspace/repository`.
    repositories: Vec<String>,
    /// The stages, with what every import needs; the usual ones unless given.
    #[serde(default)]
    stages: Vec<Stage>,
    /// What comes first, from -100 to 100.
    #[serde(default)]
    priority: i32,
    /// Whether lists are read whole, although only what changed would do.
    #[serde(default)]
    whole_lists: bool,
    /// Not to be begun before.
    not_before: Option<DateTime<Utc>>,
    /// What to import with, by an id of `GET /credentials`; that of the service unless given.
    credential: Option<String>,
}

/// What became of it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "QueuedImports")]
pub(crate) struct Queued {
    /// In the order of the repositories.
    imports: Vec<QueuedImport>,
}

/// An import that will do what was asked for.
#[derive(Debug, Serialize, JsonSchema)]
struct QueuedImport {
    id: ImportId,
    /// `workspace/repository`.
    source: String,
    state: ImportState,
    /// Whether it is a new one. One that has not ended serves everybody who asks for it.
    is_new: bool,
}

pub(super) fn operation() -> Operation {
    Operation::answers::<Queued>("create_imports", "Asks for imports")
        .takes::<Wanted>()
        .with_status(202)
}

pub(crate) async fn enqueue(
    State(app): State<App>,
    script: Script,
    Body(wanted): Body<Wanted>,
) -> Result<(StatusCode, Json<Queued>), Problem> {
    let credential = match &wanted.credential {
        Some(text) => usable(&app, &script, text).await?.which.for_queue(),
        None => None,
    };
    let wishes = wishes(&wanted, credential.as_deref())?;
    let queue = app.queue.clone().asked_by(asker(&script));
    let answers = queue.enqueue(&wishes).await?;
    app.events.look_now();
    let imports = wishes
        .iter()
        .zip(answers)
        .map(|(wish, answer)| QueuedImport {
            id: answer.import(),
            source: wish.name.to_string(),
            state: match answer {
                Enqueued::Joined(_, state) => state,
                Enqueued::Added(_) | Enqueued::Resumed(_) => ImportState::Queued,
            },
            is_new: matches!(answer, Enqueued::Added(_)),
        });
    let imports = imports.collect();
    Ok((StatusCode::ACCEPTED, Json(Queued { imports })))
}

fn wishes(wanted: &Wanted, credential: Option<&str>) -> Result<Vec<Wish>, Problem> {
    let refuse = |why: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why);
    if !(1..=MOST).contains(&wanted.repositories.len()) {
        return Err(refuse(format!("Name 1 to {MOST} repositories.")));
    }
    let selection = Selection::new(&wanted.stages, &[]);
    let selection = selection.map_err(|error| refuse(format!("stages: {error}.")))?;
    wanted
        .repositories
        .iter()
        .map(|name| {
            let name: RepositoryName = name
                .parse()
                .map_err(|error| refuse(format!("repositories: {error}.")))?;
            Ok(Wish {
                name,
                stages: selection.stages().to_vec(),
                whole_lists: wanted.whole_lists,
                priority: Priority::new(wanted.priority),
                not_before: wanted.not_before,
                credential: credential.map(ToOwned::to_owned),
            })
        })
        .collect()
}
