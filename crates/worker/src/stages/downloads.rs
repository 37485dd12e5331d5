//! The files that people have put beside the repository, with their content.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

use bucketload_archive::{
    Blob, CoveredList, ListBegin, ObjectKey, ObjectRecord, Transaction, short_key,
};
use bucketload_bitbucket::{Download, Endpoint, Item, Page, PageUrl, Repository};
use bucketload_model::{Checkpoint, RepositoryUuid, RequestEstimate, Stage, StageState};
use chrono::{DateTime, Duration, Utc};
use futures::StreamExt as _;

use super::files::{Files, bring, shown_name};
use super::{OVERLAP, StageContext, account_records};
use crate::failure::{StageError, gap, gap_reason};
use crate::{Importer, estimate};

const STAGE: Stage = Stage::Downloads;

/// The list is read so often where nothing else in the repository has changed: that a new
/// file moves the repository's `updated_on` is not documented.
const ALSO_UNCHANGED_EVERY: Duration = Duration::days(1);

/// Of each name the form that is stored with its content.
type Known = BTreeMap<String, Download>;

pub(super) async fn run(context: &StageContext) -> Result<(), StageError> {
    let archive = &context.importer.archive;
    let progress = archive.stage_progress(context.import, STAGE).await?;
    let (endpoint, first) = context.importer.client.downloads(&context.name);
    let mut listed = Some(BTreeSet::new());
    let first = match progress.and_then(|progress| progress.checkpoint) {
        // Of what an earlier attempt listed nothing is known here.
        Some(Checkpoint::EndOfList) => {
            listed = None;
            None
        }
        Some(Checkpoint::NextPage(url)) => {
            listed = None;
            Some(super::page_url(context, endpoint, &url)?)
        }
        None => {
            let repository = context.repository()?;
            let updated_on = updated_on(&repository.source);
            let fresh = fresh(&context.importer, &repository.uuid, updated_on).await?;
            if let Some(covered) = fresh {
                return keep_known(context, covered.expected).await;
            }
            Some(first)
        }
    };
    if let Some(first) = first
        && !read(context, endpoint, first, &mut listed).await?
    {
        return Ok(());
    }
    bring(context, &Contents, wanted(context, listed).await?).await
}

fn updated_on(source: &str) -> Option<DateTime<Utc>> {
    let repository: Repository = serde_json::from_str(source).ok()?;
    repository.updated_on?.parse().ok()
}

/// The list as it was read before, if that is all there is.
pub(crate) async fn fresh(
    importer: &Importer,
    repository: &RepositoryUuid,
    updated_on: Option<DateTime<Utc>>,
) -> Result<Option<CoveredList>, StageError> {
    if importer.whole_lists {
        return Ok(None);
    }
    let covered = importer.archive.covered_list(repository, STAGE).await?;
    let now = importer.clock.now();
    Ok(covered.filter(|covered| {
        now - covered.listed_at < ALSO_UNCHANGED_EVERY
            && updated_on.is_some_and(|updated_on| updated_on < covered.until)
    }))
}

/// Ends the stage without a request.
async fn keep_known(context: &StageContext, expected: Option<u64>) -> Result<(), StageError> {
    let mut transaction = context.begin().await?;
    transaction
        .save_checkpoint(context.import, STAGE, &Checkpoint::EndOfList, expected)
        .await?;
    transaction
        .set_estimate(context.import, STAGE, RequestEstimate::default())
        .await?;
    Ok(transaction.commit().await?)
}

/// Reads the list from a page to its end. `false` where it cannot be read.
async fn read(
    context: &StageContext,
    endpoint: Endpoint,
    first: PageUrl,
    listed: &mut Option<BTreeSet<String>>,
) -> Result<bool, StageError> {
    let known = known(context).await?;
    let mut pages = pin!(context.importer.client.pages::<Download>(endpoint, first));
    while let Some(page) = pages.next().await {
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                let Some(reason) = gap_reason(STAGE, error.class()) else {
                    return Err(error.into());
                };
                let object = super::stage_object(STAGE).to_owned();
                let gap = gap(STAGE, object, reason, &error);
                context
                    .record_gap(gap, endpoint.name(), error.requests)
                    .await?;
                return Ok(false);
            }
        };
        if let Some(listed) = listed {
            listed.extend(page.items.iter().map(|item| item.value.name.clone()));
        }
        store(context, endpoint.name(), &page, &known).await?;
    }
    Ok(true)
}

/// The downloads whose content is in the store.
async fn known(context: &StageContext) -> Result<Known, StageError> {
    let archive = &context.importer.archive;
    let repository = &context.repository()?.uuid;
    let stored = archive.objects(repository, STAGE, 0).await?;
    let with_content = stored.into_iter().filter(|object| object.blob.is_some());
    let read = with_content.filter_map(|object| {
        let download: Download = serde_json::from_str(&object.source).ok()?;
        Some((object.key, download))
    });
    Ok(read.collect())
}

/// Whether a file is the one that was fetched. How often it was downloaded does not matter.
pub(crate) fn is_same(one: &Download, other: &Download) -> bool {
    one.size == other.size && one.created_on == other.created_on
}

