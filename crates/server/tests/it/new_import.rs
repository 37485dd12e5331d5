//! From a connection at Bitbucket to imports that run with it.

use std::sync::Arc;
use std::time::Duration;

use bucketload_archive::{CredentialStore, ImportFilter};
use bucketload_auth::Credential;
use bucketload_auth::oauth::{Consumer, OAuthClient, redirect_uri};
use bucketload_bitbucket::{Client, ClientOptions};
use bucketload_model::{ImportId, ImportState, NullSink, UserRole, UserState};
use bucketload_simulator::{Effect, Fault, Mutation, RequestKind, RetryHint, SeedOptions};
use bucketload_worker::queue::{Clients, Worker, WorkerOptions};
use bucketload_worker::{Importer, LeaseTimes};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::connections::connect;
use crate::imports_api::json_of;
use crate::support::{Browser, CONSUMER, CONSUMER_SECRET, House, Page, Plan, WORKSPACE, between};
use crate::tokens::make;

/// What the service itself has: an access token, which the simulator tells from a sign-in.
fn service_token() -> Credential {
    Credential::access_token("simulator-access-token")
}

async fn house(repositories: usize) -> House {
    let plan = Plan {
        credential: service_token(),
        world: SeedOptions {
            repositories,
            private_repositories: 1,
            pull_requests: 2,
            git_commits: 1,
            members: 4,
            ..SeedOptions::default()
        },
        ..Plan::default()
    };
    House::planned(plan).await
}

/// A member who has connected Bitbucket for imports.
async fn member(house: &House, index: usize) -> Browser {
    if house.archive.users().await.unwrap().is_empty() {
        house.administrator().await;
        house.open_door("member").await;
    }
    let mut browser = house.signed_in(&house.member(index).await).await;
    connect(&mut browser).await.is(303);
    browser
}

/// The connection that was made last.
async fn connection(house: &House) -> String {
    let kept = house.archive.credentials().await.unwrap();
    kept.last().unwrap().id.to_string()
}

/// What the form of a page says of one field.
fn field<'a>(page: &'a Page, name: &str) -> Option<&'a str> {
    between(&page.body, &format!("name=\"{name}\" value=\""), "\"")
}

/// Asks for imports with a token.
async fn ask_api(browser: &Browser, token: &str, body: &Value) -> Page {
    let request = browser.http.post(browser.address("/api/v1/imports"));
    let request = request.bearer_auth(token);
    let request = request.header("content-type", "application/json");
    browser.clone().send(request.body(body.to_string())).await
}

/// A worker, whose configuration has the token of the service.
async fn worker(house: &House) -> CancellationToken {
    let options = ClientOptions {
        clock: house.clock.clone(),
        ledger: Arc::new(house.archive.clone()),
        ..ClientOptions::new(house.simulator.api_url().parse().unwrap())
    };
    let web_url = house.simulator.web_url().parse().unwrap();
    let callback = redirect_uri(&house.url);
    let secret = CONSUMER_SECRET.to_owned().into();
    let consumer = Consumer::new(&web_url, CONSUMER, secret, callback).unwrap();
    let store = CredentialStore::new(
        house.archive.clone(),
        house.sealer.clone(),
        house.clock.clone(),
    );
    let clients = Clients::new(
        options.clone(),
        store,
        Some(OAuthClient::new(consumer, house.clock.clone()).unwrap()),
    );
    let cancel = CancellationToken::new();
    let importer = Importer {
        archive: house.archive.clone(),
        data_dir: bucketload_archive::DataDir::new(house.folder()),
        client: Client::new(options, service_token()).unwrap(),
        web_url,
        whole_lists: false,
        max_blob_bytes: 1_000_000,
        image_hosts: Vec::new(),
        transport: bucketload_archive::mirror::TransportKind::Auto,
        segment_above_bytes: 0,
        sink: Arc::new(NullSink),
        clock: house.clock.clone(),
        asked_by: None,
        times: LeaseTimes::default(),
        cancel: cancel.clone(),
    };
    let options = WorkerOptions {
        poll: Duration::from_millis(20),
        reconcile: Duration::from_millis(200),
        clients: Some(Arc::new(clients)),
        ..WorkerOptions::default()
    };
    let worker = Worker::new(importer, options).await.unwrap();
    tokio::spawn(worker.run());
    cancel
}

