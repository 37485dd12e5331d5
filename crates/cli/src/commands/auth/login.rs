//! `bucketload auth login`.

use std::process::Stdio;
use std::time::Duration;

use bucketload_archive::{Archive, CredentialSecret, NewCredential};
use bucketload_auth::oauth::{
    Callback, CallbackError, OAuthClient, PendingAuthorization, TokenSet,
};
use bucketload_auth::{Credential, CredentialKind};
use bucketload_bitbucket::Account;
use bucketload_model::CredentialId;
use serde_json::json;
use url::Url;

use super::callback::{CallbackListener, Waiting, loopback};
use super::{Entry, client, open_archive};
use crate::arguments::LoginOptions;
use crate::commands::{Session, credentials};
use crate::config::own_variables;
use crate::messages::{self, Exit, Problem};
use crate::output::{self, printable};

pub(super) async fn run(session: &Session, options: &LoginOptions) -> Result<Exit, Problem> {
    let oauth = credentials::oauth_client(&session.config)?.ok_or_else(messages::no_consumer)?;
    let redirect_uri = &oauth.consumer().redirect_uri;
    let address =
        loopback(redirect_uri).ok_or_else(|| messages::callback_elsewhere(redirect_uri))?;
    let listener = CallbackListener::bind(address, redirect_uri)
        .await
        .map_err(|error| messages::cannot_listen(address, &error))?;
    // Whether the result can be kept is known before anybody is asked.
    let archive = open_archive(session).await?;
    let store = credentials::store(&session.config, &archive)?;

    let pending = oauth.consumer().authorize();
    invite(session, options, &pending.url(oauth.consumer()));
    let patience = Duration::from_secs(options.timeout);
    let answered = tokio::time::timeout(patience, tokens(&listener, &oauth, &pending)).await;
    let (tokens, browser) = answered.map_err(|_| {
        Problem::usage(
            format!(
                "nobody came back from Bitbucket within {} seconds",
                options.timeout
            ),
            "run the same command again; --timeout waits longer",
        )
    })??;
    let kept = async {
        let account = account(session, &tokens).await?;
        let secret = CredentialSecret::Grant {
            consumer: oauth.consumer().client_id.clone(),
            tokens,
        };
        keep(&archive, &store, options, secret, account).await
    };
    let id = match kept.await {
        Ok(id) => id,
        Err(problem) => {
            let text = "The sign-in failed; the terminal says why.";
            browser.answer(400, text).await;
            return Err(problem);
        }
    };
    let text = "You are signed in. This window can be closed.";
    browser.answer(200, text).await;
    let record = archive.credential(id).await?;
    archive.close().await;
    if let Some(record) = record {
        if session.json {
            output::json(&json!({ "credential": Entry::from(record) }));
        } else {
            let label = printable(&record.label);
            output::line(&format!(
                "Signed in. The credential “{label}” is kept, sealed."
            ));
        }
    }
    Ok(Exit::Complete)
}

/// Shows where to go, and goes there where there is a browser.
fn invite(session: &Session, options: &LoginOptions, url: &Url) {
    output::note(&format!("Open this address to sign in:\n\n  {url}\n"));
    if options.no_browser || !session.config.has_display {
        return;
    }
    let program = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let mut command = tokio::process::Command::new(program);
    for name in own_variables() {
        command.env_remove(name);
    }
    let opened = command
        .arg(url.as_str())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if opened.is_err() {
        tracing::debug!(program, "no browser could be opened");
    }
}

/// Waits for the person, and exchanges the code. A request that does not belong to
/// this sign-in is refused and ends nothing: anybody can send one.
async fn tokens(
    listener: &CallbackListener,
    oauth: &OAuthClient,
    pending: &PendingAuthorization,
) -> Result<(TokenSet, Waiting), Problem> {
    loop {
        let next = listener.next().await;
        let (query, browser) =
            next.map_err(|error| Problem::of("cannot wait for the browser", &error))?;
        let code = Callback::parse(&query).and_then(|callback| pending.accept(&callback));
        let code = match code {
            Ok(code) => code,
            Err(error @ CallbackError::Refused { .. }) => {
                let text = "Access was not granted; the terminal says more.";
                browser.answer(400, text).await;
                return Err(error.into());
            }
            Err(error) => {
                tracing::warn!(problem = %error, "a callback was refused");
                let text = "This does not belong to the sign-in that was begun here.";
                browser.answer(400, text).await;
                continue;
            }
        };
        return match oauth.exchange(pending, code).await {
            Ok(tokens) => Ok((tokens, browser)),
            Err(error) => {
                let text = "The sign-in failed; the terminal says why.";
                browser.answer(400, text).await;
                Err(messages::token_failure(&error))
            }
        };
    }
}

/// Whose grant it is.
async fn account(session: &Session, tokens: &TokenSet) -> Result<Account, Problem> {
    let credential = Credential::AccessToken(tokens.access_token.clone());
    let client = client(session, credential)?;
    let answer = client
        .user()
        .await
        .map_err(|error| messages::request_failure("the account", &error, client.credential()))?;
    Ok(answer.item.value)
}

/// Keeps a grant. A new sign-in of the same account replaces its earlier one.
async fn keep(
    archive: &Archive,
    store: &bucketload_archive::CredentialStore,
    options: &LoginOptions,
    secret: CredentialSecret,
    account: Account,
) -> Result<CredentialId, Problem> {
    let records = archive.credentials().await?;
    let earlier = records.iter().find(|record| {
        record.kind == CredentialKind::OAuthGrant
            && record.owner.is_none()
            && record.account_uuid.as_ref() == Some(&account.uuid)
            && options
                .label
                .as_ref()
                .is_none_or(|label| *label == record.label)
    });
    if let Some(record) = earlier {
        store.replace_secret(record.id, &secret).await?;
        return Ok(record.id);
    }
    let name = account.display_name.or(account.nickname);
    let label = options.label.clone().or_else(|| name.clone());
    let new = NewCredential {
        secret,
        label: label.unwrap_or_else(|| "bitbucket".to_owned()),
        account_uuid: Some(account.uuid),
        account_name: name,
        workspace: None,
        scopes: Vec::new(),
        expires_at: None,
        owner: None,
    };
    Ok(store.add(&new).await?)
}
