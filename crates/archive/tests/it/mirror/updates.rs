//! What an update brings.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use bucketload_archive::mirror::{Mirror, TransportKind, UpdateOptions};
use bucketload_model::GitPhase;

use super::fixture::{Fixture, files, git, git_with, noon};
use super::server::Kind;
use super::with_both_transports;

with_both_transports!(
    the_first_update_brings_everything,
    nothing_changed_touches_no_file,
    new_commits_come_alone,
    an_empty_remote_is_mirrored_and_later_filled,
    thousands_of_refs_come_at_once,
    a_plain_clone_of_the_mirror_works,
    progress_reaches_the_end,
    packs_are_read_only_and_refs_are_packed,
    a_new_branch_at_a_known_commit_fetches_nothing,
    the_credential_is_sent_and_kept_nowhere,
    an_old_server_is_understood,
    a_lone_commit_is_not_taken_for_its_history,
    many_packs_are_joined_and_nothing_is_lost,
);

fn the_first_update_brings_everything(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    fixture
        .origin
        .git(&["update-ref", "refs/pull-requests/1/from", "main~1"]);
    let update = fixture.update();
    fixture.assert_sound();
    assert_eq!(update.refs, 5);
    assert_eq!((update.created, update.changed), (5, 0));
    assert_eq!(update.carried_by, transport);
    assert!(update.archived.is_empty() && update.skipped.is_empty());
    // 40 commits with a tree and a blob each, and a tag.
    assert_eq!(update.objects_received, 121);
    let mirror = Mirror::open(&fixture.mirror_path()).unwrap().unwrap();
    assert_eq!(mirror.count_commits().unwrap(), 40);
    assert!(update.bytes_received > 1000, "{}", update.bytes_received);
}

fn nothing_changed_touches_no_file(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    fixture.update();
    let before = files(&fixture.mirror_path());
    fixture.server.take_seen();
    let update = fixture.update();
    assert_eq!(update.refs, 4);
    assert_eq!((update.created, update.changed), (0, 0));
    assert_eq!(update.bytes_received, 0);
    assert_eq!(before, files(&fixture.mirror_path()));
    let kinds: Vec<Kind> = fixture
        .server
        .take_seen()
        .iter()
        .map(|seen| seen.kind)
        .collect();
    assert_eq!(kinds, [Kind::Handshake, Kind::List], "no fetch");
}

fn new_commits_come_alone(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    fixture.update();
    fixture.origin.commit("refs/heads/main", 3);
    fixture.origin.commit("refs/heads/new", 2);
    let update = fixture.update();
    fixture.assert_sound();
    assert_eq!((update.created, update.changed), (1, 1));
    assert!(update.archived.is_empty(), "moved forward: nothing is lost");
    // The thin pack's bases are appended to it by one carrier and not counted
    // by the other; either way the 120 objects of before are not sent again.
    assert!(
        (15..40).contains(&update.objects_received),
        "{}",
        update.objects_received
    );
}

fn an_empty_remote_is_mirrored_and_later_filled(transport: TransportKind) {
    let fixture = Fixture::empty(transport);
    let update = fixture.update();
    assert_eq!(update.refs, 0);
    assert!(fixture.mirror().refs().unwrap().is_empty());
    fixture.origin.commit("refs/heads/main", 3);
    assert_eq!(fixture.update().refs, 1);
    fixture.assert_sound();
}

fn thousands_of_refs_come_at_once(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    let tips: Vec<String> = fixture
        .origin
        .git(&["rev-list", "main"])
        .lines()
        .map(str::to_owned)
        .collect();
    let mut script = String::new();
    for number in 0..2000 {
        let tip = &tips[number % tips.len()];
        writeln!(script, "create refs/heads/many/branch-{number} {tip}").unwrap();
    }
    super::fixture::git_with(
        &fixture.origin.path,
        &["update-ref", "--stdin"],
        script.as_bytes(),
    );
    let update = fixture.update();
    assert_eq!(update.refs, 2004);
    fixture.assert_sound();
    fixture
        .origin
        .git(&["update-ref", "refs/heads/many/branch-7", "main"]);
    let update = fixture.update();
    assert_eq!((update.created, update.changed), (0, 1));
    fixture.assert_sound();
}

fn a_plain_clone_of_the_mirror_works(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    fixture.update();
    let clone = fixture.folder().join("clone");
    let (from, to) = (fixture.mirror_path(), clone.to_str().unwrap());
    git(
        fixture.folder(),
        &["clone", "--quiet", from.to_str().unwrap(), to],
    );
    assert_eq!(
        git(&clone, &["rev-parse", "HEAD"]),
        fixture.origin.git(&["rev-parse", "main"])
    );
    assert!(clone.join("file-1").is_file());
}

fn progress_reaches_the_end(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    let seen = Mutex::new(Vec::new());
    let cancel = AtomicBool::new(false);
    let progress = |transfer| seen.lock().unwrap().push(transfer);
    let mut options = UpdateOptions::new(noon(), &progress, &cancel);
    options.transport = transport;
    fixture
        .mirror()
        .update(&fixture.remote(), &options)
        .unwrap();
    let last = *seen.lock().unwrap().last().unwrap();
    assert_eq!(last.phase, GitPhase::Finishing);
    assert_eq!(last.received_objects, 121);
    assert_eq!(last.total_objects, Some(121));
    assert!(last.received_bytes > 0);
}