/// Waits until an import has come to its end; the test itself ends at last.
async fn end_of(house: &House, import: ImportId) -> (ImportState, Option<String>) {
    let ended = async {
        loop {
            let report = house.archive.report(import).await.unwrap().unwrap();
            if report.state.has_ended() {
                return (report.state, report.error);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let ended = tokio::time::timeout(Duration::from_mins(3), ended).await;
    ended.unwrap()
}

async fn imports(house: &House) -> Vec<(String, ImportId)> {
    let imports = house.archive.imports(&ImportFilter::default()).await;
    let imports = imports.unwrap().into_iter();
    imports
        .map(|import| (import.name.to_string(), import.id))
        .collect()
}

/// What signed the requests of a kind since the log was last emptied, each named once.
fn signed_with(house: &House, kind: RequestKind) -> Vec<String> {
    let requests = house.bitbucket.requests().into_iter();
    let of_kind = requests.filter(|request| request.kind == kind);
    let mut names: Vec<String> = of_kind.filter_map(|request| request.credential).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[tokio::test]
async fn what_somebody_chose_is_imported_with_their_own_connection() {
    let house = house(3).await;
    let mut browser = member(&house, 1).await;
    browser.get("/imports").await.says("href=\"imports/new\"");
    house.bitbucket.reset_log();
    // The only workspace is opened by itself.
    let page = browser.get("/imports/new").await.is(200);
    let page = page.says("lighthouse").says("private").says("not yet");
    let own = connection(&house).await;
    assert_eq!(field(&page, "credential"), Some(&*own));
    let fields = [
        ("credential", &*own),
        ("workspace", WORKSPACE),
        ("repository", "lighthouse"),
        ("repository", "harbour"),
    ];
    let page = browser.post("/imports/new", &fields).await.is(200);
    page.says("2 repositories")
        .says("requests")
        .says("Start 2 imports");
    assert!(imports(&house).await.is_empty(), "nothing begins before");
    let options = [
        ("options", "1"),
        ("stage", "git"),
        ("stage", "pull_requests"),
        ("priority", "50"),
        ("not_before", ""),
    ];
    let fields = [&fields[..], &options].concat();
    let answer = browser.post("/imports/new/start", &fields).await.is(303);
    assert_eq!(answer.location(), "/imports?workspace=seaside");
    let asked = imports(&house).await;
    assert_eq!(asked.len(), 2);
    let cancel = worker(&house).await;
    for (name, import) in &asked {
        let (state, error) = end_of(&house, *import).await;
        assert_eq!(state, ImportState::Complete, "{name}: {error:?}");
        let stored = house.archive.import(*import).await.unwrap().unwrap();
        assert_eq!(stored.stages.len(), 4, "{:?}", stored.stages);
    }
    cancel.cancel();
    // The token of the service would have done it too, and was not asked.
    assert_eq!(signed_with(&house, RequestKind::Rest), ["oauth2"]);
    let page = browser.get("/imports/new").await;
    page.says(&format!("href=\"imports/{}\"", asked[0].1))
        .says("complete");
    let log = house
        .administrator()
        .await
        .get("/administration/audit")
        .await;
    log.says("asked for imports").says("seaside/harbour");
}

#[tokio::test]
async fn lists_are_searched_at_bitbucket_sorted_and_go_on() {
    let house = house(104).await;
    let mut browser = member(&house, 1).await;
    let page = browser
        .get("/imports/new?workspace=seaside&sort=created")
        .await;
    let page = page
        .says("Show more repositories")
        .says("all 104 that match");
    assert!(!page.body.contains("value=\"repository-104\""));
    house.bitbucket.reset_log();
    let more = "/imports/new?workspace=seaside&sort=created&pages=2";
    let page = browser.get(more).await.says("value=\"repository-104\"");
    assert!(page.body.contains("value=\"lighthouse\""));
    assert!(!page.body.contains("Show more repositories"));
    // What was shown before is not asked for again.
    assert_eq!(house.bitbucket.requests().len(), 1);
    let page = browser.get("/imports/new?workspace=seaside&q=LIGHT").await;
    let page = page.says("value=\"lighthouse\"").says("all 1 that match");
    assert!(!page.body.contains("value=\"harbour\""));
    let odd = "/imports/new?workspace=seaside&q=%22%20OR%20name%20~%20%22";
    browser.get(odd).await.is(200).says("No name has");
    // All that match, on whatever page.
    let own = connection(&house).await;
    let fields = [
        ("credential", &*own),
        ("workspace", WORKSPACE),
        ("q", "repository"),
        ("all", "1"),
    ];
    let page = browser.post("/imports/new", &fields).await.is(200);
    page.says("96 repositories").says("About");
    browser.post("/imports/new/start", &fields).await.is(303);
    assert_eq!(imports(&house).await.len(), 96);
}

#[tokio::test]
async fn what_cannot_be_imported_stands_apart() {
    let house = house(2).await;
    let mut browser = member(&house, 1).await;
    let hg = Mutation::SetScm {
        repository: "seaside/harbour".to_owned(),
        scm: "hg".to_owned(),
    };
    house.bitbucket.mutate(hg).unwrap();
    let page = browser.get("/imports/new").await.is(200);
    let page = page.says("Cannot be imported").says("Mercurial");
    assert!(!page.body.contains("value=\"harbour\""));
    let own = connection(&house).await;
    let fields = [
        ("credential", &*own),
        ("workspace", WORKSPACE),
        ("all", "1"),
    ];
    let page = browser.post("/imports/new", &fields).await.is(200);
    page.says("1 repository is left out");
}

#[tokio::test]
async fn bitbuckets_refusals_are_told_in_words() {
    let house = house(1).await;
    let mut browser = member(&house, 1).await;
    let list = "/2.0/repositories/seaside";
    let answer = |status| Effect::Answer {
        status,
        headers: Vec::new(),
        body: String::new(),
    };
    for (effect, words) in [
        (answer(401), "Connect Bitbucket again"),
        (answer(403), "does not allow it"),
        (answer(404), "knows no such workspace"),
        (answer(400), "cannot be used"),
    ] {
        house.bitbucket.add_fault(Fault::on_path(list, effect));
        browser.get("/imports/new").await.is(200).says(words);
        house.bitbucket.clear_faults();
    }
    let limited = Effect::RateLimited {
        hint: RetryHint::RetryAfter,
        seconds: 600,
    };
    house.bitbucket.add_fault(Fault::on_path(list, limited));
    let page = browser.get("/imports/new").await.is(200);
    page.says("quota of this credential is spent")
        .says("It returns at");
    house.bitbucket.clear_faults();
    // Until then nobody asks again, and the page says so at once.
    house.bitbucket.reset_log();
    let page = browser.get("/imports/new").await;
    page.says("quota of this credential is spent");
    assert!(house.bitbucket.requests().is_empty());
    let page = browser.get("/imports/new?workspace=a%2Fb").await.is(200);
    page.says("is no workspace");
}

/// What a connection sees is its user's; so are the imports that it pays for.
#[tokio::test]
async fn nobody_imports_with_the_connection_of_somebody_else() {
    let house = house(1).await;
    member(&house, 1).await;
    let foreign = connection(&house).await;
    let mut other = house.signed_in(&house.member(2).await).await;
    let page = other.get("/imports/new").await.is(200);
    assert!(!page.body.contains(&foreign));
    let fields = [
        ("credential", &*foreign),
        ("workspace", WORKSPACE),
        ("repository", "lighthouse"),
    ];
    for path in ["/imports/new", "/imports/new/start"] {
        let answer = other.post(path, &fields).await.is(422);
        answer.says("not yours");
    }
    let token = make(&mut other, &["imports:write"], "7").await;
    let body = json!({"repositories": ["seaside/lighthouse"], "credential": foreign});
    ask_api(&other, &token, &body).await.is(422);
    assert!(imports(&house).await.is_empty());
}

/// Whoever was blocked, or revoked the consent, imports nothing more; the import says what
/// to do, and goes on with another credential.
#[tokio::test]
async fn an_import_whose_credential_has_ended_says_so_and_takes_another() {
    let house = house(1).await;
    let mut browser = member(&house, 1).await;
    let own = connection(&house).await;
    let fields = [
        ("credential", &*own),
        ("workspace", WORKSPACE),
        ("repository", "lighthouse"),
    ];
    browser.get("/imports/new").await.is(200);
    browser.post("/imports/new/start", &fields).await.is(303);
    let (_, import) = imports(&house).await.remove(0);
    let user = house.archive.users().await.unwrap().remove(1);
    house
        .set_user(user.id, UserRole::Member, UserState::Blocked)
        .await;
    let cancel = worker(&house).await;
    let (state, error) = end_of(&house, import).await;
    assert_eq!(state, ImportState::Failed);
    let error = error.unwrap();
    assert!(error.contains("may not import any more"), "{error}");
    assert!(error.contains("New import"), "{error}");
    // Somebody else asks for it, with what the service has.
    let mut ada = house.administrator().await;
    ada.get("/imports/new?credential=service&workspace=seaside")
        .await
        .is(200);
    let fields = [&[("credential", "service")], &fields[1..]].concat();
    house.bitbucket.reset_log();
    // The blocked one's credential is still kept, and named anew it would be asked again.
    house
        .archive
        .remove_credential(own.parse().unwrap())
        .await
        .unwrap();
    ada.post("/imports/new/start", &fields).await.is(303);
    let asked = imports(&house).await;
    assert_eq!(asked.len(), 1, "it goes on");
    let (state, error) = end_of(&house, import).await;
    assert_ne!(state, ImportState::Failed, "{error:?}");
    cancel.cancel();
    assert_eq!(signed_with(&house, RequestKind::Rest), ["access_token"]);
}

#[tokio::test]
async fn scripts_find_and_import_what_people_do() {
    let house = house(2).await;
    let mut browser = member(&house, 1).await;
    let token = make(&mut browser, &["imports:write"], "7").await;
    let get = async |path: &str| -> Value {
        let request = browser.http.get(browser.address(path));
        let page = browser.clone().send(request.bearer_auth(&token)).await;
        json_of(&page.is(200))
    };
    let own = connection(&house).await;
    let credentials = get("/api/v1/credentials").await;
    assert_eq!(credentials["credentials"][0]["id"], own);
    assert_eq!(credentials["credentials"][0]["whose"], "user");
    assert_eq!(credentials["credentials"][1]["id"], "service");
    let workspaces = get("/api/v1/workspaces").await;
    assert_eq!(workspaces["workspaces"], json!([WORKSPACE]));
    assert_eq!(workspaces["credential"], own);
    let list = get("/api/v1/workspaces/seaside/repositories?q=light&sort=name").await;
    assert_eq!(list["size"], 1);
    let found = &list["repositories"][0];
    assert_eq!(found["source"], "seaside/lighthouse");
    assert_eq!(found["language"], "rust");
    let body = json!({"repositories": [found["source"]], "credential": own});
    let queued = json_of(&ask_api(&browser, &token, &body).await.is(202));
    let import = queued["imports"][0]["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    house.bitbucket.reset_log();
    let cancel = worker(&house).await;
    let (state, error) = end_of(&house, import).await;
    assert_ne!(state, ImportState::Failed, "{error:?}");
    cancel.cancel();
    assert_eq!(signed_with(&house, RequestKind::Rest), ["oauth2"]);
}

/// Before anybody has connected anything, the page says what to do.
#[tokio::test]
async fn the_page_says_what_to_do_first() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    let page = ada.get("/imports/new").await.is(200);
    page.says("Connect Bitbucket first")
        .says("action=\"account/connections\"");
    // Public repositories need nothing.
    let page = ada.get("/imports/new?workspace=seaside").await.is(200);
    page.says("value=\"lighthouse\"");
    let plan = Plan {
        has_consumer: false,
        ..Plan::default()
    };
    let house = House::planned(plan).await;
    let mut ada = house.administrator().await;
    let page = ada.get("/imports/new").await.is(200);
    page.says("BUCKETLOAD_OAUTH_CLIENT_ID");
}
