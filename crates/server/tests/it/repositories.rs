//! What the archive holds: the list, the page of one repository, and exports that people
//! bring along.

use std::process::Command;

use bucketload_archive::{DataDir, MirrorKind, ProofRecord, RepositoryRecord, StoredCopy};
use bucketload_model::{GitReport, ImportEvent, RepositoryUuid};
use reqwest::header;

use crate::support::{Browser, House, MAX_UPLOAD_BYTES, Page};

pub(crate) const UPLOAD: &str = "/repositories/issue-export";
pub(crate) const WIKI_UPLOAD: &str = "/repositories/wiki-bundle";

/// A small export: two issues, one of which says something that is no number, a comment,
/// and an attachment whose file is not there.
const EXPORT: &str = r#"{
    "issues": [{"id": 1, "title": "It <b>drips</b>", "status": "open"}, {"id": "two"}],
    "comments": [{"id": 7, "issue": 1, "content": "Indeed"}],
    "logs": [],
    "attachments": [{"issue": 1, "filename": "drip<i>.png", "path": "attachments/1"}]
}"#;

impl House {
    /// A repository is in the archive.
    pub(crate) async fn store(&self, name: &str, uuid: &str) -> RepositoryUuid {
        let uuid: RepositoryUuid = uuid.parse().unwrap();
        let mut transaction = self.archive.begin().await.unwrap();
        let record = RepositoryRecord {
            uuid: &uuid,
            name: &name.parse().unwrap(),
            display_name: None,
            scm: Some("git"),
            is_private: None,
            main_branch: Some("main"),
            size_bytes: None,
            updated_on: None,
            source: "{}",
        };
        transaction.put_repository(&record).await.unwrap();
        transaction.commit().await.unwrap();
        uuid
    }

    async fn prove(&self, uuid: &RepositoryUuid, problems: u64) {
        let mut transaction = self.archive.begin().await.unwrap();
        let proof = ProofRecord {
            proven_at: (problems == 0).then(|| self.now()),
            tried_at: self.now(),
            is_sample: false,
            problems,
            manifest: std::collections::BTreeMap::default(),
        };
        transaction.put_proof(uuid, &proof).await.unwrap();
        transaction.commit().await.unwrap();
    }

    /// Nothing of an upload lies about.
    fn nothing_is_left(&self) {
        let incoming = self.folder().join("blobs/incoming");
        if let Ok(entries) = std::fs::read_dir(incoming) {
            assert_eq!(entries.count(), 0);
        }
    }
}

fn uuid(number: u32) -> String {
    format!("{{00000000-0000-4000-8000-{number:012}}}")
}

/// Sends a form with a file, its fields in this order.
pub(crate) async fn upload(
    browser: &mut Browser,
    token: &str,
    repository: &str,
    file: &str,
) -> Page {
    upload_to(browser, UPLOAD, token, repository, file.as_bytes()).await
}

/// The same to the form of an address.
pub(crate) async fn upload_to(
    browser: &mut Browser,
    path: &str,
    token: &str,
    repository: &str,
    file: &[u8],
) -> Page {
    let field = if path == UPLOAD { "export" } else { "bundle" };
    let file_part = format!("name=\"{field}\"; filename=\"file\"");
    let parts = [
        ("name=\"form_token\"", token.as_bytes()),
        ("name=\"repository\"", repository.as_bytes()),
        (file_part.as_str(), file),
    ];
    let mut body = Vec::new();
    for (name, content) in parts {
        body.extend(format!("--cut\r\nContent-Disposition: form-data; {name}\r\n\r\n").bytes());
        body.extend(content);
        body.extend(b"\r\n");
    }
    body.extend(b"--cut--\r\n");
    let request = browser
        .http
        .post(browser.address(path))
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=cut")
        .body(body);
    browser.send(request).await
}

/// Sends it from the page that has it.
async fn bring(browser: &mut Browser, repository: &str, file: &str) -> Page {
    browser.get("/repositories").await;
    let token = browser.form_token.clone().unwrap();
    upload(browser, &token, repository, file).await
}

