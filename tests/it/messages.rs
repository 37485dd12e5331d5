//! What people read: help texts and summaries, kept as snapshots.

use crate::support::{Double, bare_command, run, small};

#[test]
fn help_texts() {
    let folder = tempfile::tempdir().unwrap();
    let commands = [
        "",
        "import",
        "status",
        "list",
        "worker",
        "pause",
        "cancel",
        "resume",
        "retry",
        "schedules",
        "unschedule",
        "audit",
        "export",
        "doctor",
        "auth",
        "auth login",
        "auth add-token",
        "auth remove",
        "auth rotate-key",
        "stages",
        "simulator",
        "demo",
        "serve",
        "auth",
    ];
    let texts = commands.map(|command| {
        let mut line = bare_command(folder.path());
        if !command.is_empty() {
            line.args(command.split(' '));
        }
        run(line.arg("--help").env("COLUMNS", "100"))
            .expect(0)
            .stdout
    });
    insta::assert_snapshot!(texts.join("\n----------\n"));
}

#[test]
fn what_an_import_says() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let data_dir = folder.path().join("data");
    let ran = double
        .run(&data_dir, &["import", "seaside/lighthouse"])
        .expect(0);
    let root = folder.path().to_str().unwrap().to_owned();
    // Stages side by side end in any order.
    let mut stderr: Vec<&str> = ran.stderr.lines().collect();
    stderr.sort_unstable();
    insta::with_settings!({ filters => vec![
        (root.as_str(), "[folder]"),
        (r"in \d+\.\d s", "in [time] s"),
    ]}, {
        insta::assert_snapshot!(format!(
            "{}--- standard error, sorted\n{}",
            ran.stdout,
            stderr.join("\n")
        ));
    });
}

#[test]
fn what_a_dry_run_says() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let ran = run(double
        .command(folder.path())
        .env("BUCKETLOAD_REST_QUOTA", "1000")
        .args(["import", "seaside/lighthouse", "--dry-run"]));
    insta::assert_snapshot!(ran.expect(0).stdout);
}

#[test]
fn the_stages() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(bare_command(folder.path()).arg("stages")).expect(0);
    insta::assert_snapshot!(ran.stdout);
}
