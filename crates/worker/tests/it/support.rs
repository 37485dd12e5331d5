//! A simulator, an archive, and an importer between them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bucketload_archive::mirror::{BundleKind, TransportKind};
use bucketload_archive::{Archive, DataDir, DatabaseAddress, export_jsonl};
use bucketload_auth::Credential;
use bucketload_bitbucket::{Client, ClientOptions, PullRequest};
use bucketload_model::{
    Gap, ImportReport, ImportState, ProgressEvent, RecordingSink, RepositoryName, Stage,
    StageReport, StageState, SystemClock,
};
use bucketload_simulator::{
    Control, Effect, Fault, Mutated, Mutation, RequestKind, SeedOptions, Simulator,
    SimulatorOptions, World,
};
use bucketload_worker::{ImportOutcome, Importer, LeaseTimes, Selection};
use futures::TryStreamExt as _;
use secrecy::SecretString;
use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, SqliteConnection};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::postgres::Database;

pub(crate) const TOKEN: &str = "simulator-full-access";
pub(crate) const NAME: &str = "seaside/lighthouse";

/// Two pages of pull requests, most of them with comments, and little git.
pub(crate) fn small() -> SeedOptions {
    SeedOptions {
        pull_requests: 60,
        git_commits: 4,
        ..SeedOptions::default()
    }
}

pub(crate) struct Remote {
    pub(crate) simulator: Simulator,
    pub(crate) control: Control,
}

pub(crate) async fn remote(options: SeedOptions) -> Remote {
    let world = World::seeded(options).unwrap();
    let simulator = Simulator::start(SimulatorOptions::default(), world)
        .await
        .unwrap();
    let control = simulator.control();
    Remote { simulator, control }
}

/// A simulator and an archive that knows it.
pub(crate) async fn bench() -> (Remote, Local) {
    let remote = remote(small()).await;
    let local = Local::new(&remote).await;
    (remote, local)
}

impl Remote {
    pub(crate) fn mutate(&self, mutation: Mutation) -> Mutated {
        self.control.mutate(mutation).unwrap()
    }

    pub(crate) fn on_path(&self, path: &str, effect: Effect) {
        self.control.add_fault(Fault::on_path(path, effect));
    }

    /// REST requests since the log was emptied, by what they asked for.
    pub(crate) fn rest(&self) -> Vec<String> {
        let requests = self.control.requests().into_iter();
        requests
            .filter(|request| request.kind == RequestKind::Rest)
            .map(|request| request.target)
            .collect()
    }

    /// How many of them had this in their address.
    pub(crate) fn asked(&self, part: &str) -> usize {
        self.rest().iter().filter(|one| one.contains(part)).count()
    }
}

pub(crate) fn client(remote: &Remote, credential: Credential) -> Client {
    let mut options = ClientOptions::new(remote.simulator.api_url().parse().unwrap());
    options.first_retry_delay = Duration::from_millis(1);
    options.hourly_quota = Some(0);
    Client::new(options, credential).unwrap()
}

/// An archive and what imports into it.
pub(crate) struct Local {
    pub(crate) folder: TempDir,
    pub(crate) importer: Importer,
    pub(crate) sink: Arc<RecordingSink>,
    /// How long workers wait for what is under way when they are stopped.
    pub(crate) finish: Duration,
    /// Where it is no file.
    database: Option<Database>,
}

/// Where a database is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

impl Local {
    pub(crate) async fn new(remote: &Remote) -> Self {
        Self::with(remote, Credential::access_token(TOKEN)).await
    }

    pub(crate) async fn with(remote: &Remote, credential: Credential) -> Self {
        Self::with_database(remote, credential, None).await
    }

