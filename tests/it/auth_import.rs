//! Imports whose tokens end while they run.

use std::process::Stdio;
use std::time::Duration;

use bucketload_simulator::{OAuthOptions, SeedOptions};

use crate::auth::sign_in;
use crate::support::{Double, assert_same, export, files, run, small};

const NAME: &str = "seaside/lighthouse";

#[test]
fn a_token_of_seconds_is_renewed_in_the_middle_and_the_import_is_whole() {
    for transport in ["gix", "git"] {
        let folder = tempfile::tempdir().unwrap();
        let double = Double::seeded(SeedOptions {
            repositories: 2,
            ..small()
        });
        let control = double.control();
        let expected = folder.path().join("expected");
        double.run(&expected, &["import", NAME]).expect(0);
        let expected = files(&export(&expected, &folder.path().join("one"), NAME));

        let consumer = double.consumer();
        control.set_oauth_options(OAuthOptions {
            access_token_seconds: 4,
            ..OAuthOptions::approved_by("ada")
        });
        let data_dir = folder.path().join("data");
        sign_in(&double, &consumer, &data_dir);
        control.reset_log();
        // Slow enough to outlive several tokens, and no answer takes half a life.
        control.set_latency(Duration::from_millis(700));
        let mut import = double.command_with(&consumer, &data_dir);
        let ran = run(import.args(["import", "seaside", "--json", "--git-transport", transport]));
        let json = ran.expect(0).json();
        for report in json["imports"].as_array().unwrap() {
            assert_eq!(report["state"], "complete");
        }
        let refreshes = control.token_requests("refresh_token");
        assert!(refreshes >= 2, "{refreshes}");
        control.set_latency(Duration::ZERO);
        let found = files(&export(&data_dir, &folder.path().join("two"), NAME));
        assert_same(&found, &expected);
    }
}

#[test]
fn tokens_that_end_before_their_time_are_replaced_once() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let consumer = double.consumer();
    sign_in(&double, &consumer, folder.path());
    let control = double.control();
    control.reset_log();
    // Clocks that differ, or a revoked token: REST and git both meet it.
    control.expire_access_tokens();
    let mut import = double.command_with(&consumer, folder.path());
    let child = import
        .args(["import", NAME, "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    double.runtime.block_on(control.wait_for_request(5));
    control.expire_access_tokens();
    let ran: crate::support::Ran = child.wait_with_output().unwrap().into();
    assert_eq!(ran.expect(0).report()["state"], "complete");
    assert_eq!(control.token_requests("refresh_token"), 2);

    // Git alone is refused.
    control.reset_log();
    control.expire_access_tokens();
    let mut import = double.command_with(&consumer, folder.path());
    let ran = run(import.args(["import", NAME, "--json", "--only", "git"]));
    assert_eq!(ran.expect(0).report()["state"], "complete");
    assert_eq!(control.token_requests("refresh_token"), 1);
}

#[test]
fn a_revoked_sign_in_ends_the_import_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let consumer = double.consumer();
    sign_in(&double, &consumer, folder.path());
    let control = double.control();
    let grant = control.grants()[0].id;
    control.revoke_grant(grant).unwrap();
    let import = || {
        let mut import = double.command_with(&consumer, folder.path());
        run(import.args(["import", NAME]))
    };
    let said = import().expect(4).stderr;
    assert!(said.contains("sign in again"), "{said}");
    // The next import knows it before it asks.
    control.reset_log();
    let said = import().expect(4).stderr;
    assert!(said.contains("sign in again"), "{said}");
    assert_eq!(control.requests().len(), 0);
    sign_in(&double, &consumer, folder.path());
    import().expect(0);
}
