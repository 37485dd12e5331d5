//! Settings: each a document, kept as it was sent, asked for seldom, missing by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use bucketload_auth::Credential;
use bucketload_bitbucket::{Client, Endpoint, PageUrl};
use bucketload_model::{
    Clock as _, GapReason, ImportReport, ImportState, ManualClock, Stage, StageState, SystemClock,
};
use bucketload_simulator::{Effect, Fault, SeedOptions};
use bucketload_worker::Selection;
use futures::TryStreamExt as _;
use serde_json::{Value, json};

use crate::support::{Local, NAME, Remote, assert_complete, bench, remote, small, stage, status};

/// All documents, and what there is in lists.
const LISTS: &[(&str, usize)] = &[
    ("branch_restrictions", 5),
    ("default_reviewers", 3),
    ("deploy_keys", 2),
    ("environment_variables", 3),
    ("environments", 3),
    ("forks", 1),
    ("group_permissions", 2),
    ("pipeline_known_hosts", 1),
    ("pipeline_schedules", 1),
    ("pipeline_variables", 4),
    ("user_permissions", 5),
    ("watchers", 3),
    ("webhooks", 2),
];

const OBJECTS: &[&str] = &[
    "branching_model",
    "branching_model_settings",
    "pipelines",
    "project",
];

/// Each document takes a request, and the variables of three environments three.
const REQUESTS: u64 = 17 + 2;

/// The documents of an export, by name.
async fn documents(local: &Local) -> BTreeMap<String, Value> {
    let files = local.export(NAME).await.into_iter();
    let documents = files.filter_map(|(file, bytes)| {
        let name = file.strip_prefix("settings/")?.strip_suffix(".json")?;
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        let mut line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["key"], json!({ "setting": name }));
        Some((name.to_owned(), line["source"].take()))
    });
    documents.collect()
}

fn only_settings() -> Selection {
    Selection::new(&[Stage::Settings], &[]).unwrap()
}

async fn import_settings(local: &Local) -> ImportReport {
    let outcome = local.try_import(NAME, &only_settings()).await;
    assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
    outcome.report
}

/// What the server itself says, by document.
async fn truth(client: &Client) -> BTreeMap<&'static str, Value> {
    async fn list(client: &Client, (endpoint, first): (Endpoint, PageUrl)) -> Value {
        let pages = client.pages::<Value>(endpoint, first);
        let pages: Vec<_> = pages.try_collect().await.unwrap();
        let items = pages.into_iter().flat_map(|page| page.items);
        items.map(|item| item.value).collect()
    }
    let name = NAME.parse().unwrap();
    let mut truth = BTreeMap::new();
    for (document, found) in [
        (
            "default_reviewers",
            client.effective_default_reviewers(&name),
        ),
        ("forks", client.forks(&name)),
        ("watchers", client.watchers(&name)),
        ("webhooks", client.hooks(&name)),
        ("branch_restrictions", client.branch_restrictions(&name)),
        ("deploy_keys", client.deploy_keys(&name)),
        ("user_permissions", client.user_permissions(&name)),
        ("group_permissions", client.group_permissions(&name)),
        ("pipeline_variables", client.pipelines_variables(&name)),
        ("pipeline_schedules", client.pipelines_schedules(&name)),
        ("pipeline_known_hosts", client.pipelines_known_hosts(&name)),
        ("environments", client.environments(&name)),
    ] {
        truth.insert(document, list(client, found).await);
    }
    let mut variables = Vec::new();
    for environment in truth["environments"].as_array().unwrap() {
        let uuid = &environment["uuid"];
        let parsed = uuid.as_str().unwrap().parse().unwrap();
        let of_one = list(client, client.environment_variables(&name, &parsed)).await;
        variables.push(json!({ "environment": uuid, "variables": of_one }));
    }
    truth.insert("environment_variables", variables.into());
    let text = |source: &str| serde_json::from_str(source).unwrap();
    let model = client.branching_model(&name).await.unwrap();
    truth.insert("branching_model", text(model.item.source.get()));
    let model = client.branching_model_settings(&name).await.unwrap();
    truth.insert("branching_model_settings", text(model.item.source.get()));
    let pipelines = client.pipelines_config(&name).await.unwrap();
    truth.insert("pipelines", text(pipelines.item.source.get()));
    let project = client.project(&name.workspace, "SEA").await.unwrap();
    truth.insert("project", text(project.item.source.get()));
    truth
}

