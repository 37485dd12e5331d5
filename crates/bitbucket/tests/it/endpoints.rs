//! Every endpoint against the simulator: asked where the official document has it,
//! walked to its end, in as few requests as its page length allows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bucketload_auth::Credential;
use bucketload_bitbucket::{
    Account, Activity, ActivityKind, BranchRestriction, Client, ClientOptions, Comment, Commit,
    CommitStatus, DeployKey, Download, EffectiveReviewer, Endpoint, Environment, FileChange, Hook,
    InlineAnchor, Issue, IssueAttachment, IssueChange, IssueComment, Item, KnownHost, Membership,
    Page, PageUrl, Permission, Project, PullRequest, Ref, RepositoriesOptions, Repository,
    RequestErrorKind, Role, Schedule, Task, Variable, WorkspaceAccess,
};
use bucketload_model::{ErrorClass, IssueId, PullRequestId, WorkspaceSlug};
use bucketload_simulator::{Fault, ReplayOptions, SeedOptions, Simulator, SimulatorOptions, World};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::support::{Double, TOKEN, name, seeded, small, status, status_of, with};

/// A file that is no part of the project.
fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared")
        .join(path);
    if !path.exists() {
        println!("skipped: {} is not here", path.display());
        return None;
    }
    Some(path)
}

/// Lists of more than one page each, where a seeded world can be that large.
async fn large() -> Double {
    seeded(SeedOptions {
        members: 105,
        pull_requests: 120,
        git_commits: 110,
        ..SeedOptions::default()
    })
    .await
}

fn workspace() -> WorkspaceSlug {
    "seaside".parse().unwrap()
}

/// A page of this many objects is full.
fn requests_for(objects: usize, endpoint: Endpoint) -> usize {
    let page_length = usize::try_from(endpoint.page_length()).unwrap();
    objects.div_ceil(page_length).max(1)
}

impl Double {
    /// Every object of a list.
    pub(crate) async fn walk<T: DeserializeOwned>(
        &self,
        list: (Endpoint, PageUrl),
    ) -> Vec<Item<T>> {
        self.control.reset_log();
        let (endpoint, first) = list.clone();
        assert!(!first.to_string().contains("page="), "{first}");
        let pages: Vec<Page<T>> = self.all(list).await.unwrap();
        let (mut items, mut size) = (Vec::new(), None);
        for page in pages {
            assert!(page.unreadable.is_empty(), "{first}: {:?}", page.unreadable);
            size = page.size.or(size);
            items.extend(page.items);
        }
        assert!(
            size.is_none_or(|size| size == items.len() as u64),
            "{first}"
        );
        let requests = self.control.requests();
        assert_eq!(
            requests.len(),
            requests_for(items.len(), endpoint),
            "{first}"
        );
        for request in requests {
            assert_eq!(request.endpoint.as_deref(), Some(endpoint.path()));
            assert_eq!(request.status, Some(200));
        }
        items
    }

    /// That a list has so many objects.
    async fn has<T: DeserializeOwned>(&self, list: (Endpoint, PageUrl), objects: usize) {
        let found = self.walk::<T>(list.clone()).await.len();
        assert_eq!(found, objects, "{}", list.0);
    }

    /// The class of the answer to the first page.
    async fn refusal(&self, (endpoint, first): (Endpoint, PageUrl)) -> (ErrorClass, u16) {
        let error = self.client.page::<Value>(endpoint, &first).await;
        let error = error.unwrap_err();
        assert_eq!((error.requests, error.endpoint), (1, endpoint));
        (error.class(), status_of(&error))
    }
}

fn issue_lists(client: &Client) -> Vec<(Endpoint, PageUrl)> {
    let (name, id) = (name(), IssueId(1));
    vec![
        client.issues(&name),
        client.issue_comments(&name, id),
        client.issue_changes(&name, id),
        client.issue_attachments(&name, id),
        client.components(&name),
        client.milestones(&name),
        client.versions(&name),
    ]
}

