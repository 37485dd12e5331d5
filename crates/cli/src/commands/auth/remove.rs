//! `bucketload auth remove`.

use bucketload_auth::CredentialKind;
use serde_json::json;

use super::open_archive;
use crate::arguments::RemoveOptions;
use crate::commands::{Session, credentials};
use crate::messages::{Exit, Problem};
use crate::output::{self, printable};

pub(super) async fn run(session: &Session, options: &RemoveOptions) -> Result<Exit, Problem> {
    let archive = open_archive(session).await?;
    let records = archive.credentials().await?;
    let record = credentials::find(&records, &options.credential)?;
    archive.remove_credential(record.id).await?;
    archive.close().await;
    if session.json {
        output::json(&json!({ "removed": record.id.to_string() }));
        return Ok(Exit::Complete);
    }
    let elsewhere = match record.kind {
        CredentialKind::OAuthGrant => {
            "Bitbucket still knows the consent: Personal settings, App authorizations, Revoke."
        }
        CredentialKind::ApiToken => {
            "Bitbucket still knows the token: Atlassian account settings, Security, API tokens."
        }
        CredentialKind::AccessToken => {
            "Bitbucket still knows the token: settings of its repository, project or workspace, \
             Access tokens."
        }
    };
    output::line(&format!(
        "“{}” is removed. {elsewhere}",
        printable(&record.label)
    ));
    Ok(Exit::Complete)
}
