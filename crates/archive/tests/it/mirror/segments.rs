//! A large first clone comes in segments, and is in the end like any other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bucketload_archive::mirror::{Mirror, MirrorUpdate, Segments, TransportKind, UpdateOptions};
use bucketload_model::{ErrorClass, GitTransfer};

use super::fixture::{Fixture, git, git_with, noon};
use super::kill::start_child;
use super::with_both_transports;

with_both_transports!(
    it_is_cut_at_tags,
    killed_in_any_segment_it_repeats_one_at_most,
    a_server_of_old_is_cut_at_its_tags_too,
    one_ref_alone_comes_in_one_piece,
    all_kinds_of_refs_come_in_segments,
    what_the_remote_lets_go_of_meanwhile_is_kept,
    it_can_be_finished_in_one_piece,
    a_lost_pack_is_fetched_again,
    history_that_is_not_whole_is_fetched_again,
    cancelled_in_a_segment_it_goes_on_there,
    progress_tells_the_segment,
    only_a_first_clone_is_cut,
    an_empty_repository_has_no_segments,
);

const COUNT: usize = 5;

/// Of each commit, a file that does not compress.
const FILE_BYTES: usize = 8_000;

/// Commits on a branch that has none yet, each with a file of its own.
fn commits(fixture: &Fixture, branch: &str, count: usize) {
    let mut state = branch
        .bytes()
        .fold(0x2545_f491_4f6c_dd1d_u64, |state, byte| {
            state.wrapping_mul(31) + u64::from(byte)
        });
    let mut script = Vec::new();
    for number in 0..count {
        let head = format!(
            "commit {branch}\ncommitter A <a@example.org> {} +0000\ndata 6\ncommit\n\
             M 100644 inline {branch}/{number}\ndata {FILE_BYTES}\n",
            1_700_000_000 + number * 60,
        );
        script.extend_from_slice(head.as_bytes());
        for _ in 0..FILE_BYTES / 8 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            script.extend_from_slice(&state.to_be_bytes());
        }
        script.push(b'\n');
    }
    git_with(&fixture.origin.path, &["fast-import", "--quiet"], &script);
}

/// Sixty commits, and a tag at every other one: `v1`, `v2`, …
fn tagged(transport: TransportKind) -> Fixture {
    let fixture = Fixture::empty(transport);
    commits(&fixture, "refs/heads/main", 60);
    for number in 1..=30 {
        let (tag, commit) = (format!("v{number}"), format!("main~{}", 60 - 2 * number));
        let annotated = ["tag", "-a", "-m", "release", &tag, &commit];
        let light = ["tag", &tag, &commit];
        let is_annotated = number % 3 == 0;
        fixture
            .origin
            .git(if is_annotated { &annotated } else { &light });
    }
    fixture
}

/// Sixty commits without a tag.
fn untagged(transport: TransportKind) -> Fixture {
    let fixture = Fixture::empty(transport);
    commits(&fixture, "refs/heads/main", 60);
    fixture
}

fn allow_filters(fixture: &Fixture) {
    fixture
        .origin
        .git(&["config", "uploadpack.allowFilter", "true"]);
}

fn in_segments(fixture: &Fixture) -> MirrorUpdate {
    let remote = fixture.remote();
    fixture
        .try_update(&remote, |it| it.segments = Some(Segments::new(COUNT)))
        .unwrap()
}

/// Has the clone killed after so many bytes.
fn kill_after(fixture: &Fixture, bytes: usize) {
    fixture.server.take_fetched();
    fixture.server.behave(|it| it.silence_in_all = Some(bytes));
    let mut child = start_child(fixture, Some(COUNT));
    fixture.server.wait_for_silence();
    child.kill().unwrap();
    child.wait().unwrap();
    fixture.server.behave(|it| it.silence_in_all = None);
}

fn objects(repository: &Path) -> BTreeSet<String> {
    let check = "--batch-check=%(objectname) %(objecttype)";
    let all = git(
        repository,
        &["cat-file", "--batch-all-objects", "--unordered", check],
    );
    all.lines().map(str::to_owned).collect()
}

