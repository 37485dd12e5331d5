//! The page with the button.

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::error::PageError;
use crate::pages;
use crate::security::local_path::local_path;
use crate::service::{App, Service};
use crate::session::Visitor;

#[derive(Deserialize)]
pub(crate) struct Next {
    #[serde(default)]
    pub(crate) next: String,
}

/// Whether people sign in with Bitbucket here, and if not, why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BitbucketButton {
    Shown,
    SwitchedOff,
    /// No consumer is configured; this is the callback to register.
    NoConsumer,
}

impl Service {
    pub(crate) async fn bitbucket_button(&self) -> Result<BitbucketButton, PageError> {
        if self.oauth.is_none() {
            return Ok(BitbucketButton::NoConsumer);
        }
        Ok(if self.switches().await?.bitbucket_sign_in {
            BitbucketButton::Shown
        } else {
            BitbucketButton::SwitchedOff
        })
    }
}

pub(crate) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Query(query): Query<Next>,
) -> Result<Response, PageError> {
    let next = local_path(&query.next);
    if visitor.user.is_some() {
        return Ok(Redirect::to(&next).into_response());
    }
    if app.needs_setup().await? {
        return Ok(Redirect::to("/setup").into_response());
    }
    let button = app.bitbucket_button().await?;
    Ok(pages::sign_in::page(&visitor, &button, &next, None).into_response())
}
