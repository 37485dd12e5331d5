//! `bucketload upgrade`.

use bucketload_archive::{Archive, DatabaseAddress};
use serde_json::json;

use super::Session;
use crate::messages::{Exit, Problem};
use crate::output;

pub(crate) async fn run(session: &Session) -> Result<Exit, Problem> {
    let data_dir = &session.config.data_dir;
    let upgrade = Archive::upgrade(data_dir).await?;
    if session.json {
        output::json(&json!({
            "from": upgrade.from,
            "to": upgrade.to,
            "backup": upgrade.backup,
        }));
        return Ok(Exit::Complete);
    }
    let (from, to) = (upgrade.from, upgrade.to);
    let database = data_dir.database();
    output::line(&match (&upgrade.backup, &database) {
        _ if from == to => format!("{database} is up to date, with schema {to}."),
        (Some(backup), _) => format!(
            "{database} was brought from schema {from} to {to}. As it was before it is in {}.",
            backup.display()
        ),
        (None, DatabaseAddress::Sqlite(_)) => {
            format!("{database} was brought from schema {from} to {to}, without a backup.")
        }
        (None, DatabaseAddress::Postgres(_)) => format!(
            "{database} was brought from schema {from} to {to}. Backups of it are its server's."
        ),
    });
    Ok(Exit::Complete)
}
