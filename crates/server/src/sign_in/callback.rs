//! Back from Bitbucket. Nothing else is served below this path, for Bitbucket sends
//! codes to every address that begins with it.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use bucketload_archive::{IdentityRecord, Transaction, UserRecord};
use bucketload_auth::oauth::{
    AuthorizationCode, Callback, CallbackError, OAuthClient, PendingAuthorization, TokenError,
    TokenSet,
};
use bucketload_model::UserId;
use futures::future::BoxFuture;

use super::flow::{Flow, Purpose};
use super::profile::Profile;
use super::words;
use crate::error::PageError;
use crate::policy::{self, Arrival, Welcome};
use crate::security::peer::Peer;
use crate::service::{App, Service};
use crate::session::Visitor;

pub(crate) async fn answer(
    State(app): State<App>,
    Peer(address): Peer,
    visitor: Visitor,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    if !app.limits.sign_ins.allows(address, app.now()) {
        return Err(PageError::too_often());
    }
    let oauth = app.oauth.as_ref().ok_or_else(words::no_consumer)?;
    let session = visitor.session.as_ref();
    let flow = session.and_then(|session| app.open_flow(session));
    let flow = flow.ok_or_else(words::not_begun_here)?;
    let callback = Callback::parse(&query.unwrap_or_default());
    let accepted = callback.and_then(|callback| flow.pending.accept(&callback));
    let is_ours = !matches!(
        accepted,
        Err(CallbackError::OtherState | CallbackError::Missing { name: "state" })
    );
    // A stranger's link leaves the sign-in under way alone. What answers it ends it,
    // whatever comes of it: the second of two finds nothing.
    if is_ours && !app.end_flow(&visitor).await? {
        return Err(words::not_begun_here());
    }
    let code = accepted.map_err(|error| words::callback(&error))?;
    let tokens = exchange(oauth, &flow.pending, code).await;
    let tokens = tokens.map_err(|error| words::exchange(&error))?;
    let profile = app.profile(&tokens).await;
    let profile = profile.map_err(|error| words::profile(&error))?;
    match flow.purpose {
        Purpose::SignIn => {
            app.sign_in(&visitor, &headers, &flow, &tokens, &profile)
                .await
        }
        Purpose::Connect => app.connect(&visitor, &flow, &profile).await,
        Purpose::Import => {
            let user = visitor.user.as_ref().ok_or_else(words::not_begun_here)?;
            app.keep_connection(user, tokens, &profile).await?;
            Ok(Redirect::to(&flow.next).into_response())
        }
    }
}

/// Boxed, since the compiler cannot see through the borrows of this future that it may
/// move between threads.
fn exchange<'a>(
    oauth: &'a OAuthClient,
    pending: &'a PendingAuthorization,
    code: AuthorizationCode,
) -> BoxFuture<'a, Result<TokenSet, TokenError>> {
    Box::pin(oauth.exchange(pending, code))
}

impl Service {
    /// Forgets the authorization under way, and says whether there was one.
    async fn end_flow(&self, visitor: &Visitor) -> Result<bool, PageError> {
        let mut transaction = self.archive.begin().await?;
        let flow = transaction.take_session_flow(&visitor.token.hash()).await?;
        transaction.commit().await?;
        Ok(flow.is_some())
    }

