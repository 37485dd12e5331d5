//! What somebody uploads: an export of issues, a bundle of a wiki.

use std::error::Error;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use bucketload_archive::mirror::MirrorError;
use bucketload_archive::{BlobError, BlobWriter, DataDirLock};
use bucketload_model::RepositoryName;
use bucketload_worker::{IssueExportError, IssueExports, WikiCopies, WikiCopyError};
use maud::Markup;

use crate::error::PageError;
use crate::pages::taken;
use crate::pages::upload::{ISSUES, REPOSITORY, Upload, WIKI};
use crate::security::file_form::FileForm;
use crate::service::App;
use crate::session::Member;

/// Takes an export in, as `bucketload import --issues-export` does.
pub(crate) async fn issues(
    State(app): State<App>,
    Member(person): Member,
    mut form: FileForm,
) -> Result<Markup, PageError> {
    let data_dir = &app.health.data_dir;
    let Received { name, file, _share } = receive(&app, &mut form, &ISSUES).await?;
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
    Ok(taken::issues(&person, &name, &export))
}

/// Takes the wiki of a bundle in, as `bucketload import --wiki` does.
pub(crate) async fn wiki(
    State(app): State<App>,
    Member(person): Member,
    mut form: FileForm,
) -> Result<Markup, PageError> {
    let Received { name, file, _share } = receive(&app, &mut form, &WIKI).await?;
    let copies = WikiCopies {
        archive: app.archive.clone(),
        data_dir: app.health.data_dir.clone(),
        clock: Arc::clone(&app.clock),
        cancel: app.health.stopping.child_token(),
    };
    let taken = copies.take(&name, file.path()).await.map_err(not_taken)?;
    let what = name.to_string();
    app.note_alone(&person.user, "took in a wiki", &what)
        .await?;
    Ok(taken::wiki(&person, &name, &taken))
}

/// A file that has arrived, and whose it is.
struct Received {
    name: RepositoryName,
    file: BlobWriter,
    /// Nobody has the directory to himself meanwhile.
    _share: DataDirLock,
}

async fn receive(app: &App, form: &mut FileForm, upload: &Upload) -> Result<Received, PageError> {
    let data_dir = &app.health.data_dir;
    let name = form.text(REPOSITORY).await?;
    let name = name.trim().parse().map_err(|_| {
        PageError::unusable("Name the repository as in its address: workspace/repository.")
    })?;
    let share = data_dir.share().map_err(|error| {
        PageError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Nothing can be taken in just now",
            said(&error),
        )
        .remedy("Try again later.")
    })?;
    let store = data_dir.blobs(app.uploads.file_bytes);
    let file = form.file(upload.field, &store).await?;
    Ok(Received {
        name,
        file,
        _share: share,
    })
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

/// Why nothing of a wiki was kept.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn not_taken(error: WikiCopyError) -> PageError {
    let because = |why: &str, remedy| {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        let why = format!("{why} Nothing of it was kept.");
        PageError::new(status, "The wiki was not taken in", why).remedy(remedy)
    };
    match &error {
        WikiCopyError::Mirror(MirrorError::NotACopy { .. }) => because(
            "The file is no bundle of a git repository with all that its refs need.",
            "In a whole clone of the wiki, run: git bundle create wiki.bundle --all",
        ),
        WikiCopyError::Mirror(MirrorError::DiskFull { .. }) => because(
            "The disk of this service is full.",
            "Whoever runs the service can make room.",
        ),
        WikiCopyError::Mirror(MirrorError::Busy { .. }) => because(
            "An import is bringing this wiki just now.",
            "Wait until it has ended.",
        ),
        WikiCopyError::Mirror(MirrorError::Cancelled) => {
            because("The service is about to end.", "Try again later.")
        }
        WikiCopyError::Occupied(_) => because(
            "Another repository is called as this one's wiki, and has its place.",
            "Import one of the two into another data directory.",
        ),
        // Paths and databases are no business of whoever looks at the page.
        WikiCopyError::Mirror(_)
        | WikiCopyError::Database(_)
        | WikiCopyError::Copy(_)
        | WikiCopyError::Lost => {
            tracing::error!(error = &error as &dyn Error, "a wiki was not taken in");
            PageError::internal()
        }
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(characters).collect()
}
