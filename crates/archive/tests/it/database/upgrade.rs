//! Archives of earlier versions are brought up to date with everything that is in them.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use std::collections::BTreeMap;

use bucketload_archive::mirror::BundleKind;
use bucketload_archive::{
    Archive, Claim, DataDir, DatabaseError, Obstacle, OpenError, export_jsonl,
};
use bucketload_model::{ImportId, ImportState, LeaseOwner, Limits, RepositoryName};
use futures::future::join_all;

use crate::earlier::{self, steps};
use crate::postgres::Database;
use crate::support::{Kind, Side, address, at};

/// Columns that a later migration gives another value, or takes away, on purpose: table,
/// column, and the version that does it.
const ALTERED: [(&str, &str, i64); 0] = [];

const COLUMNS: [&str; 2] = [
    "select t.name || ' ' || c.name from sqlite_schema t join pragma_table_info(t.name) c
     where t.type = 'table' and t.name not like 'sqlite_%' order by t.name, c.cid",
    "select table_name || ' ' || column_name from information_schema.columns
     where table_schema = 'bucketload' order by table_name, ordinal_position",
];

/// Names of columns by their table.
type Columns = BTreeMap<String, Vec<String>>;

/// The rows of each table, in the columns that it had.
type Rows = BTreeMap<String, Vec<String>>;

/// An archive of an earlier version.
struct Earlier {
    _folder: tempfile::TempDir,
    _database: Option<Database>,
    data_dir: DataDir,
    side: Side,
    kind: Kind,
}

impl Earlier {
    async fn new(kind: Kind) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut data_dir = DataDir::new(folder.path());
        let database = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(Database::new()?),
        };
        let side = match &database {
            None => {
                earlier::make_file(&folder.path().join("bucketload.db"), 0).await;
                Side::sqlite(&data_dir).await
            }
            Some(database) => {
                data_dir = data_dir.with_database(address(&database.url()));
                Side::postgres(&database.url()).await
            }
        };
        Some(Self {
            _folder: folder,
            _database: database,
            data_dir,
            side,
            kind,
        })
    }

    async fn migrate(&mut self, version: i64) {
        match &mut self.side {
            Side::Sqlite(connection) => {
                let migrations = earlier::migrations("sqlite").await;
                migrations.run_to(version, connection).await.unwrap();
            }
            Side::Postgres(connection) => {
                let migrations = earlier::migrations("postgres").await;
                migrations.run_to(version, connection).await.unwrap();
            }
        }
    }

    async fn columns(&mut self) -> Columns {
        let query = match self.kind {
            Kind::Sqlite => COLUMNS[0],
            Kind::Postgres => COLUMNS[1],
        };
        let mut columns = Columns::new();
        for line in self.side.texts(query).await {
            let (table, column) = line.split_once(' ').unwrap();
            if table != "_sqlx_migrations" {
                let of_table = columns.entry(table.to_owned()).or_default();
                of_table.push(column.to_owned());
            }
        }
        columns
    }

    async fn rows(&mut self, columns: &Columns) -> Rows {
        let mut rows = Rows::new();
        for (table, columns) in columns {
            let values = columns
                .iter()
                .map(|column| format!("coalesce(cast({column} as text), 'null')"));
            let values = values.collect::<Vec<_>>().join(" || '|' || ");
            let query = format!("select {values} from {table} order by 1");
            rows.insert(table.clone(), self.side.texts(&query).await);
        }
        rows
    }

    /// Puts in the rows of the first steps. Every table has some then.
    async fn fill(&mut self, count: usize) -> i64 {
        let mut version = 0;
        for step in steps().into_iter().take(count) {
            self.migrate(step.version).await;
            self.side.run(&step.rows).await;
            version = step.version;
            let columns = self.columns().await;
            for (table, rows) in self.rows(&columns).await {
                assert!(!rows.is_empty(), "no row of {table} at {version}");
            }
        }
        version
    }
}

/// The columns that nothing alters on purpose after a version.
fn lasting(mut columns: Columns, version: i64) -> Columns {
    for (table, column, by) in ALTERED {
        if by > version {
            let of_table = columns.get_mut(table).unwrap();
            of_table.retain(|name| name != column);
        }
    }
    columns
}

async fn everything_is_still_there(kind: Kind) {
    let all = steps();
    assert_eq!(all[0].version, 1, "the first released schema");
    for count in 1..=all.len() {
        let Some(mut earlier) = Earlier::new(kind).await else {
            return;
        };
        let from = earlier.fill(count).await;
        let columns = lasting(earlier.columns().await, from);
        let before = earlier.rows(&columns).await;
        let upgrade = Archive::upgrade(&earlier.data_dir).await.unwrap();
        assert_eq!(upgrade.from, from);
        let health = Archive::health(&earlier.data_dir).await.unwrap().unwrap();
        assert_eq!((upgrade.to, health.schema), (health.newest, health.newest));
        let after = earlier.rows(&columns).await;
        for (table, rows) in before {
            for row in rows {
                assert!(after[&table].contains(&row), "from {from}, {table}: {row}");
            }
        }
        is_read(&earlier.data_dir).await;
    }
}

/// The file that the rows name.
fn put_blob(data_dir: &DataDir) {
    let sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let path = data_dir.blobs(0).path(sha256);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, "test").unwrap();
}

