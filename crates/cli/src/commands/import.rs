//! `bucketload import`.

use std::collections::BTreeSet;
use std::sync::Arc;

use bucketload_archive::mirror::TransportKind;
use bucketload_archive::{Archive, DataDirLock};
use bucketload_auth::CredentialSource;
use bucketload_bitbucket::{Client, ClientOptions, Repository, WaitPolicy};
use bucketload_model::{
    NullSink, ProgressSink, RepositoryName, Source, SystemClock, WorkspaceSlug,
};
use bucketload_worker::queue::{Queue, Wish};
use bucketload_worker::{
    ImportError, ImportOutcome, Importer, LeaseTimes, RepositoryPlan, Selection, StageError,
};
use futures::TryStreamExt as _;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::kept::Kept;
use super::sources::{Choice, sources};
use super::{Session, credentials, from_export};
use crate::arguments::{GitTransport, ImportOptions};
use crate::messages::{self, Exit, Problem};
use crate::progress::{self, summary};
use crate::{interrupt, output};

pub(crate) async fn run(session: &Session, options: &ImportOptions) -> Result<Exit, Problem> {
    if let Some(folder) = &options.from_export {
        return from_export::run(session, folder).await;
    }
    let sources = sources(options)?;
    let choice = Choice::new(&options.choice)?;
    let selection = Selection::new(&options.only, &options.skip)?.with(&options.with);
    let sink: Arc<dyn ProgressSink> = if options.dry_run {
        Arc::new(NullSink)
    } else {
        progress::sink(session)
    };
    let wait = if options.no_wait {
        WaitPolicy::GiveUp
    } else {
        WaitPolicy::Wait
    };
    let kept = Kept::asked_for(options, &sources)?;
    let (importer, _share) = importer(session, options, &sources, sink, wait).await?;
    let _watch = interrupt::watch(
        importer.cancel.clone(),
        session.bars.clone(),
        messages::STOPPING_IMPORT,
    );
    let result = if options.dry_run {
        plan(session, &importer, &selection, &sources, &choice).await
    } else if options.queue.queue {
        enqueue(session, &importer, &selection, &sources, options).await
    } else if let Some(kept) = kept {
        kept.take(session, &importer, &selection).await
    } else {
        import(session, &importer, &selection, &sources, &choice).await
    };
    importer.client.credential().settle().await;
    importer.archive.close().await;
    result
}

/// Everything an import needs, and a share of the data directory.
pub(super) async fn importer(
    session: &Session,
    options: &ImportOptions,
    sources: &BTreeSet<Source>,
    sink: Arc<dyn ProgressSink>,
    wait: WaitPolicy,
) -> Result<(Importer, DataDirLock), Problem> {
    check_web_url(&session.config)?;
    let client_options = client_options(session, sink, wait);
    // Whether the settings are right is known before anything is made.
    Client::new(client_options.clone(), session.config.credential.clone())?;
    let data_dir = &session.config.data_dir;
    data_dir.create()?;
    // In this order: nobody is at work while the database is brought up to date.
    let archive = Archive::open(data_dir).await?;
    let share = data_dir.share()?;
    let named = options.credential.as_deref();
    let credential = credentials::choose(&session.config, &archive, named, sources).await?;
    let importer = importer_with(session, options, archive, credential, client_options)?;
    Ok((importer, share))
}

