//! The credentials that are kept: opening them, and choosing one.

use std::collections::BTreeSet;
use std::sync::Arc;

use bucketload_archive::{Archive, CredentialRecord, CredentialStore};
use bucketload_auth::oauth::OAuthClient;
use bucketload_auth::{CredentialKind, CredentialSource, Sealer};
use bucketload_model::{Source, SystemClock, WorkspaceSlug};
use bucketload_worker::queue::{Fitting, fitting};

use crate::config::Config;
use crate::messages::{self, Problem};
use crate::output::printable;

/// The sealer: the configured key seals, or the data directory's. What other keys
/// of the data directory sealed is opened too.
pub(crate) fn sealer(config: &Config) -> Result<Sealer, Problem> {
    let data_dir = &config.data_dir;
    let sealer = match &config.secret_key {
        Some(key) => {
            let sealer = Sealer::new(key.clone());
            match data_dir.secret_key()? {
                Some(earlier) => sealer.opening_also(earlier),
                None => sealer,
            }
        }
        None => Sealer::new(data_dir.secret_key_or_new()?),
    };
    Ok(match data_dir.next_secret_key()? {
        Some(next) => {
            tracing::warn!(
                "a change of the key was cut short: `bucketload auth rotate-key` ends it"
            );
            sealer.opening_also(next)
        }
        None => sealer,
    })
}

pub(crate) fn store(config: &Config, archive: &Archive) -> Result<CredentialStore, Problem> {
    let sealer = sealer(config)?;
    Ok(CredentialStore::new(
        archive.clone(),
        sealer,
        Arc::new(SystemClock),
    ))
}

/// The client of the configured OAuth consumer, if there is one.
pub(crate) fn oauth_client(config: &Config) -> Result<Option<OAuthClient>, Problem> {
    let Some(consumer) = config.consumer.clone() else {
        return Ok(None);
    };
    let client = OAuthClient::new(consumer, Arc::new(SystemClock));
    client.map(Some).map_err(|error| {
        Problem::of("cannot speak to Bitbucket's sign-in", &error)
            .remedy("check the certificates and proxies of this machine")
    })
}

/// The credential for an import: the one named, the environment's, or the only one
/// kept that fits.
pub(crate) async fn choose(
    config: &Config,
    archive: &Archive,
    named: Option<&str>,
    sources: &BTreeSet<Source>,
) -> Result<CredentialSource, Problem> {
    let credential = &config.credential;
    if named.is_none() && !credential.is_anonymous() {
        return Ok(credential.clone().into());
    }
    let records = archive.credentials().await?;
    let record = match named {
        Some(name) => Some(find(&records, name)?),
        None => only_fitting(&records, sources)?,
    };
    let Some(record) = record else {
        return Ok(CredentialSource::default());
    };
    let client = match record.kind {
        CredentialKind::OAuthGrant => oauth_client(config)?,
        CredentialKind::AccessToken | CredentialKind::ApiToken => None,
    };
    let store = store(config, archive)?;
    let source = store.source(record.id, client.as_ref()).await?;
    tracing::info!(credential.id = %record.id, label = record.label, "this credential is used");
    Ok(source)
}

/// A credential by its id, or by its label where that is not shared.
pub(crate) fn find<'a>(
    records: &'a [CredentialRecord],
    name: &str,
) -> Result<&'a CredentialRecord, Problem> {
    let by_id = records.iter().find(|record| record.id.to_string() == name);
    if let Some(record) = by_id {
        return Ok(record);
    }
    let mut by_label = records.iter().filter(|record| record.label == name);
    match (by_label.next(), by_label.next()) {
        (Some(record), None) => Ok(record),
        (None, _) => Err(Problem::usage(
            format!("no credential is called “{}”", printable(name)),
            choices(records, "“bucketload auth add-token” keeps one"),
        )),
        (Some(_), Some(_)) => Err(Problem::usage(
            format!("several credentials are called “{}”", printable(name)),
            choices(records, ""),
        )),
    }
}

