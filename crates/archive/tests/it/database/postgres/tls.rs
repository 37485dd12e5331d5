//! A server that is asked for its certificate.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::path::Path;

use bucketload_archive::{Archive, DataDir, OpenError};

use crate::certificates;
use crate::postgres::{Server, USER};
use crate::support::{Side, address};

/// The server insists on a key that nobody else can read.
fn hand_over(folder: &Path) {
    let owner = folder.metadata().unwrap();
    for file in ["server.key", "server.crt"] {
        let file = folder.join(file);
        std::os::unix::fs::chown(&file, Some(owner.uid()), Some(owner.gid())).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    }
}

#[tokio::test]
async fn a_certificate_is_checked_where_that_is_asked_for() {
    let Some(server) = Server::start_on_network() else {
        return;
    };
    let folder = server.folder();
    if !certificates::make(folder, "DNS:localhost") {
        return;
    }
    hand_over(folder);
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    for (setting, value) in [
        ("ssl", "on"),
        ("ssl_cert_file", &file("server.crt")),
        ("ssl_key_file", &file("server.key")),
    ] {
        server.sql(&format!("alter system set {setting} = '{value}'"));
    }
    server.sql(&format!("create database sealed owner {USER}"));
    server.stop();
    server.start_again();

    let socket = server.url("sealed");
    let login = socket.split('@').next().unwrap();
    let url = |host, authority| {
        let (port, authority) = (server.port(), file(authority));
        format!("{login}@{host}:{port}/sealed?sslmode=verify-full&sslrootcert={authority}")
    };
    let data = tempfile::tempdir().unwrap();
    let data_dir = |url: &str| DataDir::new(data.path()).with_database(address(url));
    let archive = Archive::open(&data_dir(&url("localhost", "ca.crt"))).await;
    let archive = archive.unwrap();
    assert!(archive.repositories().await.unwrap().is_empty());
    let mut side = Side::postgres(&socket).await;
    let sealed = "select distinct ssl::text from pg_stat_ssl join pg_stat_activity using (pid)
                  where application_name = 'bucketload'";
    assert_eq!(side.texts(sealed).await, ["true"]);
    archive.close().await;

    for (host, authority) in [("localhost", "other.crt"), ("127.0.0.1", "ca.crt")] {
        let error = Archive::open(&data_dir(&url(host, authority))).await;
        let error = error.unwrap_err();
        assert!(matches!(error, OpenError::Certificate { .. }), "{error:?}");
    }
}