/// The program reads what came from the first version as if it were its own.
async fn is_read(data_dir: &DataDir) {
    let archive = Archive::open(data_dir).await.unwrap();
    let name: RepositoryName = "teapots/kettle".parse().unwrap();
    let import = archive.latest_import(&name).await.unwrap().unwrap();
    let report = archive.report(import.id).await.unwrap().unwrap();
    assert_eq!(report.state, ImportState::CompleteWithGaps);
    assert_eq!((report.gaps.len(), report.requests.total), (1, 4));
    assert_eq!(archive.latest_imports().await.unwrap().len(), 2);
    assert_eq!(archive.people().await.unwrap().len(), 2);
    let repository = archive.repository(&name).await.unwrap().unwrap();
    let output = tempfile::tempdir().unwrap();
    put_blob(data_dir);
    let bundle = BundleKind::Fast;
    let exported = export_jsonl(&archive, data_dir, &repository, output.path(), bundle).await;
    let (folder, _) = exported.unwrap();
    let lines = std::fs::read_to_string(folder.join("pull_request_comments.jsonl")).unwrap();
    let whole = r#""source":{"id":10,"content":{"raw":"Nice"}}"#;
    assert!(lines.contains(whole), "{lines}");
    archive.close().await;
}

#[tokio::test]
async fn everything_is_still_there_in_a_file() {
    everything_is_still_there(Kind::Sqlite).await;
}

#[tokio::test]
async fn everything_is_still_there_on_a_server() {
    everything_is_still_there(Kind::Postgres).await;
}

async fn while_others_work_nothing_is_changed(kind: Kind) {
    let Some(mut earlier) = Earlier::new(kind).await else {
        return;
    };
    let from = earlier.fill(1).await;
    let data_dir = &earlier.data_dir;
    let share = data_dir.share().unwrap();
    let error = Archive::open(data_dir).await.unwrap_err();
    let OpenError::AtWork { source, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(matches!(source, Obstacle::DataDir(_)), "{source:?}");
    let said = error.to_string();
    assert!(said.contains(&format!("from schema {from} to ")), "{said}");
    let health = Archive::health(data_dir).await.unwrap().unwrap();
    assert_eq!(health.schema, from);
    assert!(!data_dir.root().join("backups").exists());
    drop(share);
    Archive::open(data_dir).await.unwrap();
    // What is up to date already is nobody's business.
    let _share = data_dir.share().unwrap();
    Archive::open(data_dir).await.unwrap();
}

#[tokio::test]
async fn while_others_work_a_file_stays_as_it_is() {
    while_others_work_nothing_is_changed(Kind::Sqlite).await;
}

#[tokio::test]
async fn while_others_work_tables_on_a_server_stay_as_they_are() {
    while_others_work_nothing_is_changed(Kind::Postgres).await;
}

/// Its process may be on another machine, where nobody sees the data directory.
#[tokio::test]
async fn an_import_under_way_keeps_the_tables_on_a_server_as_they_are() {
    let Some(mut earlier) = Earlier::new(Kind::Postgres).await else {
        return;
    };
    let from = earlier.fill(2).await;
    let lease = |until: &str| {
        format!("update imports set state = 'running', lease_owner = 'x', lease_until_ms = {until}")
    };
    let side = &mut earlier.side;
    side.run(&lease("4000000000000")).await;
    let error = Archive::open(&earlier.data_dir).await.unwrap_err();
    let OpenError::AtWork { source, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(matches!(source, Obstacle::Imports(2)), "{source:?}");
    let health = Archive::health(&earlier.data_dir).await.unwrap().unwrap();
    assert_eq!(health.schema, from);
    side.run(&lease("1")).await;
    Archive::open(&earlier.data_dir).await.unwrap();
}

async fn several_at_once(kind: Kind) {
    let Some(mut earlier) = Earlier::new(kind).await else {
        return;
    };
    let from = earlier.fill(1).await;
    let data_dir = &earlier.data_dir;
    let upgrades = join_all((0..6).map(|_| Archive::upgrade(data_dir))).await;
    let upgrades: Vec<_> = upgrades.into_iter().map(Result::unwrap).collect();
    let did = upgrades.iter().filter(|upgrade| upgrade.from == from);
    assert_eq!(did.count(), 1, "{upgrades:?}");
    let backups = upgrades.iter().filter(|upgrade| upgrade.backup.is_some());
    let expected = usize::from(matches!(kind, Kind::Sqlite));
    assert_eq!(backups.count(), expected, "{upgrades:?}");
}

#[tokio::test]
async fn of_several_that_open_an_older_file_one_upgrades_it() {
    several_at_once(Kind::Sqlite).await;
}

#[tokio::test]
async fn of_several_that_open_older_tables_on_a_server_one_upgrades_them() {
    several_at_once(Kind::Postgres).await;
}

async fn who_is_older_takes_no_import(kind: Kind) {
    let Some(mut earlier) = Earlier::new(kind).await else {
        return;
    };
    let archive = Archive::open(&earlier.data_dir).await.unwrap();
    let newer = "insert into _sqlx_migrations
        (version, description, success, checksum, execution_time) values (9000, 'x', true, 'x', 0)";
    earlier.side.run(newer).await;
    let mut transaction = archive.begin().await.unwrap();
    let error = transaction.next_import(at(0), Limits::default()).await;
    let error = error.unwrap_err();
    let is_outgrown = |error| matches!(error, DatabaseError::Outgrown { found: 9000, .. });
    assert!(is_outgrown(error));
    let claim = Claim {
        owner: &LeaseOwner::new(),
        now: at(0),
        until: at(60),
        is_foreground: true,
    };
    let error = transaction.claim(ImportId::new(at(0)), &claim).await;
    assert!(is_outgrown(error.unwrap_err()));
}

#[tokio::test]
async fn who_is_older_than_a_file_takes_no_import() {
    who_is_older_takes_no_import(Kind::Sqlite).await;
}

#[tokio::test]
async fn who_is_older_than_tables_on_a_server_takes_no_import() {
    who_is_older_takes_no_import(Kind::Postgres).await;
}
