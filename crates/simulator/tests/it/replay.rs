//! Recorded answers of real repositories, when they are at hand.

use crate::support::{Double, serve, shared};
use bucketload_simulator::{ReplayOptions, World};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

fn files() -> Option<Vec<PathBuf>> {
    let folder = shared("recorded/repositories")?;
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "gz"))
        .collect();
    files.sort();
    Some(files)
}

async fn double(issues: bool) -> Option<Double> {
    let options = ReplayOptions {
        files: files()?,
        issues,
        ..ReplayOptions::default()
    };
    Some(serve(World::replay(options).unwrap()).await)
}

const ALL: &str = "state=OPEN&state=MERGED&state=DECLINED&state=SUPERSEDED";

#[tokio::test]
async fn counts_are_those_of_the_recordings() {
    let Some(double) = double(false).await else {
        return;
    };
    let expected = shared("recorded/repositories/expected-counts.json").unwrap();
    let expected: Map<String, Value> =
        serde_json::from_slice(&std::fs::read(expected).unwrap()).unwrap();
    for (name, expected) in expected {
        let r = format!("/repositories/{name}");
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut add = |what: &str, how_many: usize| {
            if how_many > 0 {
                *counts.entry(what.to_owned()).or_default() += how_many;
            }
        };
        let pull_requests = double
            .all(&format!("{r}/pullrequests?pagelen=7&{ALL}"))
            .await;
        add("pullrequests", pull_requests.len());
        for pull_request in &pull_requests {
            let id = &pull_request["id"];
            let state = pull_request["state"].as_str().unwrap();
            add(&format!("pr_{state}"), 1);
            let comments = double
                .all(&format!("{r}/pullrequests/{id}/comments?pagelen=3"))
                .await;
            add("pr_comments", comments.len());
            let such =
                |test: &dyn Fn(&Value) -> bool| comments.iter().filter(|value| test(value)).count();
            add(
                "pr_comments_deleted",
                such(&|value| value["deleted"] == true),
            );
            add(
                "pr_comments_inline",
                such(&|value| value.get("inline").is_some()),
            );
            add(
                "pr_comments_reply",
                such(&|value| value.get("parent").is_some()),
            );
            for entry in double
                .all(&format!("{r}/pullrequests/{id}/activity?pagelen=3"))
                .await
            {
                for kind in ["update", "comment", "approval"] {
                    add(
                        &format!("activity_{kind}"),
                        usize::from(entry.get(kind).is_some()),
                    );
                }
            }
            add(
                "pr_commits",
                double
                    .all(&format!("{r}/pullrequests/{id}/commits?pagelen=3"))
                    .await
                    .len(),
            );
            add(
                "pr_statuses",
                double
                    .all(&format!("{r}/pullrequests/{id}/statuses"))
                    .await
                    .len(),
            );
        }
        add(
            "commits",
            double.all(&format!("{r}/commits?pagelen=30")).await.len(),
        );
        add(
            "tags",
            double.all(&format!("{r}/refs/tags?pagelen=7")).await.len(),
        );
        add("forks", double.all(&format!("{r}/forks")).await.len());
        for (what, counted) in counts {
            assert_eq!(expected["counts"][&what], counted, "{what} of {name}");
        }
        assert_eq!(expected["counts"]["pullrequests"], pull_requests.len());
        let repository = double.get(&r).await;
        assert_eq!(repository["scm"], "git");
        assert_eq!(repository["uuid"], expected["repo"]["uuid"]);
        let clone = repository["links"]["clone"].as_array().unwrap();
        let https = clone.iter().find(|link| link["name"] == "https").unwrap();
        assert_eq!(
            https["href"],
            format!("{}/{name}.git", double.simulator.web_url())
        );
    }
}

#[tokio::test]
async fn objects_are_as_recorded_but_for_their_links() {
    let Some(double) = double(false).await else {
        return;
    };
    let mut compared = 0;
    for file in files().unwrap() {
        let mut text = String::new();
        let raw = std::fs::File::open(&file).unwrap();
        flate2::read::MultiGzDecoder::new(raw)
            .read_to_string(&mut text)
            .unwrap();
        let own = text.replace(
            "\"https://api.bitbucket.org/2.0",
            &format!("\"{}", double.simulator.api_url()),
        );
        let recorded: BTreeMap<String, Value> = own
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .map(|line| {
                (
                    line["url"].as_str().unwrap().to_owned(),
                    line["body"].clone(),
                )
            })
            .collect();
        for (url, body) in &recorded {
            if !url.contains("/pullrequests?") {
                continue;
            }
            let r = url.split("/pullrequests").next().unwrap();
            let listed = double.all(&format!("{r}/pullrequests?pagelen=50&{ALL}&fields=%2Bvalues.reviewers,%2Bvalues.participants")).await;
            for source in body["values"].as_array().unwrap() {
                let found = listed
                    .iter()
                    .find(|value| value["id"] == source["id"])
                    .unwrap();
                let detail = &recorded[&format!("{r}/pullrequests/{}", source["id"])];
                let mut expected = source.clone();
                expected["reviewers"] = detail["reviewers"].clone();
                expected["participants"] = detail["participants"].clone();
                assert_eq!(*found, expected);
                assert_eq!(
                    double
                        .get(&format!("{r}/pullrequests/{}", source["id"]))
                        .await,
                    *detail
                );
                let comments = double
                    .all(&format!(
                        "{r}/pullrequests/{}/comments?pagelen=2",
                        source["id"]
                    ))
                    .await;
                let page = &recorded[&format!(
                    "{r}/pullrequests/{}/comments?pagelen=100&page=1",
                    source["id"]
                )];
                assert_eq!(json!(comments), page["values"]);
                compared += 1 + comments.len();
            }
        }
    }
    assert!(compared > 500, "{compared} objects compared");
}

