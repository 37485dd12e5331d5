//! Files of others: pictures in texts, attachments and downloads. Browsers are told to make
//! nothing of them but what we say they are.

use std::io::ErrorKind;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use bucketload_archive::NamedFile;
use bucketload_model::IssueId;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use super::found::{found, number};
use crate::error::PageError;
use crate::security::file_name::attachment;
use crate::service::{App, Service};
use crate::session::Person;
use crate::text::is_hash;

/// Whatever it is, nothing in it is run, and nothing is loaded for it.
const SANDBOX: &str = "sandbox; default-src 'none'";

/// Its address is its content; who may see it can change.
const KEPT: &str = "private, max-age=3600";

/// How kinds of pictures begin that browsers draw and that hold no program.
const PICTURES: [(&[u8], &str); 4] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
];

/// Bytes that are enough to tell.
const HEAD_BYTES: u64 = 16;

/// A picture that texts of a repository show.
pub(crate) async fn image(
    State(app): State<App>,
    _person: Person,
    Path((workspace, slug, sha256)): Path<(String, String, String)>,
) -> Result<Response, PageError> {
    let repository = found(&app, &workspace, &slug).await?;
    let is_known = is_hash(&sha256) && app.archive.is_image_of(&repository.uuid, &sha256).await?;
    if !is_known {
        return Err(PageError::not_found());
    }
    let mut file = open(&app, &sha256).await?;
    let mut head = Vec::new();
    let mut beginning = (&mut file).take(HEAD_BYTES);
    let read = beginning.read_to_end(&mut head).await;
    read.map_err(|error| unreadable(&error))?;
    file.rewind().await.map_err(|error| unreadable(&error))?;
    match picture(&head) {
        Some(kind) => respond(file, kind, HeaderValue::from_static("inline")).await,
        // A drawing may hold programs: it is for whoever wants it on their disk.
        None => respond(file, BYTES, attachment("image")).await,
    }
}

/// A file of an issue.
pub(crate) async fn of_issue(
    State(app): State<App>,
    _person: Person,
    Path((workspace, slug, id, sha256)): Path<(String, String, String, String)>,
) -> Result<Response, PageError> {
    let repository = found(&app, &workspace, &slug).await?;
    let (archive, id) = (&app.archive, IssueId(number(&id)?));
    let file = archive.issue_file(&repository.uuid, id, &sha256).await?;
    hand_out(&app, file, &sha256).await
}

/// A file that a repository offers.
pub(crate) async fn download(
    State(app): State<App>,
    _person: Person,
    Path((workspace, slug, sha256)): Path<(String, String, String)>,
) -> Result<Response, PageError> {
    let repository = found(&app, &workspace, &slug).await?;
    let file = app.archive.download_file(&repository.uuid, &sha256).await?;
    hand_out(&app, file, &sha256).await
}

/// A text as it was typed.
pub(super) fn plain_text(text: &str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, SANDBOX),
    ];
    (headers, text.to_owned()).into_response()
}

const BYTES: &str = "application/octet-stream";

async fn hand_out(
    service: &Service,
    file: Option<NamedFile>,
    sha256: &str,
) -> Result<Response, PageError> {
    let named = file.filter(|_| is_hash(sha256));
    let named = named.ok_or_else(PageError::not_found)?;
    let file = open(service, sha256).await?;
    respond(file, BYTES, attachment(&named.name)).await
}

async fn open(service: &Service, sha256: &str) -> Result<File, PageError> {
    let store = service.health.data_dir.blobs(service.uploads.blob_bytes);
    let sha256 = sha256.to_owned();
    // One in an object store is brought here first.
    let opened = tokio::task::spawn_blocking(move || store.open(&sha256));
    let opened = opened.await.map_err(|_| PageError::internal())?;
    opened
        .map(File::from_std)
        .map_err(|error| unreadable(&error))
}

fn unreadable(error: &std::io::Error) -> PageError {
    tracing::error!(
        error = error as &dyn std::error::Error,
        "a file of the archive cannot be read"
    );
    if error.kind() == ErrorKind::NotFound {
        return PageError::lost_file();
    }
    PageError::internal()
}

async fn respond(
    file: File,
    kind: &'static str,
    disposition: HeaderValue,
) -> Result<Response, PageError> {
    let length = file
        .metadata()
        .await
        .map_err(|error| unreadable(&error))?
        .len();
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_LENGTH, length.into()),
        (header::CONTENT_DISPOSITION, disposition),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(SANDBOX),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static(KEPT)),
    ];
    Ok((headers, Body::from_stream(ReaderStream::new(file))).into_response())
}

/// What a picture is, by its first bytes.
fn picture(head: &[u8]) -> Option<&'static str> {
    if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
        return Some("image/webp");
    }
    let mut known = PICTURES.iter();
    let known = known.find(|(begins, _)| head.starts_with(begins));
    known.map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_without_programs_are_shown_and_nothing_else() {
        assert_eq!(picture(b"\x89PNG\r\n\x1a\n.."), Some("image/png"));
        assert_eq!(picture(b"RIFF\0\0\0\0WEBPVP8 "), Some("image/webp"));
        for other in [&b"<svg xmlns="[..], b"GIF", b"<html>", b"%PDF", b""] {
            assert_eq!(picture(other), None);
        }
    }
}
