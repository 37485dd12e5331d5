//! `bucketload import --issues-export`.

use std::path::Path;

use bucketload_model::RepositoryName;
use bucketload_worker::{Importer, TakenExport};

use super::Session;
use crate::messages::{self, Problem};
use crate::output::{self, counted, printable};

/// Takes an export in.
pub(super) async fn take(
    session: &Session,
    importer: &Importer,
    name: &RepositoryName,
    file: &Path,
) -> Result<TakenExport, Problem> {
    let taken = importer.take_issue_export(name, file).await;
    let taken = taken.map_err(|error| messages::issue_export_failure(name, file, &error))?;
    show(session, &taken, file);
    Ok(taken)
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
