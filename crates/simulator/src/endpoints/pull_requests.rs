//! Pull requests, their tasks and their build statuses.

use super::{Answered, Context, Route, no_pull_request};
use crate::http::cursor::Paging;
use crate::http::fields::Fields;
use crate::http::list::{List, Shape};
use crate::http::reply::ApiError;

pub(super) const ROUTES: &[Route] = &[
    Route::new(
        "/repositories/{workspace}/{repo_slug}/pullrequests",
        "pullrequest",
        list,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/pullrequests/{pull_request_id}",
        "pullrequest",
        one,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/pullrequests/{pull_request_id}/tasks",
        "pullrequest",
        tasks,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/pullrequests/{pull_request_id}/statuses",
        "pullrequest",
        statuses,
    ),
];

const STATES: [&str; 4] = ["OPEN", "MERGED", "DECLINED", "SUPERSEDED"];

const SHAPE: Shape = Shape {
    paging: Paging::PAGES_OF_50,
    filters: true,
    hidden: &["values.reviewers", "values.participants", "values.rendered"],
    remembers: true,
};

/// Open ones only, unless `state` says otherwise, once per state.
fn list(context: &Context<'_>) -> Answered {
    let (_, repository) = context.repository()?;
    let mut states: Vec<&str> = context.params.all("state").collect();
    if let Some(state) = states.iter().find(|state| !STATES.contains(state)) {
        return Err(ApiError::bad_request(format!("Invalid state: {state}")));
    }
    let q_names_state = context.params.get("q").is_some_and(|q| q.contains("state"));
    if states.is_empty() && !q_names_state {
        states.push("OPEN");
    }
    let fields = Fields::parse(context.params.all("fields"))?;
    let detail = ["reviewers", "participants", "rendered"]
        .iter()
        .any(|name| fields.mentions(name))
        || ["q", "sort"].iter().any(|name| {
            context
                .params
                .get(name)
                .is_some_and(|text| text.contains("reviewers"))
        });
    let all = repository.pull_requests(context.links, detail);
    if states.is_empty() || STATES.iter().all(|state| states.contains(state)) {
        return context.list(&all, SHAPE);
    }
    context.list_of(&all, SHAPE, &|all, index| {
        all.field(index, "state")
            .as_str()
            .is_some_and(|state| states.contains(&state))
    })
}

fn one(context: &Context<'_>) -> Answered {
    let (_, repository) = context.repository()?;
    let id = context.id("pull_request_id")?;
    let found = repository.pull_request(context.links, id);
    context.object(found.ok_or_else(|| no_pull_request(id))?)
}

fn of_one<'a>(context: &Context<'_>, find: impl Fn(u64) -> Option<List<'a>>) -> Answered {
    let id = context.id("pull_request_id")?;
    let list = find(id).ok_or_else(|| no_pull_request(id))?;
    context.list(&list, Shape::paged(Paging::PAGES))
}

fn tasks(context: &Context<'_>) -> Answered {
    let (_, repository) = context.repository()?;
    of_one(context, |id| repository.tasks(context.links, id))
}

fn statuses(context: &Context<'_>) -> Answered {
    let (_, repository) = context.repository()?;
    of_one(context, |id| repository.statuses(context.links, id))
}
