//! `bucketload status`.

use std::collections::BTreeMap;

use bucketload_archive::{Archive, Overview};
use bucketload_model::{AnnouncedRemoval, Clock as _, ImportReport, SystemClock};
use serde_json::json;

use super::{Session, find_import};
use crate::arguments::StatusOptions;
use crate::messages::{Exit, Problem};
use crate::output;
use crate::progress::summary;

/// Imports shown unless all are asked for: as many as somebody reads.
const SHOWN: usize = 50;

pub(crate) async fn run(session: &Session, options: &StatusOptions) -> Result<Exit, Problem> {
    let archive = session.read_archive().await?;
    let now = SystemClock.now();
    if let Some(text) = &options.import {
        let report = find(session, &archive, text).await?;
        let removals = archive.announced_removals().await?;
        archive.close().await;
        show_one(session, &report, &removals);
        return Ok(Exit::Complete);
    }
    let limit = (!options.all).then_some(SHOWN);
    let data_dir = &session.config.data_dir;
    let overview = archive.overview(data_dir, now, limit).await?;
    let removals = archive.announced_removals().await?;
    archive.close().await;
    show_many(session, &overview, &removals);
    Ok(Exit::Complete)
}

fn show_one(session: &Session, report: &ImportReport, removals: &[AnnouncedRemoval]) {
    if session.json {
        output::json(&json!({ "imports": [report], "announced_removals": removals }));
    } else {
        summary::in_full(report);
        summary::removals(removals);
    }
}

fn show_many(session: &Session, overview: &Overview, removals: &[AnnouncedRemoval]) {
    if session.json {
        let by_state = overview.by_state.iter();
        let by_state: BTreeMap<_, _> = by_state
            .map(|(state, count)| (state.name(), count))
            .collect();
        output::json(&json!({
            "imports": overview.imports,
            "total": overview.total,
            "by_state": by_state,
            "announced_removals": removals,
        }));
        return;
    }
    if overview.imports.is_empty() {
        output::line("Nothing was imported yet.");
    }
    for report in &overview.imports {
        output::line(&summary::one_line(report));
    }
    summary::counts(overview);
    summary::removals(removals);
}

async fn find(session: &Session, archive: &Archive, text: &str) -> Result<ImportReport, Problem> {
    let id = find_import(archive, text).await?;
    let report = archive.report(id).await?;
    let mut report =
        report.ok_or_else(|| Problem::usage("the import has just vanished", "look again"))?;
    let data_dir = &session.config.data_dir;
    let lost = archive.lost_imports(data_dir, SystemClock.now()).await?;
    if let Some(lost) = lost.get(&id) {
        lost.tell(&mut report);
    }
    Ok(report)
}
