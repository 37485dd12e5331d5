//! Files that are no git's: fetched, hashed on the way, and stored under their hash.

use bucketload_archive::{Blob, BlobError, BlobStore, BlobWriter, Transaction, short_key};
use bucketload_bitbucket::{Endpoint, FileDownload, PageUrl, RequestError, RequestErrorKind};
use bucketload_model::{ErrorClass, Gap, GapReason, Stage};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;

use super::StageContext;
use super::children::show_counts;
use crate::failure::{StageError, describe, gap, object_gap_reason};

/// Files that come in at the same time. They fill the line, and lists want their turn too.
const AT_ONCE: usize = 4;

/// So often a file is begun anew that breaks off.
const TRIES: u32 = 3;

/// After so many that fail in a row it is no matter of single files.
const FAILURES_IN_A_ROW: u32 = 5;

/// A kind of files that are known by name, and wanted.
pub(super) trait Files {
    /// What tells one apart.
    type Key: Send + Sync;

    /// The stage that brings them.
    const STAGE: Stage;

    /// Where one is; absent where no address can name it.
    fn address(&self, context: &StageContext, key: &Self::Key) -> Option<(Endpoint, PageUrl)>;

    /// What a gap of one is called.
    fn object(&self, key: &Self::Key) -> String;

    /// How large one is, where Bitbucket says.
    fn size_bytes(&self, _key: &Self::Key) -> Option<u64> {
        None
    }

    /// Notes that it is there.
    fn put(
        &self,
        context: &StageContext,
        transaction: &mut Transaction,
        key: &Self::Key,
        blob: &Blob,
    ) -> impl Future<Output = Result<(), StageError>> + Send;
}

/// A name that people gave to a file, fit to be shown: on one line, in the order in which it
/// is written, and not endless.
pub(crate) fn shown_name(name: &str) -> String {
    /// Longer ones are told apart by their hash.
    const LONGEST: usize = 100;
    let escape = |c: char| {
        // Those that turn the direction of what follows, and others that are not seen.
        let is_hidden = c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if is_hidden {
            c.escape_unicode().to_string()
        } else {
            c.to_string()
        }
    };
    let shown: String = name.chars().take(LONGEST).map(escape).collect();
    if name.chars().count() <= LONGEST {
        return shown;
    }
    format!("{shown}…, {}", short_key(name))
}

/// Brings files into the store. One that cannot be had is a gap and costs nobody the others.
pub(super) async fn bring<F: Files>(
    context: &StageContext,
    files: &F,
    wanted: Vec<F::Key>,
) -> Result<(), StageError> {
    bring_each(context, F::STAGE, wanted, |key| {
        bring_one(context, files, key)
    })
    .await
}

/// Brings what is wanted, some at a time, and shows how it comes along. `bring` returns the
/// error of what may be there later.
pub(super) async fn bring_each<K, B>(
    context: &StageContext,
    stage: Stage,
    wanted: Vec<K>,
    bring: impl Fn(K) -> B,
) -> Result<(), StageError>
where
    B: Future<Output = Result<Option<RequestError>, StageError>>,
{
    if wanted.is_empty() {
        return Ok(());
    }
    let importer = &context.importer;
    importer.data_dir.blobs(0).sweep(importer.clock.now());
    tokio::select! {
        result = bring_all(wanted, bring) => result,
        error = show_counts(context, stage) => Err(error),
    }
}

async fn bring_all<K, B>(wanted: Vec<K>, bring: impl Fn(K) -> B) -> Result<(), StageError>
where
    B: Future<Output = Result<Option<RequestError>, StageError>>,
{
    let mut waiting = wanted.into_iter();
    let mut in_flight = FuturesUnordered::new();
    let mut failures_in_a_row = 0;
    loop {
        while in_flight.len() < AT_ONCE
            && let Some(key) = waiting.next()
        {
            in_flight.push(bring(key));
        }
        let Some(brought) = in_flight.next().await else {
            return Ok(());
        };
        let Some(error) = brought? else {
            failures_in_a_row = 0;
            continue;
        };
        failures_in_a_row += 1;
        if failures_in_a_row >= FAILURES_IN_A_ROW {
            return Err(StageError::Outage {
                failures: failures_in_a_row,
                // Its requests stand with its gap already.
                source: Box::new(RequestError {
                    requests: 0,
                    ..error
                }),
            });
        }
    }
}

