//! Why there is no other page.

use maud::{Markup, html};

use super::layout;
use crate::error::PageError;

pub(crate) fn page(error: &PageError) -> Markup {
    layout::card(
        &error.title,
        &html! {
            p { (error.detail) }
            @if let Some(remedy) = &error.remedy {
                p class="remedy" { (remedy) }
            }
            p class="below" { a href="./" { "Go to the first page" } }
        },
    )
}
