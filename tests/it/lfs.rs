//! Large files of the history, from Bitbucket to an export and back.

use bucketload_simulator::SeedOptions;

use crate::support::{Double, assert_same, bare_command, export, files, git, run, small, stage};

const NAME: &str = "seaside/lighthouse";

#[test]
fn large_files_are_in_the_report_the_export_and_what_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let work = folder.path().join("work");
    git(
        folder.path(),
        &["init", "-q", "--initial-branch=main", "work"],
    );
    git(&work, &["commit", "-q", "--allow-empty", "-m", "first"]);
    let double = Double::seeded(SeedOptions {
        git: [(NAME.to_owned(), work.join(".git"))].into(),
        ..small()
    });
    let control = double.control();
    for name in ["here.psd", "gone.psd"] {
        let pointer = control.put_lfs_object(NAME, name.as_bytes()).unwrap();
        std::fs::write(work.join(name), pointer).unwrap();
    }
    git(&work, &["add", "."]);
    git(&work, &["commit", "-q", "-m", "pictures"]);
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let report = double
        .run(&first, &["import", NAME, "--json"])
        .expect(0)
        .report();
    assert_eq!(stage(&report, "lfs")["expected"], 2);
    assert_eq!(stage(&report, "lfs")["stored"], 2);
    assert_eq!(report["requests"]["by_endpoint"]["lfs/batch"], 1);

    let before = export(&first, &folder.path().join("one"), NAME);
    assert_eq!(std::fs::read_dir(before.join("lfs")).unwrap().count(), 2);
    run(bare_command(&second)
        .args(["import", "--from-export"])
        .arg(&before))
    .expect(0);
    let after = export(&second, &folder.path().join("two"), NAME);
    assert_same(&files(&before), &files(&after));
    run(bare_command(&second).arg("verify")).expect(0);
    // Nothing of it is asked for again.
    control.reset_log();
    let report = double
        .run(&second, &["import", NAME, "--json"])
        .expect(0)
        .report();
    assert_eq!(report["state"], "complete");
    assert!(report["requests"]["by_endpoint"]["lfs/batch"].is_null());
}

#[test]
fn an_object_that_is_gone_is_said_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let work = folder.path().join("work");
    git(
        folder.path(),
        &["init", "-q", "--initial-branch=main", "work"],
    );
    let oid = "0123456789abcdef".repeat(4);
    let pointer =
        format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 12\n");
    std::fs::write(work.join("gone.psd"), pointer).unwrap();
    git(&work, &["add", "."]);
    git(&work, &["commit", "-q", "-m", "pictures"]);
    let double = Double::seeded(SeedOptions {
        git: [(NAME.to_owned(), work.join(".git"))].into(),
        ..small()
    });
    let data_dir = folder.path().join("data");
    let report = double
        .run(&data_dir, &["import", NAME, "--json"])
        .expect(3)
        .report();
    let gap = &report["gaps"][0];
    assert_eq!(gap["object"], format!("LFS object {oid}"));
    assert_eq!(gap["reason"], "not_found");
    assert!(
        gap["detail"].as_str().unwrap().contains("gone.psd"),
        "{gap}"
    );
}