fn packs_are_read_only_and_refs_are_packed(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    fixture.update();
    let mut packs = 0;
    for (path, _) in files(&fixture.mirror_path()) {
        let inside = path.strip_prefix(fixture.mirror_path()).unwrap();
        if path.is_file() && inside.starts_with("objects") {
            packs += 1;
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o444, "{}", inside.display());
            assert!(
                inside.starts_with("objects/pack"),
                "loose: {}",
                inside.display()
            );
        }
        assert!(
            !(path.is_file() && inside.starts_with("refs")),
            "loose: {}",
            inside.display()
        );
    }
    assert!(packs >= 2, "a pack and its index");
    let packed = fs::read_to_string(fixture.mirror_path().join("packed-refs")).unwrap();
    // As git itself would write it.
    git(&fixture.mirror_path(), &["pack-refs", "--all"]);
    let by_git = fs::read_to_string(fixture.mirror_path().join("packed-refs")).unwrap();
    assert_eq!(packed, by_git);
}

fn a_new_branch_at_a_known_commit_fetches_nothing(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    fixture.update();
    fixture.origin.git(&["branch", "old", "main~20"]);
    fixture.server.take_seen();
    let update = fixture.update();
    assert_eq!((update.created, update.objects_received), (1, 0));
    let seen = fixture.server.take_seen();
    assert!(seen.iter().all(|seen| seen.kind != Kind::Fetch), "{seen:?}");
    fixture.assert_sound();
}

fn the_credential_is_sent_and_kept_nowhere(transport: TransportKind) {
    let secret = "Bearer s3cret-t0ken-value";
    let fixture = Fixture::new(transport);
    fixture
        .server
        .behave(|it| it.authorization = Some(secret.to_owned()));
    let mut remote = fixture.remote();
    remote.authorization = Some(secret.into());
    fixture.try_update(&remote, |_| {}).unwrap();
    fixture.assert_sound();
    let seen = fixture.server.take_seen();
    assert!(seen.len() >= 3);
    assert!(
        seen.iter()
            .all(|seen| seen.authorization.as_deref() == Some(secret))
    );
    for (path, _) in files(&fixture.mirror_path()) {
        if path.is_file() {
            let content = fs::read(&path).unwrap();
            let found = content.windows(6).any(|window| window == b"s3cret");
            assert!(!found, "{} holds the credential", path.display());
        }
    }
    assert!(!format!("{remote:?}").contains("s3cret"));
}

fn an_old_server_is_understood(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    fixture.server.behave(|it| it.is_old = true);
    fixture.update();
    fixture.assert_sound();
    fixture.origin.commit("refs/heads/main", 3);
    fixture.origin.git(&["tag", "-a", "-m", "v2", "v2", "main"]);
    let update = fixture.update();
    assert_eq!((update.created, update.changed), (1, 1));
    fixture.assert_sound();
    assert_eq!(
        git(&fixture.mirror_path(), &["symbolic-ref", "HEAD"]),
        "refs/heads/main"
    );
}

fn a_lone_commit_is_not_taken_for_its_history(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    fixture.update();
    fixture.origin.commit("refs/heads/main", 2);
    // The new tip is here, but neither its tree nor its parent.
    let commit = fixture.origin.git(&["cat-file", "commit", "main"]);
    let id = super::fixture::git_with(
        &fixture.mirror_path(),
        &["hash-object", "-t", "commit", "-w", "--stdin"],
        commit.as_bytes(),
    );
    assert_eq!(id, fixture.origin.git(&["rev-parse", "main"]));
    let update = fixture.update();
    assert_eq!(update.changed, 1);
    fixture.assert_sound();
}

fn many_packs_are_joined_and_nothing_is_lost(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    fixture.update();
    let mirror = fixture.mirror_path();
    let lone = git_with(
        &mirror,
        &["hash-object", "-w", "--stdin"],
        b"no ref reaches it",
    );
    let all = git(
        &mirror,
        &[
            "cat-file",
            "--batch-all-objects",
            "--batch-check=%(objectname)",
        ],
    );
    // As after many updates: a pack for each of sixty objects.
    for object in all.lines().take(60).chain([lone.trim()]) {
        git_with(
            &mirror,
            &["pack-objects", "-q", "objects/pack/pack"],
            format!("{object}\n").as_bytes(),
        );
    }
    git(&mirror, &["prune-packed"]);
    let packs = || {
        let entries = fs::read_dir(mirror.join("objects/pack")).unwrap();
        let names = entries.map(|entry| entry.unwrap().path());
        names
            .filter(|path| path.extension().is_some_and(|ext| ext == "pack"))
            .count()
    };
    assert!(packs() > 50);
    fixture.origin.commit("refs/heads/main", 1);
    fixture.update();
    fixture.assert_sound();
    assert!(packs() < 10, "{} packs are left", packs());
    let kept = git(
        &mirror,
        &[
            "cat-file",
            "--batch-all-objects",
            "--batch-check=%(objectname)",
        ],
    );
    for object in all.lines() {
        assert!(kept.contains(object), "{object} is lost");
    }
}
