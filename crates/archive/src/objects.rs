//! A store that several machines share: an S3 bucket, or a folder that all of them mount.
//!
//! It holds what is too large for the database: blobs and large files under their hash, and
//! the mirrors as git bundles (`copies`). An object is put whole or not at all, which is what
//! both kinds of store promise, and never changed: whoever finds one may take it.
//!
//! Everything here blocks, as files do: callers are on threads that may.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bucketload_model::is_loopback;
use bytes::Bytes;
use futures::StreamExt as _;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, WriteMultipart};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::runtime::Handle;
use url::Url;

/// Smaller objects go in one request; larger ones in parts of at least so much, some at a
/// time. S3 takes parts from 5 MiB on.
const PART_BYTES: u64 = 8 * 1024 * 1024;
const PARTS_AT_ONCE: usize = 4;

/// S3 takes 10,000 parts of an object.
const MOST_PARTS: u64 = 9_000;

/// Where the store is, and how to get in.
#[derive(Debug, Clone)]
pub struct ObjectsAddress {
    /// `s3://bucket/prefix`, or `file:///folder`.
    pub url: Url,
    /// The root of an S3 service that is not Amazon's.
    pub endpoint: Option<Url>,
    /// The region, where the service has any.
    pub region: Option<String>,
    /// The key, by id and secret. Without it the ways of Amazon's own tools are tried: the
    /// variables `AWS_…`, and the role of the machine.
    pub key: Option<(String, SecretString)>,
    /// Whether the service may be asked without encryption.
    pub allow_insecure: bool,
}

/// A store that cannot be used, as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsError {
    /// The address is none.
    #[error("{0}")]
    Address(&'static str),
    /// The folder cannot be made.
    #[error("cannot make the folder {}", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The library refuses the configuration.
    #[error("the object store cannot be used")]
    Store(#[source] Error),
}

/// The store.
#[derive(Clone)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    prefix: String,
    /// Its address, for messages.
    shown: String,
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Objects").field(&self.shown).finish()
    }
}

impl Objects {
    /// The store at an address. Nothing is asked for yet.
    ///
    /// # Errors
    ///
    /// When the address is none, or the folder of one cannot be made.
    pub fn new(address: &ObjectsAddress) -> Result<Self, ObjectsError> {
        match address.url.scheme() {
            "s3" => Self::s3(address),
            "file" => Self::folder(&address.url),
            _ => Err(ObjectsError::Address(
                "it begins neither with s3:// nor with file://",
            )),
        }
    }

