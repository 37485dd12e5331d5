//! Ctrl-C, quota, and a disk that is full: each can be gone on from.

use std::io::Read as _;
use std::process::{Command, Stdio};

use bucketload_simulator::{Effect, Fault, RateLimit, RetryHint};

use crate::support::{Double, assert_same, bare_command, export, files, small};

const NAME: &str = "seaside/lighthouse";

#[test]
fn ctrl_c_stops_cleanly_and_says_how_to_go_on() {
    for signal in ["INT", "TERM"] {
        let folder = tempfile::tempdir().unwrap();
        let double = Double::seeded(small());
        let control = double.control();
        let undisturbed = folder.path().join("undisturbed");
        double.run(&undisturbed, &["import", NAME]).expect(0);
        let expected = files(&export(&undisturbed, &folder.path().join("expected"), NAME));

        let data_dir = folder.path().join("data");
        control.reset_log();
        control.add_fault(Fault::on_path("/comments", Effect::Hang));
        let mut child = double
            .command(&data_dir)
            .args(["import", NAME])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        double.runtime.block_on(control.wait_for_request(8));
        let began = std::time::Instant::now();
        let sent = Command::new("kill")
            .args([&format!("-{signal}"), &child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        assert_eq!(child.wait().unwrap().code(), Some(130));
        // Generous: what is asserted is that it does not wait for a hanging server.
        assert!(began.elapsed().as_secs() < 20);
        let mut stderr = String::new();
        child.stderr.unwrap().read_to_string(&mut stderr).unwrap();
        assert!(stderr.contains("run the same command again"), "{stderr}");

        let status = crate::support::run(bare_command(&data_dir).args(["status", "--json"]));
        assert_eq!(status.expect(0).report()["state"], "cancelled");
        control.clear_faults();
        double.run(&data_dir, &["import", NAME]).expect(0);
        assert_same(
            &files(&export(&data_dir, &folder.path().join("export"), NAME)),
            &expected,
        );
    }
}

#[test]
fn a_spent_quota_is_waited_for_or_ends_with_its_own_code() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let limit = RateLimit {
        anonymous: 4,
        credential: 4,
        window_seconds: 2,
        hint: RetryHint::Reset,
    };
    double.control().set_rate_limit(Some(limit));
    let data_dir = folder.path().join("data");
    let ran = double
        .run(&data_dir, &["import", NAME, "--no-wait"])
        .expect(5);
    assert!(ran.stderr.contains("quota"), "{}", ran.stderr);
    let status = crate::support::run(bare_command(&data_dir).args(["status", "--json"]));
    assert_eq!(status.expect(0).report()["state"], "waiting");

    // The same import, patient now.
    let ran = double.run(&data_dir, &["import", NAME, "--json"]).expect(0);
    assert_eq!(ran.report()["state"], "complete");
    assert!(ran.stderr.contains("asks to wait"), "{}", ran.stderr);
}

#[test]
fn our_own_quota_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    double.control().reset_log();
    let ran = crate::support::run(
        double
            .command(&folder.path().join("data"))
            .env("BUCKETLOAD_REST_QUOTA", "5")
            .args(["import", NAME, "--no-wait", "--skip", "git,wiki,downloads"]),
    );
    assert!(ran.expect(5).stderr.contains("quota"));
    assert_eq!(double.control().requests().len(), 5);
}

#[test]
fn a_full_disk_is_said_and_gone_on_from() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("small-disk");
    std::fs::create_dir(&data_dir).unwrap();
    let mounted = Command::new("mount")
        // Room for the tables, and never for what comes into them.
        .args(["-t", "tmpfs", "-o", "size=2m", "none"])
        .arg(&data_dir)
        .stderr(Stdio::null())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("skipped: a small disk cannot be mounted here");
        return;
    }
    let double = Double::seeded(bucketload_simulator::SeedOptions {
        pull_requests: 400,
        ..small()
    });
    let ran = double.run(&data_dir, &["import", NAME]);
    let resized = Command::new("mount")
        .args(["-o", "remount,size=64m"])
        .arg(&data_dir)
        .status();
    let again = double.run(&data_dir, &["import", NAME, "--json"]);
    let unmounted = Command::new("umount").arg(&data_dir).status();
    let ran = ran.expect(1);
    assert!(ran.stderr.contains("the disk is full"), "{}", ran.stderr);
    assert!(ran.stderr.contains("free some space"), "{}", ran.stderr);
    assert!(resized.unwrap().success() && unmounted.unwrap().success());
    assert_eq!(again.expect(0).report()["state"], "complete");
}
