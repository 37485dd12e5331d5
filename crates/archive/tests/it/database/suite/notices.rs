//! What somebody is to be told: once, by one at a time, and never lost.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use bucketload_archive::{ClaimedNotice, DeliveryClaim, Failure, NewNotice};
use bucketload_model::{ChannelKind, DeliveryState, LeaseOwner, NoticeId, NoticeKind};

use super::store;
use crate::support::{Store, at, name};

const CHANNEL: ChannelKind = ChannelKind::Webhook;
const KINDS: [NoticeKind; 2] = [NoticeKind::Failed, NoticeKind::Overdue];

async fn put(store: &Store, kind: NoticeKind, subject: &str, second: i64) -> bool {
    let new = NewNotice {
        kind,
        subject,
        happened_at: at(second),
        repository: Some(&name()),
        import: None,
        line: "something happened",
    };
    let mut transaction = store.begin().await;
    let is_new = transaction.put_notice(&new).await.unwrap();
    transaction.commit().await.unwrap();
    is_new
}

async fn end(store: &Store, subject: &str, second: i64) -> bool {
    let mut transaction = store.begin().await;
    let ended = transaction
        .end_notice(NoticeKind::Failed, subject, at(second))
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    ended
}

/// Takes up what is new. Returns how much that was.
async fn take_up(store: &Store, second: i64) -> u64 {
    let now = at(second);
    let mut transaction = store.begin().await;
    transaction.subscribe(CHANNEL, &KINDS, now).await.unwrap();
    let taken = transaction
        .take_up_notices(CHANNEL, &KINDS, now, now)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    taken
}

/// Claims for ten seconds.
async fn claim(store: &Store, owner: &LeaseOwner, second: i64, limit: u32) -> Vec<ClaimedNotice> {
    claim_since(store, owner, second, limit, None).await
}

async fn claim_since(
    store: &Store,
    owner: &LeaseOwner,
    second: i64,
    limit: u32,
    none_since: Option<i64>,
) -> Vec<ClaimedNotice> {
    let claim = DeliveryClaim {
        channel: CHANNEL,
        owner,
        now: at(second),
        until: at(second + 10),
        limit,
        none_since: none_since.map(at),
    };
    let mut transaction = store.begin().await;
    let claimed = transaction.claim_notices(&claim).await.unwrap();
    transaction.commit().await.unwrap();
    claimed
}

fn ids(claimed: &[ClaimedNotice]) -> Vec<NoticeId> {
    claimed.iter().map(|claimed| claimed.notice.id).collect()
}

