//! Clients that send a byte now and then, and hold a connection each: they are let go.

use std::error::Error;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use futures::{StreamExt as _, stream};

/// How long clients are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Until the headers of a request are there, counted from when the connection was made or
    /// the request before was answered.
    pub head: Duration,
    /// Between two pieces of a body, however many there are.
    pub piece: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(30),
            piece: Duration::from_secs(30),
        }
    }
}

/// The body did not come.
#[derive(Debug, thiserror::Error)]
#[error("nothing came for {0:?}")]
struct TooSlow(Duration);

/// Whether an error of a body is that its client was too slow.
pub(crate) fn is_too_slow(error: &(dyn Error + 'static)) -> bool {
    let mut error = Some(error);
    while let Some(this) = error {
        if this.is::<TooSlow>() {
            return true;
        }
        error = this.source();
    }
    false
}

/// Reads the body of a request no longer than its client sends it.
pub(crate) async fn with_body(
    State(patience): State<Patience>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let pieces = stream::try_unfold(body.into_data_stream(), move |mut pieces| async move {
        let piece = tokio::time::timeout(patience.piece, pieces.next()).await;
        let piece: Option<Bytes> = piece.map_err(|_| TooSlow(patience.piece))?.transpose()?;
        Ok::<_, Box<dyn Error + Send + Sync>>(piece.map(|piece| (piece, pieces)))
    });
    let request = Request::from_parts(parts, Body::from_stream(pieces));
    next.run(request).await
}
