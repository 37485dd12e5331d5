//! Files that are no part of git's own history: a large one, and an export of issues.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bucketload_simulator::SeedOptions;
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::clone::git;
use super::importer::{REPOSITORY, Remote};
use crate::catalogue::{self, Figure};
use crate::common::child::{self, Usage};
use crate::common::report::Report;
use crate::common::{Result, TOKEN, folder, mebibytes, number};
use crate::options::Bench;

/// Comments on each issue of the export.
const COMMENTS: u64 = 6;

/// Imports a history with one large file, and gets the same file with `curl`.
pub(crate) fn large_file(bench: &Bench, report: &mut Report) -> Result<()> {
    let folder = folder()?;
    let bytes = bench.sizes.import.large_file_mb * 1_000_000;
    let content = folder.path().join("content");
    // A hole in a file takes no room, and is read like any other content.
    File::create(&content)?.set_len(bytes)?;
    let (_, sum) = child::run(Command::new("sha256sum").arg(&content))?;
    let oid = sum.get(..64).ok_or("sha256sum says no hash")?.to_owned();
    let mut seed = SeedOptions {
        pull_requests: 1,
        wiki: false,
        ..SeedOptions::default()
    };
    seed.git
        .insert(REPOSITORY.to_owned(), history(folder.path(), &oid, bytes)?);
    let remote = Remote::start(&bench.command, seed, Duration::ZERO)?;
    let stored = remote.control()?.lfs_folder(REPOSITORY)?;
    std::fs::create_dir_all(&stored)?;
    let size = File::create(stored.join(&oid))?;
    size.set_len(bytes)?;

    let ours = |report: &mut Report| -> Result<f64> {
        let data = folder.path().join("data");
        let run = remote.import(&data, &["--only", "git,lfs"])?;
        let rate = megabytes_a_second(bytes, run.usage);
        if let Some(peak) = run.usage.peak_rss_bytes {
            report.add(catalogue::FILE_MEMORY, number(peak) / 1e6);
        }
        read_again(&remote, &data, bytes, report)?;
        std::fs::remove_dir_all(data)?;
        Ok(rate)
    };
    // Whoever comes second may find the machine warmer, or its memory full.
    let (ours, theirs) = if bench.round.is_multiple_of(2) {
        let ours = ours(report)?;
        (ours, curl(&remote, folder.path(), (&oid, bytes), report)?)
    } else {
        let theirs = curl(&remote, folder.path(), (&oid, bytes), report)?;
        (ours(report)?, theirs)
    };
    report.compare(catalogue::FILE, ours, theirs);
    Ok(())
}

/// Proves and exports what was imported, beside programs that read and write as much and do
/// nothing else.
fn read_again(remote: &Remote, data: &Path, bytes: u64, report: &mut Report) -> Result<()> {
    let export = data.join("export");
    let copy = data.join("copy");
    let mirror = data.join("repositories").join(format!("{REPOSITORY}.git"));
    let mut prove = remote.bare_command(data)?;
    prove.args(["verify", REPOSITORY]);
    let mut sum = Command::new("find");
    sum.arg(mirror.join("lfs/objects"))
        .args(["-type", "f", "-exec", "sha256sum", "{}", "+"]);
    let mut write = remote.bare_command(data)?;
    write.args(["export", REPOSITORY, "--format", "jsonl", "--output"]);
    write.arg(&export);
    let mut duplicate = Command::new("cp");
    duplicate
        .args(["-r", "--reflink=never"])
        .arg(&mirror)
        .arg(&copy);
    let mut compare = |figure: Figure, ours: &mut Command, theirs: &mut Command| -> Result<()> {
        let [ours, theirs] = [ours, theirs].map(child::run);
        let rate = |usage| megabytes_a_second(bytes, usage);
        report.compare(figure, rate(ours?.0), rate(theirs?.0));
        Ok(())
    };
    compare(catalogue::FILE_VERIFY, &mut prove, &mut sum)?;
    compare(catalogue::FILE_EXPORT, &mut write, &mut duplicate)
}

fn megabytes_a_second(bytes: u64, usage: Usage) -> f64 {
    number(bytes) / 1e6 / usage.wall.as_secs_f64()
}

/// A history with a pointer to the file.
fn history(folder: &Path, oid: &str, bytes: u64) -> Result<PathBuf> {
    let work = folder.join("work");
    std::fs::create_dir(&work)?;
    let pointer =
        format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {bytes}\n");
    std::fs::write(work.join("large.bin"), pointer)?;
    let who = ["-c", "user.name=A", "-c", "user.email=a@example.org"];
    for arguments in [
        &["init", "--quiet", "--initial-branch=main"][..],
        &["add", "."],
        &["commit", "--quiet", "-m", "A large file"],
    ] {
        child::run(git().current_dir(&work).args(who).args(arguments))?;
    }
    Ok(work.join(".git"))
}