/// The command's own credential that fits all sources; none where there is none.
fn only_fitting<'a>(
    records: &'a [CredentialRecord],
    sources: &BTreeSet<Source>,
) -> Result<Option<&'a CredentialRecord>, Problem> {
    let workspaces: BTreeSet<&WorkspaceSlug> = sources.iter().map(workspace).collect();
    match fitting(records, &workspaces) {
        Fitting::None => Ok(None),
        Fitting::One(record) => Ok(Some(record)),
        Fitting::Ended(record) => Err(messages::ended(record)),
        Fitting::Several(records) => {
            let records: Vec<_> = records.into_iter().cloned().collect();
            Err(Problem::usage(
                "several credentials fit, and none is named",
                choices(&records, ""),
            ))
        }
    }
}

const fn workspace(source: &Source) -> &WorkspaceSlug {
    match source {
        Source::Workspace(workspace) => workspace,
        Source::Repository(name) => &name.workspace,
    }
}

fn choices(records: &[CredentialRecord], otherwise: &str) -> String {
    if records.is_empty() {
        return otherwise.to_owned();
    }
    let names: Vec<String> = records
        .iter()
        .map(|record| format!("“{}” ({})", printable(&record.label), record.id))
        .collect();
    format!("name one with --credential: {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use bucketload_model::CredentialId;
    use chrono::DateTime;

    use super::*;

    fn record(label: &str, workspace: Option<&str>) -> CredentialRecord {
        CredentialRecord {
            id: CredentialId::new(DateTime::UNIX_EPOCH),
            kind: CredentialKind::AccessToken,
            label: label.to_owned(),
            account_uuid: None,
            account_name: None,
            workspace: workspace.map(|slug| slug.parse().unwrap()),
            consumer: None,
            scopes: Vec::new(),
            revision: 1,
            renewed_at: DateTime::UNIX_EPOCH,
            expires_at: None,
            dead_because: None,
            owner: None,
            created_at: DateTime::UNIX_EPOCH,
            used_at: None,
        }
    }

    fn chosen(records: &[CredentialRecord], sources: &[&str]) -> Result<Option<String>, String> {
        let sources = sources.iter().map(|it| it.parse().unwrap()).collect();
        only_fitting(records, &sources)
            .map(|record| record.map(|record| record.label.clone()))
            .map_err(|problem| problem.to_string())
    }

    #[test]
    fn the_one_that_fits_is_taken_and_two_are_a_question() {
        let teapots = record("teapots", Some("teapots"));
        let cups = record("cups", Some("cups"));
        let person = record("person", None);
        let some = |label: &str| Ok(Some(label.to_owned()));

        assert_eq!(chosen(&[], &["teapots/kettle"]), Ok(None));
        let all = [teapots.clone(), cups.clone(), person.clone()];
        assert_eq!(chosen(&all, &["teapots/kettle"]), some("teapots"));
        assert_eq!(chosen(&all, &["cups"]), some("cups"));
        // A token of one workspace is of no use for two.
        assert_eq!(chosen(&all, &["cups", "teapots/kettle"]), some("person"));
        assert_eq!(chosen(&all, &["spoons"]), some("person"));
        assert_eq!(chosen(&all[..1], &["spoons/tea"]), Ok(None));

        let twins = [teapots.clone(), record("teapots-2", Some("teapots"))];
        let question = chosen(&twins, &["teapots"]).unwrap_err();
        assert!(question.contains("“teapots-2”"), "{question}");

        let mut dead = person.clone();
        dead.dead_because = Some("it was revoked".to_owned());
        assert_eq!(
            chosen(&[dead.clone(), teapots], &["teapots"]),
            some("teapots")
        );
        let told = chosen(&[dead], &["spoons"]).unwrap_err();
        assert!(told.contains("it was revoked"), "{told}");

        // What belongs to a user of the service is never taken unasked.
        let mut owned = person;
        owned.owner = Some("somebody".to_owned());
        assert_eq!(chosen(&[owned], &["spoons"]), Ok(None));
    }

    #[test]
    fn names_are_labels_or_ids() {
        let records = [record("teapots", None), record("cups", None)];
        assert_eq!(find(&records, "cups").unwrap().label, "cups");
        let id = records[0].id.to_string();
        assert_eq!(find(&records, &id).unwrap().label, "teapots");
        assert!(find(&records, "spoons").is_err());
        assert!(find(&[record("a", None), record("a", None)], "a").is_err());
    }
}
