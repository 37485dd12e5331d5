//! Going out.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};

use crate::error::PageError;
use crate::service::App;
use crate::session::Visitor;

/// Ends this session. The next page gives the browser a new token.
pub(crate) async fn here(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    end(&app, visitor, &headers, false).await
}

/// Ends every session of the user.
pub(crate) async fn everywhere(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    end(&app, visitor, &headers, true).await
}

async fn end(
    app: &App,
    visitor: Visitor,
    headers: &HeaderMap,
    everywhere: bool,
) -> Result<Response, PageError> {
    let Some(user) = &visitor.user else {
        return Ok(Redirect::to("/sign-in").into_response());
    };
    let mut transaction = app.archive.begin().await?;
    if everywhere {
        transaction.remove_sessions_of(user.id).await?;
    }
    let (begun, _) = app
        .begin_session(&mut transaction, &visitor.token, None, headers)
        .await?;
    let subject = if everywhere { "everywhere" } else { "" };
    app.note(&mut transaction, user, "signed out", subject)
        .await?;
    transaction.commit().await?;
    Ok(begun.go_to("/sign-in"))
}
