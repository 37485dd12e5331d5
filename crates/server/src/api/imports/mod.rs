//! `/api/v1/imports`: what is imported and how it goes, and asking for more.

mod ask;
mod enqueue;
mod entry;
mod list;
mod log;
mod show;

pub(crate) use ask::ask;
pub(crate) use enqueue::enqueue;
pub(crate) use list::list;
pub(crate) use log::log;
pub(crate) use show::show;

use bucketload_model::ImportId;
use bucketload_worker::queue::Asker;

use super::bearer::Script;
use super::problem::Problem;

/// An import's id as it stands in an address. One that is none is of no import.
fn import_id(text: &str) -> Result<ImportId, Problem> {
    text.parse().map_err(|_| Problem::not_found("import"))
}

/// Who asks, as the audit log knows them: the user, and by which of their tokens.
fn asker(script: &Script) -> Asker {
    Asker {
        user: Some(script.user.id),
        name: format!("{} (token {})", script.user.display_name, script.token.name),
    }
}
