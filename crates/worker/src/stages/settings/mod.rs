//! The settings of a repository, each a document of its own.
//!
//! Which documents are to be read stands in the database, by their numbers: all of them
//! once a week, and then, after each kill and in each later import, those that have not
//! come. So one that was refused is asked for again, and costs nobody the others.

mod document;
mod fetch;

pub(crate) use document::Document;
pub(crate) use fetch::project_key;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use bucketload_archive::{CoveredList, ObjectKey, ObjectRecord, PendingParent};
use bucketload_bitbucket::RequestError;
use bucketload_model::{
    Checkpoint, ErrorClass, Gap, GapReason, RepositoryUuid, RequestEstimate, Stage,
};
use chrono::Duration;
use futures::future::join;

use self::document::{ADMINISTRATORS, READERS};
use self::fetch::{Fetched, fetch};
use super::{Counts, StageContext, account_records};
use crate::Importer;
use crate::capabilities::lacks_scope;
use crate::failure::{StageError, describe, object_gap_reason};

const STAGE: Stage = Stage::Settings;

/// Settings change seldom, and reading them takes more requests than all that is new in
/// most repositories.
const FRESH_FOR: Duration = Duration::days(7);

/// More failures in a row, each tried several times, are an outage.
const FAILURES_IN_A_ROW: u32 = 5;

/// Environments of a repository, where nothing is known of them. Bitbucket makes three.
const ENVIRONMENTS: u64 = 10;

/// More documents than there are.
const ALL: u32 = 64;

/// Stands for the next page of a document that there is not, as far as one answer can
/// tell. The next import asks once more, and then it is believed for a week.
const ABSENT: &str = "absent";

/// What was learnt from the documents so far.
#[derive(Debug, Default)]
struct Learnt(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Scopes with which nothing more can be read, and why.
    hopeless: BTreeMap<(&'static str, &'static str), (GapReason, String)>,
    /// Whether pipelines were never set up.
    no_pipelines: bool,
    failures_in_a_row: u32,
}

