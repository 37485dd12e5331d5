//! Who is told what happened, from the settings to the receiver.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

use crate::auth::sign_in;
use crate::receivers::{Hooks, MailServer};
use crate::support::{Double, Ran, bare_command, run, small};

const NAME: &str = "seaside/lighthouse";

/// Settings for both receivers.
fn tell<'a>(command: &'a mut Command, hooks: &Hooks, server: &MailServer) -> &'a mut Command {
    command
        .env("BUCKETLOAD_NOTIFY_WEBHOOK_URL", hooks.url())
        .env("BUCKETLOAD_NOTIFY_WEBHOOK_SECRET", "BLSECRET-webhook")
        .env("BUCKETLOAD_SMTP_URL", server.url())
        .env("BUCKETLOAD_NOTIFY_EMAIL_FROM", "loads@example.org")
        .env("BUCKETLOAD_NOTIFY_EMAIL_TO", "ann@example.org")
}

fn assert_no_secret(ran: &Ran) {
    for said in [&ran.stdout, &ran.stderr] {
        assert!(
            !said.contains("s3cret") && !said.contains("BLSECRET"),
            "{said}"
        );
    }
}

#[test]
fn a_test_goes_through_each_channel_and_says_what_came_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (hooks, server) = (Hooks::start(), MailServer::start());
    let test = |arguments: &[&str]| {
        let mut command = bare_command(folder.path());
        run(tell(&mut command, &hooks, &server)
            .args(["notify", "--test", "-v", "-v"])
            .args(arguments))
    };
    let ran = test(&[]).expect(0);
    assert_no_secret(&ran);
    assert_eq!(
        ran.stdout.matches("it took the test").count(),
        2,
        "{}",
        ran.stdout
    );
    assert_eq!(hooks.posts()[0].json()["kind"], "test");
    let subject = server.mails()[0].header("Subject").unwrap();
    assert!(
        subject.starts_with("bucketload: This is a test"),
        "{subject}"
    );
    // No folder, no database: nothing is needed but the receivers.
    assert!(!folder.path().join("bucketload.db").exists());

    hooks.answer(410);
    let ran = test(&["--json"]).expect(1);
    assert_no_secret(&ran);
    let channels = &ran.json()["channels"];
    assert_eq!(channels[0]["error"], "the receiver answered 410");
    assert!(channels[1]["error"].is_null());

    let said = run(bare_command(folder.path()).args(["notify", "--test"]))
        .expect(2)
        .stderr;
    assert!(said.contains("BUCKETLOAD_NOTIFY_WEBHOOK_URL"), "{said}");
}

#[test]
fn a_revoked_sign_in_is_told_by_the_worker_and_seen_by_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let (hooks, server) = (Hooks::start(), MailServer::start());
    let double = Double::seeded(small());
    let consumer = double.consumer();
    let data_dir = folder.path().join("data");
    sign_in(&double, &consumer, &data_dir);
    let mut command = double.command_with(&consumer, &data_dir);
    let worker = tell(&mut command, &hooks, &server)
        .arg("worker")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until(|| subscriptions(&data_dir) == Some(8));
    let control = double.control();
    control.revoke_grant(control.grants()[0].id).unwrap();
    let import = || {
        let mut import = double.command_with(&consumer, &data_dir);
        run(import.args(["import", NAME])).expect(4)
    };
    import();
    import();
    let posts = hooks.wait_for(1);
    let shown = || {
        let mut command = bare_command(&data_dir);
        run(tell(&mut command, &hooks, &server).args(["notify", "--json"])).expect(0)
    };
    until(|| shown().json()["notices"][0]["deliveries"][1]["state"] == "delivered");
    stop(worker);
    let body = posts[0].json();
    assert_eq!(body["kind"], "credential_expired", "{body}");
    let link = body["link"].as_str().unwrap();
    assert!(link.starts_with(&consumer.public_url), "{link}");
    assert!(posts[0].headers["x-bucketload-signature"].starts_with("sha256="));
    assert_eq!(hooks.posts().len(), 1);

    let ran = shown();
    assert_no_secret(&ran);
    let json = ran.json();
    assert_eq!(json["channels"].as_array().unwrap().len(), 2);
    let notices = json["notices"].as_array().unwrap();
    assert_eq!(notices.len(), 1, "{notices:#?}");
    assert_eq!(notices[0]["id"], body["id"]);
    let mut command = bare_command(&data_dir);
    let ran = run(tell(&mut command, &hooks, &server).arg("notify")).expect(0);
    assert_no_secret(&ran);
    for part in [
        "credential_expired",
        "webhook: told",
        "email: ",
        "127.0.0.1",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
}

/// How many kinds are told on all channels together, once somebody works who has them.
fn subscriptions(data_dir: &Path) -> Option<i64> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let options = SqliteConnectOptions::new()
        .filename(data_dir.join("bucketload.db"))
        .read_only(true);
    let count = runtime.block_on(async {
        let mut connection = options.connect().await?;
        let count = sqlx::query_scalar("select count(*) from notice_subscriptions");
        count.fetch_one(&mut connection).await
    });
    count.ok()
}

fn until(what: impl Fn() -> bool) {
    let began = Instant::now();
    while !what() {
        assert!(
            began.elapsed() < Duration::from_mins(2),
            "it takes too long"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn stop(worker: Child) {
    let id = worker.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    let ran: Ran = worker.wait_with_output().unwrap().into();
    assert_no_secret(&ran.expect(0));
}