/// The same, with an archive and a credential that are there already.
pub(super) fn importer_with(
    session: &Session,
    options: &ImportOptions,
    archive: Archive,
    credential: CredentialSource,
    client_options: ClientOptions,
) -> Result<Importer, Problem> {
    let sink = client_options.sink.clone();
    let client_options = ClientOptions {
        ledger: Arc::new(archive.clone()),
        ..client_options
    };
    Ok(Importer {
        archive,
        data_dir: session.config.data_dir.clone(),
        client: Client::new(client_options, credential)?,
        web_url: session.config.web_url.clone(),
        whole_lists: options.full,
        max_blob_bytes: session.config.max_blob_bytes,
        image_hosts: session.config.image_hosts.clone(),
        transport: match options.git_transport {
            GitTransport::Auto => TransportKind::Auto,
            GitTransport::Gix => TransportKind::Gix,
            GitTransport::Git => TransportKind::GitProgram,
        },
        segment_above_bytes: u64::from(session.config.segment_above_mb) * 1_000_000,
        sink,
        clock: Arc::new(SystemClock),
        asked_by: Some(session.config.asker()),
        times: LeaseTimes::default(),
        cancel: CancellationToken::new(),
    })
}

pub(super) fn client_options(
    session: &Session,
    sink: Arc<dyn ProgressSink>,
    wait: WaitPolicy,
) -> ClientOptions {
    let config = &session.config;
    let mut client = ClientOptions::new(config.api_url.clone());
    client.allow_insecure = config.allow_insecure;
    client.hourly_quota = config.rest_quota;
    client.git_hourly_quota = config.git_quota;
    client.raw_hourly_quota = config.raw_quota;
    client.quota_window = config.quota_window;
    client.quota_bucket.clone_from(&config.quota_bucket);
    client.sink = sink;
    client.wait = wait;
    client
}

/// The same rule for git as for REST: the credential goes there too.
pub(super) fn check_web_url(config: &crate::config::Config) -> Result<(), Problem> {
    let mut options = ClientOptions::new(config.web_url.clone());
    options.allow_insecure = config.allow_insecure;
    Ok(Client::new(options, config.credential.clone()).map(drop)?)
}

/// Every repository that is meant, each once. A workspace that cannot be listed
/// is reported at once and costs nobody the rest.
async fn repositories(
    importer: &Importer,
    sources: &BTreeSet<Source>,
    choice: &Choice,
) -> Result<(Vec<RepositoryName>, Exit), Problem> {
    let mut names = Vec::new();
    let mut exit = Exit::Complete;
    for source in sources {
        match source {
            Source::Repository(name) => names.push(name.clone()),
            Source::Workspace(workspace) => match list(importer, workspace).await {
                Ok(listed) => names.extend(listed),
                Err(problem) => exit = exit.max(messages::report(&problem)),
            },
        }
    }
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    // Where a workspace could not be listed, that was said, and is why nothing is left.
    let names = choice.apply(names, exit != Exit::Complete)?;
    Ok((names, exit))
}

async fn list(
    importer: &Importer,
    workspace: &WorkspaceSlug,
) -> Result<Vec<RepositoryName>, Problem> {
    let client = &importer.client;
    let failed = |error| {
        messages::request_failure(
            &format!("workspace {workspace}"),
            &error,
            client.credential(),
        )
    };
    let (endpoint, first) = client.repositories(workspace);
    let mut pages = std::pin::pin!(client.pages::<Repository>(endpoint, first));
    let mut names = Vec::new();
    while let Some(page) = pages.try_next().await.map_err(failed)? {
        if let Some(item) = page.unreadable.first() {
            return Err(Problem::usage(
                format!(
                    "a repository in the list of {workspace} cannot be read: {}",
                    item.problem
                ),
                "name its repositories one by one",
            ));
        }
        for item in page.items {
            let slug = item.value.slug.clone().or_else(|| {
                let full_name = item.value.full_name.as_deref()?;
                full_name.split_once('/')?.1.parse().ok()
            });
            let Some(slug) = slug else {
                return Err(Problem::usage(
                    format!("a repository in the list of {workspace} has no usable name"),
                    "name its repositories one by one",
                ));
            };
            names.push(RepositoryName {
                workspace: workspace.clone(),
                slug,
            });
        }
    }
    if names.is_empty() {
        return Err(Problem::usage(
            format!("the workspace {workspace} shows no repositories"),
            "check the name, and that the credential may read them",
        ));
    }
    Ok(names)
}

