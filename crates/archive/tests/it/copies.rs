//! Mirrors that several machines share by bundles in an object store.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use bucketload_archive::mirror::{Mirror, UpdateOptions};
use bucketload_archive::{
    CopyError, DataDir, MirrorKind, StoredRepository, bring_mirror, copy_mirror, prepare_copy,
};

use crate::mirror::fixture::{git, noon};
use crate::objects::Shared;
use crate::support::{Kind, Store, name, repository_uuid};

/// Machines with one database and one store, and a repository to mirror.
struct Bench {
    store: Store,
    shared: Shared,
    repository: StoredRepository,
    origin: PathBuf,
}

fn commit(origin: &Path, file: &str, text: &str) {
    std::fs::write(origin.join(file), text).unwrap();
    git(origin, &["add", file]);
    git(
        origin,
        &["commit", "-q", "-m", text.get(..20).unwrap_or(text)],
    );
}

/// Text that does not compress.
fn noise(lines: u32, seed: u32) -> String {
    let mut state = seed;
    let mut line = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        format!("{state:08x}\n")
    };
    (0..lines).map(|_| line()).collect()
}

impl Bench {
    async fn new(shared: Shared) -> Self {
        let (store, uuid) = Store::with_repository().await;
        let repository = store
            .archive
            .repository_by_uuid(&uuid)
            .await
            .unwrap()
            .unwrap();
        let origin = shared.folder.path().join("origin");
        std::fs::create_dir(&origin).unwrap();
        git(&origin, &["init", "-q", "--initial-branch=main"]);
        commit(&origin, "kettle", &noise(3_000, 1));
        git(&origin, &["tag", "-a", "-m", "One", "v1"]);
        git(&origin, &["branch", "old"]);
        commit(&origin, "pot", "porcelain");
        Self {
            store,
            shared,
            repository,
            origin,
        }
    }

    fn machine(&self, name: &str) -> DataDir {
        let machine = self.shared.machine(name);
        machine.create().unwrap();
        machine
    }

    fn mirror(&self, machine: &DataDir) -> Mirror {
        let path = machine.mirror(&self.repository.name);
        Mirror::open(&path).unwrap().unwrap()
    }

    /// What an import does to a mirror.
    async fn update(&self, machine: &DataDir) {
        self.bring(machine).await.unwrap();
        self.fetch(machine);
        self.copy(machine).await.unwrap();
    }

    fn fetch(&self, machine: &DataDir) {
        let cancel = AtomicBool::new(false);
        let options = UpdateOptions::new(noon(), &|_| {}, &cancel);
        let path = machine.mirror(&self.repository.name);
        let mirror = Mirror::open_or_init(&path).unwrap();
        mirror.take_copy(&self.origin, &options).unwrap();
    }

    async fn bring(&self, machine: &DataDir) -> Result<(), CopyError> {
        let (archive, kind) = (&self.store.archive, MirrorKind::Git);
        bring_mirror(archive, machine, &self.repository, kind, noon()).await
    }

    async fn copy(&self, machine: &DataDir) -> Result<(), CopyError> {
        let (archive, kind) = (&self.store.archive, MirrorKind::Git);
        copy_mirror(archive, machine, &self.repository, kind).await
    }

    fn refs(&self, machine: &DataDir) -> BTreeMap<String, String> {
        let mirror = self.mirror(machine);
        let fsck = mirror.fsck(&AtomicBool::new(false)).unwrap();
        assert!(fsck.is_clean, "{:?}", fsck.findings);
        let refs = mirror.refs().unwrap().into_iter();
        refs.map(|one| (one.name.to_string(), one.target.to_string()))
            .collect()
    }

    /// git itself clones the first bundle.
    async fn assert_clones(&self, machine: &DataDir) {
        let archive = &self.store.archive;
        let copies = archive.mirror_copies(&self.repository.uuid, MirrorKind::Git);
        let key = copies.await.unwrap()[0].key.clone();
        let (objects, folder) = (self.shared.objects.clone(), machine.root().to_owned());
        let bundle = folder.join("first.bundle");
        let into = bundle.clone();
        let task = tokio::task::spawn_blocking(move || {
            let mut file = std::fs::File::create(into).unwrap();
            objects.get(&key, &mut file).unwrap();
        });
        task.await.unwrap();
        let clone = folder.join("clone");
        git(
            &folder,
            &[
                "clone",
                "-q",
                bundle.to_str().unwrap(),
                clone.to_str().unwrap(),
            ],
        );
        let head = git(&self.origin, &["rev-parse", "HEAD"]);
        assert_eq!(git(&clone, &["rev-parse", "HEAD"]), head);
    }

