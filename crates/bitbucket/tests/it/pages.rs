//! Lists: every object once, in as few requests as Bitbucket allows.

use bucketload_bitbucket::{Comment, Membership, Page, PullRequest, Repository};
use bucketload_simulator::{Effect, Fault, SeedOptions};
use serde_json::{Value, json};

use crate::support::{double, ids, name, seeded, small};

fn items<T>(pages: &[Page<T>]) -> usize {
    pages.iter().map(|page| page.items.len()).sum()
}

#[tokio::test]
async fn every_list_comes_whole_and_in_its_largest_pages() {
    let double = seeded(SeedOptions {
        pull_requests: 120,
        comments: 80,
        members: 205,
        ..small()
    })
    .await;
    let pages = double.all::<PullRequest>(double.list()).await.unwrap();
    assert_eq!((items(&pages), pages.len(), double.requests()), (120, 3, 3));
    assert!(pages.iter().all(|page| page.size == Some(120)));
    assert!(pages.iter().all(|page| page.unreadable.is_empty()));
    let pull_requests = pages.iter().flat_map(|page| &page.items);
    let created: Vec<_> = pull_requests
        .clone()
        .map(|item| item.value.created_on.clone().unwrap())
        .collect();
    assert!(created.is_sorted(), "oldest first");
    let named = pull_requests.clone().flat_map(|item| item.value.accounts());
    assert!(named.count() > 240, "reviewers and participants come along");

    let talkative = pull_requests
        .max_by_key(|item| item.value.comment_count)
        .unwrap();
    double.control.reset_log();
    let list = double
        .client
        .pull_request_comments(&name(), talkative.value.id);
    let pages = double.all::<Comment>(list).await.unwrap();
    let size = usize::try_from(pages[0].size.unwrap()).unwrap();
    assert!(size > 200, "{size} comments make more than two pages");
    assert_eq!(items(&pages), size);
    assert_eq!(double.requests(), size.div_ceil(100));

    double.control.reset_log();
    let list = double.client.members(&name().workspace);
    let pages = double.all::<Membership>(list).await.unwrap();
    assert_eq!((items(&pages), double.requests()), (205, 3));
    let members = pages.iter().flat_map(|page| &page.items);
    assert!(members.clone().all(|item| item.value.user.value.is_some()));
}

#[tokio::test]
async fn the_repositories_of_a_workspace_in_pages_of_a_hundred() {
    let double = seeded(SeedOptions {
        repositories: 3,
        empty_repository: true,
        private_repositories: 1,
        ..small()
    })
    .await;
    let list = double.client.repositories(&name().workspace);
    assert!(list.1.to_string().contains("pagelen=100"));
    let pages = double.all::<Repository>(list).await.unwrap();
    let slugs: Vec<_> = pages[0]
        .items
        .iter()
        .map(|item| item.value.slug.as_ref().unwrap().as_str())
        .collect();
    assert_eq!(slugs.len(), 4);
    assert!(slugs.contains(&"empty") && slugs.contains(&"lighthouse"));
    assert_eq!(double.requests(), 1);
    let empty = pages[0].items.iter().find(|item| {
        let slug = item.value.slug.as_ref();
        slug.is_some_and(|slug| slug.as_str() == "empty")
    });
    assert!(empty.unwrap().value.mainbranch.is_none());
}

#[tokio::test]
async fn an_empty_page_in_the_middle_ends_nothing() {
    let double = double().await;
    double.script(&[
        json!({"values": [{"id": 1}], "next": double.url("two")}).to_string(),
        json!({"values": [], "next": double.url("three")}).to_string(),
        json!({"values": [{"id": 3}]}).to_string(),
    ]);
    let pages = double.all::<Value>(double.list()).await.unwrap();
    assert_eq!(ids(&pages), [1, 3]);
    assert_eq!(pages.len(), 3);
}

#[tokio::test]
async fn next_is_followed_to_the_letter() {
    let double = double().await;
    let next = double.url("repositories/%7B%7D/x/pullrequests?ctx=AnUzKtKUj%2Bz&q=a+b&pagelen=7");
    double.script(&[
        json!({"values": [], "next": next}).to_string(),
        json!({"values": []}).to_string(),
    ]);
    double.all::<Value>(double.list()).await.unwrap();
    let asked = &double.control.requests()[1].target;
    assert!(
        next.ends_with(asked.strip_prefix("/2.0").unwrap()),
        "{asked}"
    );
}

#[tokio::test]
async fn an_empty_list_is_one_page() {
    let double = seeded(SeedOptions {
        empty_repository: true,
        ..small()
    })
    .await;
    let list = double
        .client
        .pull_requests(&"seaside/empty".parse().unwrap());
    let pages = double.all::<PullRequest>(list).await.unwrap();
    assert_eq!((pages.len(), pages[0].size), (1, Some(0)));
}

#[tokio::test]
async fn the_size_of_a_list_costs_one_small_request() {
    let double = seeded(SeedOptions {
        pull_requests: 120,
        ..small()
    })
    .await;
    let (endpoint, first) = double.list();
    assert_eq!(
        double.client.size(endpoint, &first).await.unwrap(),
        Some(120)
    );
    let requests = double.control.requests();
    assert_eq!(requests.len(), 1);
    let target = &requests[0].target;
    assert!(target.contains("pagelen=10&") && target.contains("fields=size"));
    for state in ["OPEN", "MERGED", "DECLINED", "SUPERSEDED"] {
        assert!(target.contains(&format!("state={state}")), "{target}");
    }
    let effect = Effect::RemoveField {
        field: "size".to_owned(),
    };
    double.control.add_fault(Fault::on_path("/2.0/", effect));
    assert_eq!(double.client.size(endpoint, &first).await.unwrap(), None);
}

#[tokio::test]
async fn one_repository_is_one_request() {
    let double = double().await;
    let answer = double.client.repository(&name()).await.unwrap();
    assert_eq!((answer.requests, double.requests()), (1, 1));
    let repository = &answer.item.value;
    assert_eq!(repository.full_name.as_deref(), Some("seaside/lighthouse"));
    assert_eq!(repository.scm.as_deref(), Some("git"));
    assert!(repository.owner.as_ref().unwrap().value.is_some());
    let source: Value = serde_json::from_str(answer.item.source.get()).unwrap();
    assert_eq!(source["uuid"], repository.uuid.as_str());
}

#[tokio::test]
async fn a_list_that_refuses_long_pages_is_read_in_shorter_ones() {
    let double = seeded(SeedOptions {
        members: 60,
        ..small()
    })
    .await;
    let refuse = |length: u32| {
        let body = json!({"type": "error", "error": {"message": "Invalid pagelen"}});
        let refused = Effect::Answer {
            status: 400,
            headers: Vec::new(),
            body: body.to_string(),
        };
        let fault = Fault::on_path(format!("pagelen={length}"), refused);
        double.control.add_fault(fault);
    };
    for (length, requests) in [(100, 1 + 2), (50, 2 + 6)] {
        refuse(length);
        double.control.reset_log();
        let list = double.client.members(&name().workspace);
        let pages = double.all::<Membership>(list).await.unwrap();
        assert_eq!((items(&pages), double.requests()), (60, requests));
        let counted: u64 = pages.iter().map(|page| page.requests).sum();
        assert_eq!(counted, requests as u64);
    }
    refuse(10);
    let list = double.client.members(&name().workspace);
    let error = double.all::<Membership>(list).await.unwrap_err();
    assert_eq!(error.requests, 3, "{error:?}");
}