    async fn sign_in(
        &self,
        visitor: &Visitor,
        headers: &HeaderMap,
        flow: &Flow,
        tokens: &TokenSet,
        profile: &Profile,
    ) -> Result<Response, PageError> {
        let switches = self.switches().await?;
        let is_known = self.is_known(profile).await?;
        let workspaces = if policy::asks_for_workspaces(&switches, is_known) {
            let workspaces = self.workspaces(tokens).await;
            workspaces.map_err(|error| words::profile(&error))?
        } else {
            Vec::new()
        };
        let mut transaction = self.archive.begin().await?;
        let known = match transaction.identity(&profile.account).await? {
            Some(identity) => transaction.user(identity.user).await?,
            None => None,
        };
        let same_email = match &profile.email {
            Some(email) => transaction.users_by_email(email).await?,
            None => Vec::new(),
        };
        let arrival = Arrival {
            known: known.as_ref(),
            same_email: &same_email,
            workspaces: &workspaces,
        };
        let welcome = policy::welcome(&switches, arrival).map_err(words::refusal)?;
        let (user, action) = match welcome {
            Welcome::SignIn(id) => (transaction.user(id).await?, "signed in"),
            Welcome::Link(id) => (
                transaction.user(id).await?,
                "connected a Bitbucket account by its e-mail address",
            ),
            Welcome::Create { role, state } => {
                let user = self.new_user(profile, role, state);
                transaction.put_user(&user).await?;
                (Some(user), "came for the first time")
            }
        };
        let user = user.ok_or_else(words::not_begun_here)?;
        self.keep_identity(&mut transaction, user.id, profile)
            .await?;
        transaction.touch_user(user.id, self.now()).await?;
        let (begun, _) = self
            .begin_session(&mut transaction, &visitor.token, Some(user.id), headers)
            .await?;
        self.note(&mut transaction, &user, action, &profile.words())
            .await?;
        transaction.commit().await?;
        Ok(begun.go_to(&flow.next))
    }

    async fn is_known(&self, profile: &Profile) -> Result<bool, PageError> {
        let mut transaction = self.archive.begin().await?;
        Ok(transaction.identity(&profile.account).await?.is_some())
    }

    fn new_user(
        &self,
        profile: &Profile,
        role: bucketload_model::UserRole,
        state: bucketload_model::UserState,
    ) -> UserRecord {
        let now = self.now();
        let name = profile.display_name.as_ref().or(profile.nickname.as_ref());
        UserRecord {
            id: UserId::new(now),
            display_name: name.map_or_else(|| "Unnamed".to_owned(), |name| shortened(name)),
            email: profile.email.clone(),
            role,
            state,
            created_at: now,
            seen_at: Some(now),
        }
    }

    async fn keep_identity(
        &self,
        transaction: &mut Transaction,
        user: UserId,
        profile: &Profile,
    ) -> Result<(), PageError> {
        let now = self.now();
        let identity = IdentityRecord {
            account: profile.account.clone(),
            user,
            display_name: profile.display_name.as_deref().map(shortened),
            nickname: profile.nickname.as_deref().map(shortened),
            email: profile.email.clone(),
            linked_at: now,
            used_at: Some(now),
        };
        Ok(transaction.put_identity(&identity).await?)
    }

    /// Adds the account to those that the user signs in with.
    async fn connect(
        &self,
        visitor: &Visitor,
        flow: &Flow,
        profile: &Profile,
    ) -> Result<Response, PageError> {
        let user = visitor.user.as_ref().ok_or_else(words::not_begun_here)?;
        let mut transaction = self.archive.begin().await?;
        let known = transaction.identity(&profile.account).await?;
        if known.is_some_and(|identity| identity.user != user.id) {
            return Err(PageError::new(
                StatusCode::CONFLICT,
                "The account is somebody else's",
                "Another user of this service signs in with that Bitbucket account.",
            )
            .remedy("Sign in as that user and disconnect it there first, or use another one."));
        }
        self.keep_identity(&mut transaction, user.id, profile)
            .await?;
        self.note(
            &mut transaction,
            user,
            "connected a Bitbucket account",
            &profile.words(),
        )
        .await?;
        transaction.commit().await?;
        Ok(Redirect::to(&flow.next).into_response())
    }
}

impl Profile {
    /// For the audit log.
    pub(crate) fn words(&self) -> String {
        match &self.display_name {
            Some(name) => format!("{} {}", shortened(name), self.account),
            None => self.account.to_string(),
        }
    }
}

/// Names of others: one line, not long.
pub(crate) fn shortened(name: &str) -> String {
    let printable = name.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(100).collect()
}