    /// With a new database of a kind; `None` where there is no server of it.
    pub(crate) async fn on(kind: Kind, remote: &Remote) -> Option<Self> {
        let database = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(Database::new()?),
        };
        let credential = Credential::access_token(TOKEN);
        Some(Self::with_database(remote, credential, database).await)
    }

    async fn with_database(
        remote: &Remote,
        credential: Credential,
        database: Option<Database>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut data_dir = DataDir::new(folder.path().join("data"));
        if let Some(database) = &database {
            let url = SecretString::from(database.url());
            data_dir = data_dir.with_database(DatabaseAddress::parse(&url).unwrap());
        }
        data_dir.create().unwrap();
        let sink = Arc::new(RecordingSink::default());
        let importer = Importer {
            asked_by: None,
            archive: Archive::open(&data_dir).await.unwrap(),
            data_dir,
            client: client(remote, credential),
            web_url: remote.simulator.web_url().parse().unwrap(),
            whole_lists: false,
            max_blob_bytes: 1024 * 1024,
            image_hosts: Vec::new(),
            transport: TransportKind::Gix,
            segment_above_bytes: 500_000_000,
            sink: sink.clone(),
            clock: Arc::new(SystemClock),
            times: LeaseTimes {
                finish: Duration::from_millis(100),
                ..LeaseTimes::default()
            },
            cancel: CancellationToken::new(),
        };
        Self {
            folder,
            importer,
            sink,
            finish: Duration::from_millis(100),
            database,
        }
    }

    /// The address of its database, where that is on a server.
    pub(crate) fn database_url(&self) -> String {
        self.database.as_ref().unwrap().url()
    }

    /// From now on another server is asked.
    pub(crate) fn turn_to(&mut self, remote: &Remote) {
        self.importer.client = client(remote, Credential::access_token(TOKEN));
        self.importer.web_url = remote.simulator.web_url().parse().unwrap();
    }

    pub(crate) async fn import(&self) -> ImportReport {
        self.import_as(NAME).await
    }

    /// An import that reaches its end.
    pub(crate) async fn import_as(&self, name: &str) -> ImportReport {
        let outcome = self.try_import(name, &Selection::default()).await;
        assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
        outcome.report
    }

    pub(crate) async fn try_import(&self, name: &str, selection: &Selection) -> ImportOutcome {
        let name: RepositoryName = name.parse().unwrap();
        // No import here takes long; one that does goes round in circles.
        let limit = Duration::from_mins(1);
        let import = self.importer.import(&name, selection);
        let outcome = tokio::time::timeout(limit, import).await;
        assert!(outcome.is_ok(), "it does not end");
        outcome.unwrap().unwrap()
    }

    pub(crate) async fn side(&self) -> SqliteConnection {
        SqliteConnectOptions::new()
            .filename(self.importer.data_dir.root().join("bucketload.db"))
            .connect()
            .await
            .unwrap()
    }

    /// From now on every row of content that is touched is noted.
    pub(crate) async fn watch(&self) {
        let mut side = self.side().await;
        let mut sql = "create table touched (what text not null);".to_owned();
        for table in [
            "repositories",
            "accounts",
            "workspace_members",
            "pull_requests",
            "pull_request_comments",
            "pull_request_activity",
            "pending",
        ] {
            // That a text was looked at is no change of it.
            let has_texts = table.starts_with("pull_request") || table == "repositories";
            for action in ["insert", "update", "delete"] {
                let when = match action {
                    "update" if has_texts => "when new.searched <= old.searched",
                    _ => "",
                };
                write!(
                    sql,
                    "create trigger touched_{table}_{action} after {action} on {table} {when}
                     begin insert into touched values ('{action} {table}'); end;"
                )
                .unwrap();
            }
        }
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .execute(&mut side)
            .await
            .unwrap();
    }

    /// What was touched since [`Local::watch`] or the last call, each kind once.
    pub(crate) async fn touched(&self) -> Vec<String> {
        let mut side = self.side().await;
        let rows = sqlx::query_scalar("select distinct what from touched order by what")
            .fetch_all(&mut side)
            .await
            .unwrap();
        sqlx::raw_sql("delete from touched")
            .execute(&mut side)
            .await
            .unwrap();
        rows
    }

    /// Every file of an export of the repository.
    pub(crate) async fn export(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let name: RepositoryName = name.parse().unwrap();
        let archive = &self.importer.archive;
        let repository = archive.repository(&name).await.unwrap().unwrap();
        let output = self.folder.path().join("export");
        let kind = BundleKind::Reproducible;
        let (folder, _) =
            export_jsonl(archive, &self.importer.data_dir, &repository, &output, kind)
                .await
                .unwrap();
        files(&folder)
    }

    /// The same with the files in folders, by their paths.
    pub(crate) async fn export_tree(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let name: RepositoryName = name.parse().unwrap();
        let archive = &self.importer.archive;
        let repository = archive.repository(&name).await.unwrap().unwrap();
        let output = self.folder.path().join("tree");
        let data_dir = &self.importer.data_dir;
        let kind = BundleKind::Fast;
        let exported = export_jsonl(archive, data_dir, &repository, &output, kind);
        let (folder, manifest) = exported.await.unwrap();
        let read = |path: &String| (path.clone(), std::fs::read(folder.join(path)).unwrap());
        manifest.files.keys().map(read).collect()
    }

    /// The stored objects of one kind, as they were sent.
    pub(crate) async fn objects(&self, file: &str) -> Vec<Value> {
        let files = self.export(NAME).await;
        let text = std::str::from_utf8(&files[file]).unwrap();
        let lines = text.split_terminator('\n');
        lines
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["source"].take())
            .collect()
    }

    pub(crate) async fn object(&self, file: &str, id: u64) -> Value {
        let objects = self.objects(file).await;
        let found = objects.into_iter().find(|object| object["id"] == id);
        found.unwrap_or_else(|| panic!("no {id} in {file}"))
    }
}

