//! An export of issues that somebody uploads.

use std::error::Error;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use bucketload_archive::BlobError;
use bucketload_model::RepositoryName;
use bucketload_worker::{IssueExportError, IssueExports};
use maud::Markup;

use crate::error::PageError;
use crate::pages::taken;
use crate::pages::upload::{EXPORT, REPOSITORY};
use crate::security::file_form::FileForm;
use crate::service::App;
use crate::session::Member;

pub(crate) use crate::pages::upload::PATH;

/// Takes an export in, as `bucketload import --issues-export` does.
pub(crate) async fn submit(
    State(app): State<App>,
    Member(person): Member,
    mut form: FileForm,
) -> Result<Markup, PageError> {
    let data_dir = &app.health.data_dir;
    let name: RepositoryName = form.text(REPOSITORY).await?.trim().parse().map_err(|_| {
        PageError::unusable("Name the repository as in its address: workspace/repository.")
    })?;
    // Nobody has the directory to himself meanwhile.
    let _share = data_dir.share().map_err(|error| {
        PageError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Nothing can be taken in just now",
            said(&error),
        )
        .remedy("Try again later.")
    })?;
    let file = form
        .file(EXPORT, &data_dir.blobs(app.uploads.file_bytes))
        .await?;
    let exports = IssueExports {
        archive: app.archive.clone(),
        data_dir: data_dir.clone(),
        max_blob_bytes: app.uploads.blob_bytes,
        clock: Arc::clone(&app.clock),
        cancel: app.health.stopping.child_token(),
    };
    let export = exports.take(&name, file.path()).await.map_err(refused)?;
    app.note_alone(
        &person.user,
        "took in an export of issues",
        &name.to_string(),
    )
    .await?;
    Ok(taken::page(&person, &name, &export))
}

/// An error and what it comes from.
fn said(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// Why nothing of it was kept.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(error: IssueExportError) -> PageError {
    let because = |remedy| {
        PageError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "The export was not taken in",
            format!("{}. Nothing of it was kept.", capitalised(&said(&error))),
        )
        .remedy(remedy)
    };
    match &error {
        IssueExportError::Zip(_)
        | IssueExportError::NoDocument
        | IssueExportError::Document(_)
        | IssueExportError::NotText(_) => because(
            "Give the zip as Bitbucket made it, or the db-2.0.json out of it; a copy that was cut \
             short will not do.",
        ),
        IssueExportError::TooManyFiles { .. }
        | IssueExportError::SameName
        | IssueExportError::Bomb { .. }
        | IssueExportError::DocumentTooLarge { .. } => {
            because("Do not trust this file unless you made it yourself.")
        }
        IssueExportError::Store(BlobError::DiskFull(_)) => {
            because("Whoever runs the service can make room.")
        }
        IssueExportError::Stopped => because("The service is about to end. Try again later."),
        // Paths and databases are no business of whoever looks at the page.
        IssueExportError::Read { .. }
        | IssueExportError::Store(_)
        | IssueExportError::Database(_)
        | IssueExportError::Lost => {
            tracing::error!(error = &error as &dyn Error, "an export was not taken in");
            PageError::internal()
        }
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(characters).collect()
}
