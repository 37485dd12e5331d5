//! An archive in a folder of its own, a second way into its database, and records.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use bucketload_archive::{
    AccountRecord, Archive, CommentRecord, DataDir, ImportStart, MemberRecord, PendingParent,
    PullRequestRecord, RepositoryRecord, Stored, Transaction,
};
use bucketload_model::{
    AccountUuid, CommentId, ImportId, PullRequestId, RepositoryName, RepositoryUuid, Stage,
};
use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, SqliteConnection};
use tempfile::TempDir;

/// An archive that is removed with its folder.
pub(crate) struct Store {
    pub(crate) folder: TempDir,
    pub(crate) data_dir: DataDir,
    pub(crate) archive: Archive,
}

/// Tables that hold what Bitbucket sent, and what is still to be asked for.
const CONTENT: [&str; 7] = [
    "repositories",
    "accounts",
    "workspace_members",
    "pull_requests",
    "pull_request_comments",
    "pull_request_activity",
    "pending",
];

impl Store {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(folder.path().join("data"));
        data_dir.create().unwrap();
        let archive = Archive::open(&data_dir).await.unwrap();
        Self {
            folder,
            data_dir,
            archive,
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
    pub(crate) async fn side(&self) -> SqliteConnection {
        connect(&self.data_dir).await
    }

    /// From now on every row of content that is touched is noted.
    pub(crate) async fn watch(&self) {
        let mut side = self.side().await;
        run(&mut side, "create table touched (what text not null)").await;
        for table in CONTENT {
            for action in ["insert", "update", "delete"] {
                let trigger = format!(
                    "create trigger touched_{table}_{action} after {action} on {table}
                     begin insert into touched values ('{action} {table}'); end"
                );
                run(&mut side, &trigger).await;
            }
        }
    }

    /// What was touched since [`Store::watch`] or the last call.
    pub(crate) async fn touched(&self) -> Vec<String> {
        let mut side = self.side().await;
        let rows = sqlx::query_scalar("select what from touched order by what")
            .fetch_all(&mut side)
            .await
            .unwrap();
        run(&mut side, "delete from touched").await;
        rows
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        let query = format!("select count(*) from {table}");
        sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .fetch_one(&mut self.side().await)
            .await
            .unwrap()
    }

    /// One text column of one table, in the order of the first two columns of its key.
    pub(crate) async fn column(&self, query: &'static str) -> Vec<String> {
        sqlx::query_scalar(query)
            .fetch_all(&mut self.side().await)
            .await
            .unwrap()
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

pub(crate) async fn connect(data_dir: &DataDir) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(data_dir.database())
        .connect()
        .await
        .unwrap()
}

pub(crate) async fn run(connection: &mut SqliteConnection, sql: &str) {
    sqlx::query(sqlx::AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .unwrap();
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
