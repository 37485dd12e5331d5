//! An archive in a folder of its own, a second way into its database, and records.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use bucketload_archive::{
    AccountRecord, Archive, CommentRecord, DataDir, DatabaseAddress, ImportStart, MemberRecord,
    PendingParent, PullRequestRecord, RepositoryRecord, Stored, Transaction,
};
use bucketload_model::{
    AccountUuid, CommentId, ImportId, PullRequestId, RepositoryName, RepositoryUuid, Stage,
};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, SqliteConnection};
use tempfile::TempDir;

use crate::postgres::Database;

/// An archive that is removed with its folder, and its database on a server.
pub(crate) struct Store {
    pub(crate) folder: TempDir,
    pub(crate) data_dir: DataDir,
    pub(crate) archive: Archive,
    database: Option<Database>,
}

/// Where a database is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// A second way into a database, as another program would have it.
pub(crate) enum Side {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Tables that hold what Bitbucket sent, and what is still to be asked for.
const CONTENT: [&str; 8] = [
    "repositories",
    "accounts",
    "person_names",
    "workspace_members",
    "pull_requests",
    "pull_request_comments",
    "pull_request_activity",
    "pending",
];

impl Store {
    /// In a file of SQLite.
    pub(crate) async fn new() -> Self {
        Self::with_database(None).await
    }

    /// In a new database of a kind; `None` where there is no server of it.
    pub(crate) async fn on(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Sqlite => Some(Self::new().await),
            Kind::Postgres => Some(Self::with_database(Some(Database::new()?)).await),
        }
    }

    async fn with_database(database: Option<Database>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut data_dir = DataDir::new(folder.path().join("data"));
        if let Some(database) = &database {
            data_dir = data_dir.with_database(address(&database.url()));
        }
        data_dir.create().unwrap();
        let archive = Archive::open(&data_dir).await.unwrap();
        Self {
            folder,
            data_dir,
            archive,
            database,
        }
    }

    /// With one repository in it.
    pub(crate) async fn with_repository() -> (Self, RepositoryUuid) {
        let store = Self::new().await;
        let uuid = repository_uuid(1);
        store.put_repository(&uuid, "{}").await;
        (store, uuid)
    }

    /// Another connection, as another program would have it.
    pub(crate) async fn side(&self) -> Side {
        match &self.database {
            Some(database) => Side::postgres(&database.url()).await,
            None => Side::sqlite(&self.data_dir).await,
        }
    }

    /// From now on every row of content that is touched is noted.
    pub(crate) async fn watch(&self) {
        let mut side = self.side().await;
        side.run("create table touched (what text not null)").await;
        if matches!(side, Side::Postgres(_)) {
            side.run(
                "create function touch() returns trigger language plpgsql as $$ begin
                     insert into touched values (lower(tg_op) || ' ' || tg_table_name);
                     return null;
                 end $$",
            )
            .await;
        }
        for table in CONTENT {
            for action in ["insert", "update", "delete"] {
                let done = match side {
                    Side::Sqlite(_) => {
                        format!("begin insert into touched values ('{action} {table}'); end")
                    }
                    Side::Postgres(_) => "for each row execute function touch()".to_owned(),
                };
                let name = format!("touched_{table}_{action}");
                side.run(&format!(
                    "create trigger {name} after {action} on {table} {done}"
                ))
                .await;
            }
        }
    }

    /// What was touched since [`Store::watch`] or the last call.
    pub(crate) async fn touched(&self) -> Vec<String> {
        let mut side = self.side().await;
        let touched = side.texts("select what from touched order by what").await;
        side.run("delete from touched").await;
        touched
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        let query = format!("select cast(count(*) as text) from {table}");
        self.side().await.texts(&query).await[0].parse().unwrap()
    }

    /// One text column.
    pub(crate) async fn column(&self, query: &str) -> Vec<String> {
        self.side().await.texts(query).await
    }

    pub(crate) async fn begin(&self) -> Transaction {
        self.archive.begin().await.unwrap()
    }

    pub(crate) async fn put_repository(&self, uuid: &RepositoryUuid, source: &str) -> Stored {
        self.put_repository_as(uuid, &name(), source).await
    }

    pub(crate) async fn put_repository_as(
        &self,
        uuid: &RepositoryUuid,
        name: &RepositoryName,
        source: &str,
    ) -> Stored {
        let mut transaction = self.begin().await;
        let stored = transaction
            .put_repository(&repository(uuid, name, source))
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        stored
    }

