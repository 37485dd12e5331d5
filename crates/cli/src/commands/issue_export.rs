//! `bucketload import --issues-export`.

use std::collections::BTreeSet;
use std::path::Path;

use bucketload_model::{RepositoryName, Source};
use bucketload_worker::{Importer, Selection, TakenExport};
use serde_json::json;

use super::Session;
use super::import::conclude;
use crate::arguments::ImportOptions;
use crate::messages::{self, Exit, Problem};
use crate::output::{self, counted, printable};

/// The repository and the file that are meant, if an export is to be taken in.
pub(super) fn asked_for<'a>(
    options: &'a ImportOptions,
    sources: &'a BTreeSet<Source>,
) -> Result<Option<(&'a RepositoryName, &'a Path)>, Problem> {
    let Some(file) = &options.issues.issues_export else {
        return Ok(None);
    };
    let mut named = sources.iter();
    match (named.next(), named.next()) {
        (Some(Source::Repository(name)), None) => Ok(Some((name, file))),
        _ => Err(Problem::usage(
            "an export has the issues of one repository",
            "name that repository, and no other source",
        )),
    }
}

/// Takes an export in, and then imports the repository unless that is not wanted.
pub(super) async fn take(
    session: &Session,
    importer: &Importer,
    selection: &Selection,
    name: &RepositoryName,
    file: &Path,
    is_offline: bool,
) -> Result<Exit, Problem> {
    let taken = importer.take_issue_export(name, file).await;
    let taken = taken.map_err(|error| messages::issue_export_failure(name, file, &error))?;
    show(session, &taken, file);
    let mut exit = if taken.is_whole() {
        Exit::Complete
    } else {
        Exit::Gaps
    };
    let mut reports = Vec::new();
    if !is_offline {
        // The issues are in the archive, whatever becomes of the rest.
        match importer.import(name, selection).await {
            Ok(outcome) => {
                exit = exit.max(conclude(session, importer, name, &outcome));
                reports.push(outcome.report);
            }
            Err(error) => exit = exit.max(messages::report(&error.into())),
        }
    }
    if session.json {
        output::json(&json!({ "imports": reports, "issue_exports": [taken] }));
    }
    Ok(exit)
}

/// More than these would hide what else was said.
const SHOWN: usize = 20;

fn show(session: &Session, taken: &TakenExport, file: &Path) {
    if !session.json {
        output::line(&format!(
            "{}: {}, {}, {} and {} in {}, {} new or changed here",
            taken.source,
            counted(taken.issues, "issue", "issues"),
            counted(taken.comments, "comment", "comments"),
            counted(taken.changes, "change", "changes"),
            counted(taken.attachments, "attachment", "attachments"),
            printable(&file.display().to_string()),
            output::grouped(taken.written),
        ));
    }
    let missing = taken.missing.iter().map(|missing| {
        let name: String = missing.name.chars().take(100).collect();
        format!(
            "attachment “{name}” of issue #{}: {}",
            missing.issue, missing.problem
        )
    });
    let lines: Vec<String> = missing.chain(taken.unreadable.iter().cloned()).collect();
    for line in lines.iter().take(SHOWN) {
        output::note(&format!("  missing: {}", printable(line)));
    }
    if let Some(more) = lines.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        output::note(&format!("  and {} more", output::grouped(more as u64)));
    }
}