/// It is like a mirror that came in one piece.
fn assert_like_any_other(fixture: &Fixture) {
    fixture.assert_sound();
    let plain = fixture.folder().join("mirrors/plain.git");
    fs::remove_dir_all(&plain).ok();
    let cancel = AtomicBool::new(false);
    let mut options = UpdateOptions::new(noon(), &|_| {}, &cancel);
    options.transport = fixture.transport;
    let mirror = Mirror::open_or_init(&plain).unwrap();
    mirror.update(&fixture.remote(), &options).unwrap();
    let refs = |path: &Path| git(path, &["for-each-ref"]);
    assert_eq!(refs(&fixture.mirror_path()), refs(&plain));
    assert_eq!(objects(&fixture.mirror_path()), objects(&plain));
    assert_no_state(fixture);
}

fn assert_no_state(fixture: &Fixture) {
    assert!(!fixture.mirror_path().join("bucketload.segments").exists());
    let held = fixture.archived_refs().into_keys();
    let mut held = held.filter(|name| name.starts_with("refs/archive/segments/"));
    assert_eq!(held.next(), None);
}

/// The bytes of all fetches since the last call, and those of the largest.
fn fetched(fixture: &Fixture) -> (usize, usize) {
    let fetched = fixture.server.take_fetched();
    let largest = fetched.iter().max().copied();
    (fetched.iter().sum(), largest.unwrap_or_default())
}

fn packs(fixture: &Fixture) -> usize {
    let folder = fs::read_dir(fixture.mirror_path().join("objects/pack")).unwrap();
    let files = folder.map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|it| it == "pack"))
        .count()
}

fn it_is_cut_at_tags(transport: TransportKind) {
    let fixture = tagged(transport);
    let update = in_segments(&fixture);
    assert_eq!(update.segments, 5);
    assert_eq!(update.one_piece_because, None);
    assert_eq!((update.refs, update.created), (31, 31));
    assert!(update.archived.is_empty());
    // 60 commits with four folders and a file, 10 annotated tags. gix counts some
    // that deltas refer to.
    assert!((370..400).contains(&update.objects_received), "{update:?}");
    // Weighted: up to the 13th, 18th, 23rd and 26th of 30 tags.
    let (_, largest) = fetched(&fixture);
    assert!(largest < 28 * FILE_BYTES, "{largest}");
    assert_eq!(packs(&fixture), 1, "joined at the end");
    assert_like_any_other(&fixture);

    // A further update is an ordinary one.
    commits(&fixture, "refs/heads/later", 3);
    let update = in_segments(&fixture);
    assert_eq!((update.segments, update.created), (0, 1));
    assert_like_any_other(&fixture);
}

fn killed_in_any_segment_it_repeats_one_at_most(transport: TransportKind) {
    let fixture = tagged(transport);
    in_segments(&fixture);
    let (whole, largest) = fetched(&fixture);
    assert!(
        largest * 2 < whole,
        "one segment is not all: {largest} of {whole}"
    );
    for tenths in 1..10 {
        fs::remove_dir_all(fixture.mirror_path()).unwrap();
        let first = whole * tenths / 10;
        kill_after(&fixture, first);
        assert!(fixture.live_refs().is_empty(), "no ref before the end");
        git(&fixture.mirror_path(), &["fsck", "--full", "--strict"]);
        fixture.server.take_fetched();
        let update = in_segments(&fixture);
        let (second, _) = fetched(&fixture);
        assert_like_any_other(&fixture);
        let all = first + second;
        assert!(
            all < whole + largest,
            "killed after {first}: {all} of {whole}, the largest segment is {largest}"
        );
        let already = 5 - update.segments;
        assert_eq!(already > 0, first > largest, "killed after {first}");
    }
}