#[tokio::test]
async fn lists_of_workspaces_and_repositories_are_walked_to_their_end() {
    let double = large().await;
    let (client, name) = (&double.client, name());
    let access = double
        .walk::<WorkspaceAccess>(client.user_workspaces())
        .await;
    assert_eq!(access[0].value.workspace.slug, workspace());
    assert_eq!(access[0].value.administrator, Some(true));
    double
        .has::<Membership>(client.members(&workspace()), 105)
        .await;
    let projects = double.walk::<Project>(client.projects(&workspace())).await;
    assert_eq!(projects[0].value.key, "SEA");
    double
        .has::<Repository>(client.repositories(&workspace()), 1)
        .await;
    double.has::<Repository>(client.forks(&name), 1).await;
    double.has::<Account>(client.watchers(&name), 3).await;
    let downloads = double.walk::<Download>(client.downloads(&name)).await;
    assert_eq!(downloads.len(), 3);
    for download in downloads {
        let link = download.value.content_link().unwrap().to_owned();
        assert!(client.page_url(&link).is_ok(), "{link}");
    }

    let commits = double.walk::<Commit>(client.commits(&name)).await;
    assert!(commits.len() > 100);
    let branches = double.walk::<Ref>(client.branches(&name)).await;
    let tags = double.walk::<Ref>(client.tags(&name)).await;
    let kinds = |refs: &[Item<Ref>]| -> BTreeSet<String> {
        refs.iter()
            .filter_map(|one| one.value.kind.clone())
            .collect()
    };
    assert_eq!(kinds(&branches), ["branch".to_owned()].into());
    assert_eq!(kinds(&tags), ["tag".to_owned()].into());
    double
        .has::<Ref>(client.refs(&name), branches.len() + tags.len())
        .await;
}

#[tokio::test]
async fn lists_of_pull_requests_are_walked_to_their_end() {
    let double = large().await;
    let (client, name) = (&double.client, name());
    let pull_requests = double
        .walk::<PullRequest>(client.pull_requests(&name))
        .await;
    assert_eq!(pull_requests.len(), 120);
    let (mut tasks, mut statuses, mut commits, mut files) = (0, 0, 0, 0);
    let mut of_each = BTreeMap::new();
    for pull_request in &pull_requests {
        let id = pull_request.value.id;
        let comments = double
            .walk::<Comment>(client.pull_request_comments(&name, id))
            .await;
        let left = comments
            .iter()
            .filter(|one| one.value.deleted != Some(true));
        assert_eq!(
            pull_request.value.comment_count,
            i64::try_from(left.count()).ok()
        );
        let found = double
            .walk::<Task>(client.pull_request_tasks(&name, id))
            .await;
        for task in &found {
            let resolved = task.value.state.as_deref() == Some("RESOLVED");
            assert!(resolved || task.value.resolved_by.is_none());
        }
        tasks += found.len();
        let found = client.pull_request_statuses(&name, id);
        statuses += double.walk::<CommitStatus>(found).await.len();
        let found = client.pull_request_commits(&name, id);
        commits += double.walk::<Commit>(found).await.len();
        let found = client.pull_request_activity(&name, id);
        of_each.insert(id, double.walk::<Activity>(found).await.len());
        if let Some(list) = client.pull_request_diffstat(&pull_request.value).unwrap() {
            let found = double.walk::<FileChange>(list).await;
            assert!(found.iter().all(|file| file.value.path().is_some()));
            files += found.len();
        }
    }
    assert!(tasks > 10 && statuses > 50 && commits > 100 && files > 100);

    let activity = double.walk::<Activity>(client.activity(&name)).await;
    let (mut kinds, mut in_feed) = (BTreeSet::new(), BTreeMap::new());
    for entry in &activity {
        let entry = &entry.value;
        kinds.insert(entry.kind());
        *in_feed.entry(entry.pull_request()).or_default() += 1;
        assert!(entry.date().is_some());
        assert_ne!(entry.inline_anchor(), InlineAnchor::WithPath);
    }
    assert_eq!(in_feed, of_each);
    assert!(!kinds.contains(&ActivityKind::Unknown) && kinds.len() == 4);
    let dates: Vec<_> = activity.iter().filter_map(|one| one.value.date()).collect();
    assert!(dates.is_sorted_by(|left, right| left >= right));
    let anchors = activity.iter().map(|entry| entry.value.inline_anchor());
    assert!(
        anchors
            .filter(|one| *one == InlineAnchor::WithoutPath)
            .count()
            > 10
    );
}

