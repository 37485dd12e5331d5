//! Seeded worlds: the same each time, large at no cost, and as odd as promised.

use crate::support::{R, seeded, serve};
use bucketload_simulator::{SeedOptions, World};
use std::process::Command;
use std::time::{Duration, Instant};

#[tokio::test]
async fn the_same_seed_gives_the_same_bytes() {
    let options = SeedOptions {
        repositories: 2,
        seed: 7,
        ..SeedOptions::default()
    };
    let (one, two) = (seeded(options.clone()).await, seeded(options.clone()).await);
    let other = seeded(SeedOptions { seed: 8, ..options }).await;
    let text = async |double: &crate::support::Double, path: &str| {
        let text = double.send(path).await.text().await.unwrap();
        text.replace(&double.simulator.web_url(), "http://simulator")
    };
    for path in [
        "/workspaces/seaside/members?pagelen=100".to_owned(),
        "/repositories/seaside".to_owned(),
        format!("{R}/pullrequests?pagelen=50&state=MERGED&fields=%2Bvalues.participants"),
        format!("{R}/pullrequests/3/comments?pagelen=100"),
        format!("{R}/pullrequests/activity?pagelen=50"),
        format!("{R}/commits?pagelen=10"),
        format!("{R}/refs?pagelen=100"),
    ] {
        let first = text(&one, &path).await;
        assert_eq!(first, text(&two, &path).await, "{path}");
        assert_ne!(first, text(&other, &path).await, "{path}");
    }
}

#[tokio::test]
async fn a_huge_world_starts_at_once_and_answers_from_its_middle() {
    let started = Instant::now();
    let double = seeded(SeedOptions {
        pull_requests: 50_000,
        ..SeedOptions::default()
    })
    .await;
    let page = double.get(&format!("{R}/pullrequests?page=500&pagelen=50&state=OPEN&state=MERGED&state=DECLINED&state=SUPERSEDED")).await;
    assert_eq!(page["size"], 50_000);
    assert_eq!(page["values"][0]["id"], 50_000 - 499 * 50);
    double
        .get(&format!("{R}/pullrequests/49999/comments"))
        .await;
    // Generous for a slow machine: storing 350,000 objects first would take longer.
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn the_oddities_of_the_real_api_are_there() {
    let double = seeded(SeedOptions {
        pull_requests: 400,
        deleted_users_per_mille: 50,
        forks_gone_per_mille: 50,
        deleted_comments_per_mille: 100,
        ..SeedOptions::default()
    })
    .await;
    let all = double
        .all(&format!(
            "{R}/pullrequests?pagelen=50&state=OPEN&state=MERGED&state=DECLINED&state=SUPERSEDED"
        ))
        .await;
    let some = |what: &str, test: &dyn Fn(&serde_json::Value) -> bool| {
        assert!(all.iter().any(test), "{what}");
        assert!(!all.iter().all(test), "{what}");
    };
    for state in ["OPEN", "MERGED", "DECLINED", "SUPERSEDED"] {
        some(state, &|value| value["state"] == state);
    }
    some("draft", &|value| value["draft"] == true);
    some("former user", &|value| value["author"].is_null());
    some("closed by former user", &|value| {
        value["closed_by"].is_null() && value["state"] == "MERGED"
    });
    some("fork gone", &|value| {
        value["source"]["repository"].is_null() && value["source"]["commit"].is_null()
    });
    some("target gone", &|value| {
        value["destination"]["commit"].is_null()
    });
    some("merged without commit", &|value| {
        value["state"] == "MERGED" && value["merge_commit"].is_null()
    });
    some("no comments", &|value| value["comment_count"] == 0);
    assert!(
        all.iter()
            .all(|value| value["source"]["branch"]["name"].is_string())
    );

    let mut comments = Vec::new();
    for id in 1..=150 {
        comments.extend(
            double
                .all(&format!("{R}/pullrequests/{id}/comments?pagelen=100"))
                .await,
        );
    }
    let some = |what: &str, test: &dyn Fn(&serde_json::Value) -> bool| {
        assert!(comments.iter().any(test), "{what}");
    };
    some("deleted", &|value| {
        value["deleted"] == true && value["content"]["raw"] == "" && !value["user"].is_null()
    });
    some("former user", &|value| value["user"].is_null());
    some("file-level", &|value| {
        value["inline"]["path"].is_string()
            && value["inline"]["to"].is_null()
            && value["inline"]["from"].is_null()
    });
    some("range", &|value| value["inline"]["start_to"].is_u64());
    some("resolved", &|value| value["resolution"].is_object());
    some("unedited", &|value| value["updated_on"].is_null());
    some("emoji", &|value| {
        value["content"]["raw"].as_str().unwrap().contains('👩')
    });
    some("CRLF", &|value| {
        value["content"]["raw"].as_str().unwrap().contains("\r\n")
    });
    some("hostile", &|value| {
        value["content"]["raw"]
            .as_str()
            .unwrap()
            .contains("<script>")
    });
    some("long", &|value| {
        value["content"]["raw"].as_str().unwrap().len() > 20_000
    });
    let deepest = comments
        .iter()
        .filter_map(|value| value["parent"]["depth"].as_u64())
        .max();
    assert_eq!(deepest, Some(3));
    for (position, comment) in comments.iter().enumerate() {
        if let Some(parent) = comment["parent"]["id"].as_u64() {
            assert!(
                comments[..position]
                    .iter()
                    .any(|earlier| earlier["id"] == parent)
            );
        }
    }
    let average = comments.len() / 150;
    assert!((4..=8).contains(&average), "{average} comments on average");
}

#[tokio::test]
async fn a_repository_on_disk_can_stand_in() {
    let folder = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"];
        let mut command = Command::new("git");
        command
            .arg("-C")
            .arg(folder.path())
            .args(identity)
            .args(arguments);
        assert!(command.output().unwrap().status.success(), "{arguments:?}");
    };
    git(&["init", "--quiet", "--initial-branch=trunk"]);
    git(&[
        "commit",
        "--quiet",
        "--allow-empty",
        "--message=Only commit",
    ]);
    let stand_in = |name: &str| {
        let git = [(name.to_owned(), folder.path().to_owned())].into();
        World::seeded(SeedOptions {
            git,
            ..SeedOptions::default()
        })
    };
    assert!(stand_in("seaside/nothing").is_err());
    let double = serve(stand_in("seaside/lighthouse").unwrap()).await;
    let commits = double.all(&format!("{R}/commits")).await;
    assert_eq!(commits.len(), 1);
    assert_eq!(commits[0]["message"], "Only commit\n");
    assert_eq!(double.get(R).await["mainbranch"]["name"], "trunk");
    assert_eq!(
        double.all(&format!("{R}/refs/branches")).await[0]["name"],
        "trunk"
    );
}
