//! Killed anywhere, an update is repeated and ends well.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicBool;

use bucketload_archive::mirror::{Mirror, Remote, Segments, TransportKind, UpdateOptions};

use super::fixture::{Fixture, git, noon};
use super::server::Kind;
use super::with_both_transports;

with_both_transports!(
    killed_while_the_server_sends,
    killed_between_the_pack_and_the_refs,
    leftovers_are_swept,
);

/// Set for the process that is killed: transport, mirror and address.
const CHILD: &str = "BUCKETLOAD_TEST_MIRROR_CHILD";

/// Not a test, but the process that the tests below kill.
#[test]
#[ignore = "run by the tests that kill it"]
fn child() {
    #[expect(clippy::disallowed_methods, reason = "the way to hand it its task")]
    let task = std::env::var(CHILD).expect("run by the tests that kill it");
    let mut words = task.split('\n');
    let transport = match words.next().unwrap() {
        "Gix" => TransportKind::Gix,
        _ => TransportKind::GitProgram,
    };
    let mirror = Mirror::open_or_init(words.next().unwrap().as_ref()).unwrap();
    let remote = Remote {
        url: words.next().unwrap().parse().unwrap(),
        authorization: None,
    };
    let cancel = AtomicBool::new(false);
    let mut options = UpdateOptions::new(noon(), &|_| {}, &cancel);
    options.transport = transport;
    let segments = words.next().unwrap().parse().ok();
    options.segments = segments.map(Segments::new);
    mirror.update(&remote, &options).unwrap();
}

/// Starts an update in a process of its own, cut into so many segments.
pub(crate) fn start_child(fixture: &Fixture, segments: Option<usize>) -> Child {
    let task = format!(
        "{:?}\n{}\n{}\n{}",
        fixture.transport,
        fixture.mirror_path().display(),
        fixture.remote().url,
        segments.map_or("whole".to_owned(), |count| count.to_string()),
    );
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "mirror::kill::child", "--ignored"])
        .env(CHILD, task)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn killed_while_the_server_sends(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    fixture.origin.commit_bytes("refs/heads/big", 400_000);
    let points = [
        (Kind::Handshake, 0),
        (Kind::List, 50),
        (Kind::Fetch, 0),
        (Kind::Fetch, 1_000),
        (Kind::Fetch, 200_000),
        (Kind::Fetch, 400_000),
    ];
    for silence in points {
        fixture.server.behave(|it| it.silence = Some(silence));
        let mut child = start_child(&fixture, None);
        fixture.server.wait_for_silence();
        // SIGKILL: nothing is cleaned up.
        child.kill().unwrap();
        child.wait().unwrap();
        let mirror = fixture.mirror();
        assert!(mirror.refs().unwrap().is_empty(), "{silence:?}");
        assert!(mirror.fsck(&AtomicBool::new(false)).unwrap().is_clean);
    }
    fixture.server.behave(|it| it.silence = None);
    fixture.update();
    fixture.assert_sound();

    // The same for an update of what is there.
    let before = fixture.live_refs();
    fixture.origin.commit("refs/heads/main", 30);
    fixture.origin.commit_bytes("refs/heads/big", 500_000);
    for silence in [(Kind::Fetch, 10), (Kind::Fetch, 300_000)] {
        fixture.server.behave(|it| it.silence = Some(silence));
        let mut child = start_child(&fixture, None);
        fixture.server.wait_for_silence();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(fixture.live_refs(), before, "{silence:?}");
    }
    fixture.server.behave(|it| it.silence = None);
    fixture.update();
    fixture.assert_sound();
}

fn killed_between_the_pack_and_the_refs(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    fixture.update();
    let path = fixture.mirror_path();
    let refs = fs::read(path.join("packed-refs")).unwrap();
    fixture.origin.commit("refs/heads/main", 3);
    fixture.update();
    // As if the last step had never been reached.
    fs::write(path.join("packed-refs"), refs).unwrap();
    fs::write(path.join("packed-refs.lock"), "half of th").unwrap();
    let update = fixture.update();
    assert_eq!(update.changed, 1);
    fixture.assert_sound();
}

fn leftovers_are_swept(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    fixture.update();
    let path = fixture.mirror_path();
    let leftovers = [
        "objects/pack/tmp_pack_AbCdEf",
        "objects/pack/tmp_idx_AbCdEf",
        "objects/pack/pack_git2_123",
        "objects/pack/.tmpX1Y2",
        "incoming/4711/pack/.tmpZ",
        "incoming/4711/pack/tmp_pack_x",
        "packed-refs.lock",
        "HEAD.lock",
        "config.lock",
        "refs/heads/main.lock",
        "refs/heads/deep/er.lock",
    ];
    for name in leftovers {
        let file = path.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "left").unwrap();
    }
    fixture.update();
    for name in leftovers {
        assert!(!path.join(name).exists(), "{name}");
    }
    fixture.assert_sound();
}

#[test]
fn a_killed_initialisation_is_completed() {
    for missing in ["HEAD", "config", "objects/pack", "refs/heads", "refs"] {
        let fixture = Fixture::new(TransportKind::Gix);
        let path = fixture.mirror_path();
        fixture.mirror();
        if path.join(missing).is_dir() {
            fs::remove_dir_all(path.join(missing)).unwrap();
        } else {
            fs::write(path.join(missing), "").unwrap();
            fs::write(path.join(format!("{missing}.lock")), "ref").unwrap();
        }
        assert!(Mirror::open(&path).unwrap().is_none(), "{missing}");
        fixture.update();
        fixture.assert_sound();
        git(&path, &["rev-parse", "--is-bare-repository"]);
    }
}
