//! Images that texts link to.
//!
//! It works on what the other stages stored. Texts that are new or changed are looked at, and
//! each address in them is a row, however many texts have it: one request. What is to be
//! fetched is data, so that a process killed anywhere goes on with what is left.
//!
//! Addresses are anybody's word, so only hosts of an allow-list are asked, without a
//! credential (`bucketload_bitbucket::ImageHosts`). What people pasted into texts lies on
//! bitbucket.org and is shown to whoever is signed in in a browser, and to no token: it is
//! tried once, as that of a public repository may be there for everybody, and is otherwise a
//! gap that says where to save it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bucketload_archive::{Blob, StoredImage, StoredRepository};
use bucketload_bitbucket::{ImageHosts, RequestError, RequestErrorKind};
use bucketload_model::{Checkpoint, ErrorClass, Gap, GapReason, Stage};
use url::Url;

use super::files::{Failure, bring_each, finished};
use super::{Counts, StageContext};
use crate::failure::{StageError, describe};
use crate::images::{HEAD_BYTES, Pasted, in_words, look_at_some, media_type, object, page};

const STAGE: Stage = Stage::Images;

/// Texts that a gap names; of others it says how many.
const PLACES: u32 = 3;

/// After so many failures in a row a host is not asked for more. One that is gone costs
/// nobody the images of others.
const FAILURES_OF_A_HOST: u32 = 3;

const SAVE_IT: &str = "Bitbucket shows it to people who are signed in, and to no token: save it \
                       from a browser, and give the folder to “import --images-from”";

pub(super) async fn run(context: &StageContext) -> Result<(), StageError> {
    // The first has ended before any other begins.
    for stage in STAGE.needs().iter().filter(|stage| stage.is_optional()) {
        context.after(*stage).await?;
    }
    search(context).await?;
    bring(context).await?;
    let mut transaction = context.begin().await?;
    transaction
        .save_checkpoint(context.import, STAGE, &Checkpoint::EndOfList, None)
        .await?;
    Ok(transaction.commit().await?)
}

/// Fetches what texts link to that came or changed after the stage had ended.
pub(super) async fn bring_news(context: &StageContext) -> Result<(), StageError> {
    if search(context).await? {
        bring(context).await?;
    }
    Ok(())
}

/// Looks at the texts that are new or changed. Returns whether there were any.
async fn search(context: &StageContext) -> Result<bool, StageError> {
    let repository = context.repository()?;
    let mut looked_at = 0;
    loop {
        let now = context.importer.clock.now();
        let mut transaction = context.begin().await?;
        let texts = look_at_some(&mut transaction, repository, now).await?;
        if texts > 0 {
            transaction.commit().await?;
            looked_at += texts;
            continue;
        }
        if looked_at == 0 {
            return Ok(false);
        }
        for url in transaction.forget_unlinked_images(&repository.uuid).await? {
            transaction
                .clear_gap(context.import, STAGE, &object(&url))
                .await?;
        }
        transaction.commit().await?;
        tracing::debug!(texts = looked_at, "texts were searched for images");
        return Ok(true);
    }
}

/// Fetches the images whose content is missing.
async fn bring(context: &StageContext) -> Result<(), StageError> {
    let importer = &context.importer;
    let repository = context.repository()?;
    let hosts = importer.allowed_image_hosts();
    let names: Vec<&str> = hosts.names().collect();
    let images = importer.archive.images(&repository.uuid, &names).await?;
    let mut wanted = Vec::new();
    for image in images.into_iter().filter(|image| image.blob.is_none()) {
        match image.refused {
            // It was found out for good.
            Some((reason, why)) if !importer.whole_lists => {
                name_gap(context, &image.url, reason, &why, Found::Before).await?;
            }
            _ => wanted.push(image),
        }
    }
    let fetch = Fetch {
        context,
        repository,
        hosts: &hosts,
        failures: Mutex::default(),
    };
    bring_each(context, STAGE, wanted, |image| fetch.one(image)).await?;
    let others = importer
        .archive
        .foreign_image_hosts(&repository.uuid, &names);
    for (host, images) in others.await? {
        tracing::info!(repository = %context.name, host, images, "images of a host that is not allowed");
    }
    Ok(())
}

/// How many images there are and should be.
pub(super) async fn count(
    context: &StageContext,
    repository: &StoredRepository,
) -> Result<Counts, StageError> {
    let hosts = context.importer.allowed_image_hosts();
    let names: Vec<&str> = hosts.names().collect();
    let archive = &context.importer.archive;
    let tally = archive.tally_images(&repository.uuid, &names).await?;
    Ok(Counts {
        left_out: tally.left_out,
        ..Counts::of(Some(tally.expected), tally.stored)
    })
}

/// What is known of a reason.
#[derive(Debug, Clone, Copy)]
enum Found {
    /// It was known, or nobody was asked.
    Before,
    /// Asking again would bring nothing else.
    ForGood,
    /// It may be another one next time.
    ForNow,
}

/// What images are fetched with.
struct Fetch<'a> {
    context: &'a StageContext,
    repository: &'a StoredRepository,
    hosts: &'a ImageHosts,
    /// Failures in a row, by host.
    failures: Mutex<BTreeMap<String, u32>>,
}