    fn s3(address: &ObjectsAddress) -> Result<Self, ObjectsError> {
        let url = &address.url;
        let bucket = url.host_str().filter(|bucket| !bucket.is_empty());
        let bucket = bucket.ok_or(ObjectsError::Address("it names no bucket"))?;
        let has_more = !url.username().is_empty()
            || url.password().is_some()
            || url.port().is_some()
            || url.query().is_some()
            || url.fragment().is_some();
        if has_more {
            return Err(ObjectsError::Address(
                "it has more than a bucket and a prefix",
            ));
        }
        // The client of the library uses what is the process's.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = match &address.key {
            Some((id, secret)) => AmazonS3Builder::new()
                .with_access_key_id(id)
                .with_secret_access_key(secret.expose_secret()),
            None => AmazonS3Builder::from_env(),
        }
        .with_bucket_name(bucket);
        if let Some(region) = &address.region {
            builder = builder.with_region(region);
        }
        if let Some(endpoint) = &address.endpoint {
            let is_here = endpoint.host().is_some_and(|host| is_loopback(&host));
            if endpoint.scheme() != "https" && !address.allow_insecure && !is_here {
                return Err(ObjectsError::Address(
                    "its endpoint is on another machine and not encrypted",
                ));
            }
            builder = builder
                .with_endpoint(endpoint.as_str().trim_end_matches('/'))
                .with_allow_http(endpoint.scheme() == "http");
        }
        let store = builder.build().map_err(ObjectsError::Store)?;
        Ok(Self {
            store: Arc::new(store),
            prefix: url.path().trim_matches('/').to_owned(),
            shown: url.to_string(),
        })
    }

    fn folder(url: &Url) -> Result<Self, ObjectsError> {
        let path = url.to_file_path();
        let path = path.map_err(|()| ObjectsError::Address("it is no path of this machine"))?;
        std::fs::create_dir_all(&path).map_err(|source| ObjectsError::Folder {
            path: path.clone(),
            source,
        })?;
        let store = LocalFileSystem::new_with_prefix(&path).map_err(ObjectsError::Store)?;
        Ok(Self {
            store: Arc::new(store.with_fsync(true)),
            prefix: String::new(),
            shown: url.to_string(),
        })
    }

    /// Its address, without a secret.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// How large an object is; `None` if there is none.
    ///
    /// # Errors
    ///
    /// When the store does not answer, or refuses.
    pub fn size_bytes(&self, key: &str) -> io::Result<Option<u64>> {
        let key = self.key(key)?;
        match wait(self.store.head(&key))? {
            Ok(found) => Ok(Some(found.size)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// Puts a file there, unless an object of that name and size is there already. Names say
    /// what is in them, so that one is the same.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or the store refuses. Nothing is there then.
    pub fn put(&self, key: &str, file: &mut File) -> io::Result<()> {
        let size_bytes = file.metadata()?.len();
        if self.size_bytes(key)? == Some(size_bytes) {
            return Ok(());
        }
        file.rewind()?;
        let key = self.key(key)?;
        wait(async {
            if size_bytes <= PART_BYTES {
                let mut content = Vec::new();
                file.read_to_end(&mut content)?;
                let put = self.store.put(&key, Bytes::from(content).into()).await;
                return put.map(drop).map_err(failed);
            }
            self.put_in_parts(&key, file, size_bytes).await
        })?
    }

    async fn put_in_parts(&self, key: &Key, file: &mut File, size_bytes: u64) -> io::Result<()> {
        let part_bytes = PART_BYTES.max(size_bytes.div_ceil(MOST_PARTS));
        let part_bytes = usize::try_from(part_bytes).map_err(io::Error::other)?;
        let upload = self.store.put_multipart(key).await.map_err(failed)?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, part_bytes);
        let sent = async {
            loop {
                let mut part = vec![0; part_bytes];
                let read = read_full(file, &mut part)?;
                if read == 0 {
                    return Ok(());
                }
                part.truncate(read);
                let room = upload.wait_for_capacity(PARTS_AT_ONCE).await;
                room.map_err(failed)?;
                upload.put(Bytes::from(part));
            }
        };
        match sent.await {
            Ok(()) => upload.finish().await.map(drop).map_err(failed),
            Err(error) => {
                // What is left of it costs money until somebody sweeps the bucket.
                if let Err(abort) = upload.abort().await {
                    tracing::debug!(error = %abort, "a broken upload stays in the store");
                }
                Err(error)
            }
        }
    }

    /// Writes an object into a file. Its content is not checked here.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] if there is none; when the store does not answer, or the
    /// file cannot be written.
    pub fn get(&self, key: &str, into: &mut File) -> io::Result<()> {
        let key = self.key(key)?;
        wait(async {
            let found = self.store.get(&key).await.map_err(failed)?;
            let mut pieces = found.into_stream();
            while let Some(piece) = pieces.next().await {
                into.write_all(&piece.map_err(failed)?)?;
            }
            Ok(())
        })?
    }

    /// The content of an object in a file that has no name and goes when it is closed.
    ///
    /// # Errors
    ///
    /// As [`Self::get`].
    pub fn open(&self, key: &str, folder: &Path) -> io::Result<File> {
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::tempfile_in(folder)?;
        self.get(key, &mut file)?;
        file.rewind()?;
        Ok(file)
    }

    /// Removes an object, if it is there.
    ///
    /// # Errors
    ///
    /// When the store does not answer, or refuses.
    pub fn remove(&self, key: &str) -> io::Result<()> {
        let key = self.key(key)?;
        match wait(self.store.delete(&key))? {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    /// Finds out whether objects can be put, read and removed, with one that nobody needs.
    ///
    /// # Errors
    ///
    /// When they cannot.
    pub fn probe(&self, folder: &Path) -> io::Result<()> {
        let key = format!("probe/{}", uuid::Uuid::now_v7());
        let content = key.as_bytes();
        let mut file = tempfile::tempfile_in(folder)?;
        file.write_all(content)?;
        self.put(&key, &mut file)?;
        let mut found = Vec::new();
        self.open(&key, folder)?.read_to_end(&mut found)?;
        self.remove(&key)?;
        if found == content {
            Ok(())
        } else {
            Err(io::Error::other("what came back is not what was put there"))
        }
    }

    fn key(&self, key: &str) -> io::Result<Key> {
        let whole = format!("{}/{key}", self.prefix);
        Key::parse(whole.trim_start_matches('/')).map_err(io::Error::other)
    }
}

/// Fills the buffer, or reads what is left.
fn read_full(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Waits on this thread, which is one that may.
fn wait<T>(work: impl Future<Output = T>) -> io::Result<T> {
    let runtime = Handle::try_current().map_err(io::Error::other)?;
    Ok(runtime.block_on(work))
}

fn failed(error: Error) -> io::Error {
    let kind = match &error {
        Error::NotFound { .. } => io::ErrorKind::NotFound,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            io::ErrorKind::PermissionDenied
        }
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}
