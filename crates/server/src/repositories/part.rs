//! What a page has of a discussion: how much, where it begins, and whom it names.

use axum::http::StatusCode;
use serde::Deserialize;
use url::form_urlencoded;

use crate::api::Problem;
use crate::discussion::{Comment, Event};
use crate::text::Wanted;

/// Comments on a page.
pub(super) const COMMENTS: u32 = 200;

/// What happened beside them. More than that is a machine's doing.
pub(super) const EVENTS: u32 = 500;

/// Tasks, or files, on a page.
pub(super) const MOST: u32 = 200;

/// Where in a discussion a page begins.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(crate) struct Behind {
    /// The last comment of the page before.
    #[serde(default)]
    pub(super) after: Option<i64>,
}

impl Behind {
    /// What stands in the query of a script, which is told what it wrote wrong.
    pub(crate) fn read(query: &str) -> Result<Self, Problem> {
        let mut behind = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            behind.after = value.parse().ok().filter(|_| name == "after");
            if behind.after.is_none() {
                let detail = format!("“{name}={value}” cannot be asked for. There is after.");
                return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
            }
        }
        Ok(behind)
    }
}

/// Which text of a discussion; without a comment its description.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(crate) struct Which {
    #[serde(default)]
    pub(super) comment: Option<i64>,
}

/// Notes whom and what a discussion shows.
pub(super) fn want_said(comments: &[Comment], events: &[Event], wanted: &mut Wanted) {
    for comment in comments {
        comment.want(wanted);
    }
    for event in events {
        event.want(wanted);
    }
}