async fn import(
    session: &Session,
    importer: &Importer,
    selection: &Selection,
    sources: &BTreeSet<Source>,
    choice: &Choice,
) -> Result<Exit, Problem> {
    let (names, mut exit) = repositories(importer, sources, choice).await?;
    let mut reports = Vec::new();
    for name in &names {
        let outcome = match importer.import(name, selection).await {
            Ok(outcome) => outcome,
            // It costs nobody the others.
            Err(error @ ImportError::Busy { .. }) => {
                exit = exit.max(messages::report(&error.into()));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        exit = exit.max(conclude(session, importer, name, &outcome));
        reports.push(outcome.report);
        // Nothing would come of the others either.
        if matches!(exit, Exit::Interrupted | Exit::Quota) {
            break;
        }
    }
    if session.json {
        output::json(&json!({ "imports": reports }));
    } else if names.len() > 1 {
        summary::of_many(&reports, names.len());
    }
    Ok(exit)
}

pub(super) fn conclude(
    session: &Session,
    importer: &Importer,
    name: &RepositoryName,
    outcome: &ImportOutcome,
) -> Exit {
    conclude_with(session, importer, name, outcome, |problem, _| problem)
}

/// The same, where there is more to say of a failure.
pub(super) fn conclude_with(
    session: &Session,
    importer: &Importer,
    name: &RepositoryName,
    outcome: &ImportOutcome,
    complete: impl FnOnce(Problem, &StageError) -> Problem,
) -> Exit {
    let failure = outcome.failure.as_ref().map(|failure| &failure.error);
    if !session.json {
        summary::after_import(&outcome.report, &importer.data_dir.mirror(name));
    }
    if let Some(error) = failure {
        let credential = importer.client.credential();
        let problem = messages::import_failure(&name.to_string(), error, credential);
        messages::report(&complete(problem, error));
    }
    Exit::of_report(&outcome.report, failure)
}

/// Puts the imports into the queue.
async fn enqueue(
    session: &Session,
    importer: &Importer,
    selection: &Selection,
    sources: &BTreeSet<Source>,
    options: &ImportOptions,
) -> Result<Exit, Problem> {
    let choice = Choice::new(&options.choice)?;
    let (names, exit) = repositories(importer, sources, &choice).await?;
    let credential = match options.credential.as_deref() {
        Some(name) => {
            let records = importer.archive.credentials().await?;
            Some(credentials::find(&records, name)?.id.to_string())
        }
        None => None,
    };
    let wish = |name: RepositoryName| Wish {
        name,
        stages: selection.stages().to_vec(),
        whole_lists: options.full,
        priority: options.queue.priority.unwrap_or_default(),
        not_before: options.queue.at,
        credential: credential.clone(),
    };
    let wishes: Vec<Wish> = names.into_iter().map(wish).collect();
    let queue = Queue::open(importer.archive.clone(), importer.clock.clone()).await?;
    let queue = queue.asked_by(session.config.asker());
    super::queue::enqueue(session, &queue, &wishes, options.queue.every.as_ref()).await?;
    Ok(exit)
}

async fn plan(
    session: &Session,
    importer: &Importer,
    selection: &Selection,
    sources: &BTreeSet<Source>,
    choice: &Choice,
) -> Result<Exit, Problem> {
    let (names, mut exit) = repositories(importer, sources, choice).await?;
    let mut plans: Vec<RepositoryPlan> = Vec::new();
    for name in &names {
        match importer.plan(name, selection).await {
            Ok(plan) => {
                if !session.json {
                    summary::plan(&plan);
                }
                plans.push(plan);
            }
            Err(error) => {
                let credential = importer.client.credential();
                let problem = messages::import_failure(&name.to_string(), &error, credential);
                exit = exit.max(messages::report(&problem));
            }
        }
    }
    if session.json {
        output::json(&json!({ "plans": plans }));
    } else if plans.len() > 1 {
        summary::plans(&plans, importer.client.hourly_quota());
    }
    Ok(exit)
}
