//! Opening a database on a server: anew, again, and what cannot be opened.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use std::error::Error;
use std::net::TcpListener;

use bucketload_archive::{Archive, DataDir, OpenError};
use futures::future::join_all;
use tempfile::TempDir;

use crate::postgres::{Database, PASSWORD, USER, server};
use crate::support::{Kind, Side, Store, address};

fn data_dir(url: &str) -> (TempDir, DataDir) {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = DataDir::new(folder.path()).with_database(address(url));
    (folder, data_dir)
}

/// Refused for a reason; nothing that is said of it has the password in it.
async fn refused(url: &str) -> OpenError {
    let (_folder, data_dir) = data_dir(url);
    let error = Archive::open(&data_dir).await.unwrap_err();
    let mut said = format!("{error:?} {data_dir:?}");
    let mut cause: Option<&dyn Error> = Some(&error);
    while let Some(error) = cause {
        said = format!("{said} {error}");
        cause = error.source();
    }
    assert!(!said.contains("s3cret"), "{said}");
    error
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let Some(store) = Store::on(Kind::Postgres).await else {
        return;
    };
    let schema = "select table_name || column_name from information_schema.columns
                  where table_schema = 'bucketload' order by 1";
    let before = store.column(schema).await;
    let applied = store.count("_sqlx_migrations").await;
    assert!(applied > 0 && before.len() > 10);
    for _ in 0..2 {
        Archive::open(&store.data_dir).await.unwrap();
    }
    assert_eq!(store.column(schema).await, before);
    assert_eq!(store.count("_sqlx_migrations").await, applied);
}

#[tokio::test]
async fn several_that_open_a_new_one_at_the_same_time() {
    let Some(database) = Database::new() else {
        return;
    };
    let (_folder, data_dir) = data_dir(&database.url());
    for archive in join_all((0..8).map(|_| Archive::open(&data_dir))).await {
        assert!(archive.unwrap().repositories().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_and_left_as_it_is() {
    let Some(store) = Store::on(Kind::Postgres).await else {
        return;
    };
    let mut side = store.side().await;
    side.run(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (99991231, 'from the future', true, 'x', 1)",
    )
    .await;
    let error = Archive::open(&store.data_dir).await.unwrap_err();
    assert!(
        matches!(
            error,
            OpenError::Newer {
                found: 99_991_231,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.to_string().contains("newer bucketload"), "{error}");
}

#[tokio::test]
async fn looking_at_one_changes_nothing_in_it() {
    let Some(database) = Database::new() else {
        return;
    };
    let (_folder, data_dir) = data_dir(&database.url());
    assert_eq!(Archive::health(&data_dir).await.unwrap(), None);
    Archive::open(&data_dir).await.unwrap();
    let health = Archive::health(&data_dir).await.unwrap().unwrap();
    assert_eq!(health.schema, health.newest);
    let mut side = Side::postgres(&database.url()).await;
    side.run(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (99, 'next', true, 'x', 0)",
    )
    .await;
    let newer = Archive::health(&data_dir).await.unwrap().unwrap();
    assert_eq!((newer.schema, newer.newest), (99, health.newest));
}

#[tokio::test]
async fn reading_makes_no_tables() {
    let Some(database) = Database::new() else {
        return;
    };
    let (_folder, data_dir) = data_dir(&database.url());
    let error = Archive::open_existing(&data_dir).await.unwrap_err();
    assert!(matches!(error, OpenError::Missing { .. }), "{error:?}");
    let mut side = Side::postgres(&database.url()).await;
    let schemas = "select nspname::text from pg_namespace where nspname = 'bucketload'";
    assert_eq!(side.texts(schemas).await, [""; 0]);
    Archive::open(&data_dir).await.unwrap();
    Archive::open_existing(&data_dir).await.unwrap();
}

#[tokio::test]
async fn what_others_keep_in_the_same_database_is_left_alone() {
    let Some(database) = Database::new() else {
        return;
    };
    let mut side = Side::postgres(&database.url()).await;
    // PostgreSQL 15 and later let nobody but the owner of the database in here.
    for table in ["imports", "_sqlx_migrations"] {
        side.run(&format!(
            "create table public.{table} (version text); insert into public.{table} values ('theirs')"
        ))
        .await;
    }
    let (_folder, data_dir) = data_dir(&database.url());
    let archive = Archive::open(&data_dir).await.unwrap();
    assert!(archive.latest_imports().await.unwrap().is_empty());
    for table in ["imports", "_sqlx_migrations"] {
        let kept = format!("select version from public.{table}");
        assert_eq!(side.texts(&kept).await, ["theirs"]);
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_are_no_mystery() {
    let Some(server) = server() else { return };
    for (user, password) in [(USER, "s3cret but wrong"), ("stranger", PASSWORD)] {
        let error = refused(&server.url_as(user, password, "postgres")).await;
        assert!(matches!(error, OpenError::Login { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_database_that_is_not_there() {
    let Some(server) = server() else { return };
    let error = refused(&server.url("nowhere")).await;
    assert!(matches!(error, OpenError::NoDatabase { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there() {
    // A port where nobody listens, because its listener has just gone.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    for url in [
        format!("postgres://ann:s3cret@127.0.0.1:{port}/keep"),
        "postgres://ann:s3cret@%2Fnowhere/keep".to_owned(),
    ] {
        let error = refused(&url).await;
        assert!(matches!(error, OpenError::Unreachable { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_database_that_has_not_every_letter() {
    let Some(server) = server() else { return };
    let latin = "template template0 encoding 'LATIN1' locale 'C'";
    let database = server.database_with(latin);
    let error = refused(&database.url()).await;
    let OpenError::Encoding { found, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(found, "LATIN1");
}

#[tokio::test]
async fn a_user_who_may_make_nothing() {
    let Some(server) = server() else { return };
    let database = server.database_with("");
    server.sql("drop role if exists guest");
    server.sql(&format!("create role guest login password '{PASSWORD}'"));
    let url = database.url().replace("//keeper:", "//guest:");
    let error = refused(&url).await;
    assert!(matches!(error, OpenError::Migrate { .. }), "{error:?}");
}
