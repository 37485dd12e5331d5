//! One POST for each message.

use bucketload_notify::{Channel, SendError, Webhook, WebhookOptions};
use serde_json::json;

use crate::receivers::Hooks;
use crate::{message, now};

fn channel(url: &str) -> Channel {
    let webhook = Webhook::new(WebhookOptions {
        url: url.into(),
        secret: Some("a s3cret".into()),
        allow_insecure: false,
    });
    webhook.unwrap().into()
}

#[tokio::test]
async fn a_message_is_one_signed_post_with_the_documented_body() {
    let hooks = Hooks::start();
    let messages = [message(1, "“one” failed"), message(2, "two")];
    channel(&hooks.url()).send(&messages, now()).await.unwrap();
    let posts = hooks.posts();
    assert_eq!(posts.len(), 2);
    assert_eq!(posts[0].what, "POST /s3cret-path");
    assert_eq!(posts[0].headers["content-type"], "application/json");
    assert_eq!(
        posts[0].json(),
        json!({
            "version": 1,
            "id": "0190-1",
            "kind": "failed",
            "happened_at": "2026-11-23T03:05:00Z",
            "repository": "teapots/kettle",
            "import": "0191",
            "text": "“one” failed",
            "link": "https://loads.example.org/imports/0191",
        })
    );
    // Made by another program: openssl dgst -sha256 -hmac "a s3cret"
    assert_eq!(
        posts[1].headers["x-bucketload-signature"],
        "sha256=16fe0d7a88ca886126e4b8cd6da561b9cc8ea19617801d01462e3d1d532b492a"
    );
}

#[tokio::test]
async fn what_is_not_taken_says_so_and_where_it_leads_is_not_followed() {
    let hooks = Hooks::start();
    for status in [302, 307, 404, 503] {
        hooks.answer(status);
        let channel = channel(&hooks.url());
        let error = channel.send(&[message(1, "one")], now()).await.unwrap_err();
        let SendError::Refused { status: answered } = error else {
            panic!("{error:?}");
        };
        assert_eq!(answered, status);
    }
    assert_eq!(hooks.posts().len(), 4);
}

#[tokio::test]
async fn nobody_there_is_an_error_without_the_address() {
    let url = Hooks::start().url();
    let error = channel(&url).send(&[message(1, "one")], now()).await;
    let error = error.unwrap_err();
    let said = format!("{error} {error:?}");
    assert!(said.contains("cannot be reached"), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
}
