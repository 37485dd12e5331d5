//! The beginning: the imports are asked for.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use bucketload_worker::queue::Wish;

use super::Choice;
use crate::error::PageError;
use crate::imports::ask::asker;
use crate::imports::filter;
use crate::service::App;
use crate::session::Member;

pub(crate) async fn submit(
    State(app): State<App>,
    Member(person): Member,
    form: Bytes,
) -> Result<Response, PageError> {
    let choice = Choice::read(&form)?;
    let (credential, chosen) = app.chosen(person.user.id, &choice).await?;
    let wishes: Vec<Wish> = chosen
        .names
        .into_iter()
        .map(|name| Wish {
            name,
            stages: choice.selection.stages().to_vec(),
            whole_lists: false,
            priority: choice.when.priority,
            not_before: choice.when.not_before,
            credential: credential.which.for_queue(),
        })
        .collect();
    let queue = app.queue.clone().asked_by(asker(&person));
    queue.enqueue(&wishes).await?;
    app.events.look_now();
    let list = filter::Chosen {
        workspace: choice.place.workspace,
        ..filter::Chosen::default()
    };
    Ok(Redirect::to(&list.address("/imports", None)).into_response())
}
