//! `bucketload status`.

use bucketload_archive::Archive;
use bucketload_model::ImportReport;
use serde_json::json;

use super::{Session, as_it_is, find_import};
use crate::arguments::StatusOptions;
use crate::messages::{Exit, Problem};
use crate::output;
use crate::progress::summary;

pub(crate) async fn run(session: &Session, options: &StatusOptions) -> Result<Exit, Problem> {
    let archive = session.read_archive().await?;
    let stored = match &options.import {
        Some(text) => vec![find(&archive, text).await?],
        None => latest(&archive).await?,
    };
    let removals = archive.announced_removals().await?;
    let mut reports = Vec::with_capacity(stored.len());
    for report in stored {
        reports.push(as_it_is(session, &archive, report).await?);
    }
    archive.close().await;
    if session.json {
        output::json(&json!({ "imports": reports, "announced_removals": removals }));
        return Ok(Exit::Complete);
    }
    if reports.is_empty() {
        output::line("Nothing was imported yet.");
    }
    for report in &reports {
        if options.import.is_some() {
            summary::in_full(report);
        } else {
            output::line(&summary::one_line(report));
        }
    }
    summary::removals(&removals);
    Ok(Exit::Complete)
}

async fn latest(archive: &Archive) -> Result<Vec<ImportReport>, Problem> {
    let mut reports = Vec::new();
    for import in archive.latest_imports().await? {
        reports.extend(archive.report(import.id).await?);
    }
    Ok(reports)
}

async fn find(archive: &Archive, text: &str) -> Result<ImportReport, Problem> {
    let id = find_import(archive, text).await?;
    let report = archive.report(id).await?;
    report.ok_or_else(|| Problem::usage("the import has just vanished", "look again"))
}