#[tokio::test]
async fn workspaces_and_members_are_derived() {
    let Some(double) = double(false).await else {
        return;
    };
    let workspace = double.get("/workspaces/osrf").await;
    assert_eq!(workspace["slug"], "osrf");
    let slugs: Vec<Value> = double
        .all("/repositories/osrf")
        .await
        .iter()
        .map(|value| value["slug"].clone())
        .collect();
    assert!(slugs.contains(&json!("srsim")) && slugs.contains(&json!("citysim")));
    let members = double.all("/workspaces/osrf/members?pagelen=3").await;
    assert!(
        members
            .iter()
            .all(|member| member["user"]["type"] == "user")
    );
    let author =
        double.get("/repositories/osrf/srsim/pullrequests/1").await["author"]["uuid"].clone();
    assert!(
        members
            .iter()
            .any(|member| member["user"]["uuid"] == author)
    );
    let mut uuids: Vec<String> = members
        .iter()
        .map(|member| member["user"]["uuid"].to_string())
        .collect();
    uuids.sort();
    uuids.dedup();
    assert_eq!(uuids.len(), members.len());
    let branches = double.get("/repositories/osrf/srsim/refs/branches").await;
    assert_eq!(
        branches["values"],
        json!([]),
        "the bare repository is empty"
    );
    assert_eq!(double.status("/repositories/osrf/nothing").await, 404);
}

#[tokio::test]
async fn issues_show_only_when_told_to() {
    let Some(gone) = double(false).await else {
        return;
    };
    assert_eq!(
        gone.status("/repositories/osrf/sandia-hand/issues").await,
        410
    );
    assert_eq!(
        gone.status("/repositories/osrf/sandia-hand/issues/1").await,
        410
    );
    let shown = double(true).await.unwrap();
    assert_eq!(
        shown
            .all("/repositories/osrf/sandia-hand/issues?pagelen=5")
            .await
            .len(),
        22
    );
    let issue = shown.get("/repositories/osrf/sandia-hand/issues/1").await;
    assert_eq!(issue["id"], 1);
    shown
        .get("/repositories/osrf/sandia-hand/issues/1/comments?pagelen=5")
        .await;
}

#[tokio::test]
async fn a_repository_on_disk_is_served_for_a_recorded_one() {
    let Some(files) = files() else { return };
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["init", "--quiet", "--initial-branch=default"][..],
        &[
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@b",
            "commit",
            "--quiet",
            "--allow-empty",
            "--message=Converted",
        ],
    ] {
        let status = std::process::Command::new("git")
            .arg("-C")
            .arg(folder.path())
            .args(arguments)
            .status();
        assert!(status.unwrap().success());
    }
    let with_git = |name: &str| {
        let git = [(name.to_owned(), folder.path().to_owned())].into();
        World::replay(ReplayOptions {
            files: files.clone(),
            git,
            issues: false,
        })
    };
    assert!(with_git("osrf/nothing").is_err());
    let double = serve(with_git("osrf/srsim").unwrap()).await;
    let branches = double.all("/repositories/osrf/srsim/refs/branches").await;
    assert_eq!(branches[0]["name"], "default");
    let repository = double.get("/repositories/osrf/srsim").await;
    let clone = repository["links"]["clone"][0]["href"]
        .as_str()
        .unwrap()
        .to_owned();
    let output = tokio::task::spawn_blocking(move || {
        std::process::Command::new("git")
            .args(["ls-remote", &clone])
            .output()
            .unwrap()
    });
    let refs = String::from_utf8(output.await.unwrap().stdout).unwrap();
    let hash = branches[0]["target"]["hash"].as_str().unwrap();
    assert!(
        refs.contains(&format!("{hash}\trefs/heads/default")),
        "{refs}"
    );
    let commits = double
        .all("/repositories/osrf/srsim/commits?pagelen=100")
        .await;
    assert_eq!(commits.len(), 30, "commits stay as recorded");
}

#[test]
fn what_is_no_recording_is_refused_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.jsonl.gz");
    let mut encoder = flate2::write::GzEncoder::new(
        std::fs::File::create(&path).unwrap(),
        flate2::Compression::fast(),
    );
    std::io::Write::write_all(
        &mut encoder,
        b"{\"url\": \"https://elsewhere.example\", \"body\": {}}\n",
    )
    .unwrap();
    encoder.finish().unwrap();
    let world = World::replay(ReplayOptions {
        files: vec![path],
        ..ReplayOptions::default()
    });
    assert!(world.unwrap_err().to_string().contains("line 1"));
}
