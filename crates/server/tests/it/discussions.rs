//! Pull requests and issues as people read them, imported and in lists.

use bucketload_archive::{Blob, LinkedImage, StoredText};
use bucketload_model::Stage;
use serde_json::{Value, json};

use crate::recording::{Recording, at, person, written};
use crate::support::House;

const NAME: &str = "teapots/kettle";
const PATH: &str = "/repositories/teapots/kettle";
const IMAGE: &str = "https://bitbucket.org/repo/x/images/1-lid.png";

fn pull_request(id: u64, state: &str, title: &str, description: &str) -> Value {
    let side = |branch: &str| {
        json!({
            "branch": {"name": branch}, "commit": {"type": "commit", "hash": "0123456789ab"},
            "repository": {"type": "repository", "full_name": NAME},
        })
    };
    json!({
        "type": "pullrequest", "id": id, "title": title, "state": state, "draft": false,
        "description": description, "summary": written(description),
        "author": person(1, "Anna"), "closed_by": null, "reason": "",
        "source": side("feature/lid"), "destination": side("main"), "merge_commit": null,
        "comment_count": 1, "task_count": 1, "created_on": at(id), "updated_on": at(id + 100),
        "participants": [{
            "type": "participant", "user": person(2, "Jo"), "role": "REVIEWER",
            "approved": true, "state": "approved", "participated_on": at(9),
        }],
        "links": {"html": {"href": "https://bitbucket.org/x"}},
    })
}

fn comment(id: u64, parent: Option<u64>, raw: &str) -> Value {
    let mut comment = json!({
        "type": "pullrequest_comment", "id": id, "content": written(raw), "deleted": false,
        "user": person(2, "Jo"), "created_on": at(id), "updated_on": at(id),
        "pullrequest": {"type": "pullrequest", "id": 1}, "links": {},
    });
    if let Some(parent) = parent {
        comment["parent"] = json!({"id": parent});
    }
    comment
}

/// One pull request with everything, another one, and an issue.
pub(crate) fn recording() -> Recording {
    let mut recording = Recording::of(NAME);
    let description = format!("# Why\n\n**Boil** faster, @{{557058:2}}.\n\n![lid]({IMAGE})");
    let one = pull_request(1, "OPEN", "Boil <b>faster</b>", &description);
    recording.add("pullrequests", one);
    recording.add("pullrequests", pull_request(2, "MERGED", "Whistle", ""));
    let inline = {
        let mut inline = comment(10, None, "Why *so* hot?");
        inline["inline"] = json!({"path": "src/lid.rs", "from": null, "to": 7, "outdated": true});
        inline
    };
    let deleted = {
        let mut deleted = comment(12, None, "");
        deleted["deleted"] = json!(true);
        deleted
    };
    let long = format!("start {} end", "x ".repeat(200_000));
    let comments = [
        inline,
        comment(11, Some(10), "Because."),
        deleted,
        comment(13, None, &long),
    ];
    for one in comments {
        recording.add("pullrequests/1/comments", one);
    }
    let short = json!({"type": "pullrequest", "id": 1});
    let entries = [
        json!({"pull_request": short, "update": {
            "date": at(1), "state": "OPEN", "author": person(1, "Anna"), "changes": {},
        }}),
        json!({"pull_request": short, "approval": {"date": at(11), "user": person(2, "Jo")}}),
    ];
    for entry in entries {
        recording.add("pullrequests/1/activity", entry);
    }
    recording.add(
        "pullrequests/1/tasks",
        json!({
            "type": "task", "id": 5, "state": "RESOLVED", "content": written("Fill it"),
            "creator": person(1, "Anna"), "created_on": at(1), "updated_on": at(1),
        }),
    );
    recording.add(
        "issues",
        json!({
            "type": "issue", "id": 7, "title": "It drips", "state": "open", "kind": "bug",
            "priority": "major", "content": written("On the _floor_"), "reporter": person(1, "Anna"),
            "assignee": null, "component": {"name": "lid"}, "created_on": at(1),
            "updated_on": at(2),
        }),
    );
    recording.add(
        "issues/7/comments",
        json!({
            "type": "issue_comment", "id": 70, "content": written("Still does."),
            "user": person(2, "Jo"), "created_on": at(2), "updated_on": null,
            "issue": {"type": "issue", "id": 7},
        }),
    );
    recording.add(
        "issues/7/changes",
        json!({
            "type": "issue_change", "id": 70, "user": person(2, "Jo"), "created_on": at(2),
            "changes": {"state": {"old": "new", "new": "open"}}, "message": written(""),
            "issue": {"type": "issue", "id": 7},
        }),
    );
    recording
}