#[test]
fn without_tags_it_is_cut_along_the_main_line() {
    let fixture = untagged(TransportKind::Gix);
    allow_filters(&fixture);
    fixture.origin.git(&["branch", "topic", "main~7"]);
    let update = in_segments(&fixture);
    // Five on the line, and what is beside it.
    assert_eq!(update.segments, 5);
    assert_eq!(update.one_piece_because, None);
    let (whole, largest) = fetched(&fixture);
    assert_like_any_other(&fixture);

    fs::remove_dir_all(fixture.mirror_path()).unwrap();
    kill_after(&fixture, whole * 8 / 10);
    fixture.server.take_fetched();
    let update = in_segments(&fixture);
    assert!((1..4).contains(&update.segments), "{update:?}");
    let again = fixture.server.take_fetched();
    // It has the cuts it had and does not look at the history again.
    assert_eq!(again.len() as u64, update.segments);
    let all = whole * 8 / 10 + again.iter().sum::<usize>();
    assert!(all < whole + largest, "{all} of {whole}, {largest}");
    assert_like_any_other(&fixture);
}

#[test]
fn tags_are_put_in_the_order_of_time_where_the_server_tells() {
    let fixture = Fixture::empty(TransportKind::Gix);
    commits(&fixture, "refs/heads/main", 60);
    // Names that say the contrary.
    for number in 1..=30 {
        let commit = format!("main~{}", 60 - 2 * number);
        fixture
            .origin
            .git(&["tag", &format!("v{}", 100 - number), &commit]);
    }
    in_segments(&fixture);
    let (_, by_name) = fetched(&fixture);
    assert!(by_name > 55 * FILE_BYTES, "the first has all: {by_name}");
    fs::remove_dir_all(fixture.mirror_path()).unwrap();
    allow_filters(&fixture);
    in_segments(&fixture);
    let (_, by_time) = fetched(&fixture);
    assert!(by_time < 28 * FILE_BYTES, "{by_time}");
    assert_like_any_other(&fixture);
}

#[test]
fn a_server_that_gives_no_hashes_is_asked_for_refs() {
    let fixture = untagged(TransportKind::Gix);
    allow_filters(&fixture);
    fixture.server.behave(|it| it.refuses_hashes = true);
    let update = in_segments(&fixture);
    assert_eq!(update.segments, 0);
    assert!(
        update.one_piece_because.unwrap().contains("it has one ref"),
        "{update:?}"
    );
    assert_like_any_other(&fixture);

    fs::remove_dir_all(fixture.mirror_path()).unwrap();
    fixture.origin.git(&["branch", "topic", "main~30"]);
    let update = in_segments(&fixture);
    assert_eq!((update.segments, update.one_piece_because), (2, None));
    assert_like_any_other(&fixture);
}

fn a_server_of_old_is_cut_at_its_tags_too(transport: TransportKind) {
    let fixture = tagged(transport);
    fixture.server.behave(|it| it.is_old = true);
    let update = in_segments(&fixture);
    assert_eq!(update.segments, 5);
    assert_like_any_other(&fixture);
}

fn one_ref_alone_comes_in_one_piece(transport: TransportKind) {
    let fixture = untagged(transport);
    for is_old in [false, true] {
        fs::remove_dir_all(fixture.mirror_path()).ok();
        fixture.server.behave(|it| it.is_old = is_old);
        let update = in_segments(&fixture);
        assert_eq!(update.segments, 0);
        assert!(update.one_piece_because.is_some());
        assert_eq!(packs(&fixture), 1);
        assert_like_any_other(&fixture);
    }
}

fn all_kinds_of_refs_come_in_segments(transport: TransportKind) {
    for filters in [false, true] {
        let fixture = tagged(transport);
        if filters {
            allow_filters(&fixture);
        }
        commits(&fixture, "refs/heads/unrelated", 20);
        fixture.origin.git(&["tag", "tree", "main~9^{tree}"]);
        let blob = git_with(
            &fixture.origin.path,
            &["hash-object", "-w", "--stdin"],
            b"x",
        );
        fixture
            .origin
            .git(&["tag", "-a", "-m", "blob", "blob", &blob]);
        fixture
            .origin
            .git(&["tag", "-a", "-m", "again", "nested", "v3"]);
        fixture
            .origin
            .git(&["update-ref", "refs/pull-requests/1/from", "main~4"]);
        let update = in_segments(&fixture);
        assert!(update.segments >= 4, "{update:?}");
        assert_like_any_other(&fixture);
    }
}

