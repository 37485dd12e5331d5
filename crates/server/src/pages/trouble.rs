//! What stands between people and Bitbucket.

use maud::{Markup, html};

use super::parts::clock;
use crate::bitbucket::trouble::Trouble;

/// What happened, until when, and what to do.
pub(crate) fn note(trouble: &Trouble) -> Markup {
    html! {
        div class="error" role="alert" {
            strong { (trouble.what) }
            @if let Some(until) = trouble.until { " It returns at " (clock(until)) "." }
            div { (trouble.remedy) }
        }
    }
}
