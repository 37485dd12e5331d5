//! `bucketload import --wiki`.

use std::path::Path;

use bucketload_model::RepositoryName;
use bucketload_worker::{Importer, TakenWiki};

use super::Session;
use crate::messages::{self, Problem};
use crate::output::{self, counted, printable};

/// Takes a copy of a wiki in.
pub(super) async fn take(
    session: &Session,
    importer: &Importer,
    name: &RepositoryName,
    copy: &Path,
) -> Result<TakenWiki, Problem> {
    let taken = importer.take_wiki(name, copy).await;
    let taken = taken.map_err(|error| messages::wiki_copy_failure(name, copy, &error))?;
    if !session.json {
        output::line(&format!(
            "{}: wiki with {} in {}, {} new or changed here",
            taken.source,
            counted(taken.refs, "ref", "refs"),
            printable(&copy.display().to_string()),
            output::grouped(taken.written),
        ));
    }
    for name in &taken.skipped {
        output::note(&format!("  missing: ref {}", printable(name)));
    }
    Ok(taken)
}