#[tokio::test]
async fn settings_are_walked_to_their_end() {
    let double = seeded(small()).await;
    let (client, name) = (&double.client, name());
    double
        .has::<Account>(client.default_reviewers(&name), 2)
        .await;
    let reviewers = client.effective_default_reviewers(&name);
    let reviewers = double.walk::<EffectiveReviewer>(reviewers).await;
    assert!(reviewers.iter().all(|one| one.value.user.value.is_some()));
    let rules = double
        .walk::<BranchRestriction>(client.branch_restrictions(&name))
        .await;
    assert!(rules.iter().all(|rule| rule.value.kind.is_some()));
    let users = double
        .walk::<Permission>(client.user_permissions(&name))
        .await;
    assert!(users.iter().all(|one| one.value.user.is_some()));
    let groups = double
        .walk::<Permission>(client.group_permissions(&name))
        .await;
    assert!(groups.iter().all(|one| one.value.group.is_some()));
    double.has::<Hook>(client.hooks(&name), 2).await;
    double.has::<DeployKey>(client.deploy_keys(&name), 2).await;
    double
        .has::<Schedule>(client.pipelines_schedules(&name), 1)
        .await;
    double
        .has::<KnownHost>(client.pipelines_known_hosts(&name), 1)
        .await;
    let variables = client.pipelines_variables(&name);
    let mut variables = double.walk::<Variable>(variables).await;
    for environment in double.walk::<Environment>(client.environments(&name)).await {
        let of_one = client.environment_variables(&name, &environment.value.uuid);
        variables.extend(double.walk::<Variable>(of_one).await);
    }
    assert_eq!(variables.len(), 4 * 4);
    for variable in variables {
        assert!(variable.value.key.is_some());
        assert!(
            !variable.source.get().contains("value"),
            "{}",
            variable.source
        );
    }
}

/// Names every endpoint that there is; the lists are walked above.
#[tokio::test]
async fn every_endpoint_is_asked_where_the_official_document_has_it() {
    let double = seeded(SeedOptions {
        git_commits: 20,
        ..SeedOptions::default()
    })
    .await;
    let (client, name, id) = (&double.client, name(), PullRequestId(3));
    let pull_request = client.pull_request(&name, id).await.unwrap();
    assert_eq!((pull_request.requests, pull_request.item.value.id), (1, id));
    let environments = double.walk::<Environment>(client.environments(&name)).await;
    let environment = &environments[0].value.uuid;
    let mut lists = vec![
        client.user_emails(),
        client.user_workspaces(),
        client.members(&workspace()),
        client.projects(&workspace()),
        client.repositories(&workspace()),
        client.forks(&name),
        client.watchers(&name),
        client.downloads(&name),
        client.refs(&name),
        client.branches(&name),
        client.tags(&name),
        client.commits(&name),
        client.pull_requests(&name),
        client.activity(&name),
        client.pull_request_activity(&name, id),
        client.pull_request_comments(&name, id),
        client.pull_request_tasks(&name, id),
        client.pull_request_statuses(&name, id),
        client.pull_request_commits(&name, id),
        client.default_reviewers(&name),
        client.effective_default_reviewers(&name),
        client.branch_restrictions(&name),
        client.user_permissions(&name),
        client.group_permissions(&name),
        client.hooks(&name),
        client.deploy_keys(&name),
        client.pipelines_variables(&name),
        client.pipelines_schedules(&name),
        client.pipelines_known_hosts(&name),
        client.environments(&name),
        client.environment_variables(&name, environment),
    ];
    let pull_request = &pull_request.item.value;
    lists.extend(client.pull_request_diffstat(pull_request).unwrap());
    double.control.reset_log();
    for (endpoint, first) in &lists {
        client.page::<Value>(*endpoint, first).await.unwrap();
    }
    // Objects.
    assert_eq!(client.user().await.unwrap().requests, 1);
    let found = client.workspace(&workspace()).await.unwrap();
    assert_eq!(found.item.value.slug, workspace());
    let found = client.project(&workspace(), "SEA").await.unwrap();
    assert_eq!(found.item.value.key, "SEA");
    client.repository(&name).await.unwrap();
    client.pull_request(&name, id).await.unwrap();
    let commits: Page<Commit> = client
        .page(Endpoint::Commits, &client.commits(&name).1)
        .await
        .unwrap();
    let whole = &commits.items[0].value.hash;
    let short = whole.as_str()[..12].parse().unwrap();
    let resolved = client.commit(&name, &short).await.unwrap();
    assert_eq!(&resolved.item.value.hash, whole);
    let model = client.branching_model(&name).await.unwrap();
    let development = model.item.value.development.unwrap();
    assert_eq!(development.use_mainbranch, Some(true));
    let settings = client.branching_model_settings(&name).await.unwrap();
    assert!(settings.item.value.production.is_some());
    let pipelines = client.pipelines_config(&name).await.unwrap();
    assert_eq!(pipelines.item.value.enabled, Some(true));
    client
        .pull_request_diff(pull_request)
        .await
        .unwrap()
        .unwrap();
    client
        .pull_request_patch(pull_request)
        .await
        .unwrap()
        .unwrap();
    let (endpoint, file) = client.download(&name, "Read me first.txt").unwrap();
    let file = client.file(endpoint, &file, 1_000_000).await.unwrap();
    assert_eq!(file.requests, 1);
    // What is gone.
    for list in issue_lists(client) {
        assert_eq!(double.refusal(list).await, (ErrorClass::Gone, 410));
    }
    let (endpoint, file) = client.issue_attachment(&name, IssueId(1), "a.png").unwrap();
    let error = client.file(endpoint, &file, 1_000_000).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Gone);
    let mut asked: BTreeSet<String> = double.control.request_counts().into_keys().collect();
    assert!(asked.remove("storage"));
    let known = Endpoint::ALL.iter().filter(|one| one.is_rest());
    let known = known.map(|one| one.path().to_owned());
    assert_eq!(asked, known.collect());
}

