//! `bucketload auth add-token`.

use std::io::{IsTerminal as _, Read as _};

use bucketload_archive::{CredentialSecret, NewCredential};
use bucketload_auth::Credential;
use bucketload_bitbucket::{Account, Repository};
use bucketload_model::ErrorClass;
use futures::TryStreamExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::{Entry, client, open_archive};
use crate::arguments::AddTokenOptions;
use crate::commands::{Session, credentials};
use crate::messages::{self, Exit, Problem};
use crate::output::{self, printable};

/// Tokens of Bitbucket have some hundred characters, OAuth's some thousand.
const MAX_TOKEN_BYTES: u64 = 16 * 1024;

pub(super) async fn run(session: &Session, options: &AddTokenOptions) -> Result<Exit, Problem> {
    if options.email.is_none() && options.workspace.is_none() {
        return Err(messages::whose_token());
    }
    let token = read(options)?;
    check_form(&token, options)?;
    let (credential, secret) = match &options.email {
        Some(email) => (
            Credential::ApiToken {
                email: email.clone(),
                token: token.clone(),
            },
            CredentialSecret::ApiToken {
                email: email.clone(),
                token,
            },
        ),
        None => (
            Credential::AccessToken(token.clone()),
            CredentialSecret::AccessToken(token),
        ),
    };
    let account = if options.no_check {
        None
    } else {
        check(session, options, credential).await?
    };

    let archive = open_archive(session).await?;
    let store = credentials::store(session, &archive)?;
    let account_uuid = account.as_ref().map(|account| account.uuid.clone());
    let account_name = account.and_then(|account| account.display_name.or(account.nickname));
    let workspace = options.workspace.as_ref().map(ToString::to_string);
    let label = options
        .label
        .clone()
        .or_else(|| options.email.clone())
        .or(workspace);
    let new = NewCredential {
        secret,
        label: label.unwrap_or_default(),
        account_uuid,
        account_name,
        workspace: options.workspace.clone(),
        scopes: Vec::new(),
        owner: None,
    };
    let id = store.add(&new).await?;
    let record = archive.credential(id).await?;
    archive.close().await;
    if let Some(record) = record {
        if session.json {
            output::json(&json!({ "credential": Entry::from(record) }));
        } else {
            let label = printable(&record.label);
            output::line(&format!("The credential “{label}” is kept, sealed."));
        }
    }
    Ok(Exit::Complete)
}

/// The token, from wherever it is not shown.
fn read(options: &AddTokenOptions) -> Result<SecretString, Problem> {
    let from_stdin = || capped(std::io::stdin().lock());
    let text = match &options.token_file {
        Some(path) if path.as_os_str() == "-" => from_stdin(),
        Some(path) => std::fs::File::open(path).and_then(capped),
        None if std::io::stdin().is_terminal() => {
            rpassword::prompt_password("Token (it is not shown): ")
        }
        None => from_stdin(),
    };
    let text = text.map_err(|error| Problem::of("cannot read the token", &error))?;
    let text = SecretString::from(text);
    Ok(SecretString::from(text.expose_secret().trim()))
}

fn capped(from: impl std::io::Read) -> std::io::Result<String> {
    let mut text = String::new();
    from.take(MAX_TOKEN_BYTES + 1).read_to_string(&mut text)?;
    Ok(text)
}

/// What can be told without asking Bitbucket. Tokens begin with what they are.
fn check_form(token: &SecretString, options: &AddTokenOptions) -> Result<(), Problem> {
    let token = token.expose_secret();
    let is_person = options.email.as_deref().map(|email| email.contains('@'));
    let is_token = !token.is_empty()
        && token.len() as u64 <= MAX_TOKEN_BYTES
        && token.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_token {
        return Err(messages::no_token());
    }
    if token.starts_with("ATBB") || is_person == Some(false) {
        return Err(messages::app_password());
    }
    if token.starts_with("ATATT") && is_person.is_none() {
        return Err(messages::needs_email());
    }
    if token.starts_with("ATCTT") && is_person == Some(true) {
        return Err(messages::needs_workspace());
    }
    Ok(())
}

/// Asks Bitbucket whether it takes the token, by a request that changes nothing. A
/// scope that this wants and an import does not is no reason to refuse a token.
async fn check(
    session: &Session,
    options: &AddTokenOptions,
    credential: Credential,
) -> Result<Option<Account>, Problem> {
    let client = client(session, credential)?;
    let failed = |what: &str, error| messages::request_failure(what, &error, client.credential());
    let Some(workspace) = &options.workspace else {
        return match client.user().await {
            Ok(answer) => Ok(Some(answer.item.value)),
            Err(error) if error.class() == ErrorClass::Forbidden => {
                output::note(messages::ACCOUNT_HIDDEN);
                Ok(None)
            }
            Err(error) => Err(failed("the account", error)),
        };
    };
    let (endpoint, first) = client.repositories(workspace);
    let mut pages = std::pin::pin!(client.pages::<Repository>(endpoint, first));
    match pages.try_next().await {
        Ok(_) => Ok(None),
        Err(error) if error.class() == ErrorClass::Forbidden => {
            output::note(messages::WORKSPACE_HIDDEN);
            Ok(None)
        }
        Err(error) => Err(failed(&format!("workspace {workspace}"), error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(token: &str, email: Option<&str>) -> Option<String> {
        let options = AddTokenOptions {
            token_file: None,
            email: email.map(str::to_owned),
            workspace: email.is_none().then(|| "teapots".parse().unwrap()),
            label: None,
            no_check: false,
        };
        let result = check_form(&SecretString::from(token), &options);
        result.err().map(|problem| problem.to_string())
    }

    #[test]
    fn tokens_in_the_wrong_place_are_told_apart() {
        let mail = Some("ada@example.org");
        assert_eq!(refused("ATATT3xFf", mail), None);
        assert_eq!(refused("ATCTT3xFf", None), None);
        assert_eq!(refused("anything", None), None);
        for (token, email, word) in [
            ("ATBBs3cret", mail, "app password"),
            ("ATBBs3cret", None, "app password"),
            ("s3cret", Some("ada"), "app password"),
            ("ATATTs3cret", None, "--email"),
            ("ATCTTs3cret", mail, "--workspace"),
            ("", None, "token"),
            ("s3cret with blanks", None, "token"),
        ] {
            let said = refused(token, email).unwrap();
            assert!(said.contains(word), "{token}: {said}");
            assert!(!said.contains("s3cret"), "{said}");
        }
    }
}