/// The first of these texts comes before the second, and so on.
#[track_caller]
fn in_order(body: &str, texts: &[&str]) {
    let mut at = 0;
    for text in texts {
        let found = body[at..].find(text);
        at += found.unwrap_or_else(|| panic!("no “{text}” from {at} on in\n{body}"));
    }
}

#[tokio::test]
async fn a_discussion_is_read_from_its_beginning_to_its_end() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    house.import(&recording()).await;
    let page = ada.get(PATH).await.is(200);
    let page = page.says("href=\"repositories/teapots/kettle/pull-requests\"");
    page.says("href=\"repositories/teapots/kettle/issues\"")
        .says("<dt>pull requests, merged</dt><dd>1</dd>");
    let list = format!("{PATH}/pull-requests");
    let page = ada.get(&list).await.is(200);
    in_order(
        &page.body,
        &["#2 ", "Whistle", "#1 ", "Boil &lt;b&gt;faster&lt;/b&gt;"],
    );
    page.says("Anna").says("feature/lid");
    for (query, found, missing) in [
        ("state=MERGED", "Whistle", "Boil"),
        ("q=%231", "Boil", "Whistle"),
        ("q=whis", "Whistle", "Boil"),
        ("author=ann&before=2", "Boil", "Whistle"),
        ("author=jo", "Nothing matches", "Whistle"),
    ] {
        let page = ada
            .get(&format!("{list}?{query}"))
            .await
            .is(200)
            .says(found);
        assert!(!page.body.contains(missing), "{query}: {}", page.body);
    }
    let page = ada.get(&format!("{list}/1")).await.is(200);
    in_order(
        &page.body,
        &[
            "Boil &lt;b&gt;faster",
            "<strong>Why</strong>",
            "<strong>Boil</strong> faster, <span class=\"mention\">@Jo</span>",
            "Fill it",
            "opened it",
            "src/lid.rs",
            "line 7",
            "outdated",
            "Why <em>so</em> hot?",
            "depth-1",
            "Because.",
            "approved it",
            "This comment was deleted.",
            "start x",
            "Read the whole as it was typed",
        ],
    );
    assert!(!page.body.contains("x  end"), "it is cut");
    // Its picture is not there, so it is a link.
    let page = page.says(&format!("<a href=\"{IMAGE}\""));
    assert!(!page.body.contains("<img"), "{}", page.body);
    let raw = ada.get(&format!("{list}/1/text?comment=13")).await.is(200);
    assert!(raw.body.ends_with(" end"));
    assert_eq!(raw.headers["content-type"], "text/plain; charset=utf-8");
    let policy = raw.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("sandbox"), "{policy}");
    let raw = ada.get(&format!("{list}/1/text")).await.is(200);
    assert!(raw.body.starts_with("# Why"), "{}", raw.body);
    // The next page begins behind a comment.
    let page = ada.get(&format!("{list}/1?after=11")).await.is(200);
    let page = page.says("From the beginning").says("was deleted");
    assert!(!page.body.contains("Because.") && !page.body.contains("opened it"));
    for nowhere in ["3", "0", "x", "1/text?comment=99", "../2x"] {
        ada.get(&format!("{list}/{nowhere}")).await.is(404);
    }
}