    pub(crate) async fn put_pull_requests(
        &self,
        uuid: &RepositoryUuid,
        records: &[PullRequestRecord<'_>],
    ) -> Stored {
        let mut transaction = self.begin().await;
        let stored = transaction.put_pull_requests(uuid, records).await.unwrap();
        transaction.commit().await.unwrap();
        stored
    }

    pub(crate) async fn put_comments(
        &self,
        uuid: &RepositoryUuid,
        pull_request: i64,
        records: &[CommentRecord<'_>],
    ) -> Stored {
        let count = async || self.archive.tally_comments(uuid).await.unwrap().stored;
        let before = count().await;
        let mut transaction = self.begin().await;
        let written = transaction
            .put_comments(uuid, PullRequestId(pull_request), records)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        let inserted = count().await - before;
        Stored {
            inserted,
            updated: written - inserted,
        }
    }

    pub(crate) async fn put_accounts(
        &self,
        uuid: &RepositoryUuid,
        import: ImportId,
        records: Vec<AccountRecord<'_>>,
    ) {
        let mut transaction = self.begin().await;
        transaction
            .put_accounts(uuid, import, records)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
    }

    pub(crate) async fn put_members(&self, records: &[MemberRecord<'_>]) -> Stored {
        let mut transaction = self.begin().await;
        let stored = transaction
            .put_members(&name().workspace, records)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        stored
    }

    pub(crate) async fn start_import(&self, second: i64, name: &RepositoryName) -> ImportId {
        let id = import_id(second);
        let mut transaction = self.begin().await;
        let start = ImportStart {
            id,
            name,
            stages: Stage::ALL,
            now: at(second),
        };
        transaction.start_import(&start).await.unwrap();
        transaction.commit().await.unwrap();
        id
    }

    /// Pull requests whose comments are to be read.
    pub(crate) async fn pending(&self, uuid: &RepositoryUuid) -> Vec<PendingParent> {
        let stage = Stage::PullRequestComments;
        let pending = self.archive.pending(uuid, stage, i64::MIN, 100).await;
        pending.unwrap()
    }

    pub(crate) async fn pending_ids(&self, uuid: &RepositoryUuid) -> Vec<i64> {
        let pending = self.pending(uuid).await;
        pending.into_iter().map(|one| one.id).collect()
    }

    pub(crate) async fn finish(&self, uuid: &RepositoryUuid, parent: &PendingParent) {
        let mut transaction = self.begin().await;
        transaction
            .finish_pending(uuid, Stage::PullRequestComments, parent)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
    }
}

impl Side {
    pub(crate) async fn sqlite(data_dir: &DataDir) -> Self {
        let DatabaseAddress::Sqlite(path) = data_dir.database() else {
            panic!("{data_dir:?}");
        };
        let options = SqliteConnectOptions::new().filename(path);
        Self::Sqlite(options.connect().await.unwrap())
    }

    pub(crate) async fn postgres(url: &str) -> Self {
        let options: PgConnectOptions = url.parse().unwrap();
        let options = options.options([("search_path", "bucketload")]);
        Self::Postgres(options.connect().await.unwrap())
    }

    pub(crate) async fn run(&mut self, sql: &str) {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            Self::Sqlite(connection) => drop(sql.execute(connection).await.unwrap()),
            Self::Postgres(connection) => drop(sql.execute(connection).await.unwrap()),
        }
    }

    /// The only column, of text, of all rows.
    pub(crate) async fn texts(&mut self, query: &str) -> Vec<String> {
        let query = AssertSqlSafe(query.to_owned());
        match self {
            Self::Sqlite(connection) => sqlx::query_scalar(query).fetch_all(connection).await,
            Self::Postgres(connection) => sqlx::query_scalar(query).fetch_all(connection).await,
        }
        .unwrap()
    }
}

pub(crate) fn address(url: &str) -> DatabaseAddress {
    DatabaseAddress::parse(&SecretString::from(url)).unwrap()
}

pub(crate) fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
}

/// Ids of later seconds are greater.
pub(crate) fn import_id(second: i64) -> ImportId {
    ImportId::new(at(second))
}

pub(crate) fn name() -> RepositoryName {
    "teapots/kettle".parse().unwrap()
}

pub(crate) fn repository_uuid(number: u32) -> RepositoryUuid {
    uuid(number).parse().unwrap()
}

pub(crate) fn account_uuid(number: u32) -> AccountUuid {
    uuid(number).parse().unwrap()
}

fn uuid(number: u32) -> String {
    format!("{{7b764bc5-c3f3-4910-a90b-{number:012}}}")
}

pub(crate) fn repository<'a>(
    uuid: &'a RepositoryUuid,
    name: &'a RepositoryName,
    source: &'a str,
) -> RepositoryRecord<'a> {
    RepositoryRecord {
        uuid,
        name,
        display_name: Some("Kettle"),
        scm: Some("git"),
        is_private: Some(false),
        main_branch: None,
        size_bytes: None,
        updated_on: None,
        source,
    }
}

pub(crate) fn pull_request(
    id: i64,
    comment_count: Option<i64>,
    source: &str,
) -> PullRequestRecord<'_> {
    PullRequestRecord {
        id: PullRequestId(id),
        title: Some("Boil faster"),
        state: Some("OPEN"),
        author: None,
        source_branch: None,
        destination_branch: None,
        comment_count,
        task_count: Some(0),
        created_on: None,
        updated_on: None,
        source,
    }
}

pub(crate) fn comment(id: i64, source: &str) -> CommentRecord<'_> {
    CommentRecord {
        id: CommentId(id),
        parent: None,
        author: None,
        inline_path: None,
        is_deleted: false,
        created_on: None,
        updated_on: None,
        source,
    }
}

pub(crate) fn account<'a>(uuid: &'a AccountUuid, source: &'a str) -> AccountRecord<'a> {
    AccountRecord {
        uuid,
        kind: Some("user"),
        account_id: None,
        display_name: None,
        nickname: None,
        source,
    }
}

pub(crate) fn member<'a>(
    account: &'a AccountUuid,
    account_source: &'a str,
    source: &'a str,
) -> MemberRecord<'a> {
    MemberRecord {
        account,
        account_source,
        source,
    }
}
