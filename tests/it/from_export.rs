//! `import --from-export`: an export is as good as the archive that it was made of.

use std::fs;
use std::path::Path;

use bucketload_simulator::{Effect, Fault, IssueTracker, Mutation, SeedOptions};
use serde_json::Value;

use crate::support::{Double, assert_same, bare_command, export, files, run, shared, small};

const NAME: &str = "seaside/lighthouse";

fn restore(data_dir: &Path, from: &Path, code: i32) -> crate::support::Ran {
    run(bare_command(data_dir)
        .args(["import", "--from-export"])
        .arg(from))
    .expect(code)
}

#[test]
fn an_export_of_what_was_read_back_has_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(SeedOptions {
        issue_tracker: IssueTracker::Answers,
        ..small()
    });
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    double.run(&first, &["import", "seaside"]).expect(0);
    let output = folder.path().join("one");
    let before = export(&first, &output, NAME);
    run(bare_command(&first)
        .args(["export", "seaside", "--format", "jsonl", "--output"])
        .arg(&output))
    .expect(0);
    // All of the workspace at once.
    let told = restore(&second, &output, 0);
    assert!(
        told.stdout.contains("seaside/lighthouse: "),
        "{}",
        told.stdout
    );
    let after = export(&second, &folder.path().join("two"), NAME);
    assert_same(&files(&before), &files(&after));
    let images = fs::read_to_string(after.join("images.jsonl")).unwrap();
    assert!(images.contains("\"blob\":"), "{images}");

    // It is an archive like any other.
    run(bare_command(&second).args(["verify"])).expect(0);
    let status = run(bare_command(&second).args(["status", NAME, "--json"])).expect(0);
    let status = status.json();
    assert_eq!(status["imports"][0]["state"], "complete", "{status}");
    let told = double.run(&second, &["import", NAME, "--json"]).expect(0);
    assert_eq!(told.report()["state"], "complete");
    let again = export(&second, &folder.path().join("three"), NAME);
    assert_same(&files(&before), &files(&again));
}

/// Commits of pull requests that no branch leads to, once given by their hash, once not.
#[test]
fn what_is_kept_of_forgotten_pull_requests_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(SeedOptions {
        git_commits: 30,
        forks_gone_per_mille: 0,
        ..small()
    });
    let scratch = folder.path().join("scratch");
    let only = ["import", NAME, "--only", "git"];
    double.run(&scratch, &only).expect(0);
    let scratch = scratch.join(format!("repositories/{NAME}.git"));
    let git = |arguments: &[&str]| {
        let mut git = std::process::Command::new("git");
        let output = git.arg("-C").arg(&scratch).args(arguments).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let root = git(&["rev-list", "--max-parents=0", "HEAD"]);
    for branch in git(&["for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads"]).lines() {
        let mutation = Mutation::MoveBranch {
            repository: NAME.to_owned(),
            branch: branch.to_owned(),
            to: root.trim().to_owned(),
        };
        double.control().mutate(mutation).unwrap();
    }
    let (with_heads, with_diffs) = (folder.path().join("heads"), folder.path().join("diffs"));
    double.run(&with_heads, &["import", NAME]).expect(0);
    let lists = ["import", NAME, "--only", "git,pull_requests"];
    double.run(&with_diffs, &lists).expect(0);
    let refused = Effect::Answer {
        status: 403,
        headers: Vec::new(),
        body: String::new(),
    };
    let fault = Fault::on_path("git-upload-pack", refused);
    double.control().add_fault(fault);
    let diffs = ["import", NAME, "--only", "pull_request_diffs"];
    double.run(&with_diffs, &diffs).expect(0);
    for data_dir in [with_heads, with_diffs] {
        let out = |what: &str| folder.path().join(what).join(data_dir.file_name().unwrap());
        let before = export(&data_dir, &out("one"), NAME);
        let restored = out("restored");
        restore(&restored, &before, 0);
        let after = export(&restored, &out("two"), NAME);
        let before = files(&before);
        assert_same(&before, &files(&after));
        let kept = |name: &String| name.starts_with("pull_request_diffs/");
        let has_diffs = data_dir.ends_with("diffs");
        assert_eq!(before.keys().any(kept), has_diffs);
        let mirror = data_dir.join(format!("repositories/{NAME}.git"));
        let refs = std::fs::read_to_string(mirror.join("packed-refs")).unwrap();
        assert_eq!(refs.contains("refs/pull/"), !has_diffs, "{refs}");
    }
}

#[test]
fn what_was_altered_or_is_there_is_refused_and_nothing_of_it_kept() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    double.run(&first, &["import", NAME]).expect(0);
    let exported = export(&first, &folder.path().join("out"), NAME);
    let there = restore(&first, &exported, 2);
    assert!(
        there.stderr.contains("is in the archive already"),
        "{}",
        there.stderr
    );

    let comments = exported.join("pull_request_comments.jsonl");
    let text = fs::read_to_string(&comments).unwrap();
    fs::write(&comments, text.replacen("the", "teh", 1)).unwrap();
    let altered = restore(&second, &exported, 1);
    assert!(
        altered.stderr.contains("not what the manifest says"),
        "{}",
        altered.stderr
    );
    fs::write(&comments, &text).unwrap();

    let manifest = exported.join("manifest.json");
    let whole = fs::read_to_string(&manifest).unwrap();
    let mut hostile: Value = serde_json::from_str(&whole).unwrap();
    hostile["files"]["../../../etc/passwd"] = hostile["files"]["git.bundle"].clone();
    fs::write(&manifest, hostile.to_string()).unwrap();
    let unknown = restore(&second, &exported, 2);
    assert!(
        unknown.stderr.contains("does not know"),
        "{}",
        unknown.stderr
    );
    fs::write(&manifest, &whole).unwrap();

    let none = restore(&second, folder.path(), 2);
    assert!(
        none.stderr.contains("no export of bucketload"),
        "{}",
        none.stderr
    );
    let list = run(bare_command(&second).args(["list", "--json"])).expect(0);
    assert_eq!(list.json()["repositories"], Value::Array(Vec::new()));
    restore(&second, &exported, 0);
}

#[test]
fn issues_of_recorded_exports_come_back_with_their_files() {
    let Some(exports) = shared("recorded/issue-exports") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let mut taken = 0;
    for entry in fs::read_dir(exports).unwrap() {
        let path = entry.unwrap().path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        if !matches!(ending, Some("zip" | "json")) {
            continue;
        }
        let name = format!("seaside/kept-{taken}");
        let ran = run(bare_command(&first)
            .args(["import", &name, "--offline", "--issues-export"])
            .arg(&path));
        if ![0, 3].contains(&ran.code) {
            continue;
        }
        taken += 1;
        let before = export(&first, &folder.path().join("one"), &name);
        restore(&second, &before, 0);
        let after = export(&second, &folder.path().join("two"), &name);
        assert_same(&files(&before), &files(&after));
    }
    assert!(taken >= 2, "{taken} exports");
}
