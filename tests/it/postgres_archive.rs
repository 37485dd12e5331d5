//! An archive whose database is on a PostgreSQL server.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use bucketload_simulator::{Effect, Fault, SeedOptions};

use crate::postgres::{Database, PASSWORD, Server, USER, server};
use crate::support::{Double, Ran, assert_same, bare_command, export, files, run, small};

const NAME: &str = "seaside/lighthouse";

/// The command with a database elsewhere; its address stands in a file of its own.
fn with_database<'a>(command: &'a mut Command, folder: &Path, url: &str) -> &'a mut Command {
    let file = folder.join("database-url");
    std::fs::write(&file, format!("{url}\n")).unwrap();
    command.env("BUCKETLOAD_DATABASE_URL_FILE", file)
}

fn import(double: &Double, data_dir: &Path, url: &str) -> Ran {
    let mut command = double.command(data_dir);
    with_database(&mut command, data_dir.parent().unwrap(), url);
    run(command.args(["import", NAME, "--json"]))
}

fn export_from(data_dir: &Path, output: &Path, url: &str) -> BTreeMap<String, Vec<u8>> {
    let mut command = bare_command(data_dir);
    with_database(&mut command, data_dir.parent().unwrap(), url);
    run(command
        .args(["export", NAME, "--format", "jsonl", "--output"])
        .arg(output))
    .expect(0);
    files(&output.join(NAME))
}

/// What an import into SQLite leaves.
fn from_sqlite(double: &Double, folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let data_dir = folder.join("sqlite");
    double.run(&data_dir, &["import", NAME]).expect(0);
    files(&export(&data_dir, &folder.join("of sqlite"), NAME))
}

#[test]
fn an_import_and_its_update_leave_what_sqlite_would() {
    let Some(database) = Database::new() else {
        return;
    };
    let url = database.url();
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let data_dir = folder.path().join("data");
    let expected = from_sqlite(&double, folder.path());
    for round in ["first", "update"] {
        let ran = import(&double, &data_dir, &url).expect(0);
        assert_eq!(ran.report()["state"], "complete", "{round}");
        assert_eq!(ran.report()["source"], NAME, "{round}");
        let output = folder.path().join(round);
        assert_same(&export_from(&data_dir, &output, &url), &expected);
    }
    assert!(!data_dir.join("bucketload.db").exists());
    for arguments in [&["status", "--json"][..], &["list", "--json"]] {
        let mut command = bare_command(&data_dir);
        with_database(&mut command, folder.path(), &url);
        let said = run(command.args(arguments)).expect(0).stdout;
        assert!(
            said.contains("complete") && said.contains("lighthouse"),
            "{said}"
        );
    }
    let mut command = double.command(&data_dir);
    with_database(&mut command, folder.path(), &url);
    let said = run(command.arg("doctor")).stdout;
    assert!(said.contains("its server answers, schema "), "{said}");
}

/// The most that can be logged, without the password.
#[test]
fn the_password_is_never_said() {
    let Some(database) = Database::new() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let data_dir = folder.path().join("data");
    let wrong = database.url().replace("keeper@", "keeper%21@");
    let urls = [
        database.url(),
        wrong,
        database.url().replace("archive_", "no_"),
    ];
    for (url, code) in urls.iter().zip([0, 1, 1]) {
        let mut command = double.command(&data_dir);
        command.env("BUCKETLOAD_LOG", "trace");
        with_database(&mut command, folder.path(), url);
        let ran = run(command.args(["import", NAME])).expect(code);
        let secret = PASSWORD.split('/').next().unwrap();
        assert!(ran.stderr.len() > 40);
        assert!(!ran.stderr.contains(secret), "{}", ran.stderr);
        assert!(!ran.stdout.contains(secret), "{}", ran.stdout);
        if code == 1 {
            assert!(ran.stderr.contains("what to do: "), "{}", ran.stderr);
        }
    }
}

#[test]
fn an_archive_that_is_not_there() {
    let Some(server) = server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let nowhere = "postgres://ann:s3cret@%2Fnowhere/keep".to_owned();
    let wrong = server.url_as(USER, "wrong", "postgres");
    for (url, code, words) in [
        (nowhere, 1, "no PostgreSQL server answers"),
        (wrong, 1, "lets nobody in as postgres://keeper@"),
        (
            server.url("nothing"),
            1,
            "no database for postgres://keeper@",
        ),
        (server.url("postgres") + "?sslmood=on", 2, "“sslmood”"),
        (
            "mysql://ann:s3cret@host/keep".to_owned(),
            2,
            "neither sqlite:// nor",
        ),
    ] {
        let mut command = bare_command(&folder.path().join("data"));
        with_database(&mut command, folder.path(), &url);
        let ran = run(command.arg("list")).expect(code);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
        assert!(ran.stderr.contains("what to do: "), "{}", ran.stderr);
        assert!(!ran.stderr.contains("s3cret"), "{}", ran.stderr);
    }
}

fn world() -> SeedOptions {
    SeedOptions {
        pull_requests: 52,
        comments: 8,
        members: 5,
        git_commits: 8,
        ..SeedOptions::default()
    }
}

#[test]
fn an_import_killed_at_some_requests_ends_like_an_undisturbed_one() {
    let Some(server) = server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(world());
    let control = double.control();
    let expected = from_sqlite(&double, folder.path());
    let requests = control.requests().len() as u64;
    assert!(requests > 40, "the world is too small to tell anything");
    for number in (1..=requests).step_by(7) {
        let database = server.database_with("");
        let data_dir = folder.path().join(format!("killed-{number}"));
        control.reset_log();
        control.add_fault(Fault::on_request(number, Effect::Hang));
        let mut command = double.command(&data_dir);
        let mut child = with_database(&mut command, folder.path(), &database.url())
            .args(["import", NAME, "--json"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        double.runtime.block_on(control.wait_for_request(number));
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        control.clear_faults();

        let ran = import(&double, &data_dir, &database.url()).expect(0);
        assert_eq!(ran.report()["state"], "complete", "killed at {number}");
        let output = folder.path().join(format!("export-{number}"));
        let exported = export_from(&data_dir, &output, &database.url());
        assert_same(&exported, &expected);
    }
}

#[test]
fn an_import_whose_server_crashes_says_so_and_goes_on_when_it_is_back() {
    let Some(server) = Server::start() else {
        return;
    };
    server.sql(&format!("create database crashing owner {USER}"));
    let url = server.url("crashing");
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(world());
    let control = double.control();
    let expected = from_sqlite(&double, folder.path());
    let data_dir = folder.path().join("data");
    control.reset_log();
    // Nothing goes on before the server is away.
    control.add_fault(Fault::on_request(20, Effect::Hang));
    let mut command = double.command(&data_dir);
    let child = with_database(&mut command, folder.path(), &url)
        .args(["import", NAME])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    double.runtime.block_on(control.wait_for_request(20));
    server.crash();
    control.clear_faults();
    let ran = Ran::from(child.wait_with_output().unwrap()).expect(1);
    assert!(ran.stderr.contains("what to do: "), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("run the same command again"),
        "{}",
        ran.stderr
    );

    server.start_again();
    let ran = import(&double, &data_dir, &url).expect(0);
    assert_eq!(ran.report()["state"], "complete");
    let output = folder.path().join("of postgres");
    assert_same(&export_from(&data_dir, &output, &url), &expected);
}
