//! The way of a sign-in, and what is refused on it.

use bucketload_auth::oauth::{Callback, CallbackError, ProviderRefusal, TokenErrorClass};
use bucketload_simulator::{OAuthConsumer, OAuthOptions};
use secrecy::ExposeSecret as _;

use crate::support::{Double, client};

#[tokio::test]
async fn a_sign_in_brings_tokens_that_renew_themselves() {
    let double = Double::new().await;
    let first = double.sign_in().await.unwrap();
    assert!(first.access_token.expose_secret().len() > 2_500);
    assert!(first.scopes.iter().any(|scope| scope == "pullrequest"));
    let refresh_token = first.refresh_token.unwrap();

    let second = double.client().refresh(&refresh_token).await.unwrap();
    let renewed = second.refresh_token.unwrap();
    assert_ne!(renewed.expose_secret(), refresh_token.expose_secret());
    assert_ne!(
        second.access_token.expose_secret(),
        first.access_token.expose_secret()
    );
    assert_eq!(double.control().token_requests("authorization_code"), 1);
    assert_eq!(double.control().token_requests("refresh_token"), 1);
}

#[tokio::test]
async fn a_code_is_good_once_and_for_its_own_authorization() {
    let double = Double::new().await;
    let (ours, theirs) = (double.consumer.authorize(), double.consumer.authorize());
    let back = double.browse(ours.url(&double.consumer)).await;
    let callback = Callback::parse(back.query().unwrap()).unwrap();
    // Another session's state.
    let error = theirs.accept(&callback).unwrap_err();
    assert_eq!(error, CallbackError::OtherState);

    // The code of one authorization with the verifier of another: PKCE holds it.
    let stolen = ours.accept(&callback).unwrap();
    let error = double.client().exchange(&theirs, stolen).await.unwrap_err();
    assert_eq!(error.class(), TokenErrorClass::DeadGrant, "{error:?}");

    let back = double.browse(ours.url(&double.consumer)).await;
    let callback = Callback::parse(back.query().unwrap()).unwrap();
    let code = || ours.accept(&callback).unwrap();
    double.client().exchange(&ours, code()).await.unwrap();
    let error = double.client().exchange(&ours, code()).await.unwrap_err();
    assert_eq!(error.class(), TokenErrorClass::DeadGrant, "{error:?}");
    let said = format!("{error} {error:?}");
    let code = back.query_pairs().find(|(name, _)| name == "code").unwrap();
    assert!(!said.contains(code.1.as_ref()), "{said}");
}

#[tokio::test]
async fn a_consumer_that_bitbucket_does_not_know_is_told_apart() {
    let double = Double::new().await;
    let mut consumer = double.consumer.clone();
    consumer.client_secret = "another".to_owned().into();
    let pending = double.consumer.authorize();
    let back = double.browse(pending.url(&double.consumer)).await;
    let callback = Callback::parse(back.query().unwrap()).unwrap();
    let code = pending.accept(&callback).unwrap();
    let error = client(consumer).exchange(&pending, code).await.unwrap_err();
    assert_eq!(error.class(), TokenErrorClass::ConsumerRefused, "{error:?}");
}

#[tokio::test]
async fn what_the_provider_refuses_comes_back_in_words() {
    let double = Double::new().await;
    double.control().add_consumer(
        OAuthConsumer::new(
            OAuthConsumer::DEFAULT_ID,
            OAuthConsumer::DEFAULT_SECRET,
            OAuthConsumer::DEFAULT_CALLBACK,
        )
        .with_scopes(&["account"]),
    );
    let pending = double.consumer.authorize();
    let mut url = pending.url(&double.consumer);
    url.query_pairs_mut().append_pair("scope", "email");
    let back = double.browse(url).await;
    let callback = Callback::parse(back.query().unwrap()).unwrap();
    match pending.accept(&callback).unwrap_err() {
        CallbackError::Refused {
            refusal: ProviderRefusal::ConsumerRefused { code },
            ..
        } => assert_eq!(code, "invalid_scope"),
        error => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn a_refresh_token_that_was_replaced_dies_with_its_grace() {
    let double = Double::new().await;
    let first = double.sign_in().await.unwrap().refresh_token.unwrap();
    let client = double.client();
    client.refresh(&first).await.unwrap();
    // A process that died before it kept the new one tries again.
    client.refresh(&first).await.unwrap();
    double
        .control()
        .advance_clock(std::time::Duration::from_secs(
            OAuthOptions::default().refresh_grace_seconds + 1,
        ));
    let error = client.refresh(&first).await.unwrap_err();
    assert_eq!(error.class(), TokenErrorClass::DeadGrant, "{error:?}");
}
