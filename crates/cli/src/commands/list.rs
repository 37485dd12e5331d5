//! `bucketload list`.

use bucketload_archive::mirror::Mirror;
use bucketload_model::{Clock as _, SystemClock};
use serde::Serialize;
use serde_json::json;

use super::Session;
use crate::messages::{Exit, Problem};
use crate::output;

#[derive(Serialize)]
struct Entry {
    source: String,
    uuid: String,
    pull_requests: u64,
    pull_request_comments: u64,
    users: u64,
    /// The mirror, where there is one.
    mirror: Option<std::path::PathBuf>,
    imported_at: Option<chrono::DateTime<chrono::Utc>>,
    /// When all was last found right.
    proven_at: Option<chrono::DateTime<chrono::Utc>>,
    state: Option<bucketload_model::ImportState>,
}

pub(crate) async fn run(session: &Session) -> Result<Exit, Problem> {
    let archive = session.read_archive().await?;
    let mut entries = Vec::new();
    let data_dir = &session.config.data_dir;
    let lost = archive.lost_imports(data_dir, SystemClock.now()).await?;
    let proofs = archive.proofs().await?;
    for repository in archive.repositories().await? {
        let mirror = session.config.data_dir.mirror(&repository.name);
        let latest = archive.latest_import(&repository.name).await?;
        let report = match latest {
            Some(import) => archive.report(import.id).await?,
            None => None,
        };
        let report = report.map(|mut report| {
            if let Some(lost) = lost.get(&report.id) {
                lost.tell(&mut report);
            }
            report
        });
        entries.push(Entry {
            source: repository.name.to_string(),
            uuid: repository.uuid.to_string(),
            pull_requests: archive.count_pull_requests(&repository.uuid).await?,
            pull_request_comments: archive.tally_comments(&repository.uuid).await?.stored,
            users: archive.count_accounts(&repository.uuid).await?,
            mirror: matches!(Mirror::open(&mirror), Ok(Some(_))).then_some(mirror),
            imported_at: report.as_ref().and_then(|report| report.finished_at),
            proven_at: proofs
                .get(repository.uuid.as_str())
                .and_then(|proof| proof.proven_at),
            state: report.map(|report| report.state),
        });
    }
    archive.close().await;
    if session.json {
        output::json(&json!({ "repositories": entries }));
        return Ok(Exit::Complete);
    }
    if entries.is_empty() {
        output::line("The archive has no repositories yet.");
    }
    for entry in entries {
        let state = entry
            .state
            .map_or_else(String::new, |state| state.to_string());
        let local = |time: chrono::DateTime<chrono::Utc>| {
            let time = time.with_timezone(&chrono::Local);
            time.format("%Y-%m-%d %H:%M").to_string()
        };
        let mut when = entry.imported_at.map_or_else(String::new, local);
        if let Some(proven) = entry.proven_at.map(local) {
            when = format!("{when}, proven {proven}");
        }
        output::line(&format!(
            "{:<40} {:>7} pull requests {:>8} comments  {state} {when}",
            entry.source,
            output::grouped(entry.pull_requests),
            output::grouped(entry.pull_request_comments),
        ));
        if let Some(mirror) = entry.mirror {
            output::line(&format!("    git clone {}", mirror.display()));
        }
    }
    Ok(Exit::Complete)
}
