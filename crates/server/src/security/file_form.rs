//! Forms that carry a file: read piece by piece, and no further than they may.

use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::StatusCode;
use bucketload_archive::{BlobError, BlobStore, BlobWriter};

use super::forms::{FIELD, check_token};
use super::patience::is_too_slow;
use super::secrets::SessionToken;
use crate::error::PageError;
use crate::options::UploadLimits;
use crate::service::App;

/// No field of ours but the file comes near it.
const MAX_TEXT_BYTES: usize = 4 * 1024;

/// Everything in a form but its file.
const REST_BYTES: u64 = 64 * 1024;

/// How much of a form is read at all. A file that is too large is read further than it is
/// kept: a browser that is cut off does not show why.
pub(crate) fn body_limit(limits: UploadLimits) -> DefaultBodyLimit {
    let bytes = limits.file_bytes.saturating_mul(2) + REST_BYTES;
    DefaultBodyLimit::max(usize::try_from(bytes).unwrap_or(usize::MAX))
}

/// A form with a file. Whoever has one knows that it belongs to the session: the token is
/// its first field, and nothing was read before.
#[derive(Debug)]
pub(crate) struct FileForm(Multipart);

impl FromRequest<App> for FileForm {
    type Rejection = PageError;

    async fn from_request(request: Request, app: &App) -> Result<Self, PageError> {
        let token = request.extensions().get::<SessionToken>().cloned();
        let token = token.ok_or_else(PageError::stale_form)?;
        let multipart = Multipart::from_request(request, app).await;
        let mut form = Self(multipart.map_err(|_| PageError::stale_form())?);
        let given = form.text(FIELD).await;
        check_token(&given.map_err(|_| PageError::stale_form())?, &token)?;
        Ok(form)
    }
}

impl FileForm {
    /// The next field, which is this one.
    async fn field(&mut self, name: &str) -> Result<Field<'_>, PageError> {
        let field = self.0.next_field().await.map_err(broken)?;
        field
            .filter(|field| field.name() == Some(name))
            .ok_or_else(|| PageError::unusable(format!("The field “{name}” is missing.")))
    }

    /// The text of the next field.
    pub(crate) async fn text(&mut self, name: &str) -> Result<String, PageError> {
        let mut field = self.field(name).await?;
        let mut text = Vec::new();
        while let Some(piece) = field.chunk().await.map_err(broken)? {
            text.extend_from_slice(&piece);
            if text.len() > MAX_TEXT_BYTES {
                return Err(PageError::too_large());
            }
        }
        String::from_utf8(text).map_err(|_| PageError::unusable("That is no text."))
    }

    /// The file in the next field. It lies in the data directory until it is dropped.
    pub(crate) async fn file(
        &mut self,
        name: &str,
        store: &BlobStore,
    ) -> Result<BlobWriter, PageError> {
        let mut field = self.field(name).await?;
        let mut writer = store.writer().map_err(not_kept)?;
        let mut size = 0;
        while let Some(piece) = field.chunk().await.map_err(broken)? {
            size += piece.len();
            match writer.write(&piece) {
                Ok(()) => {}
                Err(BlobError::TooLarge { limit_bytes }) => {
                    drop(writer);
                    while field.chunk().await.map_err(broken)?.is_some() {}
                    return Err(PageError::upload_too_large(limit_bytes));
                }
                Err(error) => return Err(not_kept(error)),
            }
        }
        if size == 0 {
            return Err(PageError::unusable("Choose a file."));
        }
        Ok(writer)
    }
}

/// A form that does not arrive whole, or goes on for too long.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn broken(error: MultipartError) -> PageError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return PageError::too_large();
    }
    if is_too_slow(&error) {
        return PageError::too_slow();
    }
    PageError::unusable("It did not arrive whole.")
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn not_kept(error: BlobError) -> PageError {
    tracing::error!(
        error = &error as &dyn std::error::Error,
        "an upload cannot be kept"
    );
    if matches!(error, BlobError::DiskFull(_)) {
        return PageError::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "The disk of this service is full",
            "Nothing of the file was kept.",
        )
        .remedy("Whoever runs the service can make room.");
    }
    PageError::internal()
}
