//! Databases as earlier versions of bucketload left them.
//!
//! `rows/<version>.sql` puts rows into the tables that came since the file before it; together
//! they fill every table that there was at that version. The rows are made up. A file stays as
//! it is: a new one is added when there are new tables, and not each time that a migration is.

#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test binary uses the parts that it needs"
)]
#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use std::path::{Path, PathBuf};

use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

/// Rows that are put in once the schema is at a version.
pub(crate) struct Step {
    pub(crate) version: i64,
    pub(crate) rows: String,
}

/// All steps, from the first released schema on.
pub(crate) fn steps() -> Vec<Step> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(root().join("tests/earlier/rows"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let steps = files.iter().map(|file| Step {
        version: file.file_stem().unwrap().to_str().unwrap().parse().unwrap(),
        rows: std::fs::read_to_string(file).unwrap(),
    });
    steps.collect()
}

/// The migrations of a database, to be made one by one.
pub(crate) async fn migrations(database: &str) -> Migrator {
    let folder = root().join("migrations").join(database);
    let mut migrations = Migrator::new(folder).await.unwrap();
    if database == "postgres" {
        migrations.dangerous_set_table_name("bucketload._sqlx_migrations");
        migrations.create_schema("bucketload");
    }
    migrations
}

/// Makes a file as the version of the first so many steps left it, and says which that is.
pub(crate) async fn make_file(path: &Path, count: usize) -> i64 {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let options = SqliteConnectOptions::new().filename(path);
    let options = options.create_if_missing(true).foreign_keys(true);
    let mut connection = options.connect().await.unwrap();
    let migrations = migrations("sqlite").await;
    let mut version = 0;
    for step in steps().into_iter().take(count) {
        migrations
            .run_to(step.version, &mut connection)
            .await
            .unwrap();
        let rows = sqlx::raw_sql(AssertSqlSafe(step.rows));
        rows.execute(&mut connection).await.unwrap();
        version = step.version;
    }
    connection.close().await.unwrap();
    version
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