impl Fetch<'_> {
    /// Brings an image, or names what it is that is missing. No failure of it is one of
    /// Bitbucket's API, so none is told.
    async fn one(&self, image: StoredImage) -> Result<Option<RequestError>, StageError> {
        let url: Url = image.url.parse().map_err(|_| StageError::Lost)?;
        let host = url.host_str().unwrap_or_default();
        if self.failures_of(host) >= FAILURES_OF_A_HOST {
            let why = format!("{host} failed for several images and was not asked for this one");
            let reason = GapReason::SourceError;
            name_gap(self.context, &image.url, reason, &why, Found::Before).await?;
            return Ok(None);
        }
        let (mut reason, mut why, is_for_good) = match self.fetch(&url).await {
            Ok((blob, media_type)) => {
                self.note(host, true);
                self.store(&image.url, &blob, media_type).await?;
                return Ok(None);
            }
            Err(Failure::Stage(error)) => return Err(error),
            // The limit may be another one tomorrow.
            Err(Failure::Unfit(reason, why)) => (reason, why, reason == GapReason::Unreadable),
            Err(Failure::Request(error)) => match error.kind {
                RequestErrorKind::Stopped => return Err(StageError::Cancelled),
                kind => {
                    let reason = reason_of(kind.class());
                    (reason, describe(&kind), reason != GapReason::SourceError)
                }
            },
        };
        let may_pass = reason == GapReason::SourceError;
        self.note(host, !may_pass);
        if !may_pass && self.hosts.is_bitbucket(&url) && Pasted::of(&url).is_some() {
            reason = GapReason::NotArchivable;
            why = format!("{why}. {SAVE_IT}");
        }
        let found = if is_for_good {
            Found::ForGood
        } else {
            Found::ForNow
        };
        name_gap(self.context, &image.url, reason, &why, found).await?;
        Ok(None)
    }

    async fn fetch(&self, url: &Url) -> Result<(Blob, &'static str), Failure> {
        let importer = &self.context.importer;
        let limit_bytes = importer.max_blob_bytes;
        let download = importer.client.image(self.hosts, url, limit_bytes).await;
        let mut download = download?;
        let mut writer = importer.data_dir.blobs(limit_bytes).writer()?;
        let no_image = || {
            let why = "what came is no image".to_owned();
            Failure::Unfit(GapReason::Unreadable, why)
        };
        let mut head = Vec::new();
        while let Some(piece) = download.chunk().await? {
            if head.len() < HEAD_BYTES {
                let more = piece.len().min(HEAD_BYTES - head.len());
                head.extend_from_slice(&piece[..more]);
                // What is none need not come to its end.
                if head.len() == HEAD_BYTES && media_type(&head).is_none() {
                    return Err(no_image());
                }
            }
            writer.write(&piece)?;
        }
        let media_type = media_type(&head).ok_or_else(no_image)?;
        Ok((finished(writer).await?, media_type))
    }

    async fn store(&self, url: &str, blob: &Blob, media_type: &str) -> Result<(), StageError> {
        let context = self.context;
        let now = context.importer.clock.now();
        let mut transaction = context.begin_progress().await?;
        transaction.put_blob(blob).await?;
        transaction
            .set_image_blob(&self.repository.uuid, url, media_type, &blob.sha256, now)
            .await?;
        transaction
            .clear_gap(context.import, STAGE, &object(url))
            .await?;
        Ok(transaction.commit().await?)
    }

    fn failures_of(&self, host: &str) -> u32 {
        let failures = self.failures.lock();
        let failures = failures.unwrap_or_else(PoisonError::into_inner);
        failures.get(host).copied().unwrap_or_default()
    }

    fn note(&self, host: &str, has_answered: bool) {
        let failures = self.failures.lock();
        let mut failures = failures.unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(host.to_owned()).or_default();
        *count = if has_answered { 0 } else { *count + 1 };
    }
}

/// Why an image cannot be had.
const fn reason_of(class: ErrorClass) -> GapReason {
    match class {
        ErrorClass::Forbidden | ErrorClass::Unauthorized => GapReason::NotPermitted,
        ErrorClass::NotFound | ErrorClass::Gone => GapReason::NotFound,
        ErrorClass::Permanent => GapReason::NotArchivable,
        _ => GapReason::SourceError,
    }
}

/// Names an image that is missing, and where it is missed.
async fn name_gap(
    context: &StageContext,
    url: &str,
    reason: GapReason,
    why: &str,
    found: Found,
) -> Result<(), StageError> {
    let repository = &context.repository()?.uuid;
    let archive = &context.importer.archive;
    let (links, count) = archive.image_links(repository, url, PLACES).await?;
    let places = links.iter().map(|link| {
        let page = page(&context.importer.web_url, &context.name, link);
        format!("{} ({page})", in_words(link))
    });
    let mut places = places.collect::<Vec<_>>().join("; ");
    if let Some(more) = count
        .checked_sub(links.len() as u64)
        .filter(|more| *more > 0)
    {
        places = format!("{places}; and {more} more");
    }
    let gap = Gap {
        stage: STAGE,
        object: object(url),
        reason,
        detail: format!("{why}. Linked in: {places}"),
        url: Some(url.to_owned()),
    };
    let mut transaction = context.begin().await?;
    let refused = match found {
        Found::Before => None,
        Found::ForGood => Some(Some((reason, why))),
        Found::ForNow => Some(None),
    };
    if let Some(refused) = refused {
        transaction
            .set_image_refused(repository, url, refused)
            .await?;
    }
    transaction.add_gap(context.import, &gap).await?;
    transaction.commit().await?;
    context.announce_gap(gap);
    Ok(())
}
