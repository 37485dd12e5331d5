//! Where objects may lie, and who gets our credential.

use super::*;

/// Answers of a server that leads elsewhere.
fn leading_to(object: &LfsObject, href: &str) -> Effect {
    let body = serde_json::json!({ "objects": [{
        "oid": object.oid.as_str(),
        "size": object.size_bytes,
        "actions": { "download": { "href": href, "header": { "Host": "x", "X-Y": "z" } } },
    }]});
    Effect::Answer {
        status: 200,
        headers: Vec::new(),
        body: body.to_string(),
    }
}

#[tokio::test]
async fn an_object_that_lies_where_none_may_is_not_asked_for() {
    for href in [
        "ftp://files.example/x",
        "file:///etc/passwd",
        "http://files.example/x",
        "https://user:password@files.example/x",
        "not an address at all\u{0}",
    ] {
        let bench = Bench::new().await;
        let object = bench.add("a.bin", &content(1, 1_000));
        bench.remote.on_path(BATCH, leading_to(&object, href));
        let report = bench.import().await;
        let gap = only_gap(&report);
        assert!(
            matches!(gap.reason, GapReason::Unreadable | GapReason::NotFound),
            "{href}: {gap:?}"
        );
        assert!(!gap.detail.contains("password"), "{}", gap.detail);
        assert_eq!(bench.downloads(), 0);
    }
}

#[tokio::test]
async fn our_credential_goes_to_no_other_host() {
    let bench = Bench::new().await;
    let object = bench.add("a.bin", &content(1, 1_000));
    // Not `authenticated`, and no header: a client might add its own.
    let href = format!(
        "{}/lfs/{NAME}/{}",
        bench.remote.simulator.storage_url(),
        object.oid
    );
    bench.remote.on_path(BATCH, leading_to(&object, &href));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = format!("http://{}/x", listener.local_addr().unwrap());
    let redirect = Effect::Answer {
        status: 307,
        headers: vec![("location".to_owned(), elsewhere)],
        body: String::new(),
    };
    bench.remote.on_path(object.oid.as_str(), redirect);
    let heard = async {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 16 * 1024];
        let read = stream.read(&mut request).await.unwrap();
        let answer = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        String::from_utf8_lossy(&request[..read]).to_lowercase()
    };
    let (report, heard) = tokio::join!(bench.import(), heard);
    assert_eq!(only_gap(&report).reason, GapReason::NotFound);
    assert!(!heard.contains("authorization"), "{heard}");
    // What was meant for the first host stays there, too.
    assert!(!heard.contains("x-y"), "{heard}");
    assert!(!heard.contains("host: x\r"), "{heard}");
}