    async fn sizes(&self) -> Vec<u64> {
        let copies = self
            .store
            .archive
            .mirror_copies(&self.repository.uuid, MirrorKind::Git)
            .await
            .unwrap();
        copies.iter().map(|copy| copy.size_bytes).collect()
    }
}

async fn benches() -> Vec<Bench> {
    let mut benches = vec![Bench::new(Shared::folder()).await];
    if let Some(shared) = Shared::s3() {
        benches.push(Bench::new(shared).await);
    }
    benches
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_machine_brought_others_have_and_go_on_with() {
    for bench in benches().await {
        let [one, other, third] = ["one", "other", "third"].map(|name| bench.machine(name));
        bench.bring(&one).await.unwrap();
        assert!(!one.mirror(&bench.repository.name).exists());
        bench.update(&one).await;
        bench.bring(&other).await.unwrap();
        assert_eq!(bench.refs(&other), bench.refs(&one));
        let first = bench.sizes().await;
        assert_eq!(first.len(), 1);
        bench.assert_clones(&other).await;
        // Nothing new is nothing to copy.
        bench.update(&other).await;
        assert_eq!(bench.sizes().await, first);

        // The other goes on: a commit, a branch that is gone, a history that is rewritten.
        commit(&bench.origin, "pot", "iron");
        git(&bench.origin, &["branch", "-D", "old"]);
        git(&bench.origin, &["checkout", "-q", "-b", "topic", "v1"]);
        commit(&bench.origin, "lid", "glass");
        bench.update(&other).await;
        git(&bench.origin, &["reset", "-q", "--hard", "v1"]);
        commit(&bench.origin, "lid", "wood");
        bench.update(&other).await;
        // Only names change.
        git(&bench.origin, &["tag", "v2"]);
        bench.update(&other).await;
        let sizes = bench.sizes().await;
        assert_eq!(sizes.len(), 4, "{sizes:?}");
        assert!(
            sizes[1..].iter().all(|size| size * 10 < sizes[0]),
            "{sizes:?}"
        );

        let expected = bench.refs(&other);
        let archived = expected
            .keys()
            .filter(|name| name.starts_with("refs/archive/"));
        assert_eq!(archived.count(), 2, "{expected:?}");
        for machine in [&one, &third] {
            bench.bring(machine).await.unwrap();
            assert_eq!(bench.refs(machine), expected);
        }
        let head = |machine: &DataDir| {
            let path = machine.mirror(&bench.repository.name);
            git(&path, &["symbolic-ref", "HEAD"])
        };
        assert_eq!(head(&third), head(&other));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bundles_that_outgrow_the_first_become_one() {
    for bench in benches().await {
        let [one, other] = ["one", "other"].map(|name| bench.machine(name));
        for seed in 2..6 {
            commit(&bench.origin, "kettle", &noise(1_800, seed));
            bench.update(&one).await;
        }
        let sizes = bench.sizes().await;
        assert_eq!(sizes.len(), 4, "{sizes:?}");
        commit(&bench.origin, "kettle", "thrown away");
        bench.update(&one).await;
        let sizes = bench.sizes().await;
        assert_eq!(sizes.len(), 1, "{sizes:?}");
        if let Some(bucket) = &bench.shared.bucket {
            assert_eq!(bucket.keys().len(), 1, "{:?}", bucket.keys());
        }
        bench.bring(&other).await.unwrap();
        assert_eq!(bench.refs(&other), bench.refs(&one));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_shared_stays_beside_what_others_have() {
    for bench in benches().await {
        let [one, other] = ["one", "other"].map(|name| bench.machine(name));
        bench.update(&one).await;
        // Killed before it could share it.
        git(&bench.origin, &["checkout", "-q", "-b", "lost"]);
        commit(&bench.origin, "cup", "blue");
        bench.fetch(&one);
        let lost = git(&bench.origin, &["rev-parse", "lost"]);
        git(&bench.origin, &["reset", "-q", "--hard", "main"]);
        bench.update(&other).await;
        bench.update(&one).await;
        let refs = bench.refs(&one);
        let kept = refs.iter().find(|(_, target)| **target == lost);
        assert!(
            kept.is_some_and(|(name, _)| name.starts_with("refs/archive/")),
            "{refs:?}"
        );
        bench.bring(&other).await.unwrap();
        assert_eq!(bench.refs(&other), refs);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_share_at_the_same_time_do_not_mix_it() {
    for bench in benches().await {
        let [one, other] = ["one", "other"].map(|name| bench.machine(name));
        bench.update(&one).await;
        bench.bring(&other).await.unwrap();
        commit(&bench.origin, "cup", "blue");
        bench.fetch(&one);
        bench.fetch(&other);
        let (archive, kind) = (&bench.store.archive, MirrorKind::Git);
        let late = prepare_copy(archive, &one, &bench.repository, kind).await;
        let late = late.unwrap().unwrap();
        bench.copy(&other).await.unwrap();
        let mut transaction = archive.begin().await.unwrap();
        let overtaken = late.note(&mut transaction).await.unwrap_err();
        assert!(matches!(overtaken, CopyError::Overtaken), "{overtaken}");
        drop(transaction);
        bench.update(&one).await;
        assert_eq!(bench.refs(&one), bench.refs(&other));
        // Noted, and killed before the mirror knew.
        commit(&bench.origin, "cup", "green");
        bench.fetch(&one);
        let copy = prepare_copy(archive, &one, &bench.repository, kind).await;
        let copy = copy.unwrap().unwrap();
        let mut transaction = archive.begin().await.unwrap();
        copy.note(&mut transaction).await.unwrap();
        transaction.commit().await.unwrap();
        drop(copy);
        for machine in [&one, &other] {
            bench.update(machine).await;
        }
        assert_eq!(bench.refs(&one), bench.refs(&other));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mirror_of_another_repository_gives_way_to_the_one_that_has_its_name_now() {
    for bench in benches().await {
        let [one, other] = ["one", "other"].map(|name| bench.machine(name));
        bench.update(&one).await;
        let renamed = StoredRepository {
            uuid: repository_uuid(7),
            ..bench.repository.clone()
        };
        let (archive, kind) = (&bench.store.archive, MirrorKind::Git);
        let path = one.mirror(&name());
        bring_mirror(archive, &one, &renamed, kind, noon())
            .await
            .unwrap();
        assert!(!path.exists());
        let entries = std::fs::read_dir(path.parent().unwrap()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let names: Vec<String> = names.collect();
        assert_eq!(names.len(), 1, "{names:?}");
        assert!(names[0].starts_with("kettle.git (of "), "{names:?}");
        // It comes back from the store, where there is room.
        bench.bring(&other).await.unwrap();
        bench.bring(&one).await.unwrap();
        assert_eq!(bench.refs(&one), bench.refs(&other));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_bundle_is_named_and_nothing_is_made_of_it() {
    let Some(shared) = Shared::s3() else { return };
    let bench = Bench::new(shared).await;
    let [one, other] = ["one", "other"].map(|name| bench.machine(name));
    bench.update(&one).await;
    let bucket = bench.shared.bucket.as_ref().unwrap();
    let keys = bucket.keys();
    bucket.overwrite(&keys[0], "# v2 git bundle\n\n");
    let error = bench.bring(&other).await.unwrap_err();
    assert!(matches!(error, CopyError::Damaged { .. }), "{error}");
    assert!(!other.mirror(&bench.repository.name).exists());
    bench.update(&one).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_are_noted_on_both_databases() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let Some(store) = Store::on(kind).await else {
            continue;
        };
        let uuid = repository_uuid(1);
        store.put_repository(&uuid, "{}").await;
        let archive = &store.archive;
        let copy = |number: u64| bucketload_archive::StoredCopy {
            key: format!("git/{number}"),
            sha256: format!("{number:064}"),
            size_bytes: number,
        };
        let put = async |number, known: Option<u64>, is_whole| {
            let mut transaction = archive.begin().await.unwrap();
            let known = known.map(|number| copy(number).sha256);
            let (known, copy) = (known.as_deref(), copy(number));
            let kind = MirrorKind::Git;
            let noted = transaction.put_mirror_copy(&uuid, kind, &copy, known, is_whole);
            let noted = noted.await.unwrap();
            transaction.commit().await.unwrap();
            noted
        };
        assert!(put(1, None, true).await);
        assert!(put(2, Some(1), false).await);
        assert!(!put(3, Some(1), false).await);
        assert!(!put(3, None, true).await);
        let copies = async |kind| archive.mirror_copies(&uuid, kind).await.unwrap();
        assert_eq!(copies(MirrorKind::Git).await, [copy(1), copy(2)]);
        assert!(put(4, Some(2), true).await);
        assert_eq!(copies(MirrorKind::Git).await, [copy(4)]);
        assert_eq!(copies(MirrorKind::Wiki).await, []);
    }
}
