//! The sign-in page.

use maud::{Markup, html};

use super::parts::form_field;
use super::{icons, layout};
use crate::session::Visitor;
use crate::sign_in::page::BitbucketButton;

pub(crate) fn page(
    visitor: &Visitor,
    button: &BitbucketButton,
    next: &str,
    error: Option<&str>,
) -> Markup {
    let token = &visitor.token;
    layout::card(
        "Sign in",
        &html! {
            @match button {
                BitbucketButton::Shown => {
                    form method="post" action="sign-in/bitbucket" class="stack" {
                        (form_field(token))
                        input type="hidden" name="next" value=(next);
                        button class="primary large" type="submit" {
                            "Sign in with Bitbucket" (icons::ARROW.show())
                        }
                    }
                    p class="hint" {
                        "Bitbucket asks whether you agree. This only says who you are: importing \
                         is a consent of its own."
                    }
                }
                BitbucketButton::SwitchedOff => {
                    p { "An administrator has switched sign-in with Bitbucket off." }
                }
                BitbucketButton::NoConsumer => {
                    p {
                        "Sign-in with Bitbucket is not set up: this service has no OAuth consumer. \
                         An administrator finds the steps under Administration, Sign-in."
                    }
                }
            }
            details open[error.is_some() || *button != BitbucketButton::Shown] {
                summary { (icons::KEY.show()) "Use a one-time code" }
                @if let Some(error) = error {
                    p class="error" role="alert" id="error" { (error) }
                }
                form method="post" action="sign-in/code" class="stack" {
                    (form_field(token))
                    input type="hidden" name="next" value=(next);
                    label {
                        "One-time code"
                        input class="code" name="code" required autocomplete="one-time-code"
                            autocapitalize="characters" spellcheck="false" maxlength="40"
                            placeholder="XXXXX-XXXXX-XXXXX-XXXXX"
                            aria-describedby=[error.map(|_| "error")];
                    }
                    button type="submit" { "Sign in with the code" }
                }
                p class="hint" {
                    "For administrators: " code { "bucketload auth admin-code" }
                    " prints one, on the machine of the service."
                }
            }
        },
    )
}
