//! Objects of git LFS: what is wanted, what is there, where pointers were looked for.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use std::collections::BTreeSet;

use bucketload_archive::{StoredLfsObject, Tally};
use bucketload_model::LfsObject;

use super::with_repository;
use crate::support::repository_uuid;

fn pointer(digit: char, size_bytes: u64) -> StoredLfsObject {
    StoredLfsObject {
        object: LfsObject {
            oid: digit.to_string().repeat(64).parse().unwrap(),
            size_bytes,
        },
        pointer: digit.to_string().repeat(40),
    }
}

#[tokio::test]
async fn what_is_wanted_comes_in_order_and_page_by_page() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let largest = i64::MAX.unsigned_abs();
    let all = [
        pointer('a', 1),
        pointer('a', 2),
        pointer('b', 0),
        pointer('c', largest),
    ];
    let mut transaction = store.begin().await;
    transaction.put_lfs_pointers(&uuid, &all).await.unwrap();
    let there = &all[2].object;
    transaction
        .set_lfs_stored(&uuid, there, true)
        .await
        .unwrap();
    // Found again, it is no less there.
    transaction.put_lfs_pointers(&uuid, &all).await.unwrap();
    transaction.commit().await.unwrap();
    let archive = &store.archive;
    let mut wanted = Vec::new();
    let mut after: Option<LfsObject> = None;
    loop {
        let page = archive
            .lfs_objects(&uuid, false, after.as_ref(), 1)
            .await
            .unwrap();
        let Some(one) = page.into_iter().next() else {
            break;
        };
        after = Some(one.object.clone());
        wanted.push(one);
    }
    assert_eq!(wanted, [all[0].clone(), all[1].clone(), all[3].clone()]);
    let here = archive.lfs_objects(&uuid, true, None, 9).await.unwrap();
    assert_eq!(here, [all[2].clone()]);
    let tally = archive.tally_lfs(&uuid).await.unwrap();
    assert_eq!(
        tally,
        Tally {
            stored: 1,
            expected: 4
        }
    );
    let nothing = archive.tally_lfs(&repository_uuid(2)).await.unwrap();
    assert_eq!(
        nothing,
        Tally {
            stored: 0,
            expected: 0
        }
    );
}

#[tokio::test]
async fn packs_are_those_of_the_last_search() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    for packs in [&["one", "two"][..], &["three"]] {
        let packs: BTreeSet<String> = packs.iter().map(ToString::to_string).collect();
        let mut transaction = store.begin().await;
        transaction.set_lfs_packs(&uuid, &packs).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(store.archive.lfs_packs(&uuid).await.unwrap(), packs);
    }
}
