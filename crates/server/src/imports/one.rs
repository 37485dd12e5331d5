//! One import.

use axum::extract::{Path, Query, State};
use bucketload_model::{GapReason, ImportId};
use maud::Markup;
use serde::Deserialize;

use crate::error::PageError;
use crate::pages::gaps::GapGroup;
use crate::pages::import::{self, Whole};
use crate::service::App;
use crate::session::Person;

/// Gaps of a reason that are shown at first.
const GAPS_SHOWN: u32 = 20;

/// Gaps of the reason that somebody wants to see all of; an export has the rest.
const GAPS_SHOWN_ALL: u32 = 2_000;

/// Entries of the log and of the audit log on the page.
const ENTRIES_SHOWN: u32 = 100;

/// Earlier imports of the same repository that are named.
const EARLIER_SHOWN: u32 = 10;

#[derive(Deserialize)]
pub(crate) struct Shown {
    /// The reason of which all gaps are shown.
    gaps: Option<String>,
}

pub(crate) async fn show(
    State(app): State<App>,
    person: Person,
    Path(id): Path<String>,
    Query(shown): Query<Shown>,
) -> Result<Markup, PageError> {
    let id: ImportId = id.parse().map_err(|_| PageError::not_found())?;
    let seen_until = app.events.now();
    let line = app.lines_by_id(&[id]).await?.pop();
    let line = line.ok_or_else(PageError::not_found)?;
    let open = shown.gaps.as_deref().and_then(|text| text.parse().ok());
    let archive = &app.archive;
    let earlier = archive.imports_of(&line.summary.name, EARLIER_SHOWN);
    let whole = Whole {
        gaps: gap_groups(&app, id, open).await?,
        requests: archive.requests_of(id).await?,
        log: archive.import_log(id, None, ENTRIES_SHOWN).await?,
        audit: archive.audit_log_of(id, ENTRIES_SHOWN).await?,
        earlier: earlier.await?,
        web_url: app.bitbucket.web_url.clone(),
        now: app.now(),
        line,
        seen_until,
    };
    Ok(import::page(&person, &whole))
}

pub(crate) async fn gap_groups(
    app: &App,
    import: ImportId,
    open: Option<GapReason>,
) -> Result<Vec<GapGroup>, PageError> {
    let mut groups = Vec::new();
    for (reason, count) in app.archive.count_gaps(import).await? {
        let limit = if open == Some(reason) {
            GAPS_SHOWN_ALL
        } else {
            GAPS_SHOWN
        };
        groups.push(GapGroup {
            reason,
            count,
            gaps: app.archive.gaps_of_reason(import, reason, limit).await?,
        });
    }
    Ok(groups)
}
