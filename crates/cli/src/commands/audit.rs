//! `bucketload audit`.

use serde_json::json;

use super::Session;
use crate::arguments::AuditOptions;
use crate::messages::{Exit, Problem};
use crate::output::{self, printable};

pub(crate) async fn run(session: &Session, options: &AuditOptions) -> Result<Exit, Problem> {
    let archive = session.read_archive().await?;
    let entries = archive.audit_log(None, options.limit).await?;
    archive.close().await;
    if session.json {
        let entries: Vec<_> = entries
            .iter()
            .map(|entry| {
                json!({
                    "id": entry.id,
                    "happened_at": entry.happened_at,
                    "user": entry.user,
                    "who": entry.who,
                    "action": entry.action,
                    "subject": entry.subject,
                })
            })
            .collect();
        output::json(&json!({ "entries": entries }));
        return Ok(Exit::Complete);
    }
    if entries.is_empty() {
        output::line("Nobody did anything yet.");
    }
    // The latest last, as logs have it.
    for entry in entries.iter().rev() {
        let time = entry.happened_at.with_timezone(&chrono::Local);
        output::line(&format!(
            "{}  {:<16} {:<28} {}",
            time.format("%Y-%m-%d %H:%M:%S"),
            printable(&entry.who),
            printable(&entry.action),
            printable(&entry.subject)
        ));
    }
    Ok(Exit::Complete)
}
