//! `bucketload status`.

use bucketload_archive::Archive;
use bucketload_model::{ImportId, ImportReport, RepositoryName};
use serde_json::json;

use super::{Session, as_it_is};
use crate::arguments::StatusOptions;
use crate::messages::{Exit, Problem};
use crate::output;
use crate::progress::summary;

pub(crate) async fn run(session: &Session, options: &StatusOptions) -> Result<Exit, Problem> {
    let archive = session.read_archive().await?;
    let is_in_use = session.is_in_use();
    let reports = match &options.import {
        Some(text) => vec![find(&archive, text).await?],
        None => latest(&archive).await?,
    };
    let removals = archive.announced_removals().await?;
    archive.close().await;
    let reports: Vec<ImportReport> = reports
        .into_iter()
        .map(|report| as_it_is(report, is_in_use))
        .collect();
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
    let id = if let Ok(id) = text.parse::<ImportId>() {
        Some(id)
    } else if let Ok(name) = text.parse::<RepositoryName>() {
        archive.latest_import(&name).await?.map(|import| import.id)
    } else {
        None
    };
    let report = match id {
        Some(id) => archive.report(id).await?,
        None => None,
    };
    report.ok_or_else(|| {
        Problem::usage(
            format!("there is no import “{}”", output::printable(text)),
            "give an import's id or workspace/repository; “bucketload status” shows all",
        )
    })
}
