//! Files in a store that machines share: a folder, and S3.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};

use bucketload_archive::{BlobError, DataDir, Objects, ObjectsAddress, ObjectsError};
use bucketload_model::LfsObject;
use secrecy::SecretString;
use tempfile::TempDir;

use crate::s3::{Bucket, KEY};

/// The first example of FIPS 180-2: the SHA-256 of `abc`.
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// A store, and what it lies in.
pub(crate) struct Shared {
    pub(crate) objects: Objects,
    pub(crate) folder: TempDir,
    pub(crate) bucket: Option<Bucket>,
}

fn address(url: &str) -> ObjectsAddress {
    ObjectsAddress {
        url: url.parse().unwrap(),
        endpoint: None,
        region: None,
        key: Some((KEY.0.to_owned(), SecretString::from(KEY.1))),
        allow_insecure: false,
    }
}

impl Shared {
    pub(crate) fn folder() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shared = folder.path().join("shared");
        let url = url::Url::from_directory_path(&shared).unwrap();
        Self {
            objects: Objects::new(&address(url.as_str())).unwrap(),
            folder,
            bucket: None,
        }
    }

    pub(crate) fn s3() -> Option<Self> {
        let bucket = Bucket::new()?;
        let address = ObjectsAddress {
            endpoint: Some(bucket.endpoint().parse().unwrap()),
            ..address(&bucket.url())
        };
        Some(Self {
            objects: Objects::new(&address).unwrap(),
            folder: tempfile::tempdir().unwrap(),
            bucket: Some(bucket),
        })
    }

    /// A data directory of one of the machines.
    pub(crate) fn machine(&self, name: &str) -> DataDir {
        DataDir::new(self.folder.path().join(name)).with_objects(self.objects.clone())
    }
}

/// Runs it with each kind of store, on a thread that may wait.
pub(crate) async fn with_each(test: fn(&Shared)) {
    let task = tokio::task::spawn_blocking(move || {
        test(&Shared::folder());
        if let Some(shared) = Shared::s3() {
            test(&shared);
        }
    });
    task.await.unwrap();
}

fn file(content: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    file
}

