//! Servers that refuse, lie, fall silent or go away.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bucketload_archive::mirror::{MirrorError, TransportKind, UpdateOptions};
use bucketload_model::{ErrorClass, GitTransfer};

use super::fixture::{Fixture, everything_said, files, noon};
use super::server::{Kind, Server};
use super::with_both_transports;

with_both_transports!(
    statuses_have_their_class,
    a_wrong_credential_is_unauthorized_and_not_told,
    an_unknown_repository_is_not_found,
    a_foreign_redirect_gets_nothing,
    nobody_listening_is_transient,
    a_connection_cut_in_the_pack_is_transient,
    a_silent_server_is_given_up,
    cancelling_ends_a_silent_fetch_within_a_second,
    cancelling_ends_a_silent_listing_within_a_second,
    cancelled_before_it_began,
    bad_addresses_are_refused,
    a_page_instead_of_git_is_an_error,
    sha256_is_refused_clearly,
    a_full_disk_has_its_own_error,
);

fn statuses_have_their_class(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    let expected = [
        (401, ErrorClass::Unauthorized),
        (403, ErrorClass::Forbidden),
        (404, ErrorClass::NotFound),
        (410, ErrorClass::Gone),
        (429, ErrorClass::RateLimited),
        (500, ErrorClass::Transient),
        (503, ErrorClass::Transient),
    ];
    for (status, class) in expected {
        fixture.server.behave(|it| it.status = Some(status));
        let error = fixture.try_update(&fixture.remote(), |_| {}).unwrap_err();
        assert_eq!(
            error.class(),
            class,
            "{status}: {}",
            everything_said(&error)
        );
        if let (MirrorError::RateLimited { retry_after }, TransportKind::Gix) = (error, transport) {
            assert_eq!(retry_after, Some(Duration::from_secs(7)));
        }
    }
    fixture.server.behave(|it| it.status = None);
    fixture.update();
    fixture.assert_sound();
}

fn a_wrong_credential_is_unauthorized_and_not_told(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    fixture
        .server
        .behave(|it| it.authorization = Some("Bearer right".to_owned()));
    let mut remote = fixture.remote();
    remote.authorization = Some("Bearer s3cret-but-wrong".into());
    let error = fixture.try_update(&remote, |_| {}).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Unauthorized);
    assert!(!everything_said(&error).contains("s3cret"));
    let anonymous = fixture.try_update(&fixture.remote(), |_| {}).unwrap_err();
    assert_eq!(anonymous.class(), ErrorClass::Unauthorized);
}

fn an_unknown_repository_is_not_found(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    let mut remote = fixture.remote();
    remote.url = fixture.server.url("teapot.git");
    let error = fixture.try_update(&remote, |_| {}).unwrap_err();
    assert_eq!(
        error.class(),
        ErrorClass::NotFound,
        "{}",
        everything_said(&error)
    );
}

fn a_foreign_redirect_gets_nothing(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    let foreign = Server::start(&fixture.folder().join("remotes"));
    fixture.server.behave(|it| {
        it.redirect = Some((
            "/kettle.git".to_owned(),
            format!("{}/kettle.git", foreign.origin()),
        ));
    });
    let mut remote = fixture.remote();
    remote.authorization = Some("Bearer s3cret".into());
    let error = fixture.try_update(&remote, |_| {}).unwrap_err();
    assert!(matches!(error, MirrorError::Redirected { .. }), "{error:?}");
    assert_eq!(error.class(), ErrorClass::Permanent);
    assert!(foreign.take_seen().is_empty(), "the other host was asked");
    assert!(!everything_said(&error).contains("s3cret"));
}

#[test]
fn gix_follows_a_rename_on_the_same_host() {
    let fixture = Fixture::new(TransportKind::Gix);
    fixture.server.behave(|it| {
        it.authorization = Some("Bearer right".to_owned());
        it.redirect = Some(("/teapot.git".to_owned(), "/kettle.git".to_owned()));
    });
    let mut remote = fixture.remote();
    remote.url = fixture.server.url("teapot.git");
    remote.authorization = Some("Bearer right".into());
    fixture.try_update(&remote, |_| {}).unwrap();
    fixture.assert_sound();
    let seen = fixture.server.take_seen();
    let old = seen
        .iter()
        .filter(|seen| seen.path.starts_with("/teapot.git"));
    assert_eq!(old.count(), 1, "later requests go to the new address");
}