#[tokio::test]
async fn an_issue_is_read_with_what_was_changed() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    house.import(&recording()).await;
    let list = format!("{PATH}/issues");
    let page = ada.get(&list).await.is(200);
    page.says("It drips").says("bug").says("Anna");
    let page = ada.get(&format!("{list}/7")).await.is(200);
    in_order(
        &page.body,
        &[
            "It drips",
            "Component",
            "lid",
            "On the <em>floor</em>",
            "changed state from",
            "Still does.",
        ],
    );
    let raw = ada.get(&format!("{list}/7/text?comment=70")).await.is(200);
    assert_eq!(raw.body, "Still does.");
    ada.get(&format!("{list}/8")).await.is(404);
    ada.get(&format!("{PATH}/downloads"))
        .await
        .is(200)
        .says("Nothing is here");
}

#[tokio::test]
async fn pictures_are_served_as_what_they_are_and_to_whom_they_belong() {
    const DRAWING: &[u8] = b"<svg xmlns='http://www.w3.org/2000/svg' onload='pwned=1'/>";
    const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\nlid";
    let house = House::new().await;
    let mut ada = house.administrator().await;
    house.import(&recording()).await;
    let uuid = "{00000000-0000-4000-8000-0000000000fe}".parse().unwrap();
    let put = async |url: &str, content: &'static [u8], media_type: &str| -> Blob {
        let data_dir = bucketload_archive::DataDir::new(house.folder());
        let blob = data_dir.blobs(1_000).store(content).unwrap();
        let text = StoredText {
            stage: Stage::PullRequests,
            parent: 0,
            id: 2,
            key: String::new(),
            source: String::new(),
        };
        let image = LinkedImage {
            url: url.to_owned(),
            host: "bitbucket.org".to_owned(),
        };
        let mut transaction = house.archive.begin().await.unwrap();
        transaction.put_blob(&blob).await.unwrap();
        let links = [(text, vec![image])];
        let now = house.now();
        transaction
            .put_image_links(&uuid, &links, now)
            .await
            .unwrap();
        let set = transaction.set_image_blob(&uuid, url, media_type, &blob.sha256, now);
        set.await.unwrap();
        transaction.commit().await.unwrap();
        blob
    };
    let picture = put(IMAGE, PICTURE, "image/png").await;
    let drawing = put("https://bitbucket.org/a.svg", DRAWING, "image/svg+xml").await;
    let path = format!("repositories/teapots/kettle/images/{}", picture.sha256);
    let page = ada.get(&format!("{PATH}/pull-requests/1")).await.is(200);
    page.says(&format!("src=\"{path}\"")).says("alt=\"lid\"");
    let answer = ada.get(&path).await.is(200);
    assert_eq!(answer.headers["content-type"], "image/png");
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    assert_eq!(
        answer.headers["content-security-policy"],
        "sandbox; default-src 'none'"
    );
    let answer = ada
        .get(&path.replace(&picture.sha256, &drawing.sha256))
        .await
        .is(200);
    assert_eq!(answer.headers["content-type"], "application/octet-stream");
    let disposition = answer.headers["content-disposition"].to_str().unwrap();
    assert!(disposition.starts_with("attachment"), "{disposition}");
    // It is no picture of another repository, nor of an issue, nor a download.
    house
        .store("boats/oar", "{00000000-0000-4000-8000-000000000001}")
        .await;
    for elsewhere in [
        path.replace("teapots/kettle", "boats/oar"),
        path.replace("/images/", "/downloads/"),
        path.replace("/images/", "/issues/7/files/"),
        path.replace(&picture.sha256, &"0".repeat(64)),
        path.replace(&picture.sha256, "..%2f..%2fbucketload.db"),
    ] {
        ada.get(&elsewhere).await.is(404);
    }
    // What was lost from the disk is said to be.
    let store = bucketload_archive::DataDir::new(house.folder()).blobs(1_000);
    std::fs::remove_file(store.path(&picture.sha256)).unwrap();
    ada.get(&path).await.is(404).says("The file is not there");
}