impl Learnt {
    fn note<T>(&self, note: impl FnOnce(&mut Known) -> T) -> T {
        note(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes why nothing more of a document's scope can be read.
    fn give_up(&self, document: Document, reason: GapReason, detail: String) {
        self.note(|known| known.hopeless.insert(document.scope(), (reason, detail)));
    }

    fn why_hopeless(&self, document: Document) -> Option<(GapReason, String)> {
        self.note(|known| known.hopeless.get(&document.scope()).cloned())
    }

    fn has_none(&self, document: Document) -> bool {
        self.note(|known| known.no_pipelines && document.is_of_pipelines())
    }
}

pub(super) async fn run(context: &StageContext) -> Result<(), StageError> {
    begin(context).await?;
    read_pending(context).await
}

/// Notes what is to be read, once in an import.
async fn begin(context: &StageContext) -> Result<(), StageError> {
    let importer = &context.importer;
    let progress = importer
        .archive
        .stage_progress(context.import, STAGE)
        .await?;
    if progress.is_some_and(|progress| progress.checkpoint.is_some()) {
        return Ok(());
    }
    let repository = &context.repository()?.uuid;
    let is_fresh = is_fresh(importer, repository).await?;
    let wanted = wanted(importer, repository).await?;
    let mut transaction = context.begin().await?;
    if !is_fresh {
        let numbers: Vec<i64> = wanted.iter().map(|document| document.number()).collect();
        transaction.add_pending(repository, STAGE, &numbers).await?;
        let now = importer.clock.now();
        let covered = CoveredList {
            until: now,
            listed_at: now,
            expected: Some(numbers.len() as u64),
        };
        transaction
            .set_covered_list(repository, STAGE, covered)
            .await?;
    }
    transaction
        .set_estimate(context.import, STAGE, estimate(&wanted))
        .await?;
    transaction
        .save_checkpoint(context.import, STAGE, &Checkpoint::EndOfList, None)
        .await?;
    Ok(transaction.commit().await?)
}

/// Without a credential only what the public may see is asked for. That the rest is
/// hidden is no gap, as with the members of a workspace.
fn is_shown(importer: &Importer, document: Document) -> bool {
    document.is_public() || !importer.client.credential().is_anonymous()
}

/// Whether all that this credential is shown was asked for within the last week.
async fn is_fresh(importer: &Importer, repository: &RepositoryUuid) -> Result<bool, StageError> {
    let shown = Document::all().filter(|one| is_shown(importer, *one));
    let shown = shown.count() as u64;
    let covered = importer.archive.covered_list(repository, STAGE).await?;
    let now = importer.clock.now();
    Ok(!importer.whole_lists
        && covered.is_some_and(|covered| {
            now - covered.listed_at < FRESH_FOR && covered.expected >= Some(shown)
        }))
}

/// The documents that an import reads which begins now.
pub(crate) async fn wanted(
    importer: &Importer,
    repository: &RepositoryUuid,
) -> Result<Vec<Document>, StageError> {
    let shown = Document::all().filter(|one| is_shown(importer, *one));
    if !is_fresh(importer, repository).await? {
        return Ok(shown.collect());
    }
    let archive = &importer.archive;
    let pending = archive.pending(repository, STAGE, i64::MIN, ALL).await?;
    let pending: BTreeSet<i64> = pending.iter().map(|one| one.id).collect();
    Ok(shown
        .filter(|one| pending.contains(&one.number()))
        .collect())
}

/// What reading them takes: one request for each, if no list is long. What cannot be
/// read with a scope is asked for once; there may be no project and no pipelines.
pub(crate) fn estimate(documents: &[Document]) -> RequestEstimate {
    let readers = |one: &&Document| READERS.contains(one) && **one != Document::Project;
    let readers = documents.iter().filter(readers).count() as u64;
    let is_any_for_administrators = documents.iter().any(|one| one.is_for_administrators());
    let has_variables = documents.contains(&Document::EnvironmentVariables);
    RequestEstimate {
        min: readers + u64::from(is_any_for_administrators),
        max: documents.len() as u64 + if has_variables { ENVIRONMENTS } else { 0 },
    }
}

/// How many documents there are and should be: those that are stored, and those that
/// have not come.
pub(super) async fn count(
    context: &StageContext,
    repository: &RepositoryUuid,
) -> Result<Counts, StageError> {
    let archive = &context.importer.archive;
    let stored = archive.object_ids(repository, STAGE, 0).await?;
    let stored: BTreeSet<i64> = stored.into_iter().collect();
    let pending = pending(context).await?;
    let missing = pending.values().filter(|parent| !is_absent(parent));
    let missing = missing
        .filter(|parent| !stored.contains(&parent.id))
        .count();
    let expected = (stored.len() + missing) as u64;
    Ok(Counts::of(Some(expected), stored.len() as u64))
}

fn is_absent(parent: &PendingParent) -> bool {
    parent.next_page.as_deref() == Some(ABSENT)
}

/// The documents that have not come, of those that this credential is shown.
async fn pending(context: &StageContext) -> Result<BTreeMap<Document, PendingParent>, StageError> {
    let importer = &context.importer;
    let repository = &context.repository()?.uuid;
    let pending = importer
        .archive
        .pending(repository, STAGE, i64::MIN, ALL)
        .await?;
    let pending = pending.into_iter().filter_map(|parent| {
        let document = Document::all().find(|one| one.number() == parent.id)?;
        is_shown(importer, document).then_some((document, parent))
    });
    Ok(pending.collect())
}

/// Reads every document that has not come.
pub(super) async fn read_pending(context: &StageContext) -> Result<(), StageError> {
    let pending = pending(context).await?;
    let learnt = Learnt::default();
    let (readers, administrators) = join(
        read_all(context, READERS, &pending, &learnt),
        read_all(context, ADMINISTRATORS, &pending, &learnt),
    )
    .await;
    readers.and(administrators)
}

async fn read_all(
    context: &StageContext,
    documents: &[Document],
    pending: &BTreeMap<Document, PendingParent>,
    learnt: &Learnt,
) -> Result<(), StageError> {
    for document in documents {
        if let Some(parent) = pending.get(document) {
            read(context, *document, parent, learnt).await?;
        }
    }
    Ok(())
}

async fn read(
    context: &StageContext,
    document: Document,
    parent: &PendingParent,
    learnt: &Learnt,
) -> Result<(), StageError> {
    if learnt.has_none(document) {
        return end_without(context, document, parent, 0).await;
    }
    if let Some((reason, detail)) = learnt.why_hopeless(document) {
        let gap = gap(context, document, reason, detail);
        return context.record_gap(gap, "", 0).await;
    }
    match fetch(context, document).await {
        Ok(Some(fetched)) => {
            learnt.note(|known| known.failures_in_a_row = 0);
            store(context, document, parent, &fetched).await
        }
        Ok(None) => end_without(context, document, parent, 0).await,
        Err(StageError::Request(error)) => failed(context, document, parent, *error, learnt).await,
        Err(error) => Err(error),
    }
}

async fn failed(
    context: &StageContext,
    document: Document,
    parent: &PendingParent,
    error: RequestError,
    learnt: &Learnt,
) -> Result<(), StageError> {
    let class = error.class();
    let is_refused = matches!(class, ErrorClass::Forbidden | ErrorClass::Unauthorized);
    let is_hidden = is_refused && context.importer.client.credential().is_anonymous();
    // The repository is there, so what it has not was never set up.
    if class == ErrorClass::NotFound || is_hidden {
        learnt.note(|known| {
            known.failures_in_a_row = 0;
            known.no_pipelines |= document == Document::Pipelines;
        });
        return end_without(context, document, parent, error.requests).await;
    }
    let Some(reason) = object_gap_reason(STAGE, class) else {
        return Err(error.into());
    };
    let mut detail = describe(&error.kind);
    if is_refused {
        detail = format!("{detail}; {}", needs(document));
        if document.is_for_administrators() || lacks_scope(&error.kind) {
            learnt.give_up(
                document,
                reason,
                format!("not asked for: {}", needs(document)),
            );
        }
    }
    if document == Document::Environments {
        // The one document of this scope that is left.
        let detail = "the environments could not be read".to_owned();
        learnt.give_up(document, reason, detail);
    }
    let gap = gap(context, document, reason, detail);
    let endpoint = error.endpoint.name();
    context.record_gap(gap, endpoint, error.requests).await?;
    let failures = learnt.note(|known| {
        let passing = class == ErrorClass::Transient;
        known.failures_in_a_row = if passing {
            known.failures_in_a_row + 1
        } else {
            0
        };
        known.failures_in_a_row
    });
    if failures < FAILURES_IN_A_ROW {
        return Ok(());
    }
    Err(StageError::Outage {
        failures,
        // Its requests stand with its gap already.
        source: Box::new(RequestError {
            requests: 0,
            ..error
        }),
    })
}

/// Which scope or role it takes to read a document.
fn needs(document: Document) -> String {
    let endpoint = document.endpoint();
    let scopes = endpoint.oauth_scopes().join(" and ");
    let token = endpoint.api_token_scope();
    let role = if document.is_for_administrators() {
        " and an administrator of the repository"
    } else {
        ""
    };
    format!("it needs the scope {scopes} (of an API token: {token}){role}")
}

/// What a gap of one document is called.
fn object(document: Document) -> String {
    format!("settings/{}", document.name())
}

fn gap(context: &StageContext, document: Document, reason: GapReason, detail: String) -> Gap {
    let name = &context.name;
    Gap {
        stage: STAGE,
        object: object(document),
        reason,
        detail,
        url: context
            .importer
            .web_url
            .join(&format!("{}/{}/admin", name.workspace, name.slug))
            .ok()
            .map(Into::into),
    }
}

/// Ends a document that there is not. What was kept of it before stays.
async fn end_without(
    context: &StageContext,
    document: Document,
    parent: &PendingParent,
    requests: u64,
) -> Result<(), StageError> {
    tracing::debug!(repository = %context.name, document = document.name(), "there is none");
    let repository = &context.repository()?.uuid;
    let mut transaction = context.begin_progress().await?;
    if is_absent(parent) {
        transaction
            .finish_pending(repository, STAGE, parent)
            .await?;
    } else {
        transaction
            .advance_pending(repository, STAGE, parent, Some(ABSENT))
            .await?;
    }
    transaction
        .add_requests(context.import, document.endpoint().name(), requests)
        .await?;
    transaction
        .clear_gap(context.import, STAGE, &object(document))
        .await?;
    Ok(transaction.commit().await?)
}

async fn store(
    context: &StageContext,
    document: Document,
    parent: &PendingParent,
    fetched: &Fetched,
) -> Result<(), StageError> {
    let repository = &context.repository()?.uuid;
    let record = ObjectRecord {
        key: ObjectKey {
            parent: 0,
            id: document.number(),
            key: document.name(),
        },
        created_on: None,
        updated_on: None,
        source: &fetched.source,
    };
    let mut transaction = context.begin_progress().await?;
    transaction
        .put_objects(repository, STAGE, &[record])
        .await?;
    transaction
        .put_accounts(
            repository,
            context.import,
            account_records(fetched.accounts.iter()),
        )
        .await?;
    transaction
        .finish_pending(repository, STAGE, parent)
        .await?;
    transaction
        .add_requests(context.import, document.endpoint().name(), fetched.requests)
        .await?;
    transaction
        .clear_gap(context.import, STAGE, &object(document))
        .await?;
    Ok(transaction.commit().await?)
}