fn nobody_listening_is_transient(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let mut remote = fixture.remote();
    remote.url.set_port(Some(port)).unwrap();
    let error = fixture.try_update(&remote, |_| {}).unwrap_err();
    assert_eq!(
        error.class(),
        ErrorClass::Transient,
        "{}",
        everything_said(&error)
    );
}

fn a_connection_cut_in_the_pack_is_transient(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    fixture.update();
    let before = files(&fixture.mirror_path());
    fixture.origin.commit_bytes("refs/heads/big", 300_000);
    for bytes in [1, 200, 5_000, 250_000] {
        fixture
            .server
            .behave(|it| it.cut = Some((Kind::Fetch, bytes)));
        let error = fixture.try_update(&fixture.remote(), |_| {}).unwrap_err();
        assert_eq!(
            error.class(),
            ErrorClass::Transient,
            "{}",
            everything_said(&error)
        );
    }
    fixture.server.behave(|it| it.cut = None);
    let after: Vec<_> = files(&fixture.mirror_path()).into_keys().collect();
    assert_eq!(
        before.into_keys().collect::<Vec<_>>(),
        after,
        "something was left behind"
    );
    fixture.update();
    fixture.assert_sound();
}

fn a_silent_server_is_given_up(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    for silence in [(Kind::Handshake, 0), (Kind::List, 10), (Kind::Fetch, 100)] {
        fixture.server.behave(|it| it.silence = Some(silence));
        let error = fixture
            .try_update(&fixture.remote(), |it| it.stall = Duration::from_secs(1))
            .unwrap_err();
        assert!(
            matches!(error, MirrorError::Stalled { .. }),
            "{silence:?}: {error:?}"
        );
        assert_eq!(error.class(), ErrorClass::Transient);
    }
    fixture.server.behave(|it| it.silence = None);
    fixture.update();
    fixture.assert_sound();
}

fn cancelling_ends_a_silent_fetch_within_a_second(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    fixture.origin.commit_bytes("refs/heads/big", 300_000);
    cancelled_at(&fixture, (Kind::Fetch, 200_000));
}

fn cancelling_ends_a_silent_listing_within_a_second(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    cancelled_at(&fixture, (Kind::List, 0));
}

fn cancelled_at(fixture: &Fixture, silence: (Kind, usize)) {
    fixture.server.behave(|it| it.silence = Some(silence));
    let cancel = AtomicBool::new(false);
    let (sender, received) = std::sync::mpsc::channel();
    let progress = |transfer: GitTransfer| {
        sender.send(transfer.received_bytes).ok();
    };
    let mut options = UpdateOptions::new(noon(), &progress, &cancel);
    options.transport = fixture.transport;
    let (mirror, remote) = (fixture.mirror(), fixture.remote());
    let (error, took) = std::thread::scope(|scope| {
        let update = scope.spawn(|| mirror.update(&remote, &options));
        fixture.server.wait_for_silence();
        if fixture.transport == TransportKind::Gix {
            // Until it has nothing left to read and only waits.
            let expected = u64::try_from(silence.1).unwrap();
            assert!(received.iter().any(|bytes| bytes >= expected));
        }
        let asked = Instant::now();
        cancel.store(true, Ordering::Relaxed);
        (update.join().unwrap().unwrap_err(), asked.elapsed())
    });
    assert_eq!(error.class(), ErrorClass::Cancelled, "{error:?}");
    assert!(took < Duration::from_secs(1), "{took:?}");
    fixture.server.behave(|it| it.silence = None);
    fixture.update();
    fixture.assert_sound();
}

fn cancelled_before_it_began(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    let cancel = AtomicBool::new(true);
    let mut options = UpdateOptions::new(noon(), &|_| {}, &cancel);
    options.transport = transport;
    let error = fixture
        .mirror()
        .update(&fixture.remote(), &options)
        .unwrap_err();
    assert!(matches!(error, MirrorError::Cancelled), "{error:?}");
}

