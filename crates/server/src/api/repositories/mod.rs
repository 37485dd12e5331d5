//! `/api/v1/repositories`: what the archive holds, and what people said in it.

mod issue;
mod issues;
mod list;
mod people;
mod pull_request;
mod pull_requests;
mod said;
mod show;

use bucketload_archive::StoredRepository;
use bucketload_model::TokenScope::ImportsRead;
use bucketload_model::{RepositoryName, RepositorySlug, WorkspaceSlug};

use super::document::Operation;
use super::for_scope;
use super::paging::check;
use super::problem::Problem;
use crate::routes::Route;
use crate::service::Service;

pub(super) fn routes() -> Vec<Route> {
    const PULL_REQUESTS: &str = "/repositories/{workspace}/{slug}/pull-requests";
    const PULL_REQUEST: &str = "/repositories/{workspace}/{slug}/pull-requests/{id}";
    const ISSUES: &str = "/repositories/{workspace}/{slug}/issues";
    const ISSUE: &str = "/repositories/{workspace}/{slug}/issues/{id}";
    let read = for_scope(ImportsRead);
    vec![
        Route::get("/repositories", read, list::list).told(list::operation()),
        Route::get("/repositories/{workspace}/{slug}", read, show::show).told(show::operation()),
        Route::get(PULL_REQUESTS, read, pull_requests::list).told(pull_requests::operation()),
        Route::get(PULL_REQUEST, read, pull_request::show).told(pull_request::operation()),
        Route::get(ISSUES, read, issues::list).told(issues::operation()),
        Route::get(ISSUE, read, issue::show).told(issue::operation()),
    ]
}

/// Says which repository stands in the path.
fn below_repository(operation: Operation) -> Operation {
    operation
        .path::<WorkspaceSlug>("workspace", "The workspace, as it stands in addresses")
        .path::<RepositorySlug>("slug", "The repository, as it stands in addresses")
}

/// Says what lists of pull requests and issues are filtered by.
fn filtered(operation: Operation) -> Operation {
    operation
        .query::<String>("state", "Only those in this state, as Bitbucket calls it")
        .query::<String>(
            "q",
            "Only those with this in the title, or `#` and the number",
        )
        .query::<String>("author", "Only those of somebody with this in their name")
        .query::<u32>("limit", "So many on a page, 100 at most")
        .query::<i64>("before", "Only those with a smaller number: use `next`")
        .tagged()
}

fn check_filter(query: &str) -> Result<(), Problem> {
    let known = "state, q, author, limit and before";
    check(query, known, |name, value| match name {
        "before" => value.parse::<i64>().is_ok(),
        name => matches!(name, "state" | "q" | "author" | "limit"),
    })
}

/// The repository that a path names, if it is in the archive.
async fn found(
    service: &Service,
    workspace: &str,
    slug: &str,
) -> Result<StoredRepository, Problem> {
    let unknown = || Problem::not_found("repository");
    let name = format!("{workspace}/{slug}").parse::<RepositoryName>();
    let name = name.map_err(|_| unknown())?;
    let stored = service.archive.repository(&name).await?;
    stored.ok_or_else(unknown)
}