fn content(mut file: File) -> Vec<u8> {
    let mut content = Vec::new();
    file.read_to_end(&mut content).unwrap();
    content
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_there_comes_back_and_goes() {
    with_each(|shared| {
        let (objects, folder) = (&shared.objects, shared.folder.path());
        objects.probe(folder).unwrap();
        assert_eq!(objects.size_bytes("git/a/b.bundle").unwrap(), None);
        let missing = objects.open("git/a/b.bundle", folder).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound, "{missing}");
        // More than one part, and the last one not whole.
        let large: Vec<u8> = (0..20_000_003_u32).map(|n| (n % 251) as u8).collect();
        for sent in [&b""[..], b"abc", &large] {
            objects.put("git/a/b.bundle", &mut file(sent)).unwrap();
            let size = objects.size_bytes("git/a/b.bundle").unwrap();
            assert_eq!(size, Some(sent.len() as u64));
            let found = content(objects.open("git/a/b.bundle", folder).unwrap());
            assert!(found == sent, "{} bytes", sent.len());
        }
        objects.remove("git/a/b.bundle").unwrap();
        objects.remove("git/a/b.bundle").unwrap();
        assert_eq!(objects.size_bytes("git/a/b.bundle").unwrap(), None);
        if let Some(bucket) = &shared.bucket {
            assert_eq!(bucket.keys(), [""; 0]);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_is_with_all_machines_and_on_none_of_them() {
    with_each(|shared| {
        let [one, other] = ["one", "other"].map(|name| shared.machine(name).blobs(10));
        let blob = one.store(&b"abc"[..]).unwrap();
        assert_eq!((blob.sha256.as_str(), blob.size_bytes), (ABC, 3));
        assert!(!one.path(ABC).exists());
        assert_eq!(content(other.open(ABC).unwrap()), b"abc");
        assert_eq!(other.store(&b"abc"[..]).unwrap(), blob);
        let key = format!("blobs/sha256/ba/78/{ABC}");
        assert!(other.shown(ABC).ends_with(&key), "{}", other.shown(ABC));
        if let Some(bucket) = &shared.bucket {
            assert_eq!(bucket.keys(), [format!("loads/ours/{key}")]);
        }
        let too_large = one.store(&b"12345678901"[..]).unwrap_err();
        assert!(matches!(too_large, BlobError::TooLarge { .. }));
        // From before there was a store.
        let before = DataDir::new(shared.folder.path().join("one")).blobs(10);
        let old = before.store(&b"old"[..]).unwrap();
        assert_eq!(content(one.open(&old.sha256).unwrap()), b"old");
        let nowhere = other.open(&old.sha256).unwrap_err();
        assert_eq!(nowhere.kind(), ErrorKind::NotFound, "{nowhere}");
    })
    .await;
}

/// As docs/SCALING.md says of an archive that gets a store later.
#[tokio::test(flavor = "multi_thread")]
async fn blobs_from_before_there_was_a_store_move_there_as_they_lie() {
    let task = tokio::task::spawn_blocking(|| {
        let shared = Shared::folder();
        let before = DataDir::new(shared.folder.path().join("one"));
        let blob = before.blobs(10).store(&b"abc"[..]).unwrap();
        std::fs::rename(
            before.root().join("blobs"),
            shared.folder.path().join("shared/blobs"),
        )
        .unwrap();
        let found = shared.machine("other").blobs(10).open(&blob.sha256);
        assert_eq!(content(found.unwrap()), b"abc");
    });
    task.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_of_git_is_with_all_machines() {
    with_each(|shared| {
        let [one, other] = ["one", "other"].map(|name| {
            let machine = shared.machine(name);
            machine.lfs(&machine.root().join("kettle.git"))
        });
        let object = LfsObject {
            oid: ABC.parse().unwrap(),
            size_bytes: 3,
        };
        assert!(!one.has(&object).unwrap());
        let mut writer = one.writer(&object).unwrap().unwrap();
        writer.write(b"ab").unwrap();
        drop(writer);
        // What broke off is with the machine that began.
        let mut writer = one.writer(&object).unwrap().unwrap();
        assert_eq!(writer.written_bytes(), 2);
        writer.write(b"c").unwrap();
        writer.finish().unwrap();
        assert!(!one.path(&object.oid).exists());
        assert!(other.has(&object).unwrap());
        assert!(other.writer(&object).unwrap().is_none());
        assert_eq!(content(other.open(&object.oid).unwrap()), b"abc");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_answer_is_an_error_and_loses_nothing() {
    let task = tokio::task::spawn_blocking(|| {
        let Some(shared) = Shared::s3() else { return };
        // A bucket that is not there.
        let url = "s3://nobodys-bucket/loads";
        let address = ObjectsAddress {
            endpoint: shared
                .bucket
                .as_ref()
                .map(|bucket| bucket.endpoint().parse().unwrap()),
            ..address(url)
        };
        let objects = Objects::new(&address).unwrap();
        let machine = DataDir::new(shared.folder.path()).with_objects(objects);
        let error = machine.blobs(10).store(&b"abc"[..]).unwrap_err();
        let said = format!("{error}: {:?}", std::error::Error::source(&error));
        assert!(said.contains(url), "{said}");
        assert!(!said.contains(KEY.1), "{said}");
    });
    task.await.unwrap();
}

#[test]
fn an_address_that_is_none_is_refused() {
    let refused = |url: &str, endpoint: Option<&str>| {
        let address = ObjectsAddress {
            endpoint: endpoint.map(|endpoint| endpoint.parse().unwrap()),
            ..address(url)
        };
        let error = Objects::new(&address).unwrap_err();
        assert!(matches!(error, ObjectsError::Address(_)), "{error}");
    };
    refused("https://bucket/", None);
    refused("s3:///loads", None);
    refused("s3://key:secret@bucket/loads", None);
    refused("s3://bucket/loads?region=x", None);
    refused("s3://bucket/loads", Some("http://store.example.org"));
    let there = |endpoint: &str| {
        Objects::new(&ObjectsAddress {
            endpoint: Some(endpoint.parse().unwrap()),
            ..address("s3://bucket/loads")
        })
    };
    assert!(!format!("{:?}", there("https://store.example.org").unwrap()).contains(KEY.1));
    there("http://127.0.0.1:9000").unwrap();
}
