//! What changed between two imports comes with the second, and costs little more than nothing.

use bucketload_simulator::{Mutation, RequestKind};
use serde_json::{Map, Value, json};

use crate::support::{Local, NAME, Remote, assert_complete, bench, talkative};

const PULL_REQUESTS: &str = "pull_requests.jsonl";
const COMMENTS: &str = "pull_request_comments.jsonl";

/// Imports once more, and checks the cost: repository, the list of what changed, the newest page
/// of activity if anything did, and so many discussions.
async fn catch_up(remote: &Remote, local: &Local, discussions: usize) {
    remote.control.reset_log();
    let report = local.import().await;
    assert_complete(&report);
    let rest = remote.rest();
    assert_eq!(remote.asked("/comments"), discussions, "{rest:#?}");
    let of_activity = remote.asked("/activity");
    assert!(of_activity <= 1, "{rest:#?}");
    // Tasks, where it has some.
    let of_tasks = remote.asked("/tasks");
    assert!(of_tasks <= 1, "{rest:#?}");
    let expected = 2 + of_activity + of_tasks + discussions;
    assert_eq!(rest.len(), expected, "{rest:#?}");
}

async fn imported() -> (Remote, Local, u64) {
    let (remote, local) = bench().await;
    local.import().await;
    let id = talkative(&local).await[0];
    local.watch().await;
    (remote, local, id)
}

fn fields(pairs: &[(&str, Value)]) -> Map<String, Value> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}

fn edit(id: u64, changed: &[(&str, Value)]) -> Mutation {
    Mutation::EditPullRequest {
        repository: NAME.to_owned(),
        id,
        fields: fields(changed),
    }
}

async fn first_comment(local: &Local, pull_request: u64) -> Value {
    let comments = local.objects(COMMENTS).await;
    let found = comments.into_iter().find(|comment| {
        comment["pullrequest"]["id"] == pull_request && comment["deleted"] == false
    });
    found.unwrap()
}

#[tokio::test]
async fn a_changed_title() {
    let (remote, local, id) = imported().await;
    remote.mutate(edit(
        id,
        &[("title", json!("Another title")), ("state", json!("OPEN"))],
    ));
    catch_up(&remote, &local, 1).await;
    let stored = local.object(PULL_REQUESTS, id).await;
    assert_eq!(stored["title"], "Another title");
    let touched = local.touched().await;
    assert!(touched.contains(&"update pull_requests".to_owned()));
    assert!(
        !touched.contains(&"insert pull_requests".to_owned()),
        "{touched:?}"
    );
    catch_up(&remote, &local, 0).await;
}

#[tokio::test]
async fn a_new_pull_request() {
    let (remote, local, _) = imported().await;
    let made = remote.mutate(Mutation::AddPullRequest {
        repository: NAME.to_owned(),
        title: "Light the lamp".to_owned(),
    });
    catch_up(&remote, &local, 0).await;
    let stored = local.object(PULL_REQUESTS, made.id.unwrap()).await;
    assert_eq!(stored["title"], "Light the lamp");
    assert_eq!(local.objects(PULL_REQUESTS).await.len(), 61);
    let touched = local.touched().await;
    assert!(
        !touched.contains(&"update pull_requests".to_owned()),
        "{touched:?}"
    );
}

#[tokio::test]
async fn a_new_comment() {
    let (remote, local, id) = imported().await;
    let made = remote.mutate(Mutation::AddComment {
        repository: NAME.to_owned(),
        pull_request: id,
        text: "One more thing".to_owned(),
    });
    catch_up(&remote, &local, 1).await;
    let stored = local.object(COMMENTS, made.id.unwrap()).await;
    assert_eq!(stored["content"]["raw"], "One more thing");
    let touched = local.touched().await;
    assert!(!touched.contains(&"update pull_request_comments".to_owned()));
    catch_up(&remote, &local, 0).await;
}

/// Bitbucket is not known to date a pull request anew when a comment of it is edited, so the
/// edit comes with the next change of the pull request.
#[tokio::test]
async fn an_edited_comment() {
    let (remote, local, id) = imported().await;
    let comment = first_comment(&local, id).await["id"].as_u64().unwrap();
    remote.mutate(Mutation::EditComment {
        repository: NAME.to_owned(),
        pull_request: id,
        comment,
        text: "I mean the opposite".to_owned(),
    });
    remote.mutate(edit(id, &[]));
    catch_up(&remote, &local, 1).await;
    let stored = local.object(COMMENTS, comment).await;
    assert_eq!(stored["content"]["raw"], "I mean the opposite");
    let touched = local.touched().await;
    assert!(!touched.contains(&"insert pull_request_comments".to_owned()));
}