/// Returns the error of a file that may be there later.
async fn bring_one<F: Files>(
    context: &StageContext,
    files: &F,
    key: F::Key,
) -> Result<Option<RequestError>, StageError> {
    let object = files.object(&key);
    let Some((endpoint, url)) = files.address(context, &key) else {
        let gap = Gap {
            stage: F::STAGE,
            object,
            reason: GapReason::NotArchivable,
            detail: "no address can name it".to_owned(),
            url: None,
        };
        context.record_gap(gap, "", 0).await?;
        return Ok(None);
    };
    let mut requests = 0;
    let error = match fetch(
        context,
        endpoint,
        &url,
        files.size_bytes(&key),
        &mut requests,
    )
    .await
    {
        Ok(blob) => {
            let mut transaction = context.begin_progress().await?;
            transaction.put_blob(&blob).await?;
            files.put(context, &mut transaction, &key, &blob).await?;
            transaction
                .clear_gaps_of(context.import, F::STAGE, &object)
                .await?;
            transaction
                .add_requests(context.import, endpoint.name(), requests)
                .await?;
            transaction.commit().await?;
            return Ok(None);
        }
        Err(Failure::Stage(error)) => return Err(error),
        Err(Failure::Request(error)) => error,
        Err(Failure::Unfit(reason, detail)) => {
            let gap = Gap {
                stage: F::STAGE,
                object,
                reason,
                detail,
                url: Some(url.to_string()),
            };
            context.record_gap(gap, endpoint.name(), requests).await?;
            return Ok(None);
        }
    };
    let reason = match &error.kind {
        RequestErrorKind::FileStore { .. } => Some(GapReason::NotArchivable),
        _ => object_gap_reason(F::STAGE, error.class()),
    };
    let Some(reason) = reason else {
        return Err(error.into());
    };
    let gap = Gap {
        detail: describe(&error.kind),
        ..gap(F::STAGE, object, reason, &error)
    };
    context.record_gap(gap, endpoint.name(), requests).await?;
    let passing = error.class() == ErrorClass::Transient;
    Ok(passing.then_some(error))
}

/// Why a file did not come.
pub(super) enum Failure {
    Request(RequestError),
    /// It is not what it may or should be: too large, or of another size.
    Unfit(GapReason, String),
    Stage(StageError),
}

fn too_large(limit_bytes: u64) -> Failure {
    let detail = format!("it is larger than {limit_bytes} bytes");
    Failure::Unfit(GapReason::NotArchivable, detail)
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        match error.kind {
            RequestErrorKind::TooLarge { limit_bytes } => too_large(limit_bytes),
            _ => Self::Request(error),
        }
    }
}

impl From<BlobError> for Failure {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::TooLarge { limit_bytes } => too_large(limit_bytes),
            BlobError::DiskFull(source)
            | BlobError::Read(source)
            | BlobError::Write { source, .. } => Self::Stage(StageError::File(source)),
        }
    }
}

/// Fetches a file, anew where it breaks off, and counts what that takes.
async fn fetch(
    context: &StageContext,
    endpoint: Endpoint,
    url: &PageUrl,
    size_bytes: Option<u64>,
    requests: &mut u64,
) -> Result<Blob, Failure> {
    let importer = &context.importer;
    let limit_bytes = importer.max_blob_bytes;
    let store = importer.data_dir.blobs(limit_bytes);
    let mut tries = 1;
    loop {
        let opened = importer.client.file(endpoint, url, limit_bytes).await;
        let mut download = match opened {
            Ok(download) => download,
            Err(error) => {
                *requests += error.requests;
                return Err(error.into());
            }
        };
        *requests += download.requests;
        let result = write(&store, &mut download, size_bytes).await;
        let may_pass = match &result {
            Err(Failure::Request(error)) => error.class() == ErrorClass::Transient,
            Err(Failure::Unfit(reason, _)) => *reason == GapReason::SourceError,
            _ => false,
        };
        if !may_pass || tries == TRIES {
            return result;
        }
        tries += 1;
        tracing::debug!(%url, "a file did not come whole and is begun anew");
    }
}

async fn write(
    store: &BlobStore,
    download: &mut FileDownload,
    size_bytes: Option<u64>,
) -> Result<Blob, Failure> {
    let mut writer = store.writer()?;
    let mut came: u64 = 0;
    while let Some(piece) = download.chunk().await.map_err(Failure::Request)? {
        came += piece.len() as u64;
        writer.write(&piece)?;
    }
    // Not the file, but somebody's page that says why not.
    if let Some(size) = size_bytes
        && size != came
    {
        let detail = format!("Bitbucket reported {size} bytes and delivered {came}");
        return Err(Failure::Unfit(GapReason::SourceError, detail));
    }
    finished(writer).await
}

/// Gives a file that is whole its name.
pub(super) async fn finished(writer: BlobWriter) -> Result<Blob, Failure> {
    // It waits for the disk.
    let finished = tokio::task::spawn_blocking(move || writer.finish()).await;
    let blob = finished.map_err(|_| Failure::Stage(StageError::Lost))?;
    Ok(blob?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_on_one_line_and_not_endless() {
        assert_eq!(shown_name("../Übersicht.png"), "../Übersicht.png");
        assert_eq!(shown_name("a\0b\r\n"), "a\\u{0}b\\u{d}\\u{a}");
        assert_eq!(shown_name("photo\u{202E}gpj.exe"), "photo\\u{202e}gpj.exe");
        let long = shown_name(&"ß".repeat(4000));
        assert!(
            long.chars().count() < 200 && long.contains("sha256:"),
            "{long}"
        );
    }
}
