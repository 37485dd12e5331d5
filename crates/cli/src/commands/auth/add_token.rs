//! `bucketload auth add-token`.

use std::io::{IsTerminal as _, Read as _};

use bucketload_archive::{CredentialSecret, NewCredential};
use bucketload_auth::Credential;
use bucketload_bitbucket::{Account, RequestError};
use bucketload_model::{ErrorClass, Source};
use bucketload_worker::{Access, Capabilities};
use chrono::NaiveTime;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::{Entry, client, open_archive};
use crate::arguments::AddTokenOptions;
use crate::commands::doctor::bitbucket::capability;
use crate::commands::doctor::finding::State;
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
    check_form(&credential)?;
    let account = if options.no_check {
        None
    } else {
        check(session, options, credential).await?
    };

    let archive = open_archive(session).await?;
    let store = credentials::store(&session.config, &archive)?;
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
        // Its first moment, for nobody knows the zone.
        expires_at: options
            .ends_on
            .map(|day| day.and_time(NaiveTime::MIN).and_utc()),
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
fn check_form(credential: &Credential) -> Result<(), Problem> {
    let (token, is_person) = match credential {
        Credential::Anonymous => return Err(messages::no_token()),
        Credential::AccessToken(token) => (token.expose_secret(), false),
        Credential::ApiToken { token, .. } => (token.expose_secret(), true),
    };
    let is_token = !token.is_empty()
        && token.len() as u64 <= MAX_TOKEN_BYTES
        && token.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_token {
        return Err(messages::no_token());
    }
    if credential.is_app_password() {
        return Err(messages::app_password());
    }
    match (token.starts_with("ATATT"), token.starts_with("ATCTT")) {
        (true, _) if !is_person => Err(messages::needs_email()),
        (_, true) if is_person => Err(messages::needs_workspace()),
        _ => Ok(()),
    }
}

/// Asks Bitbucket whether it takes the token, by requests that change nothing, and
/// says what it may not do. That is no reason to refuse it.
async fn check(
    session: &Session,
    options: &AddTokenOptions,
    credential: Credential,
) -> Result<Option<Account>, Problem> {
    let client = client(session, credential)?;
    let source = options.workspace.clone().map(Source::Workspace);
    let found = Capabilities::find(&client, source.as_ref()).await;
    if let Some(error) = refusal(&found) {
        let what = match &options.workspace {
            Some(workspace) => format!("workspace {workspace}"),
            None => "the account".to_owned(),
        };
        return Err(messages::request_failure(&what, error, client.credential()));
    }
    for (tried, access) in &found.tried {
        let finding = capability(*tried, access, client.credential(), &found);
        // What a repository has not is no matter of the token.
        if finding.state != State::Ok && !matches!(access, Access::Absent(_)) {
            let remedy = finding.remedy.unwrap_or_default();
            output::note(&format!(
                "{}: {}\n  what to do: {remedy}",
                tried.name(),
                finding.text
            ));
        }
    }
    Ok(found.account.ok())
}

/// Why the token is of no use, if nothing accepts it. Some endpoints refuse tokens
/// of a repository as if they were wrong.
fn refusal(found: &Capabilities) -> Option<&RequestError> {
    let is_accepted = |access: &Access| {
        matches!(
            access,
            Access::Allowed | Access::ScopeMissing(_) | Access::NotPermitted(_)
        )
    };
    let account = match &found.account {
        Ok(_) => return None,
        Err(error) if error.class() == ErrorClass::Forbidden => return None,
        Err(error) => error,
    };
    if found.tried.iter().any(|(_, access)| is_accepted(access)) {
        return None;
    }
    let last = found.tried.iter().find_map(|(_, access)| match access {
        Access::Refused(error) | Access::Hidden(error) | Access::Unknown(error) => Some(error),
        Access::Allowed | Access::ScopeMissing(_) | Access::NotPermitted(_) | Access::Absent(_) => {
            None
        }
    });
    Some(last.unwrap_or(account))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(token: &str, email: Option<&str>) -> Option<String> {
        let credential = match email {
            Some(email) => Credential::api_token(email, token),
            None => Credential::access_token(token),
        };
        let result = check_form(&credential);
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
