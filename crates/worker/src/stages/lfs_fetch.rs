//! One object of git LFS, from where Bitbucket says it is to the disk.

use bucketload_archive::{LfsStore, LfsStoreError, LfsWriter, StoredLfsObject};
use bucketload_bitbucket::{LfsAction, LfsRefusal, RequestError, RequestErrorKind};
use bucketload_model::{ErrorClass, GapReason, LfsObject};
use bytes::Bytes;
use tokio::sync::mpsc;
use url::Url;

use super::StageContext;
use crate::failure::{StageError, describe};

/// Addresses that may end before an object is here: those of an hour, for one of a terabyte.
const MAX_RENEWED: u32 = 24;

/// Pieces between the network and the disk: with eight objects under way, a few megabytes.
const PIECES: usize = 8;

/// Who got so much further may break off as often as before.
const WORTH_MORE_ATTEMPTS: u64 = 1024 * 1024;

/// What objects are fetched with.
pub(super) struct Fetch {
    pub(super) context: StageContext,
    /// The address that git clones from.
    pub(super) repository: Url,
    pub(super) store: LfsStore,
}

/// An object that Bitbucket was asked for.
pub(super) struct Asked {
    pub(super) object: StoredLfsObject,
    /// What it said; nothing if the object is here.
    pub(super) action: Option<Result<LfsAction, LfsRefusal>>,
    /// What that took.
    pub(super) requests: u64,
}

/// An object that is here, or cannot be had.
pub(super) struct Done {
    pub(super) object: StoredLfsObject,
    /// Requests to Bitbucket that it took.
    pub(super) requests: u64,
    pub(super) missing: Option<Why>,
}

/// Why an object cannot be had.
pub(super) struct Why {
    pub(super) reason: GapReason,
    pub(super) detail: String,
    /// What failed, if it may have been a passing trouble.
    pub(super) passing: Option<Box<RequestError>>,
}

impl Why {
    const fn new(reason: GapReason, detail: String) -> Self {
        Self {
            reason,
            detail,
            passing: None,
        }
    }

    /// 404 is the code of what is not there, 410 of what its owner removed.
    fn refused(refusal: &LfsRefusal) -> Self {
        let reason = match refusal.code {
            404 | 410 => GapReason::NotFound,
            401 | 403 => GapReason::NotPermitted,
            500.. => GapReason::SourceError,
            _ => GapReason::Unreadable,
        };
        let detail = match refusal.code {
            0 => refusal.message.clone(),
            code => format!("{code} {}", refusal.message),
        };
        Self::new(reason, detail)
    }

    fn failed(error: RequestError) -> Self {
        let detail = describe(&error.kind);
        match error.class() {
            ErrorClass::NotFound | ErrorClass::Gone => Self::new(GapReason::NotFound, detail),
            ErrorClass::Transient => Self {
                passing: Some(Box::new(error)),
                ..Self::new(GapReason::SourceError, detail)
            },
            _ => Self::new(GapReason::Unreadable, detail),
        }
    }
}

/// How an attempt ended that was no success.
enum Failed {
    /// The address is of no use any more.
    Ended,
    /// The host has nothing behind what is here.
    NothingBehind,
    Request(RequestError),
    Stage(StageError),
}

impl From<RequestError> for Failed {
    fn from(error: RequestError) -> Self {
        match error.kind {
            RequestErrorKind::FileStoreStatus { status: 401 | 403 } => Self::Ended,
            RequestErrorKind::FileStoreStatus { status: 416 } => Self::NothingBehind,
            RequestErrorKind::Stopped | RequestErrorKind::Credential(_) => {
                Self::Stage(error.into())
            }
            _ => Self::Request(error),
        }
    }
}

impl Fetch {
    /// Brings an object home, however often it breaks off.
    pub(super) async fn one(&self, asked: Asked) -> Result<Done, StageError> {
        let mut done = Done {
            object: asked.object,
            requests: asked.requests,
            missing: None,
        };
        done.missing = match asked.action {
            None => None,
            Some(Err(refusal)) => Some(Why::refused(&refusal)),
            Some(Ok(action)) => {
                let object = done.object.object.clone();
                self.bring(&object, action, &mut done.requests).await?
            }
        };
        Ok(done)
    }