/// Every file below a folder, by its path there.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            let below = self::files(&path).into_iter();
            files.extend(below.map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
        } else {
            files.insert(name, std::fs::read(&path).unwrap());
        }
    }
    files
}

/// What the program says, whatever is configured on this machine.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let ran = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=A", "-c", "user.email=a@example.org"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "git {arguments:?}: {said}");
    String::from_utf8(ran.stdout).unwrap().trim().to_owned()
}

/// The pull requests that have comments, in ascending order.
pub(crate) async fn talkative(local: &Local) -> Vec<u64> {
    let client = &local.importer.client;
    let (endpoint, first) = client.pull_requests(&NAME.parse().unwrap());
    let pages: Vec<_> = client
        .pages::<PullRequest>(endpoint, first)
        .try_collect()
        .await
        .unwrap();
    let mut ids: Vec<u64> = pages
        .iter()
        .flat_map(|page| &page.items)
        .filter(|item| item.value.comment_count.unwrap() > 1)
        .map(|item| u64::try_from(item.value.id.0).unwrap())
        .collect();
    ids.sort_unstable();
    ids
}

pub(crate) fn status(status: u16) -> Effect {
    Effect::Answer {
        status,
        headers: Vec::new(),
        body: r#"{"type":"error","error":{"message":"No."}}"#.to_owned(),
    }
}

pub(crate) fn stage(report: &ImportReport, name: Stage) -> &StageReport {
    report
        .stages
        .iter()
        .find(|stage| stage.name == name)
        .unwrap()
}

/// Everything that was reported is stored, and nothing is said to be missing.
pub(crate) fn assert_complete(report: &ImportReport) {
    assert_eq!(report.gaps, []);
    assert_eq!(report.state, ImportState::Complete, "{report:#?}");
    assert_eq!(report.error, None);
    assert!(report.finished_at.is_some());
    for stage in &report.stages {
        if stage.state == StageState::Skipped && !stage.name.is_usual() {
            continue;
        }
        assert_eq!(stage.state, StageState::Complete, "{stage:?}");
        assert_eq!(stage.missing, 0, "{stage:?}");
        if let Some(expected) = stage.expected {
            assert_eq!(stage.stored, expected, "{stage:?}");
        }
    }
}

/// The one gap of a report.
pub(crate) fn only_gap(report: &ImportReport) -> &Gap {
    assert_eq!(report.state, ImportState::CompleteWithGaps, "{report:#?}");
    let [gap] = &report.gaps[..] else {
        panic!("{:#?}", report.gaps);
    };
    gap
}

/// No stage's counter ever went backwards in one import, however often that was resumed.
pub(crate) fn assert_counters_only_rise(events: &[ProgressEvent]) {
    let mut last: BTreeMap<Stage, u64> = BTreeMap::new();
    for event in events {
        if let ProgressEvent::ImportStarted { resumed: false, .. } = event {
            last.clear();
        }
        if let ProgressEvent::StageStarted { stage, stored, .. }
        | ProgressEvent::StageAdvanced { stage, stored, .. }
        | ProgressEvent::StageFinished { stage, stored, .. } = event
        {
            let before = last.insert(*stage, *stored).unwrap_or_default();
            assert!(before <= *stored, "{stage}: {before} became {stored}");
        }
    }
}
