//! `/api/v1/imports`: what is imported and how it goes, and asking for more.

mod ask;
mod enqueue;
mod entry;
mod list;
mod log;
mod show;

use bucketload_model::ImportId;
use bucketload_model::TokenScope::{ImportsRead, ImportsWrite};
use bucketload_worker::queue::Asker;

use super::bearer::Script;
use super::for_scope;
use super::problem::Problem;
use crate::routes::Route;

pub(super) fn routes() -> Vec<Route> {
    let (read, write) = (for_scope(ImportsRead), for_scope(ImportsWrite));
    vec![
        Route::get("/imports", read, list::list).told(list::operation()),
        Route::post("/imports", write, enqueue::enqueue).told(enqueue::operation()),
        Route::get("/imports/{id}", read, show::show).told(show::operation()),
        Route::get("/imports/{id}/log", read, log::log).told(log::operation()),
        Route::post("/imports/{id}/{ask}", write, ask::ask).told(ask::operation()),
    ]
}

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
