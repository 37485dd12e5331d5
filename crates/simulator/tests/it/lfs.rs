//! Git LFS, as strict as its specification.

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RANGE};
use serde_json::{Value, json};

use crate::support::{Double, small};

const LFS: &str = "application/vnd.git-lfs+json";
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

async fn ask(double: &Double, media: [&str; 2], question: Value) -> (u16, Value) {
    let url = format!(
        "{}/seaside/lighthouse.git/info/lfs/objects/batch",
        double.simulator.web_url()
    );
    let request = double
        .client
        .post(url)
        .basic_auth("x-token-auth", Some("simulator-full-access"))
        .header(ACCEPT, media[0])
        .header(CONTENT_TYPE, media[1]);
    let response = request.body(question.to_string()).send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap())
}

fn question(operation: &str, objects: usize) -> Value {
    let object = json!({ "oid": ABC, "size": 3 });
    json!({ "operation": operation, "objects": vec![object; objects] })
}

#[tokio::test]
async fn what_the_specification_does_not_allow_is_refused() {
    let double = small().await;
    let fine = question("download", 1);
    for (media, question, expected) in [
        ([LFS, LFS], fine.clone(), 200),
        (
            ["application/vnd.git-lfs+json; charset=utf-8", LFS],
            fine.clone(),
            200,
        ),
        (["application/json", LFS], fine.clone(), 406),
        ([LFS, "application/json"], fine, 415),
        ([LFS, LFS], question("delete", 1), 422),
        ([LFS, LFS], json!({ "operation": "download" }), 422),
        ([LFS, LFS], question("download", 101), 413),
        (
            [LFS, LFS],
            json!({ "operation": "download", "transfers": ["tus"], "objects": [] }),
            422,
        ),
        (
            [LFS, LFS],
            json!({ "operation": "download", "hash_algo": "md5", "objects": [] }),
            409,
        ),
    ] {
        assert_eq!(
            ask(&double, media, question.clone()).await.0,
            expected,
            "{question}"
        );
    }
    let bad = json!({ "operation": "download", "objects": [{ "oid": "../x", "size": 3 }] });
    let (_, answer) = ask(&double, [LFS, LFS], bad).await;
    assert_eq!(answer["objects"][0]["error"]["code"], 422);
}

#[tokio::test]
async fn an_object_goes_in_and_comes_out() {
    let double = small().await;
    let (_, answer) = ask(&double, [LFS, LFS], question("download", 1)).await;
    assert_eq!(answer["objects"][0]["error"]["code"], 404);
    let (_, answer) = ask(&double, [LFS, LFS], question("upload", 1)).await;
    let upload = &answer["objects"][0]["actions"]["upload"];
    let href = upload["href"].as_str().unwrap();
    let header = upload["header"]["Authorization"].as_str().unwrap();
    let put = |body: &'static str| {
        double
            .client
            .put(href)
            .header(AUTHORIZATION, header)
            .body(body)
    };
    assert_eq!(put("abd").send().await.unwrap().status(), 422);
    assert_eq!(put("abc").send().await.unwrap().status(), 200);
    let (_, answer) = ask(&double, [LFS, LFS], question("download", 1)).await;
    let href = answer["objects"][0]["actions"]["download"]["href"]
        .as_str()
        .unwrap();
    assert!(href.starts_with(&double.simulator.storage_url()));
    let get = |authorization: &str| double.client.get(href).header(AUTHORIZATION, authorization);
    // The header of the action, and no other.
    assert_eq!(double.client.get(href).send().await.unwrap().status(), 401);
    let ours = get("Bearer simulator-full-access").send().await.unwrap();
    assert_eq!(ours.status(), 401);
    let whole = get(header).send().await.unwrap();
    assert_eq!(whole.text().await.unwrap(), "abc");
    let part = get(header).header(RANGE, "bytes=1-").send().await.unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.headers()["content-range"], "bytes 1-2/3");
    assert_eq!(part.text().await.unwrap(), "bc");
    let behind = get(header).header(RANGE, "bytes=3-").send().await.unwrap();
    assert_eq!(behind.status(), 416);
}