/// Gets the file as the protocol says, and says how fast that was.
fn curl(
    remote: &Remote,
    folder: &Path,
    (oid, bytes): (&str, u64),
    report: &mut Report,
) -> Result<f64> {
    let question = json!({
        "operation": "download", "transfers": ["basic"],
        "objects": [{ "oid": oid, "size": bytes }],
    });
    let media_type = "application/vnd.git-lfs+json";
    let mut batch = Command::new("curl");
    batch
        .args(["-s", "-u", &format!("x-token-auth:{TOKEN}")])
        .args(["-H", &format!("Accept: {media_type}")])
        .args(["-H", &format!("Content-Type: {media_type}")])
        .args(["-d", &question.to_string()])
        .arg(format!("{}/info/lfs/objects/batch", remote.git_url()));
    let (_, answer) = child::run(&mut batch)?;
    let answer: Value = serde_json::from_str(&answer)?;
    let action = &answer["objects"][0]["actions"]["download"];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let address = text(&action["href"]).ok_or("the batch has no address")?;
    let header = text(&action["header"]["Authorization"]).unwrap_or_default();
    let into = folder.join("curl");
    let mut download = Command::new("curl");
    download
        .args(["-s", "--fail", "-H", &format!("Authorization: {header}")])
        .arg("-o")
        .arg(&into)
        .arg(address);
    let (mut usage, _) = child::run(&mut download)?;
    let rate = megabytes_a_second(bytes, usage);
    // What ours does before it calls a file stored.
    usage.wall += child::run(Command::new("sync").arg(&into))?.0.wall;
    let durable = megabytes_a_second(bytes, usage);
    report.detail("large file: curl and sync", "MB/s", durable);
    std::fs::remove_file(into)?;
    Ok(rate)
}

/// Takes an export of issues into a new archive.
pub(crate) fn issues_export(bench: &Bench, report: &mut Report) -> Result<()> {
    let folder = folder()?;
    let path = folder.path().join("export.zip");
    let mut zip = ZipWriter::new(File::create(&path)?);
    zip.start_file("db-2.0.json", SimpleFileOptions::default())?;
    zip.write_all(document(bench.sizes.import.issues).to_string().as_bytes())?;
    zip.finish()?;
    let remote = Remote::start(&bench.command, SeedOptions::default(), Duration::ZERO)?;
    let path = path.to_string_lossy();
    let arguments = ["--issues-export", &path, "--offline"];
    let mut command = remote.command(&folder.path().join("data"), &arguments)?;
    let (usage, _) = child::run(&mut command)?;
    report.add(catalogue::ISSUES, usage.wall.as_secs_f64());
    if let Some(bytes) = usage.peak_rss_bytes {
        report.detail("issue export: peak memory", "MiB", mebibytes(bytes));
    }
    Ok(())
}

/// Issues with comments, a third of which carry a change.
fn document(issues: u64) -> Value {
    let person = json!({ "display_name": "Ada", "account_id": "557058:x" });
    let text = "The kettle boils over as soon as it is filled to the brim. ".repeat(6);
    let time = "2013-04-19T15:59:32.714225+00:00";
    let issue = |id: u64| {
        json!({
            "id": id, "title": format!("Issue {id}"), "content": text, "status": "new",
            "kind": "bug", "priority": "major", "reporter": person, "assignee": null,
            "created_on": time, "updated_on": time, "watchers": [person], "voters": [],
        })
    };
    let comment = |id: u64| {
        json!({
            "id": id, "issue": id % issues + 1, "content": text, "user": person,
            "created_on": time, "updated_on": null,
        })
    };
    let change = |id: u64| {
        json!({
            "comment": id, "issue": id % issues + 1, "field": "responsible", "user": null,
            "changed_from": "None", "changed_to": "ada", "created_on": time,
        })
    };
    let comments = 0..issues * COMMENTS;
    json!({
        "issues": (1..=issues).map(issue).collect::<Vec<_>>(),
        "comments": comments.clone().map(comment).collect::<Vec<_>>(),
        "logs": comments.step_by(3).map(change).collect::<Vec<_>>(),
        "attachments": [], "components": [], "milestones": [], "versions": [],
        "meta": { "default_kind": "bug" },
    })
}