    async fn bring(
        &self,
        object: &LfsObject,
        mut action: LfsAction,
        requests: &mut u64,
    ) -> Result<Option<Why>, StageError> {
        let importer = &self.context.importer;
        let mut delays = importer.client.retry_delays();
        let mut renewed = 0;
        let mut is_second = false;
        let Some(mut writer) = self.open(object).await? else {
            return Ok(None);
        };
        loop {
            if action.has_expired(importer.clock.now()) && renewed < MAX_RENEWED {
                renewed += 1;
                match self.renew(object, requests).await? {
                    Ok(new) => action = new,
                    Err(why) => return Ok(Some(why)),
                }
            }
            let before = writer.written_bytes();
            let result;
            (writer, result) = self.attempt(object, &action, writer).await?;
            match result {
                Ok(()) => match finish(writer).await? {
                    None => return Ok(None),
                    // Once more from the beginning: a piece may have been damaged long ago.
                    Some(_) if !is_second => {
                        is_second = true;
                        match self.open(object).await? {
                            Some(new) => writer = new,
                            None => return Ok(None),
                        }
                    }
                    Some(detail) => return Ok(Some(Why::new(GapReason::Unreadable, detail))),
                },
                Err(Failed::Stage(error)) => return Err(error),
                Err(Failed::NothingBehind) if before > 0 => writer.restart()?,
                Err(Failed::Ended) if renewed < MAX_RENEWED => {
                    // Refused at once, it has nothing to do with time.
                    renewed = if writer.written_bytes() > before {
                        renewed + 1
                    } else {
                        MAX_RENEWED
                    };
                    match self.renew(object, requests).await? {
                        Ok(new) => action = new,
                        Err(why) => return Ok(Some(why)),
                    }
                }
                Err(Failed::Ended | Failed::NothingBehind) => {
                    let detail = "the file store refuses the address that Bitbucket gave";
                    return Ok(Some(Why::new(GapReason::NotPermitted, detail.to_owned())));
                }
                Err(Failed::Request(error)) => {
                    if error.class() != ErrorClass::Transient {
                        return Ok(Some(Why::failed(error)));
                    }
                    if writer.written_bytes() > before + WORTH_MORE_ATTEMPTS {
                        delays = importer.client.retry_delays();
                    }
                    let Some(delay) = delays.next() else {
                        return Ok(Some(Why::failed(error)));
                    };
                    let pause = tokio::time::sleep(delay);
                    self.context.unless_stopped(pause).await?;
                }
            }
        }
    }

    /// Asks once more where an object is.
    async fn renew(
        &self,
        object: &LfsObject,
        requests: &mut u64,
    ) -> Result<Result<LfsAction, Why>, StageError> {
        let client = &self.context.importer.client;
        let objects = [object.clone()];
        let batch = client.lfs_batch(&self.repository, &objects).await?;
        *requests += batch.requests;
        let answer = batch.answers.into_iter().next();
        let action = answer.map(|answer| answer.action);
        Ok(action
            .ok_or(StageError::Lost)?
            .map_err(|refusal| Why::refused(&refusal)))
    }

    /// Goes on with what is here: hashing that takes a while for a large part.
    async fn open(&self, object: &LfsObject) -> Result<Option<LfsWriter>, StageError> {
        let (store, object) = (self.store.clone(), object.clone());
        let task = tokio::task::spawn_blocking(move || store.writer(&object));
        Ok(task.await.map_err(|_| StageError::Lost)??)
    }

    /// One attempt. The bytes go to the disk on a thread of their own, so that the network
    /// and the hash do not wait for each other.
    async fn attempt(
        &self,
        object: &LfsObject,
        action: &LfsAction,
        mut writer: LfsWriter,
    ) -> Result<(LfsWriter, Result<(), Failed>), StageError> {
        let client = &self.context.importer.client;
        let from = writer.written_bytes();
        if from > 0 && from == object.size_bytes {
            // Killed after the last byte.
            return Ok((writer, Ok(())));
        }
        let download = client.lfs_download(&self.repository, object, action, from);
        let mut download = match download.await {
            Ok(download) => download,
            Err(error) => return Ok((writer, Err(error.into()))),
        };
        if download.begins_at != from {
            writer.restart()?;
        }
        let (pieces, received) = mpsc::channel(PIECES);
        let disk = tokio::task::spawn_blocking(move || write_all(writer, received));
        let result = loop {
            match download.chunk().await {
                Ok(Some(piece)) => {
                    if pieces.send(piece).await.is_err() {
                        // The disk has failed, and says so below.
                        break Ok(());
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error.into()),
            }
        };
        drop(pieces);
        let writer = disk.await.map_err(|_| StageError::Lost)??;
        Ok((writer, result))
    }
}

fn write_all(
    mut writer: LfsWriter,
    mut pieces: mpsc::Receiver<Bytes>,
) -> std::io::Result<LfsWriter> {
    while let Some(piece) = pieces.blocking_recv() {
        writer.write(&piece)?;
    }
    Ok(writer)
}

/// Gives an object its name. Returns what is wrong with it, if that cannot be.
async fn finish(writer: LfsWriter) -> Result<Option<String>, StageError> {
    let task = tokio::task::spawn_blocking(move || writer.finish());
    match task.await.map_err(|_| StageError::Lost)? {
        Ok(()) => Ok(None),
        Err(LfsStoreError::Write(error)) => Err(error.into()),
        Err(error) => Ok(Some(error.to_string())),
    }
}