#[tokio::test]
async fn every_document_is_that_of_the_server() {
    let (remote, local) = bench().await;
    let report = local.import().await;
    assert_complete(&report);
    let settings = stage(&report, Stage::Settings);
    assert_eq!((settings.expected, settings.stored), (Some(17), 17));
    let estimated = settings.requests_estimated.unwrap();
    assert!((estimated.min..=estimated.max).contains(&REQUESTS));
    let paths = [
        "/settings",
        "/projects/",
        "/effective-default-reviewers",
        "/branching-model",
        "/forks",
        "/watchers",
        "/hooks",
        "/branch-restrictions",
        "/deploy-keys",
        "/permissions-config/",
        "/pipelines_config",
        "/environments",
    ];
    let rest = remote.rest();
    let asked = rest
        .iter()
        .filter(|one| paths.iter().any(|path| one.contains(path)));
    assert_eq!(asked.count() as u64, REQUESTS);

    let documents = documents(&local).await;
    assert_eq!(documents.len(), LISTS.len() + OBJECTS.len());
    for (name, length) in LISTS {
        assert_eq!(
            documents[*name].as_array().unwrap().len(),
            *length,
            "{name}"
        );
    }
    for (name, expected) in truth(&local.importer.client).await {
        assert_eq!(documents[name], expected, "{name}");
    }
    let all = json!(documents).to_string();
    assert!(
        !all.contains("value of AWS_REGION") && !all.contains("\"secret\""),
        "{all}"
    );
}

#[tokio::test]
async fn they_are_asked_for_once_a_week_or_on_request() {
    let remote = remote(small()).await;
    let mut local = Local::new(&remote).await;
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    local.importer.clock = clock.clone();
    import_settings(&local).await;
    let asked = async |local: &Local| {
        remote.control.reset_log();
        assert_eq!(import_settings(local).await.state, ImportState::Complete);
        remote.rest().len() as u64
    };
    assert_eq!(asked(&local).await, 1, "the repository");
    clock.advance(chrono::Duration::days(6));
    assert_eq!(asked(&local).await, 1);
    clock.advance(chrono::Duration::hours(25));
    assert_eq!(asked(&local).await, 1 + REQUESTS);
    local.importer.whole_lists = true;
    assert_eq!(asked(&local).await, 1 + REQUESTS);
}

#[tokio::test]
async fn what_only_administrators_see_is_named_with_what_it_takes() {
    let remote = remote(small()).await;
    let mut local = Local::with(&remote, Credential::access_token("simulator-plain-import")).await;
    let report = import_settings(&local).await;
    assert_eq!(report.state, ImportState::CompleteWithGaps);
    let settings = stage(&report, Stage::Settings);
    let counts = (settings.expected, settings.stored, settings.missing);
    assert_eq!(counts, (Some(17), 5, 12));
    assert_eq!(report.gaps.len(), 12);
    for gap in &report.gaps {
        assert_eq!(
            (gap.stage, gap.reason),
            (Stage::Settings, GapReason::NotPermitted)
        );
        assert!(gap.detail.contains("it needs the scope "), "{gap:?}");
    }
    let detail = |object: &str| {
        let gap = report.gaps.iter().find(|gap| gap.object == object);
        gap.unwrap().detail.clone()
    };
    let rules = detail("settings/branch_restrictions");
    for part in [
        "repository:admin",
        "admin:repository:bitbucket",
        "an administrator",
    ] {
        assert!(rules.contains(part), "{rules}");
    }
    assert!(detail("settings/webhooks").contains("the scope webhook"));
    // The repository, five that are shown, and one for each scope that is wanting.
    let for_scopes = [
        "/hooks",
        "/pipelines_config",
        "/permissions-config",
        "/variables",
    ];
    let rest = remote.rest();
    assert_eq!(rest.len(), 1 + 5 + for_scopes.len(), "{rest:#?}");
    assert_eq!(report.requests.total, rest.len() as u64);
    assert_eq!(documents(&local).await.len(), 5);

    // The next import asks for what is missing, and with the rights for it gets it.
    local.turn_to(&remote);
    remote.control.reset_log();
    let report = import_settings(&local).await;
    assert_complete_settings(&report);
    assert_eq!(remote.rest().len() as u64, 1 + REQUESTS - 5);
}