#[test]
fn paths_and_scopes_are_those_of_the_official_document() {
    let Some(path) = shared("spec/bitbucket-openapi.json") else {
        return;
    };
    let document: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let words = |scopes: &Value| -> Vec<String> {
        let scopes = scopes.as_array().into_iter().flatten();
        scopes.map(|one| one.as_str().unwrap().to_owned()).collect()
    };
    for endpoint in Endpoint::ALL.iter().filter(|one| one.is_rest()) {
        let get = &document["paths"][endpoint.path()]["get"];
        assert!(get.is_object(), "{endpoint}");
        let ways = get["security"].as_array().unwrap();
        let oauth = ways.iter().find(|way| way["oauth2"].is_array()).unwrap();
        assert_eq!(
            words(&oauth["oauth2"]),
            endpoint.oauth_scopes(),
            "{endpoint}"
        );
        let token = words(&get["x-atlassian-oauth2-scopes"][0]["scopes"]);
        assert_eq!(token, [endpoint.api_token_scope()], "{endpoint}");
    }
}

#[tokio::test]
async fn what_a_credential_may_not_see_is_forbidden_and_names_the_scopes() {
    let credential = Credential::access_token("simulator-plain-import");
    let double = with(small(), |_| {}, credential).await;
    let (client, name) = (&double.client, name());
    let environment = "{00000000-0000-4000-8000-000000000000}".parse().unwrap();
    for (endpoint, first) in [
        client.branch_restrictions(&name),
        client.user_permissions(&name),
        client.group_permissions(&name),
        client.hooks(&name),
        client.deploy_keys(&name),
        client.pipelines_variables(&name),
        client.pipelines_schedules(&name),
        client.pipelines_known_hosts(&name),
        client.environments(&name),
        client.environment_variables(&name, &environment),
    ] {
        let error = client.page::<Value>(endpoint, &first).await.unwrap_err();
        assert_eq!((error.class(), error.requests), (ErrorClass::Forbidden, 1));
        let RequestErrorKind::Status {
            accepted_scopes, ..
        } = error.kind
        else {
            panic!("{endpoint}: no status");
        };
        assert_eq!(accepted_scopes.unwrap(), endpoint.oauth_scopes().join(", "));
    }
    for error in [
        client.branching_model_settings(&name).await.map(|_| ()),
        client.pipelines_config(&name).await.map(|_| ()),
    ] {
        assert_eq!(error.unwrap_err().class(), ErrorClass::Forbidden);
    }
    // Reviewers and the model in force are for everybody who may read.
    double
        .has::<Account>(client.default_reviewers(&name), 2)
        .await;
    client.branching_model(&name).await.unwrap();
}

#[tokio::test]
async fn access_tokens_belong_to_no_account() {
    let credential = Credential::access_token("simulator-access-token");
    let double = with(small(), |_| {}, credential).await;
    let error = double.client.user().await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Unauthorized);
}

