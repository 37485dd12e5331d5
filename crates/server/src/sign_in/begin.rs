//! Off to Bitbucket.

use axum::Form;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::flow::Purpose;
use super::page::Next;
use super::words;
use crate::error::PageError;
use crate::policy::Refusal;
use crate::security::local_path::local_path;
use crate::security::peer::Peer;
use crate::service::App;
use crate::session::Visitor;

pub(crate) async fn submit(
    State(app): State<App>,
    Peer(address): Peer,
    visitor: Visitor,
    headers: HeaderMap,
    Form(form): Form<Next>,
) -> Result<Response, PageError> {
    if !app.limits.sign_ins.allows(address, app.now()) {
        return Err(PageError::too_often());
    }
    let oauth = app.oauth.as_ref().ok_or_else(words::no_consumer)?;
    if !app.switches().await?.bitbucket_sign_in {
        return Err(words::refusal(Refusal::SwitchedOff));
    }
    let mut transaction = app.archive.begin().await?;
    let (begun, session) = app
        .begin_session(&mut transaction, &visitor.token, None, &headers)
        .await?;
    let (sealed, address) =
        app.begin_flow(oauth, &session, Purpose::SignIn, local_path(&form.next))?;
    transaction
        .set_session_flow(&begun.token.hash(), &sealed)
        .await?;
    transaction.commit().await?;
    Ok(begun.go_to(address.as_str()))
}