#[tokio::test]
async fn the_list_finds_repositories_and_says_how_they_stand() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    ada.get("/repositories")
        .await
        .is(200)
        .says("Nothing is in the archive yet");
    for number in 0..60 {
        house
            .store(&format!("boats/oar-{number:02}"), &uuid(number))
            .await;
    }
    let kettle = house.store("teapots/kettle", &uuid(100)).await;
    let import = house.enqueue("teapots/kettle").await;
    let claimed = house.claim(import).await;
    house.release(&claimed, ImportEvent::Completed, None).await;
    house.prove(&kettle, 0).await;
    // In pages, each beginning where the one before ended.
    let page = ada.get("/repositories").await.is(200).says("boats/oar-49");
    assert!(!page.body.contains("boats/oar-50"));
    let next = "repositories?after=boats%2Foar-49";
    let page = page.says(next);
    assert!(!page.body.contains("teapots/kettle"));
    let page = ada.get(next).await.is(200);
    let page = page.says("boats/oar-50").says("teapots/kettle");
    assert!(!page.body.contains("boats/oar-49"));
    assert!(!page.body.contains("rel=\"next\""));
    // What was never imported nor proven says so.
    let page = ada.get("/repositories?q=KETT").await.is(200);
    let page = page.says("href=\"repositories/teapots/kettle\"");
    assert!(!page.body.contains("never") && !page.body.contains("boats/oar"));
    let page = ada.get("/repositories?workspace=boats&q=oar-0").await;
    let page = page.says("boats/oar-09").says("never");
    assert!(!page.body.contains("oar-10") && !page.body.contains("kettle<"));
    ada.get("/repositories?q=%25")
        .await
        .is(200)
        .says("Nothing matches");
}

#[tokio::test]
async fn a_page_says_what_is_held_and_how_sure_that_is() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    let kettle = house.store("teapots/kettle", &uuid(1)).await;
    let address = "/repositories/teapots/kettle";
    let page = ada.get(address).await.is(200);
    let page = page
        .says("no import has come to its end")
        .says("never proven");
    assert!(!page.body.contains("git clone"));
    let import = house.enqueue("teapots/kettle").await;
    let claimed = house.claim(import).await;
    house
        .advance(import, bucketload_model::Stage::PullRequests, 1_234, 1_234)
        .await;
    let git = GitReport {
        commits: Some(98_765),
        ..GitReport::default()
    };
    let mut transaction = house.archive.begin().await.unwrap();
    transaction
        .set_import_repository(import, &kettle)
        .await
        .unwrap();
    transaction.add_git_result(import, git).await.unwrap();
    transaction.commit().await.unwrap();
    house.add_gap(import, "comments of #7", None).await;
    house.release(&claimed, ImportEvent::Completed, None).await;
    house.prove(&kettle, 0).await;
    // Another machine has brought it.
    let mut transaction = house.archive.begin().await.unwrap();
    let bundle = StoredCopy {
        key: "bundles/one".to_owned(),
        sha256: "ab".repeat(32),
        size_bytes: 7_000_000,
    };
    let git = MirrorKind::Git;
    let noted = transaction.put_mirror_copy(&kettle, git, &bundle, None, true);
    assert!(noted.await.unwrap());
    transaction.commit().await.unwrap();
    let page = ada.get(address).await.is(200);
    page.says("7.0 MB in 1 bundle in the object store")
        .says("bucketload export teapots/kettle --format jsonl");
    let mirror = house.folder().join("repositories/teapots/kettle.git");
    bucketload_archive::mirror::Mirror::open_or_init(&mirror).unwrap();
    let page = ada.get(address).await.is(200);
    page.says("1,234")
        .says("98,765")
        .says("last proven")
        .says("comments of #7")
        .says("git clone ")
        .says("teapots/kettle.git")
        .says(&format!("href=\"imports/{import}\""));
    house.prove(&kettle, 3).await;
    ada.get(address).await.says("damaged").says("3 problems");
    ada.get(&format!("/imports/{import}"))
        .await
        .says("href=\"repositories/teapots/kettle\"");
    for nowhere in ["teapots/pot", "teapots/..%2f..", "%3Cscript%3E/x"] {
        ada.get(&format!("/repositories/{nowhere}")).await.is(404);
    }
}

#[tokio::test]
async fn an_export_is_taken_in_and_what_is_missing_is_named() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    let page = bring(&mut ada, " teapots/kettle ", EXPORT).await.is(200);
    let page = page
        .says("not whole")
        .says("drip&lt;i&gt;.png, of issue #1")
        .says("the list of issues came without its files")
        .says("it has no number “id”");
    assert!(!page.body.contains("<i>.png"));
    house.nothing_is_left();
    let page = ada.get("/repositories/teapots/kettle").await.is(200);
    page.says("issue comments").says("Bring an export");
    ada.get("/repositories")
        .await
        .says("from an export")
        .says("href=\"repositories/teapots/kettle\"");
    let page = ada.get("/administration/audit").await.is(200);
    page.says("took in an export of issues")
        .says("teapots/kettle");
    // The same again changes nothing.
    let repositories = house.archive.repositories().await.unwrap();
    let repository = repositories.first().unwrap();
    bring(&mut ada, "teapots/kettle", EXPORT).await.is(200);
    let counts = house.archive.count_issues(&repository.uuid).await.unwrap();
    assert_eq!((counts.issues, counts.comments), (1, 1));
}

