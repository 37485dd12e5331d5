//! People: one form of each, whatever the order in which pages arrive.

use super::{store, with_repository};
use crate::support::{account, account_uuid, import_id, member, name, repository_uuid};

/// Forms of one account as different objects carry them: short, long, of equal length, and
/// with letters of two, three and four bytes, which count as bytes, not as letters.
const FORMS: [&str; 6] = [
    r#"{"a":"abc"}"#,
    r#"{"a":"abd"}"#,
    r#"{"a":"ééé"}"#,
    r#"{"a":"日本"}"#,
    r#"{"a":"😀"}"#,
    r#"{"a":"abcdef"}"#,
];

fn orders() -> Vec<Vec<usize>> {
    let mut orders = vec![vec![]];
    for form in 0..FORMS.len() {
        orders = orders
            .into_iter()
            .flat_map(|order: Vec<usize>| {
                (0..=order.len()).map(move |place| {
                    let mut longer = order.clone();
                    longer.insert(place, form);
                    longer
                })
            })
            .collect();
    }
    orders
}

#[tokio::test]
async fn the_form_kept_does_not_depend_on_the_order_of_arrival() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let import = import_id(0);
    let orders = orders();
    assert_eq!(orders.len(), 720);
    // All permutations in one transaction each would be slow; each permutation is an account.
    let mut transaction = store.begin().await;
    for (number, order) in (0..).zip(&orders) {
        let person = account_uuid(number);
        // Three ways to share the forms out among pages.
        let size = [1, 2, 6][usize::try_from(number).unwrap() % 3];
        for page in order.chunks(size) {
            let records = page.iter().map(|form| account(&person, FORMS[*form]));
            transaction
                .put_accounts(&uuid, import, records)
                .await
                .unwrap();
        }
    }
    transaction.commit().await.unwrap();
    let kept = store.column("select distinct source from accounts").await;
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(store.count("accounts").await, 720);
}

#[tokio::test]
async fn columns_follow_the_form_that_is_kept() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let person = account_uuid(1);
    let mut short = account(&person, r#"{"name":"A"}"#);
    short.display_name = Some("A");
    let mut long = account(&person, r#"{"name":"A. N. Other"}"#);
    long.display_name = Some("A. N. Other");
    let import = import_id(0);
    store.put_accounts(&uuid, import, vec![long]).await;
    store.put_accounts(&uuid, import, vec![short]).await;
    let names = "select display_name from accounts";
    assert_eq!(store.column(names).await, ["A. N. Other"]);
    // A later import knows better, though it says less.
    store.put_accounts(&uuid, import_id(5), vec![short]).await;
    assert_eq!(store.column(names).await, ["A"]);
    // And an earlier one that is still at work does not.
    store.put_accounts(&uuid, import_id(1), vec![long]).await;
    assert_eq!(store.column(names).await, ["A"]);
}

#[tokio::test]
async fn members_and_people_met_are_counted_once() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let (one, two, three) = (account_uuid(1), account_uuid(2), account_uuid(3));
    store
        .put_accounts(
            &uuid,
            import_id(0),
            vec![account(&one, "{}"), account(&two, "{}")],
        )
        .await;
    store
        .put_members(&[member(&two, "{}", "{}"), member(&three, "{}", "{}")])
        .await;
    let archive = &store.archive;
    assert_eq!(archive.count_accounts(&uuid).await.unwrap(), 3);
    let workspace = name().workspace;
    assert_eq!(archive.count_members(&workspace).await.unwrap(), 2);
    // Another repository of the workspace has met nobody, but has the same members.
    let other = repository_uuid(2);
    let cosy = "teapots/cosy".parse().unwrap();
    store.put_repository_as(&other, &cosy, "{}").await;
    assert_eq!(archive.count_accounts(&other).await.unwrap(), 2);
    let elsewhere = repository_uuid(3);
    let cup = "saucers/cup".parse().unwrap();
    store.put_repository_as(&elsewhere, &cup, "{}").await;
    assert_eq!(archive.count_accounts(&elsewhere).await.unwrap(), 0);
}

#[tokio::test]
async fn the_time_of_a_member_list_is_kept() {
    let Some(store) = store().await else { return };
    let workspace = name().workspace;
    let archive = &store.archive;
    assert_eq!(archive.members_read_at(&workspace).await.unwrap(), None);
    for second in [1, 2] {
        let now = crate::support::at(second);
        let mut transaction = store.begin().await;
        transaction
            .set_members_read_at(&workspace, now)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(
            archive.members_read_at(&workspace).await.unwrap(),
            Some(now)
        );
    }
}
