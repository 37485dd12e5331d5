//! `bucketload doctor`: checks everything that an import relies on, and says what to do.
//!
//! One function per check, in `machine` and `bitbucket`; the order of lines is that of
//! [`examine`]. A check never changes anything but the account of requests.

pub(super) mod bitbucket;
pub(super) mod finding;
mod machine;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bucketload_archive::Archive;
use bucketload_auth::CredentialSource;
use bucketload_bitbucket::{Client, ClientOptions, WaitPolicy};
use bucketload_model::{
    AnnouncedRemoval, BucketState, Clock as _, QuotaLedger as _, QuotaRule, Source, SystemClock,
};
use bucketload_worker::Capabilities;

use self::finding::{Finding, Findings, State};
use super::{Session, credentials};
use crate::arguments::DoctorOptions;
use crate::config::Config;
use crate::messages::{Exit, Problem};
use crate::output;

/// Somebody waits in front of the screen: a second try comes at once.
const RETRY_DELAY: Duration = Duration::from_millis(50);

/// A server that takes longer for all questions together does not answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// Which credential is tried, and on what.
#[derive(Debug, Clone, Copy)]
struct Wanted<'a> {
    credential: Option<&'a str>,
    source: Option<&'a Source>,
}

pub(crate) async fn run(
    session: &Session,
    file: Option<&Path>,
    options: &DoctorOptions,
) -> Result<Exit, Problem> {
    let source = options.source.as_ref().or(options.workspace.as_ref());
    let source: Option<Source> = match source {
        Some(text) => Some(text.parse()?),
        None => None,
    };
    let wanted = Wanted {
        credential: options.credential.as_deref(),
        source: source.as_ref(),
    };
    let findings = examine(&session.config, file, wanted).await;
    Ok(show(findings, session.json))
}

/// What can be said where the settings cannot be used.
pub(crate) fn without_session(problem: &Problem, json: bool) -> Exit {
    let findings = vec![
        Finding::of("configuration", problem).with_state(State::Failed),
        machine::git(),
        Finding::skipped("everything_else", "it depends on the configuration"),
    ];
    show(findings, json)
}

fn show(findings: Vec<Finding>, json: bool) -> Exit {
    let findings = Findings::new(findings);
    if json {
        output::json(&findings);
    } else {
        for line in findings.lines() {
            output::line(&line);
        }
    }
    findings.exit()
}

async fn examine(config: &Config, file: Option<&Path>, wanted: Wanted<'_>) -> Vec<Finding> {
    let health = config.data_dir.health();
    let addresses = machine::addresses(config);
    let may_ask = addresses.state < State::Failed;
    let mut findings = vec![
        machine::configuration(file),
        addresses,
        machine::data_directory(config, &health),
        machine::disk_space(&health),
        machine::sign_in(config),
        machine::notifications(config),
    ];
    let (database, is_readable) = machine::database(config).await;
    findings.push(database);
    findings.extend(machine::object_store(config).await);
    findings.push(machine::git());
    // The database keeps the account of requests; without one they are few.
    let archive = if is_readable {
        Archive::open_existing(&config.data_dir).await.ok()
    } else {
        None
    };
    if let Some(finding) = bitbucket::app_password(&config.credential) {
        findings.push(finding);
        let because = "the credential must not be sent";
        findings.push(Finding::skipped("bitbucket", because));
    } else if may_ask {
        ask(config, archive.as_ref(), wanted, &mut findings).await;
    } else {
        findings.push(Finding::skipped("bitbucket", "its address cannot be used"));
    }
    if let Some(archive) = archive {
        archive.close().await;
    }
    findings
}

/// Everything that takes requests, and what the database knows of requests.
async fn ask(
    config: &Config,
    archive: Option<&Archive>,
    wanted: Wanted<'_>,
    findings: &mut Vec<Finding>,
) {
    let credential = match chosen(config, archive, wanted).await {
        Ok(credential) => credential,
        Err(problem) => {
            findings.push(Finding::of("credential", &problem));
            findings.push(Finding::skipped(
                "bitbucket",
                "there is no credential for it",
            ));
            return;
        }
    };
    let client = match client(config, archive, credential) {
        Ok(client) => client,
        Err(problem) => return findings.push(Finding::of("bitbucket", &problem)),
    };
    let asked = tokio::time::timeout(PATIENCE, Capabilities::find(&client, wanted.source)).await;
    let Ok(found) = asked else {
        findings.push(bitbucket::silent(&client));
        return;
    };
    let api = bitbucket::api(&client, &found);
    let is_down = api.state != State::Ok;
    findings.push(api);
    findings.push(bitbucket::clock(client.clock_difference()));
    if is_down {
        findings.push(Finding::skipped("credential", "Bitbucket does not answer"));
    } else {
        let credential = client.credential();
        findings.push(bitbucket::credential(credential, &found));
        for (capability, access) in &found.tried {
            findings.push(bitbucket::capability(
                *capability,
                access,
                credential,
                &found,
            ));
        }
    }
    client.credential().settle().await;
    let state = quota_state(config, &client, archive).await;
    let now = SystemClock.now();
    findings.push(bitbucket::quota(client.hourly_quota(), state, now));
    findings.extend(bitbucket::removals(&removals(&client, archive).await));
}

/// The credential that an import would take.
async fn chosen(
    config: &Config,
    archive: Option<&Archive>,
    wanted: Wanted<'_>,
) -> Result<CredentialSource, Problem> {
    match archive {
        Some(archive) => {
            let sources = wanted.source.cloned().into_iter().collect();
            credentials::choose(config, archive, wanted.credential, &sources).await
        }
        None => Ok(config.credential.clone().into()),
    }
}

fn client(
    config: &Config,
    archive: Option<&Archive>,
    credential: CredentialSource,
) -> Result<Client, Problem> {
    let mut options = ClientOptions::new(config.api_url.clone());
    options.allow_insecure = config.allow_insecure;
    options.hourly_quota = config.rest_quota;
    options.quota_window = config.quota_window;
    options.quota_bucket.clone_from(&config.quota_bucket);
    options.is_interactive = true;
    options.wait = WaitPolicy::GiveUp;
    options.first_retry_delay = RETRY_DELAY;
    if let Some(archive) = archive {
        options.ledger = Arc::new(archive.clone());
    }
    Ok(Client::new(options, credential)?)
}

/// The account of this credential's requests; absent where nobody keeps it.
async fn quota_state(
    config: &Config,
    client: &Client,
    archive: Option<&Archive>,
) -> Option<BucketState> {
    let rule = QuotaRule {
        assumed_limit: client.hourly_quota()?,
        window: chrono::Duration::from_std(config.quota_window).ok()?,
        reserve_percent: 0,
    };
    let own = config.quota_bucket.clone();
    let bucket = format!(
        "rest:{}",
        own.unwrap_or_else(|| client.credential().bucket())
    );
    let mut state = None;
    let archive = archive?;
    let look = archive.update(
        &bucket,
        Box::new(|bucket| state = Some(bucket.state(&rule, SystemClock.now()))),
    );
    look.await.ok()?;
    state
}

/// What was met by earlier imports or just now, each endpoint once.
async fn removals(client: &Client, archive: Option<&Archive>) -> Vec<AnnouncedRemoval> {
    let mut removals = client.announced_removals();
    if let Some(archive) = archive {
        let known = archive.announced_removals().await.unwrap_or_default();
        for removal in known {
            if !removals.iter().any(|one| one.endpoint == removal.endpoint) {
                removals.push(removal);
            }
        }
    }
    removals
}