#[tokio::test]
async fn repositories_are_filtered_and_sorted_as_asked() {
    let double = seeded(SeedOptions {
        repositories: 3,
        private_repositories: 1,
        ..small()
    })
    .await;
    let slugs = async |options: RepositoriesOptions| -> Vec<String> {
        let list = double.client.repositories_with(&workspace(), &options);
        let found = double.walk::<Repository>(list).await;
        let slugs = found.into_iter().filter_map(|one| one.value.slug);
        slugs.map(|slug| slug.to_string()).collect()
    };
    let all = ["lighthouse", "harbour", "compass"];
    assert_eq!(slugs(RepositoriesOptions::default()).await, all);
    let q = RepositoriesOptions {
        q: Some("is_private=false AND name~\"h\"".to_owned()),
        sort: Some("-name".to_owned()),
        ..RepositoriesOptions::default()
    };
    assert_eq!(slugs(q).await, ["lighthouse", "harbour"]);
    for role in [Role::Member, Role::Contributor, Role::Admin, Role::Owner] {
        let role = Some(role);
        let options = RepositoriesOptions {
            role,
            ..RepositoriesOptions::default()
        };
        assert_eq!(slugs(options).await, all, "{role:?}");
    }
}

/// As before August 2026.
#[tokio::test]
async fn recorded_issues_are_walked_to_their_end() {
    let file = "recorded/repositories/osrf__sandia-hand.jsonl.gz";
    let Some(file) = shared(file) else {
        return;
    };
    let world = World::replay(ReplayOptions {
        files: vec![file],
        issues: true,
        ..ReplayOptions::default()
    });
    let simulator = Simulator::start(SimulatorOptions::default(), world.unwrap())
        .await
        .unwrap();
    let options = ClientOptions::new(simulator.api_url().parse().unwrap());
    let client = Client::new(options, Credential::access_token(TOKEN)).unwrap();
    let double = Double {
        control: simulator.control(),
        simulator,
        client,
        sink: std::sync::Arc::default(),
    };
    let (client, name) = (&double.client, "osrf/sandia-hand".parse().unwrap());
    let issues = double.walk::<Issue>(client.issues(&name)).await;
    assert_eq!(issues.len(), 22);
    let (mut comments, mut changes, mut attachments) = (0, 0, 0);
    for issue in issues {
        let id = issue.value.id;
        comments += double
            .walk::<IssueComment>(client.issue_comments(&name, id))
            .await
            .len();
        changes += double
            .walk::<IssueChange>(client.issue_changes(&name, id))
            .await
            .len();
        let found = client.issue_attachments(&name, id);
        for attachment in double.walk::<IssueAttachment>(found).await {
            let link = attachment.value.content_link().unwrap();
            let link = client.page_url(link).unwrap();
            let file = client.file(Endpoint::IssueAttachment, &link, 1_000_000);
            let mut file = file.await.unwrap();
            assert!(file.chunk().await.unwrap().is_some(), "{link}");
            let named = client.issue_attachment(&name, id, &attachment.value.name);
            assert_eq!(named.unwrap().1, link);
            attachments += 1;
        }
    }
    assert_eq!((comments, changes, attachments), (75, 32, 5));
}

#[tokio::test]
async fn recorded_refusals_have_their_class_and_their_message() {
    let Some(folder) = shared("recorded") else {
        return;
    };
    let double = seeded(small()).await;
    for (file, code, class, says) in [
        ("errors/403-forbidden.json", 403, ErrorClass::Forbidden, ""),
        (
            "errors/403-scopes.json",
            403,
            ErrorClass::Forbidden,
            "scopes",
        ),
        (
            "errors/410-change-2770.json",
            410,
            ErrorClass::Gone,
            "CHANGE-2770",
        ),
        ("errors/410-v1-removed.json", 410, ErrorClass::Gone, ""),
        (
            "answers-2026/issues-after-sunset.http",
            410,
            ErrorClass::Gone,
            "CHANGE-3071",
        ),
    ] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        // A file of HTTP has its head before the last empty line.
        let body = text.trim().rsplit("\n\n").next().unwrap();
        let refused = status(code, &[("content-type", "application/json")], body);
        let fault = Fault::on_path("/issues", refused).times(1);
        double.control.add_fault(fault);
        let (endpoint, first) = double.client.issues(&name());
        let error = double.client.page::<Value>(endpoint, &first).await;
        let error = error.unwrap_err();
        assert_eq!((error.class(), error.requests), (class, 1), "{file}");
        let RequestErrorKind::Status { message, .. } = error.kind else {
            panic!("{file}: no status");
        };
        assert!(
            !message.is_empty() && message.contains(says),
            "{file}: {message}"
        );
        // The words of the message, not the text of the body.
        assert!(!message.contains('{'), "{file}: {message}");
    }
}