#[track_caller]
fn assert_complete_settings(report: &ImportReport) {
    assert_eq!(report.gaps, []);
    let settings = stage(report, Stage::Settings);
    assert_eq!(settings.state, StageState::Complete);
    assert_eq!((settings.expected, settings.stored), (Some(17), 17));
}

#[tokio::test]
async fn without_a_credential_there_is_what_the_public_sees() {
    let remote = remote(small()).await;
    let mut local = Local::with(&remote, Credential::Anonymous).await;
    let report = import_settings(&local).await;
    assert_eq!(
        (report.state, &report.gaps[..]),
        (ImportState::Complete, &[][..])
    );
    let settings = stage(&report, Stage::Settings);
    assert_eq!((settings.expected, settings.stored), (Some(5), 5));
    assert_eq!(remote.rest().len(), 1 + 5);
    let documents: Vec<String> = documents(&local).await.into_keys().collect();
    assert_eq!(
        documents,
        [
            "branching_model",
            "default_reviewers",
            "forks",
            "project",
            "watchers"
        ]
    );
    // What a credential is shown besides is asked for at once.
    local.turn_to(&remote);
    assert_complete_settings(&import_settings(&local).await);
}

#[tokio::test]
async fn what_was_never_set_up_is_no_gap() {
    let (remote, local) = bench().await;
    remote.on_path("*/pipelines_config", status(404));
    remote.on_path("/hooks", status(404));
    let report = import_settings(&local).await;
    assert_eq!(
        (report.state, &report.gaps[..]),
        (ImportState::Complete, &[][..])
    );
    let settings = stage(&report, Stage::Settings);
    // Without pipelines there is nothing to ask of them.
    assert_eq!((settings.expected, settings.stored), (Some(10), 10));
    assert_eq!(remote.asked("/pipelines_config/"), 0);
    assert_eq!(remote.asked("/environments"), 0);
    // One answer may be wrong. Two are believed for a week.
    for asked_again in [2, 0] {
        remote.control.reset_log();
        let report = import_settings(&local).await;
        assert_eq!(report.state, ImportState::Complete);
        assert_eq!(remote.rest().len(), 1 + asked_again);
    }
    local.importer.archive.close().await;
    let again = Local::new(&remote).await;
    import_settings(&again).await;
    remote.control.clear_faults();
    assert_complete_settings(&import_settings(&again).await);
}

#[tokio::test]
async fn one_that_fails_costs_nobody_the_others_and_is_tried_again() {
    for (code, reason) in [
        (500, GapReason::SourceError),
        (400, GapReason::Unreadable),
        (410, GapReason::RemovedByAtlassian),
        (403, GapReason::NotPermitted),
        (401, GapReason::NotPermitted),
    ] {
        let (remote, local) = bench().await;
        remote.on_path("/watchers", status(code));
        let report = import_settings(&local).await;
        let [gap] = &report.gaps[..] else {
            panic!("{:#?}", report.gaps);
        };
        assert_eq!(
            (gap.object.as_str(), gap.reason),
            ("settings/watchers", reason)
        );
        let settings = stage(&report, Stage::Settings);
        assert_eq!(
            (settings.expected, settings.stored),
            (Some(17), 16),
            "{code}"
        );
        assert_eq!(report.requests.total, remote.rest().len() as u64);
        remote.control.clear_faults();
        remote.control.reset_log();
        assert_complete_settings(&import_settings(&local).await);
        assert_eq!(remote.rest().len(), 2, "{code}");
    }
}