fn what_the_remote_lets_go_of_meanwhile_is_kept(transport: TransportKind) {
    let fixture = tagged(transport);
    commits(&fixture, "refs/heads/other", 10);
    in_segments(&fixture);
    let (whole, _) = fetched(&fixture);
    fs::remove_dir_all(fixture.mirror_path()).unwrap();
    kill_after(&fixture, whole * 7 / 10);
    let held = fixture.archived_refs();
    assert!(!held.is_empty());

    // A rewritten history without a trace of the old one, between two runs…
    let old_tag = fixture.origin.git(&["rev-parse", "v5"]);
    let tags = fixture.origin.git(&["tag"]);
    let tags: Vec<&str> = tags.lines().collect();
    fixture.origin.git(&[&["tag", "-d"], &tags[..]].concat());
    fixture.origin.git(&["branch", "-f", "main", "other"]);
    fixture
        .origin
        .git(&["reflog", "expire", "--expire=now", "--all"]);
    fixture.origin.git(&["gc", "--prune=now", "--quiet"]);
    // … and another change in the middle of the second run.
    let path = fixture.origin.path.clone();
    let change = move || {
        git(&path, &["branch", "late", "other~3"]);
    };
    fixture
        .server
        .behave(|it| it.before_fetch = Some(Arc::new(change)));
    in_segments(&fixture);
    fixture.server.behave(|it| it.before_fetch = None);
    in_segments(&fixture);
    fixture.assert_sound();
    assert_no_state(&fixture);
    let kept: BTreeSet<String> = fixture.archived_refs().into_values().collect();
    assert_eq!(kept, held.into_values().collect());
    assert!(kept.contains(&old_tag));
    assert!(fixture.live_refs().contains_key("refs/heads/late"));
}

fn it_can_be_finished_in_one_piece(transport: TransportKind) {
    let fixture = tagged(transport);
    in_segments(&fixture);
    let (whole, _) = fetched(&fixture);
    fs::remove_dir_all(fixture.mirror_path()).unwrap();
    kill_after(&fixture, whole * 8 / 10);
    fixture.server.take_fetched();
    let update = fixture.update();
    assert_eq!((update.segments, update.created), (0, 31));
    assert!(fetched(&fixture).0 < whole / 2);
    assert_like_any_other(&fixture);
}

fn a_lost_pack_is_fetched_again(transport: TransportKind) {
    let fixture = tagged(transport);
    in_segments(&fixture);
    let (whole, _) = fetched(&fixture);
    fs::remove_dir_all(fixture.mirror_path()).unwrap();
    kill_after(&fixture, whole * 8 / 10);
    let packs = fixture.mirror_path().join("objects/pack");
    fs::remove_dir_all(&packs).unwrap();
    fs::create_dir(&packs).unwrap();
    let update = in_segments(&fixture);
    assert_eq!(update.segments, 5, "from the beginning");
    assert_like_any_other(&fixture);
}

