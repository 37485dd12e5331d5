//! Real processes, one of which is killed.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use bucketload_archive::{Archive, CredentialStore, DataDir};
use bucketload_auth::Sealer;
use bucketload_model::{CredentialId, SystemClock};
use bucketload_simulator::{Effect, Fault, OAuthOptions};

use super::{Fixture, TOKEN_PAGE, oauth_client};

/// Set for the child: data directory, address, credential.
const CHILD: &str = "BUCKETLOAD_TEST_GRANT_CHILD";

/// Not a test, but a process that wants a token.
#[tokio::test]
#[ignore = "run by the tests below"]
async fn child() {
    #[expect(clippy::disallowed_methods, reason = "the way to hand it its task")]
    let task = std::env::var(CHILD).expect("run by the tests below");
    let mut words = task.split('\n');
    let data_dir = DataDir::new(words.next().unwrap());
    let client = oauth_client(words.next().unwrap(), Arc::new(SystemClock));
    let id: CredentialId = words.next().unwrap().parse().unwrap();
    let archive = Archive::open(&data_dir).await.unwrap();
    let key = data_dir.secret_key_or_new().unwrap();
    let store = CredentialStore::new(archive, Sealer::new(key), Arc::new(SystemClock));
    let source = store.source(id, Some(&client)).await.unwrap();
    source.current().await.unwrap();
}

fn start(fixture: &Fixture, id: CredentialId) -> Child {
    let task = format!(
        "{}\n{}\n{id}",
        fixture.data_dir.root().display(),
        fixture.simulator.web_url()
    );
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "credentials::processes::child", "--ignored"])
        .env(CHILD, task)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// A grant whose access token has ended already, by everybody's clock.
async fn ended(fixture: &Fixture) -> CredentialId {
    fixture.control().set_oauth_options(OAuthOptions {
        access_token_seconds: 0,
        ..OAuthOptions::approved_by("ada")
    });
    let id = fixture.grant().await;
    fixture
        .control()
        .set_oauth_options(OAuthOptions::approved_by("ada"));
    id
}

async fn succeeds(child: Child) -> bool {
    let wait = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
    wait.await.unwrap().status.success()
}

#[tokio::test]
async fn processes_that_want_a_token_at_once_renew_it_once() {
    let fixture = Fixture::new().await;
    let id = ended(&fixture).await;
    let delay = Effect::Delay {
        milliseconds: 1_500,
    };
    fixture
        .control()
        .add_fault(Fault::on_path(TOKEN_PAGE, delay));
    let children: Vec<_> = (0..3).map(|_| start(&fixture, id)).collect();
    for child in children {
        assert!(succeeds(child).await);
    }
    assert_eq!(fixture.refreshes(), 1);
    assert_eq!(fixture.renewals(id).await, 1);
}

#[tokio::test]
async fn a_process_killed_between_answer_and_commit_is_outlived() {
    let fixture = Fixture::new().await;
    let id = ended(&fixture).await;
    let delay = Effect::Delay {
        milliseconds: 3_600_000,
    };
    fixture
        .control()
        .add_fault(Fault::on_path(TOKEN_PAGE, delay).times(1));
    let mut child = start(&fixture, id);
    fixture.control().wait_for_request(1).await;
    // SIGKILL: nothing is given back.
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(fixture.renewals(id).await, 0);

    // Its lease ends by itself.
    fixture.clock.advance(chrono::Duration::seconds(60));
    fixture.source(id).await.current().await.unwrap();
    assert_eq!(fixture.renewals(id).await, 1);
    assert_eq!(fixture.refreshes(), 2);
}