#[tokio::test]
async fn environments_that_cannot_be_read_take_their_variables_along() {
    let (remote, local) = bench().await;
    remote.on_path("*/environments?*", status(403));
    let report = import_settings(&local).await;
    let missing: Vec<&str> = report.gaps.iter().map(|gap| gap.object.as_str()).collect();
    assert_eq!(
        missing,
        ["settings/environment_variables", "settings/environments"]
    );
    remote.control.clear_faults();
    assert_complete_settings(&import_settings(&local).await);
}

#[tokio::test]
async fn an_outage_fails_the_stage_and_it_goes_on_where_it_was() {
    let (remote, local) = bench().await;
    let settings = only_settings();
    remote.on_path("*/lighthouse/*", status(503));
    let outcome = local.try_import(NAME, &settings).await;
    let failure = outcome.failure.unwrap();
    assert_eq!(failure.stage, Stage::Settings);
    let asked = remote.rest().len();
    assert!(asked < 60, "{asked}");
    remote.control.clear_faults();
    let report = import_settings(&local).await;
    assert_eq!(report.id, outcome.report.id);
    assert_complete_settings(&report);
}

/// Hangs at a request of a fresh archive, and is dropped there.
async fn killed_at(remote: &Remote, request: u64) -> Local {
    let local = Local::new(remote).await;
    remote.control.reset_log();
    let fault = Fault::on_request(request, Effect::Hang);
    remote.control.add_fault(fault);
    let name = NAME.parse().unwrap();
    let settings = only_settings();
    tokio::select! {
        outcome = local.importer.import(&name, &settings) => panic!("{outcome:?}"),
        () = remote.control.wait_for_request(request) => {}
    }
    remote.control.clear_faults();
    local
}

#[tokio::test]
async fn killed_at_every_request_it_asks_for_what_is_left() {
    let remote = remote(SeedOptions {
        pull_requests: 0,
        ..small()
    })
    .await;
    let undisturbed = Local::new(&remote).await;
    import_settings(&undisturbed).await;
    let expected = undisturbed.export(NAME).await;
    for request in 1..=1 + REQUESTS {
        let local = killed_at(&remote, request).await;
        remote.control.reset_log();
        assert_complete_settings(&import_settings(&local).await);
        assert!(
            local.export(NAME).await == expected,
            "killed at request {request}"
        );
        // Two lanes: what either had under way is asked for again, and one document of
        // several requests from its beginning.
        let again = remote.rest().len() as u64 + request;
        assert!(again <= REQUESTS + 1 + 5, "{again} after {request}");
    }
}

#[tokio::test]
async fn whatever_goes_wrong_with_whichever_request_the_next_import_has_everything() {
    let remote = remote(SeedOptions {
        pull_requests: 0,
        ..small()
    })
    .await;
    let undisturbed = Local::new(&remote).await;
    import_settings(&undisturbed).await;
    let expected = undisturbed.export(NAME).await;
    for effect in [
        status(404),
        status(403),
        status(410),
        Effect::Truncate,
        Effect::RemoveField {
            field: "values".to_owned(),
        },
        Effect::ReplaceField {
            field: "values[0]".to_owned(),
            value: 7.into(),
        },
    ] {
        for request in 2..=1 + REQUESTS {
            let local = Local::new(&remote).await;
            remote.control.reset_log();
            let fault = Fault::on_request(request, effect.clone());
            remote.control.add_fault(fault);
            import_settings(&local).await;
            remote.control.clear_faults();
            assert_complete_settings(&import_settings(&local).await);
            let export = local.export(NAME).await;
            assert!(export == expected, "{effect:?} at request {request}");
        }
    }
}

#[tokio::test]
async fn an_unfinished_list_is_not_half_kept() {
    let (remote, local) = bench().await;
    let effect = Effect::ReplaceField {
        field: "next".to_owned(),
        value: "https://attacker.example/2.0/more".into(),
    };
    remote.on_path("/watchers", effect);
    let report = import_settings(&local).await;
    assert_eq!(report.gaps[0].object, "settings/watchers");
    assert!(!documents(&local).await.contains_key("watchers"));
}