fn bad_addresses_are_refused(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    let bad = [
        "ssh://git@bitbucket.org/teapots/kettle.git".to_owned(),
        fixture
            .remote()
            .url
            .as_str()
            .replace("http://", "http://me:s3cret@"),
        format!("file://{}", fixture.origin.path.display()),
        format!("{}?token=s3cret", fixture.remote().url),
        "ext::sh".to_owned(),
    ];
    for url in bad {
        let mut remote = fixture.remote();
        remote.url = url.parse().unwrap();
        let error = fixture.try_update(&remote, |_| {}).unwrap_err();
        assert!(matches!(error, MirrorError::Url { .. }), "{url}: {error:?}");
        assert!(!everything_said(&error).contains("s3cret"));
    }
    assert!(fixture.server.take_seen().is_empty());
}

fn a_page_instead_of_git_is_an_error(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    fixture.update();
    fixture.server.behave(|it| it.status = Some(200));
    let error = fixture.try_update(&fixture.remote(), |_| {}).unwrap_err();
    assert_eq!(
        error.class(),
        ErrorClass::Permanent,
        "{}",
        everything_said(&error)
    );
    // An empty page is no empty repository: no ref has vanished.
    assert_eq!(fixture.live_refs(), fixture.origin.refs());
}

fn sha256_is_refused_clearly(transport: TransportKind) {
    let fixture = Fixture::empty(transport);
    let path = fixture.folder().join("remotes/sha256.git");
    std::fs::create_dir_all(&path).unwrap();
    super::fixture::git(
        &path,
        &["init", "--quiet", "--bare", "--object-format=sha256"],
    );
    let other = super::fixture::Origin { path };
    other.commit("refs/heads/main", 1);
    let mut remote = fixture.remote();
    remote.url = fixture.server.url("sha256.git");
    let error = fixture.try_update(&remote, |_| {}).unwrap_err();
    assert!(
        matches!(error, MirrorError::ObjectFormat),
        "{}",
        everything_said(&error)
    );
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skipped(reason: &str) {
    eprintln!("skipped: {reason}");
}

/// A mounted file system of a megabyte, where the machine lets us mount one.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(path: &std::path::Path) -> Option<Self> {
        std::fs::create_dir_all(path).unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(path)
            .output()
            .is_ok_and(|output| output.status.success());
        mounted.then(|| Self(path.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        std::process::Command::new("umount")
            .arg(&self.0)
            .status()
            .ok();
    }
}

fn a_full_disk_has_its_own_error(transport: TransportKind) {
    let fixture = Fixture::new(transport);
    let Some(disk) = SmallDisk::mount(&fixture.folder().join("mirrors")) else {
        skipped("mounting a file system needs root");
        return;
    };
    fixture.update();
    fixture.origin.commit_bytes("refs/heads/big", 3_000_000);
    let error = fixture.try_update(&fixture.remote(), |_| {}).unwrap_err();
    assert!(
        matches!(error, MirrorError::DiskFull { .. }),
        "{}",
        everything_said(&error)
    );
    assert_eq!(error.class(), ErrorClass::Permanent);
    // What was there is still good, and there is room again.
    fixture.origin.git(&["update-ref", "-d", "refs/heads/big"]);
    fixture.origin.commit("refs/heads/main", 1);
    fixture.update();
    fixture.assert_sound();
    drop(disk);
}

#[test]
fn auto_falls_back_to_the_git_program_only_where_it_may_help() {
    let fixture = Fixture::new(TransportKind::Auto);
    assert_eq!(fixture.update().carried_by, TransportKind::Gix);
    fixture.server.behave(|it| it.status = Some(404));
    fixture.server.take_seen();
    fixture.try_update(&fixture.remote(), |_| {}).unwrap_err();
    assert_eq!(fixture.server.take_seen().len(), 1, "asked by one of them");
    // gix wants an exact content type; git asks again and says why itself.
    fixture.server.behave(|it| it.status = Some(200));
    fixture.server.take_seen();
    fixture.try_update(&fixture.remote(), |_| {}).unwrap_err();
    assert!(fixture.server.take_seen().len() > 1, "asked by both");
}
