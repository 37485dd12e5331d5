//! What administrators see and decide of limits and credentials.

use bucketload_archive::{CredentialSecret, CredentialStore, NewCredential};
use bucketload_model::{Limits, UserRole, UserState};

use crate::connections::connect;
use crate::support::{House, between};

#[tokio::test]
async fn limits_are_set_until_they_are_left_to_the_configuration() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    let page = ada.get("/administration/limits").await.is(200);
    let page = page.says("BUCKETLOAD_MAX_BLOB_MB").says("1024");
    page.says("by the configuration file")
        .says("How many MiB a file may have");
    let limits = async || {
        let set = house.archive.service_settings().await.unwrap();
        Limits::default().or_as_set(&set)
    };
    let path = "/administration/limits";
    let fields = [("imports_at_once", "7"), ("imports_per_workspace", "")];
    ada.post(path, &fields).await.is(303);
    let seven = Limits {
        at_once: 7,
        ..Limits::default()
    };
    assert_eq!(limits().await, seven);
    ada.get(path).await.says("value=\"7\"");
    for bad in ["0", "many", "10001", "-1"] {
        let fields = [("imports_at_once", bad)];
        ada.post(path, &fields)
            .await
            .is(422)
            .says("from 1 to 10000");
    }
    assert_eq!(limits().await, seven);
    ada.post(path, &[("imports_at_once", "")]).await.is(303);
    assert_eq!(limits().await, Limits::default());
    let log = ada.get("/administration/audit").await;
    log.says("imports_at_once: as configured → 7")
        .says("imports_at_once: 7 → as configured");
}

#[tokio::test]
async fn credentials_are_listed_without_their_secrets_and_removed() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    let path = "/administration/credentials";
    ada.get(path).await.is(200).says("None is kept");
    house.open_door("member").await;
    let mut member = house.signed_in(&house.member(1).await).await;
    connect(&mut member).await.is(303);
    let store = CredentialStore::new(
        house.archive.clone(),
        house.sealer.clone(),
        house.clock.clone(),
    );
    let new = NewCredential {
        secret: CredentialSecret::AccessToken("s3cret-token".to_owned().into()),
        label: "nightly <b>".to_owned(),
        account_uuid: None,
        account_name: None,
        workspace: Some("teapots".parse().unwrap()),
        scopes: vec!["repository".to_owned()],
        expires_at: None,
        owner: None,
    };
    let id = store.add(&new).await.unwrap().to_string();
    let page = ada.get(path).await.is(200);
    assert!(!page.body.contains("s3cret"), "{}", page.body);
    let user = house.archive.users().await.unwrap().remove(1);
    let page = page
        .says("nightly &lt;b&gt;")
        .says("access token for teapots")
        .says("of this service")
        .says("sign-in with Bitbucket")
        .says(&format!("of {}", user.display_name));
    assert!(!page.body.contains("may not import"));
    // One whose user was blocked is told from the others.
    house
        .set_user(user.id, UserRole::Member, UserState::Blocked)
        .await;
    let page = ada.get(path).await.says("its user may not import");
    let own = between(&page.body, "name=\"credential\" value=\"", "\"");
    let own = own.unwrap().to_owned();
    let remove = "/administration/credentials/remove";
    for credential in [&id, &own] {
        let fields = [("credential", credential)];
        ada.post(remove, &fields).await.is(303);
        ada.post(remove, &fields).await.is(404);
    }
    ada.get(path).await.says("None is kept");
    let log = ada.get("/administration/audit").await;
    log.says("removed a credential")
        .says("nightly &lt;b&gt; (access_token), of the service")
        .says(&format!("(oauth_grant), of {}", user.display_name));
}