#[tokio::test]
async fn what_is_no_export_or_too_large_is_refused_whole() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    let large = format!(
        "[{}]",
        " ".repeat(usize::try_from(MAX_UPLOAD_BYTES).unwrap())
    );
    let name = "teapots/kettle";
    bring(&mut ada, name, &large)
        .await
        .is(413)
        .says("100.0 KB")
        .says("--issues-export");
    bring(&mut ada, name, "PK no zip")
        .await
        .is(422)
        .says("The zip cannot be read")
        .says("Nothing of it was kept");
    bring(&mut ada, name, "{\"issues\": 7}")
        .await
        .is(422)
        .says("db-2.0.json");
    bring(&mut ada, name, "")
        .await
        .is(422)
        .says("Choose a file");
    for name in ["kettle", "", "../../etc/passwd", "teapots/../x"] {
        bring(&mut ada, name, EXPORT)
            .await
            .is(422)
            .says("workspace/repository");
    }
    house.nothing_is_left();
    assert!(house.archive.repositories().await.unwrap().is_empty());
}

#[tokio::test]
async fn nothing_of_a_file_is_kept_without_the_token_of_its_session() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    ada.get("/repositories").await;
    let own = ada.form_token.clone().unwrap();
    for token in ["", "x", &format!("{own}x")] {
        upload(&mut ada.clone(), token, "teapots/kettle", EXPORT)
            .await
            .is(403);
    }
    let mut bare = ada.clone();
    bare.cookie = None;
    upload(&mut bare, &own, "teapots/kettle", EXPORT)
        .await
        .is(403);
    // A form with a file is one of this page, and opens no other.
    let body = format!(
        "--cut\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\n{own}\r\n--cut--\r\n"
    );
    let request = ada
        .http
        .post(ada.address("/sign-out"))
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=cut")
        .body(body);
    ada.clone().send(request).await.is(403);
    assert!(ada.is_in().await);
    assert!(house.archive.repositories().await.unwrap().is_empty());
}

#[tokio::test]
async fn who_only_looks_brings_nothing() {
    let house = House::new().await;
    house.administrator().await;
    house.open_door("viewer").await;
    house.store("teapots/kettle", &uuid(1)).await;
    let mut viewer = house.signed_in(&house.member(1).await).await;
    for path in ["/repositories", "/repositories/teapots/kettle"] {
        let page = viewer.get(path).await.is(200).says("teapots/kettle");
        assert!(!page.body.contains(UPLOAD), "{path}");
    }
    bring(&mut viewer, "teapots/pot", EXPORT).await.is(403);
    assert_eq!(house.archive.repositories().await.unwrap().len(), 1);
}

/// A bundle of a repository with one page.
fn wiki_bundle() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let ran = Command::new("git")
            .current_dir(folder.path())
            .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(ran.status.success(), "{ran:?}");
    };
    git(&["init", "--quiet", "--initial-branch=main"]);
    std::fs::write(folder.path().join("Home.md"), "How to fill the kettle").unwrap();
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message=A page"]);
    git(&["bundle", "create", "--quiet", "wiki.bundle", "--all"]);
    std::fs::read(folder.path().join("wiki.bundle")).unwrap()
}

#[tokio::test]
async fn a_wiki_is_taken_in_from_its_bundle() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    ada.get("/repositories").await.says("id=\"wiki-bundle\"");
    let token = ada.form_token.clone().unwrap();
    let bundle = wiki_bundle();
    let page = upload_to(&mut ada, WIKI_UPLOAD, &token, "teapots/kettle", &bundle).await;
    page.is(200).says("The wiki is in the archive");
    let mirror = DataDir::new(house.folder()).wiki(&"teapots/kettle".parse().unwrap());
    let shown = Command::new("git")
        .arg("--git-dir")
        .arg(&mirror)
        .args(["show", "main:Home.md"])
        .output()
        .unwrap();
    assert_eq!(shown.stdout, b"How to fill the kettle");
    ada.get("/repositories/teapots/kettle")
        .await
        .is(200)
        .says("kettle.wiki.git");
    ada.get("/administration/audit")
        .await
        .says("took in a wiki");
    // What is no bundle, or lacks a part, is refused, and nothing of it stays.
    for bad in [
        &b"PK\x03\x04 a zip"[..],
        &bundle[..bundle.len() - 30],
        b"# v2 git bundle\n",
    ] {
        let page = upload_to(&mut ada, WIKI_UPLOAD, &token, "teapots/pot", bad).await;
        page.refuses().says("Nothing of it was kept");
    }
    let missing = "/repositories/teapots/pot";
    ada.get(missing).await.is(404);
    // Neither somebody else's form nor a viewer brings anything.
    let page = upload_to(&mut ada.clone(), WIKI_UPLOAD, "x", "teapots/pot", &bundle).await;
    page.is(403);
}
