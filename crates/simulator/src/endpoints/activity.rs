//! The activity of one pull request, and of all.

use super::{Answered, Context, Route, no_pull_request};
use crate::http::cursor::Paging;
use crate::http::list::Shape;

pub(super) const ROUTES: &[Route] = &[
    Route::new(
        "/repositories/{workspace}/{repo_slug}/pullrequests/{pull_request_id}/activity",
        "pullrequest",
        of_one,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/pullrequests/activity",
        "pullrequest",
        of_all,
    ),
];

const SHAPE: Shape = Shape {
    paging: Paging::CONTEXT_OF_50,
    filters: false,
    hidden: &[],
    remembers: false,
};

fn of_all(context: &Context<'_>) -> Answered {
    let (_, repository) = context.repository()?;
    context.list(&repository.all_activity(context.links), SHAPE)
}

fn of_one(context: &Context<'_>) -> Answered {
    let (_, repository) = context.repository()?;
    let id = context.id("pull_request_id")?;
    let activity = repository
        .activity(context.links, id)
        .ok_or_else(|| no_pull_request(id))?;
    context.list(&activity, SHAPE)
}
