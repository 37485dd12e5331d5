//! The page that makes the first administrator.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};

use super::layout;
use super::parts::form_field;
use crate::session::Visitor;

pub(crate) fn page(visitor: &Visitor, error: Option<&str>, display_name: &str) -> Markup {
    layout::card(
        "Welcome",
        &html! {
            p {
                "Nobody looks after this service yet. Whoever started it finds a one-time code on \
                 the terminal; with it you become its first administrator."
            }
            @if let Some(error) = error {
                p class="error" role="alert" id="error" { (error) }
            }
            form method="post" action="setup" class="stack" {
                (form_field(&visitor.token))
                label {
                    "One-time code"
                    input class="code" name="code" required autofocus autocomplete="one-time-code"
                        autocapitalize="characters" spellcheck="false" maxlength="40"
                        placeholder="XXXXX-XXXXX-XXXXX-XXXXX"
                        aria-describedby=[error.map(|_| "error")];
                }
                label {
                    "Your name"
                    input name="display_name" required maxlength="100" autocomplete="name"
                        value=(display_name);
                }
                button class="primary" type="submit" { "Become administrator" }
            }
            p class="hint below" {
                "No code at hand? " code { "bucketload auth admin-code" } " prints a new one."
            }
        },
    )
}

pub(crate) fn refused(visitor: &Visitor, error: &str, display_name: &str) -> Response {
    let page = page(visitor, Some(error), display_name);
    (StatusCode::FORBIDDEN, page).into_response()
}