#[tokio::test]
async fn a_deleted_comment_leaves_its_tombstone() {
    let (remote, local, id) = imported().await;
    let count = local.objects(COMMENTS).await.len();
    let comment = first_comment(&local, id).await["id"].as_u64().unwrap();
    remote.mutate(Mutation::DeleteComment {
        repository: NAME.to_owned(),
        pull_request: id,
        comment,
    });
    catch_up(&remote, &local, 1).await;
    let stored = local.object(COMMENTS, comment).await;
    assert_eq!(stored["deleted"], true);
    assert_eq!(local.objects(COMMENTS).await.len(), count);
    let deleted: i64 =
        sqlx::query_scalar("select is_deleted from pull_request_comments where id = $1")
            .bind(i64::try_from(comment).unwrap())
            .fetch_one(&mut local.side().await)
            .await
            .unwrap();
    assert_eq!(deleted, 1);
}

#[tokio::test]
async fn the_last_comment_of_a_pull_request_deleted() {
    let (remote, local, _) = imported().await;
    let made = remote.mutate(Mutation::AddPullRequest {
        repository: NAME.to_owned(),
        title: "x".to_owned(),
    });
    let id = made.id.unwrap();
    let comment = remote.mutate(Mutation::AddComment {
        repository: NAME.to_owned(),
        pull_request: id,
        text: "x".to_owned(),
    });
    let comment = comment.id.unwrap();
    catch_up(&remote, &local, 1).await;
    remote.mutate(Mutation::DeleteComment {
        repository: NAME.to_owned(),
        pull_request: id,
        comment,
    });
    assert_eq!(local.object(COMMENTS, comment).await["deleted"], false);
    catch_up(&remote, &local, 1).await;
    assert_eq!(local.object(COMMENTS, comment).await["deleted"], true);
    catch_up(&remote, &local, 0).await;
}

#[tokio::test]
async fn a_renamed_person_is_renamed_everywhere_once_lists_are_read_whole() {
    let (remote, mut local, _) = imported().await;
    let person = local.objects("users.jsonl").await;
    let person = person.iter().find(|person| person["type"] == "user");
    let uuid = person.unwrap()["uuid"].as_str().unwrap().to_owned();
    remote.mutate(Mutation::RenameAccount {
        account: uuid.clone(),
        display_name: "Somebody Else".to_owned(),
    });
    // No object moves its `updated_on` for it.
    local.importer.whole_lists = true;
    assert_complete(&local.import().await);
    let people = local.objects("users.jsonl").await;
    let person = people.iter().find(|person| person["uuid"] == *uuid);
    assert_eq!(person.unwrap()["display_name"], "Somebody Else");
}

#[tokio::test]
async fn a_moved_and_a_deleted_branch_keep_their_old_tips() {
    let (remote, local, _) = imported().await;
    let mirror = local.importer.data_dir.mirror(&NAME.parse().unwrap());
    let refs = || {
        git(
            &mirror,
            &["for-each-ref", "--format=%(refname) %(objectname)"],
        )
    };
    let before = refs();
    let main = git(&mirror, &["symbolic-ref", "HEAD"]);
    let main = main.strip_prefix("refs/heads/").unwrap().to_owned();
    let old = git(&mirror, &["rev-parse", &main]);
    let root = git(&mirror, &["rev-list", "--max-parents=0", "-1", &main]);
    assert_ne!(old, root, "{before}");
    remote.mutate(Mutation::MoveBranch {
        repository: NAME.to_owned(),
        branch: main.clone(),
        to: root.clone(),
    });
    catch_up(&remote, &local, 0).await;
    assert_eq!(git(&mirror, &["rev-parse", &main]), root);
    let after = refs();
    let kept = after
        .lines()
        .any(|line| line.starts_with("refs/archive/") && line.ends_with(&old));
    assert!(kept, "{after}");
    let git_requests = remote.control.requests();
    // The wiki is looked at, too.
    let git_requests = git_requests
        .iter()
        .filter(|one| one.kind == RequestKind::Git && !one.target.contains(".git/wiki"));
    let targets: Vec<_> = git_requests.map(|one| &one.target).collect();
    assert!(targets.len() <= 3, "{targets:?}");
}

fn git(repository: &std::path::Path, args: &[&str]) -> String {
    let mut command = std::process::Command::new("git");
    let output = command
        .arg("-C")
        .arg(repository)
        .args(args)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