async fn store(
    context: &StageContext,
    endpoint: &str,
    page: &Page<Download>,
    known: &Known,
) -> Result<(), StageError> {
    let repository = &context.repository()?.uuid;
    let names = page.items.iter().map(|item| item.value.name.as_str());
    let keys: Vec<_> = names.map(short_key).collect();
    let of = |key| ObjectKey {
        parent: 0,
        id: 0,
        key,
    };
    let records: Vec<_> = page
        .items
        .iter()
        .zip(&keys)
        .map(|(item, key)| ObjectRecord {
            key: of(key),
            created_on: item.value.created_on.as_deref(),
            updated_on: None,
            source: item.source.get(),
        })
        .collect();
    let begin = ListBegin {
        began_on: page
            .served_at
            .unwrap_or_else(|| context.importer.clock.now()),
        since: None,
    };
    let mut transaction = context.begin().await?;
    transaction
        .set_list_begin(context.import, STAGE, begin)
        .await?;
    let stored = transaction.put_objects(repository, STAGE, &records).await?;
    if stored.inserted + stored.updated > 0 {
        let accounts = page
            .items
            .iter()
            .filter_map(|item| item.value.user.as_ref());
        transaction
            .put_accounts(repository, context.import, account_records(accounts))
            .await?;
    }
    for (item, key) in page.items.iter().zip(&keys) {
        let before = known.get(key.as_ref());
        if before.is_some_and(|before| !is_same(before, &item.value)) {
            transaction
                .set_object_blob(repository, STAGE, of(key), None)
                .await?;
        }
    }
    if let Some(size) = page.size {
        let is_there = |(item, key): (&Item<Download>, &Cow<'_, str>)| match known.get(key.as_ref())
        {
            Some(before) => is_same(before, &item.value),
            None => false,
        };
        let there = page.items.iter().zip(&keys).filter(|one| is_there(*one));
        let estimate = if page.items.len() as u64 == size {
            RequestEstimate::exactly(1 + size - there.count() as u64)
        } else {
            estimate::files(size, Endpoint::Downloads, known.is_empty())
        };
        transaction
            .set_estimate(context.import, STAGE, estimate)
            .await?;
    }
    let gaps = super::unreadable(context, STAGE, page, "downloads");
    super::end_page(context, transaction, STAGE, endpoint, page, page.size, gaps).await
}

/// Those without content. One that is not in the list any more, where that was read just now,
/// cannot be had.
async fn wanted(
    context: &StageContext,
    listed: Option<BTreeSet<String>>,
) -> Result<Vec<Download>, StageError> {
    let archive = &context.importer.archive;
    let repository = &context.repository()?.uuid;
    let stored = archive.objects(repository, STAGE, 0).await?;
    let without = stored.into_iter().filter(|object| object.blob.is_none());
    let downloads = without.filter_map(|object| serde_json::from_str(&object.source).ok());
    let is_there = |download: &Download| {
        let listed = listed.as_ref();
        listed.is_none_or(|listed| listed.contains(&download.name))
    };
    Ok(downloads.filter(is_there).collect())
}

/// Notes up to when the list is whole, so that the next import need not read it.
pub(super) async fn note_covered(context: &StageContext) -> Result<(), StageError> {
    let archive = &context.importer.archive;
    let begin = archive.list_begin(context.import, STAGE).await?;
    let progress = archive.stage_progress(context.import, STAGE).await?;
    let is_complete = progress.is_some_and(|progress| progress.state == StageState::Complete);
    let (Some(begin), true) = (begin, is_complete) else {
        return Ok(());
    };
    let covered = CoveredList {
        until: begin.began_on - OVERLAP,
        listed_at: context.importer.clock.now(),
        expected: context.count(STAGE).await?.expected,
    };
    let repository = &context.repository()?.uuid;
    let mut transaction = context.begin().await?;
    transaction
        .set_covered_list(repository, STAGE, covered)
        .await?;
    Ok(transaction.commit().await?)
}

/// What is in the files.
struct Contents;

impl Files for Contents {
    type Key = Download;

    const STAGE: Stage = STAGE;

    fn address(&self, context: &StageContext, file: &Download) -> Option<(Endpoint, PageUrl)> {
        context.importer.client.download(&context.name, &file.name)
    }

    fn object(&self, file: &Download) -> String {
        format!("download “{}”", shown_name(&file.name))
    }

    fn size_bytes(&self, file: &Download) -> Option<u64> {
        u64::try_from(file.size?).ok()
    }

    async fn put(
        &self,
        context: &StageContext,
        transaction: &mut Transaction,
        file: &Download,
        blob: &Blob,
    ) -> Result<(), StageError> {
        let repository = &context.repository()?.uuid;
        let key = short_key(&file.name);
        let key = ObjectKey {
            parent: 0,
            id: 0,
            key: &key,
        };
        transaction
            .set_object_blob(repository, STAGE, key, Some(&blob.sha256))
            .await?;
        Ok(())
    }
}