fn history_that_is_not_whole_is_fetched_again(transport: TransportKind) {
    let fixture = tagged(transport);
    in_segments(&fixture);
    let (whole, _) = fetched(&fixture);
    fs::remove_dir_all(fixture.mirror_path()).unwrap();
    kill_after(&fixture, whole * 8 / 10);
    // All but a file that no ref names.
    let mirror = fixture.mirror_path();
    let lost = fixture
        .origin
        .git(&["rev-parse", "main~50:refs/heads/main/3"]);
    let all = objects(&mirror);
    let kept = all.iter().map(|line| line.split_once(' ').unwrap().0);
    let kept: Vec<&str> = kept.filter(|id| *id != lost).collect();
    let kept = kept.join("\n");
    let before = packs(&fixture);
    let folder = mirror.join("objects/pack");
    let old: Vec<_> = fs::read_dir(&folder).unwrap().collect();
    let into = folder.join("pack");
    let into = ["pack-objects", "--quiet", into.to_str().unwrap()];
    git_with(&mirror, &into, kept.as_bytes());
    for entry in old {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    assert!(before > 1);
    let update = in_segments(&fixture);
    assert!(update.segments > 5, "some twice: {update:?}");
    fixture.assert_sound();
    assert_no_state(&fixture);
}

fn cancelled_in_a_segment_it_goes_on_there(transport: TransportKind) {
    let fixture = tagged(transport);
    in_segments(&fixture);
    let (whole, _) = fetched(&fixture);
    fs::remove_dir_all(fixture.mirror_path()).unwrap();
    let until = Some(whole * 7 / 10);
    fixture.server.behave(|it| it.silence_in_all = until);
    let cancel = AtomicBool::new(false);
    let mut options = UpdateOptions::new(noon(), &|_| {}, &cancel);
    options.transport = transport;
    options.segments = Some(Segments::new(COUNT));
    let (mirror, remote) = (fixture.mirror(), fixture.remote());
    let (error, took) = std::thread::scope(|scope| {
        let update = scope.spawn(|| mirror.update(&remote, &options));
        fixture.server.wait_for_silence();
        let asked = Instant::now();
        cancel.store(true, Ordering::Relaxed);
        (update.join().unwrap().unwrap_err(), asked.elapsed())
    });
    assert_eq!(error.class(), ErrorClass::Cancelled, "{error:?}");
    assert!(took < Duration::from_secs(1), "{took:?}");
    fixture.server.behave(|it| it.silence_in_all = None);
    assert!(fixture.live_refs().is_empty());
    let update = in_segments(&fixture);
    assert!((1..5).contains(&update.segments), "{update:?}");
    assert_like_any_other(&fixture);
}

fn progress_tells_the_segment(transport: TransportKind) {
    let fixture = tagged(transport);
    let seen: Mutex<Vec<GitTransfer>> = Mutex::default();
    let cancel = AtomicBool::new(false);
    let progress = |transfer| seen.lock().unwrap().push(transfer);
    let mut options = UpdateOptions::new(noon(), &progress, &cancel);
    options.transport = transport;
    options.segments = Some(Segments::new(COUNT));
    let update = fixture
        .mirror()
        .update(&fixture.remote(), &options)
        .unwrap();
    let seen = seen.into_inner().unwrap();
    let segments: Vec<_> = seen.iter().filter_map(|it| it.segment).collect();
    assert!(!segments.is_empty());
    assert!(segments.is_sorted_by_key(|segment| segment.number));
    assert!(
        segments
            .iter()
            .all(|it| it.of == 5 && (1..=5).contains(&it.number))
    );
    let last = seen.last().unwrap();
    assert_eq!(last.segment, None);
    // The listings count over HTTP.
    assert!(last.received_bytes >= update.bytes_received);
}

fn only_a_first_clone_is_cut(transport: TransportKind) {
    let fixture = Fixture::empty(transport);
    commits(&fixture, "refs/heads/first", 2);
    fixture.update();
    commits(&fixture, "refs/heads/main", 60);
    for number in 1..=30 {
        let commit = format!("main~{}", 60 - 2 * number);
        fixture.origin.git(&["tag", &format!("v{number}"), &commit]);
    }
    let update = in_segments(&fixture);
    assert_eq!((update.segments, update.created), (0, 31));
    fixture.assert_sound();
}

fn an_empty_repository_has_no_segments(transport: TransportKind) {
    let fixture = Fixture::empty(transport);
    let update = in_segments(&fixture);
    assert_eq!((update.segments, update.refs), (0, 0));
    assert_no_state(&fixture);
}
