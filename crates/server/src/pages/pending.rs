//! For somebody who is to be approved.

use bucketload_archive::UserRecord;
use maud::{Markup, html};

use super::layout;
use super::parts::form_field;
use crate::security::secrets::SessionToken;

pub(crate) fn page(user: &UserRecord, token: &SessionToken) -> Markup {
    layout::card(
        "Almost there",
        &html! {
            p {
                "You are signed in as " strong { (user.display_name) } ". An administrator of \
                 this service has to approve your account before you can go on."
            }
            p class="remedy" { "Tell one of them that you wait, then load this page again." }
            form method="post" action="sign-out" class="below" {
                (form_field(token))
                button class="quiet" type="submit" { "Sign out" }
            }
        },
    )
}
