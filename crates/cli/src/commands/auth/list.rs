//! `bucketload auth list`.

use bucketload_archive::CredentialRecord;
use bucketload_auth::CredentialKind;
use serde_json::json;

use super::{Entry, open_archive};
use crate::commands::Session;
use crate::messages::{Exit, Problem};
use crate::output::{self, printable};

pub(super) async fn run(session: &Session) -> Result<Exit, Problem> {
    let archive = open_archive(session).await?;
    let records = archive.credentials().await?;
    archive.close().await;
    if session.json {
        let entries: Vec<Entry> = records.into_iter().map(Entry::from).collect();
        output::json(&json!({ "credentials": entries }));
        return Ok(Exit::Complete);
    }
    if records.is_empty() {
        output::line(
            "No credentials are kept. “bucketload auth login” signs in with Bitbucket, \
             “bucketload auth add-token” keeps a token.",
        );
    }
    for record in &records {
        show(record);
    }
    Ok(Exit::Complete)
}

fn show(record: &CredentialRecord) {
    let what = match (record.kind, &record.account_name, &record.workspace) {
        (CredentialKind::OAuthGrant, Some(name), _) => {
            format!("sign-in of {}", printable(name))
        }
        (CredentialKind::OAuthGrant, None, _) => "sign-in".to_owned(),
        (CredentialKind::ApiToken, Some(name), _) => format!("API token of {}", printable(name)),
        (CredentialKind::ApiToken, None, _) => "API token".to_owned(),
        (CredentialKind::AccessToken, _, Some(slug)) => format!("access token of {slug}"),
        (CredentialKind::AccessToken, _, None) => "access token".to_owned(),
    };
    let state = match &record.dead_because {
        Some(reason) => format!("ended: {}", printable(reason)),
        None => "usable".to_owned(),
    };
    output::line(&format!("{:<24} {what}, {state}", printable(&record.label)));
    output::line(&format!("    id      {}", record.id));
    if !record.scopes.is_empty() {
        output::line(&format!(
            "    scopes  {}",
            printable(&record.scopes.join(" "))
        ));
    }
    if record.kind == CredentialKind::OAuthGrant && record.is_usable() {
        output::line(
            "    ends    never while it is used: it renews itself; idle for three months it ends",
        );
    }
    let ends_at = (record.kind != CredentialKind::OAuthGrant).then_some(record.expires_at);
    let times = [
        ("ends", ends_at.flatten()),
        ("added", Some(record.created_at)),
        ("used", record.used_at),
    ];
    for (name, time) in times {
        if let Some(time) = time {
            let time = time.with_timezone(&chrono::Local).format("%Y-%m-%d %H:%M");
            output::line(&format!("    {name:<7} {time}"));
        }
    }
}