async fn delivered(store: &Store, claimed: &[ClaimedNotice], second: i64) {
    let mut transaction = store.begin().await;
    transaction
        .delivered(CHANNEL, &ids(claimed), at(second))
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

async fn failed(store: &Store, claimed: &[ClaimedNotice], owner: &LeaseOwner, second: i64) -> u64 {
    let failure = Failure {
        why: "nobody there",
        now: at(second),
        again_at: at(second + 60),
        give_up_before: at(second - 1_000),
    };
    let mut transaction = store.begin().await;
    let given_up = transaction
        .not_delivered(CHANNEL, &ids(claimed), owner, &failure)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    given_up
}

#[tokio::test]
async fn a_state_is_noted_once_until_it_is_over() {
    let Some(store) = store().await else { return };
    let kind = NoticeKind::Failed;
    assert!(put(&store, kind, "team/one", 1).await);
    assert!(!put(&store, kind, "team/one", 2).await);
    // Others are others.
    assert!(put(&store, kind, "team/two", 3).await);
    assert!(put(&store, NoticeKind::Overdue, "team/one", 4).await);
    assert!(end(&store, "team/one", 5).await);
    assert!(!end(&store, "team/one", 6).await);
    assert!(put(&store, kind, "team/one", 7).await);
    // What is no state is over at once.
    for second in [8, 9] {
        assert!(put(&store, NoticeKind::Finished, "an import", second).await);
    }
    let lasting = store.archive.lasting_notices(kind).await.unwrap();
    let lasting: Vec<_> = lasting.iter().map(|it| it.subject.as_str()).collect();
    assert_eq!(lasting, ["team/two", "team/one"]);
    let all = store.archive.notices(None, 100).await.unwrap();
    assert_eq!(all.len(), 6);
    assert_eq!(all[5].notice.over_at, Some(at(5)));
    let before = all[1].notice.id.to_string();
    let earlier = store.archive.notices(Some(&before), 2).await.unwrap();
    assert_eq!(earlier, all[2..4]);
}

#[tokio::test]
async fn what_happened_before_a_channel_was_there_is_not_told_on_it() {
    let Some(store) = store().await else { return };
    put(&store, NoticeKind::Failed, "team/before", 1).await;
    assert_eq!(take_up(&store, 10).await, 0);
    put(&store, NoticeKind::Failed, "team/after", 11).await;
    // Nobody wants to be told.
    put(&store, NoticeKind::Finished, "an import", 11).await;
    assert_eq!(take_up(&store, 12).await, 1);
    assert_eq!(take_up(&store, 13).await, 0);
    // A channel that nobody had for weeks begins anew.
    let month = 30 * 24 * 3600;
    put(&store, NoticeKind::Failed, "team/meanwhile", month - 60).await;
    assert_eq!(take_up(&store, month).await, 0);
    put(&store, NoticeKind::Failed, "team/now", month + 1).await;
    assert_eq!(take_up(&store, month + 2).await, 1);
}

#[tokio::test]
async fn one_at_a_time_tells_and_what_it_left_is_told_by_the_next() {
    let Some(store) = store().await else { return };
    take_up(&store, 0).await;
    for (subject, second) in [("team/one", 1), ("team/two", 2), ("team/three", 3)] {
        put(&store, NoticeKind::Failed, subject, second).await;
    }
    take_up(&store, 5).await;
    let (ada, bob) = (LeaseOwner::new(), LeaseOwner::new());
    let first = claim(&store, &ada, 5, 1).await;
    assert_eq!(first[0].notice.subject, "team/one");
    assert_eq!(first[0].attempts, 1);
    let others = claim(&store, &bob, 5, 10).await;
    let subjects: Vec<_> = others.iter().map(|it| it.notice.subject.as_str()).collect();
    assert_eq!(subjects, ["team/two", "team/three"]);
    delivered(&store, &others, 6).await;
    // Ada died.
    assert_eq!(claim(&store, &bob, 14, 10).await, []);
    let again = claim(&store, &bob, 15, 10).await;
    assert_eq!(ids(&again), ids(&first));
    assert_eq!(again[0].attempts, 2);
    // And she did not: what she says of a failure does not count any more.
    failed(&store, &first, &ada, 16).await;
    assert_eq!(claim(&store, &ada, 16, 10).await, []);
    failed(&store, &again, &bob, 17).await;
    assert_eq!(claim(&store, &ada, 76, 10).await, []);
    assert_eq!(claim(&store, &ada, 77, 10).await.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_told_for_long_is_given_up_and_says_why() {
    let Some(store) = store().await else { return };
    take_up(&store, 0).await;
    put(&store, NoticeKind::Failed, "team/one", 1).await;
    take_up(&store, 2).await;
    let ada = LeaseOwner::new();
    let claimed = claim(&store, &ada, 2, 1).await;
    assert_eq!(failed(&store, &claimed, &ada, 900).await, 0);
    let count = |state| (CHANNEL, state, 1);
    let counts = store.archive.count_deliveries().await.unwrap();
    assert_eq!(counts, [count(DeliveryState::Pending)]);
    let claimed = claim(&store, &ada, 1_002, 1).await;
    assert_eq!(failed(&store, &claimed, &ada, 1_002).await, 1);
    assert_eq!(claim(&store, &ada, 5_000, 1).await, []);
    let counts = store.archive.count_deliveries().await.unwrap();
    assert_eq!(counts, [count(DeliveryState::GivenUp)]);
    let all = store.archive.notices(None, 10).await.unwrap();
    let delivery = &all[0].deliveries[0];
    assert_eq!(delivery.error.as_deref(), Some("nobody there"));
    assert_eq!((delivery.attempts, delivery.ended_at), (2, Some(at(1_002))));
}

#[tokio::test]
async fn digests_keep_their_distance() {
    let Some(store) = store().await else { return };
    take_up(&store, 0).await;
    put(&store, NoticeKind::Failed, "team/one", 1).await;
    take_up(&store, 2).await;
    let ada = LeaseOwner::new();
    let digest = async |second| claim_since(&store, &ada, second, 10, Some(second - 100)).await;
    let first = digest(2).await;
    assert_eq!(first.len(), 1);
    put(&store, NoticeKind::Failed, "team/two", 3).await;
    take_up(&store, 4).await;
    // One is under way.
    assert_eq!(digest(4).await, []);
    // It failed, and it is too early for another.
    failed(&store, &first, &ada, 5).await;
    assert_eq!(digest(64).await, []);
    let both = digest(65).await;
    assert_eq!(both.len(), 2);
    delivered(&store, &both, 66).await;
    put(&store, NoticeKind::Failed, "team/three", 67).await;
    take_up(&store, 68).await;
    assert_eq!(digest(165).await, []);
    assert_eq!(digest(166).await.len(), 1);
}

#[tokio::test]
async fn old_notices_go_and_what_lasts_stays_longer() {
    let Some(store) = store().await else { return };
    take_up(&store, 0).await;
    put(&store, NoticeKind::Finished, "an import", 1).await;
    put(&store, NoticeKind::Overdue, "team/pending", 2).await;
    take_up(&store, 3).await;
    put(&store, NoticeKind::Failed, "team/lasts", 4).await;
    let remove = async |before, oldest| {
        let mut transaction = store.begin().await;
        let removed = transaction
            .remove_old_notices(at(before), at(oldest), 10)
            .await;
        transaction.commit().await.unwrap();
        removed.unwrap()
    };
    assert_eq!(remove(1, 0).await, 0);
    assert_eq!(remove(100, 0).await, 1);
    assert_eq!(remove(100, 100).await, 1);
    let left = store.archive.notices(None, 10).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].notice.subject, "team/pending");
    // And it can be told again.
    assert!(put(&store, NoticeKind::Failed, "team/lasts", 101).await);
}
