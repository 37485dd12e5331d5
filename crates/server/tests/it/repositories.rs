//! What the archive holds: the list, and the page of one repository.

use bucketload_archive::{ProofRecord, RepositoryRecord};
use bucketload_model::{ImportEvent, RepositoryUuid};

use crate::support::House;

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
}

fn uuid(number: u32) -> String {
    format!("{{00000000-0000-4000-8000-{number:012}}}")
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
    let next = "/repositories?after=boats%2Foar-49";
    let page = page.says(next);
    assert!(!page.body.contains("teapots/kettle"));
    let page = ada.get(next).await.is(200);
    let page = page.says("boats/oar-50").says("teapots/kettle");
    assert!(!page.body.contains("boats/oar-49"));
    assert!(!page.body.contains("rel=\"next\""));
    // What was never imported nor proven says so.
    let page = ada.get("/repositories?q=KETT").await.is(200);
    let page = page.says("href=\"/repositories/teapots/kettle\"");
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
    house.add_gap(import, "comments of #7", None).await;
    house.release(&claimed, ImportEvent::Completed, None).await;
    house.prove(&kettle, 0).await;
    let mirror = house.folder().join("repositories/teapots/kettle.git");
    bucketload_archive::mirror::Mirror::open_or_init(&mirror).unwrap();
    let page = ada.get(address).await.is(200);
    page.says("1,234")
        .says("last proven")
        .says("comments of #7")
        .says("git clone ")
        .says("teapots/kettle.git")
        .says(&format!("href=\"/imports/{import}\""));
    house.prove(&kettle, 3).await;
    ada.get(address).await.says("damaged").says("3 problems");
    ada.get(&format!("/imports/{import}"))
        .await
        .says(&format!("href=\"{address}\""));
    for nowhere in ["teapots/pot", "teapots/..%2f..", "%3Cscript%3E/x"] {
        ada.get(&format!("/repositories/{nowhere}")).await.is(404);
    }
}
