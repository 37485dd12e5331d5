//! Git over smart HTTP, with the real client.

use crate::support::{Double, seeded};
use bucketload_simulator::{Mutation, SeedOptions};
use std::path::Path;
use std::process::{Command, Output};

fn git(arguments: &[&str], folder: &Path) -> Output {
    Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .output()
        .unwrap()
}

async fn run(arguments: &[&str], folder: &Path) -> Output {
    let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
    let folder = folder.to_owned();
    tokio::task::spawn_blocking(move || {
        git(
            &arguments.iter().map(String::as_str).collect::<Vec<_>>(),
            &folder,
        )
    })
    .await
    .unwrap()
}

async fn double() -> Double {
    seeded(SeedOptions {
        repositories: 2,
        private_repositories: 1,
        empty_repository: true,
        ..SeedOptions::default()
    })
    .await
}

fn remote(double: &Double, user: &str, slug: &str) -> String {
    let address = double.simulator.address();
    let user = if user.is_empty() {
        String::new()
    } else {
        format!("{user}@")
    };
    format!("http://{user}{address}/seaside/{slug}")
}

#[tokio::test]
async fn clones_what_is_public_without_a_token() {
    let double = double().await;
    let folder = tempfile::tempdir().unwrap();
    for (name, url) in [
        ("a", remote(&double, "", "lighthouse.git")),
        ("b", remote(&double, "", "lighthouse")),
    ] {
        let output = run(&["clone", "--quiet", "--mirror", &url, name], folder.path()).await;
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let cloned = folder.path().join("a");
    let fsck = run(&["fsck", "--full", "--strict"], &cloned).await;
    assert!(
        fsck.status.success(),
        "{}",
        String::from_utf8_lossy(&fsck.stderr)
    );
    let refs = run(&["for-each-ref", "--format=%(refname)"], &cloned).await;
    let refs = String::from_utf8(refs.stdout).unwrap();
    for name in [
        "refs/heads/main",
        "refs/heads/feature/größe-ändern",
        "refs/tags/v1.4",
        "refs/tags/build-14",
    ] {
        assert!(refs.lines().any(|line| line == name), "{name} in {refs}");
    }
    assert!(!refs.contains("refs/heads/side"));
    let kinds = run(
        &["for-each-ref", "--format=%(objecttype)", "refs/tags"],
        &cloned,
    )
    .await;
    let kinds = String::from_utf8(kinds.stdout).unwrap();
    assert!(kinds.contains("tag") && kinds.contains("commit"));
    let merges = run(&["rev-list", "--count", "--merges", "--all"], &cloned).await;
    assert_eq!(String::from_utf8(merges.stdout).unwrap().trim(), "5");
    // The hashes of pull requests are in the clone, and the short ones resolve.
    let pull_requests = double.all("/repositories/seaside/lighthouse/pullrequests?pagelen=50&state=OPEN&state=MERGED&state=DECLINED&state=SUPERSEDED").await;
    for pull_request in pull_requests {
        for hash in [
            &pull_request["source"]["commit"]["hash"],
            &pull_request["destination"]["commit"]["hash"],
        ] {
            let Some(hash) = hash.as_str() else { continue };
            assert_eq!(hash.len(), 12);
            let output = run(
                &["rev-parse", "--verify", &format!("{hash}^{{commit}}")],
                &cloned,
            )
            .await;
            let full = String::from_utf8(output.stdout).unwrap();
            let commit = double
                .get(&format!("/repositories/seaside/lighthouse/commit/{hash}"))
                .await;
            assert_eq!(commit["hash"], full.trim());
        }
    }
    double.simulator.stop().await;
}

#[tokio::test]
async fn private_repositories_want_the_right_user_and_token() {
    let double = double().await;
    let folder = tempfile::tempdir().unwrap();
    let clone = async |user: &str, name: &str| {
        let url = remote(&double, user, "harbour.git");
        let output = run(&["clone", "--quiet", "--bare", &url, name], folder.path()).await;
        output.status.success()
    };
    assert!(clone("x-token-auth:simulator-full-access", "a").await);
    assert!(clone("x-token-auth:simulator-repository-only", "b").await);
    assert!(clone("x-bitbucket-api-token-auth:simulator-api-token", "c").await);
    assert!(!clone("", "d").await, "no token");
    assert!(!clone("x-token-auth:wrong", "e").await, "wrong token");
    assert!(
        !clone("ada%40example.com:simulator-api-token", "f").await,
        "email as user"
    );
    assert!(
        !clone("x-token-auth:simulator-api-token", "g").await,
        "user of the other kind"
    );
    assert!(
        !clone("x-token-auth:simulator-no-scopes", "h").await,
        "no scope"
    );
    let info = "/seaside/harbour.git/info/refs?service=git-upload-pack";
    let response = double.anonymous(&(double.simulator.web_url() + info)).await;
    assert_eq!(response.status(), 401);
    assert!(
        response.headers()["www-authenticate"]
            .to_str()
            .unwrap()
            .starts_with("Basic")
    );
    let push =
        double.simulator.web_url() + "/seaside/lighthouse.git/info/refs?service=git-receive-pack";
    assert_eq!(double.anonymous(&push).await.status(), 403);
    assert!(
        double
            .simulator
            .control()
            .requests()
            .iter()
            .all(|request| { request.kind == bucketload_simulator::RequestKind::Git })
    );
}

#[tokio::test]
async fn an_empty_repository_clones_as_one() {
    let double = double().await;
    let folder = tempfile::tempdir().unwrap();
    let url = remote(&double, "", "empty.git");
    let output = run(
        &["clone", "--quiet", "--bare", &url, "empty"],
        folder.path(),
    )
    .await;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let repository = double.get("/repositories/seaside/empty").await;
    assert_eq!(repository["mainbranch"], serde_json::Value::Null);
    for list in ["refs", "refs/branches", "commits", "pullrequests"] {
        let page = double
            .get(&format!("/repositories/seaside/empty/{list}"))
            .await;
        assert_eq!(page["values"], serde_json::json!([]), "{list}");
    }
}

#[tokio::test]
async fn branches_move_and_vanish() {
    let double = double().await;
    let control = double.simulator.control();
    let repository = "seaside/lighthouse".to_owned();
    let main = double
        .get("/repositories/seaside/lighthouse/refs/branches/main")
        .await;
    control
        .mutate(Mutation::MoveBranch {
            repository: repository.clone(),
            branch: "hotfix-1.2".to_owned(),
            to: "main".to_owned(),
        })
        .unwrap();
    control
        .mutate(Mutation::DeleteBranch {
            repository,
            branch: "ada/experiment".to_owned(),
        })
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let output = run(
        &["ls-remote", &remote(&double, "", "lighthouse.git")],
        folder.path(),
    )
    .await;
    let refs = String::from_utf8(output.stdout).unwrap();
    let hash = main["target"]["hash"].as_str().unwrap();
    assert!(
        refs.contains(&format!("{hash}\trefs/heads/hotfix-1.2")),
        "{refs}"
    );
    assert!(!refs.contains("ada/experiment"));
}

#[tokio::test]
async fn compressed_and_old_protocol_requests_are_understood() {
    let double = double().await;
    let folder = tempfile::tempdir().unwrap();
    // A client that has 300 commits of its own names so many of them that git compresses the
    // request.
    let commit = |mark: u32| {
        let from = if mark > 1 {
            format!("from :{}\n", mark - 1)
        } else {
            String::new()
        };
        format!(
            "commit refs/heads/own\nmark :{mark}\ncommitter Ada <a@example.com> {mark} +0000\n\
             data 0\n{from}"
        )
    };
    let stream: Vec<String> = (1..=300).map(commit).collect();
    assert!(
        run(&["init", "--quiet", "--bare", "own"], folder.path())
            .await
            .status
            .success()
    );
    let own = folder.path().join("own");
    std::fs::write(own.join("stream"), stream.concat()).unwrap();
    let imported = Command::new("git")
        .args(["fast-import", "--quiet"])
        .current_dir(&own)
        .stdin(std::fs::File::open(own.join("stream")).unwrap())
        .status()
        .unwrap();
    assert!(imported.success());
    let url = remote(&double, "", "lighthouse.git");
    for protocol in ["protocol.version=2", "protocol.version=0"] {
        let to = format!(
            "+refs/heads/*:refs/{}/*",
            protocol.replace('.', "-").replace('=', "/")
        );
        let output = run(&["-c", protocol, "fetch", "--quiet", &url, &to], &own).await;
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert!(run(&["fsck", "--full"], &own).await.status.success());
}

#[tokio::test]
async fn a_request_without_a_length_is_read_to_its_end() {
    let double = double().await;
    let main = double
        .get("/repositories/seaside/lighthouse/refs/branches/main")
        .await;
    let line = |text: &str| format!("{:04x}{text}", text.len() + 4);
    let want = format!(
        "want {} side-band-64k\n",
        main["target"]["hash"].as_str().unwrap()
    );
    let parts = [line(&want), "0000".to_owned(), line("done\n")];
    let parts = futures::stream::iter(parts.map(Ok::<_, std::io::Error>));
    let url = double.simulator.web_url() + "/seaside/lighthouse.git/git-upload-pack";
    let request = double
        .client
        .post(url)
        .header("content-type", "application/x-git-upload-pack-request")
        .body(reqwest::Body::wrap_stream(parts));
    let pack = request.send().await.unwrap().bytes().await.unwrap();
    assert!(pack.windows(4).any(|window| window == b"PACK"));
    assert!(pack.ends_with(b"0000"), "the pack is whole");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_killed_leaves_no_process_behind() {
    let double = seeded(SeedOptions {
        git_commits: 40,
        git_bytes_per_commit: 400_000,
        ..SeedOptions::default()
    })
    .await;
    let main = double
        .get("/repositories/seaside/lighthouse/refs/branches/main")
        .await;
    let line = |text: &str| format!("{:04x}{text}", text.len() + 4);
    let want = format!(
        "want {} side-band-64k\n",
        main["target"]["hash"].as_str().unwrap()
    );
    let url = double.simulator.web_url() + "/seaside/lighthouse.git/git-upload-pack";
    let request = double
        .client
        .post(url)
        .header("content-type", "application/x-git-upload-pack-request");
    let request = request.body(format!("{}0000{}", line(&want), line("done\n")));
    let mut response = request.send().await.unwrap();
    assert!(response.chunk().await.unwrap().is_some());
    assert!(backends() > 0, "16 MB are on their way");
    drop(response);
    let gone = async {
        while backends() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_mins(1), gone)
        .await
        .unwrap();
}

/// How many children of this process serve git, or have ended and were not waited for.
#[cfg(target_os = "linux")]
fn backends() -> usize {
    let own = std::process::id().to_string();
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let stat = std::fs::read_to_string(path.join("stat")).ok()?;
            let (name, rest) = stat.rsplit_once(')')?;
            let mut fields = rest.split_whitespace();
            let (state, parent) = (fields.next()?, fields.next()?);
            let arguments = std::fs::read_to_string(path.join("cmdline")).unwrap_or_default();
            let serves =
                name.contains("git") && (state == "Z" || arguments.contains("http-backend"));
            (parent == own && serves).then_some(())
        })
        .count()
}
