//! Faults, latency, the log, mutations; in Rust and over HTTP.

use crate::support::{R, json, small};
use bucketload_simulator::{Effect, Fault, Mutation, RetryHint};
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test]
async fn the_log_counts_and_names_what_came() {
    let double = small().await;
    let control = double.simulator.control();
    double.get(&format!("{R}/pullrequests?pagelen=5")).await;
    double.anonymous("/nothing").await;
    double
        .anonymous(&(double.simulator.web_url() + "/_simulator/requests"))
        .await;
    let requests = control.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].number, 1);
    assert_eq!(
        requests[0].target,
        "/2.0/repositories/seaside/lighthouse/pullrequests?pagelen=5"
    );
    assert_eq!(
        requests[0].endpoint.as_deref(),
        Some("/repositories/{workspace}/{repo_slug}/pullrequests")
    );
    assert_eq!(requests[0].credential.as_deref(), Some("oauth2"));
    assert_eq!(requests[0].status, Some(200));
    assert_eq!(
        (requests[1].endpoint.as_deref(), requests[1].status),
        (None, Some(404))
    );
    assert_eq!(
        control.request_counts()["/repositories/{workspace}/{repo_slug}/pullrequests"],
        1
    );
    assert_eq!(control.request_counts()["unknown"], 1);
    assert_eq!(control.peak_in_flight(), 1);
    control.reset_log();
    assert!(control.requests().is_empty());
}

#[tokio::test]
async fn waiting_ends_when_a_request_comes_not_when_it_is_answered() {
    let double = small().await;
    let control = double.simulator.control();
    control.add_fault(Fault::on_request(2, Effect::Hang));
    double.get(R).await;
    let hanging = tokio::spawn(double.client.get(double.url(R)).send());
    control.wait_for_request(2).await;
    double.get(R).await;
    assert_eq!(control.peak_in_flight(), 2);
    assert_eq!(control.requests()[1].status, None);
    assert!(!hanging.is_finished());
    // Stopping lets it go, and frees the port.
    let address = double.simulator.address();
    double.simulator.stop().await;
    drop(hanging.await.unwrap());
    // A git that another test is just starting may hold a copy of the socket until it has started.
    let bound = async {
        while tokio::net::TcpListener::bind(address).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), bound)
        .await
        .unwrap();
}

#[tokio::test]
async fn faults_hit_the_request_they_are_meant_for() {
    let double = small().await;
    let control = double.simulator.control();
    let list = format!("{R}/pullrequests?pagelen=2");
    let right = double.get(&list).await;
    let html = double.url(&list);
    let expect = async |effect: Effect| {
        control.clear_faults();
        control.reset_log();
        control.add_fault(Fault::on_request(2, effect));
        assert_eq!(double.get(&list).await, right, "the first request is fine");
        let response = double.send(&html).await;
        assert_eq!(double.get(&list).await, right, "the third one too");
        response
    };
    let response = expect(Effect::Html { status: 503 }).await;
    assert_eq!(
        (
            response.status().as_u16(),
            &response.headers()["content-type"]
        ),
        (503, &"text/html".parse().unwrap())
    );
    let response = expect(Effect::RateLimited {
        hint: RetryHint::RetryAfter,
        seconds: 7,
    })
    .await;
    assert_eq!(
        (
            response.status().as_u16(),
            &response.headers()["retry-after"]
        ),
        (429, &"7".parse().unwrap())
    );
    let response = expect(Effect::Answer {
        status: 555,
        headers: vec![("x-odd".into(), "1".into())],
        body: "{}".into(),
    })
    .await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["x-odd"]),
        (555, &"1".parse().unwrap())
    );
    let response = expect(Effect::NotJson).await;
    assert_eq!(response.status(), 200);
    assert!(serde_json::from_slice::<serde_json::Value>(&response.bytes().await.unwrap()).is_err());
    let response = expect(Effect::Truncate).await;
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.is_err(), "the connection broke");
    let short = expect(Effect::Stall {
        after_bytes: 1 << 20,
    });
    assert!(json(short.await).await["values"].is_array());
    let mut response = expect(Effect::Stall { after_bytes: 9 }).await;
    let first = response.chunk().await.unwrap().unwrap();
    assert_eq!(first.len(), 9);
    let more = tokio::time::timeout(Duration::from_millis(50), response.chunk()).await;
    assert!(more.is_err(), "nothing more comes: {more:?}");
    let request = double.client.get(&html);
    control.reset_log();
    control.clear_faults();
    control.add_fault(Fault::on_request(1, Effect::Disconnect));
    assert!(request.send().await.is_err(), "no answer at all");
    let body = json(
        expect(Effect::RemoveField {
            field: "values[0].id".into(),
        })
        .await,
    )
    .await;
    assert!(body["values"][0].get("id").is_none() && body["values"][1].get("id").is_some());
    let body = json(
        expect(Effect::ReplaceField {
            field: "values[1].id".into(),
            value: json!("x"),
        })
        .await,
    )
    .await;
    assert_eq!(body["values"][1]["id"], "x");
    let body = json(
        expect(Effect::ForeignNext {
            host: "elsewhere.example".into(),
        })
        .await,
    )
    .await;
    assert!(
        body["next"]
            .as_str()
            .unwrap()
            .starts_with("http://elsewhere.example/2.0/")
    );
}

#[tokio::test]
async fn faults_by_path_count_down() {
    let double = small().await;
    let control = double.simulator.control();
    control.add_fault(Fault::on_path("/2.0/*/comments*", Effect::Html { status: 502 }).times(2));
    let comments = format!("{R}/pullrequests/1/comments?pagelen=5");
    let statuses = [
        double.status(&comments).await,
        double.status(R).await,
        double.status(&comments).await,
        double.status(&comments).await,
    ];
    assert_eq!(statuses, [502, 200, 502, 200]);
    let latency = Duration::from_millis(30);
    control.set_latency(latency);
    let before = Instant::now();
    double.get(R).await;
    assert!(before.elapsed() >= latency);
}

#[tokio::test]
async fn other_processes_steer_over_http() {
    let double = small().await;
    let root = double.simulator.web_url() + "/_simulator/";
    let send = async |method: &str, path: &str, body: serde_json::Value| {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = double
            .client
            .request(method, format!("{root}{path}"))
            .body(body.to_string());
        let response = request.send().await.unwrap();
        (response.status().as_u16(), json(response).await)
    };
    let fault =
        json!({"path": "/pullrequests", "times": 1, "effect": {"kind": "html", "status": 502}});
    assert_eq!(send("POST", "faults", fault).await.0, 200);
    assert_eq!(double.status(&format!("{R}/pullrequests")).await, 502);
    assert_eq!(double.status(&format!("{R}/pullrequests")).await, 200);
    assert_eq!(
        send("PUT", "latency", json!({"milliseconds": 1})).await.0,
        200
    );
    let limit = json!({"anonymous": 1, "credential": 0, "window_seconds": 60, "hint": "reset"});
    assert_eq!(send("PUT", "rate-limit", limit).await.0, 200);
    assert_eq!(double.status(R).await, 429);
    assert_eq!(send("PUT", "rate-limit", json!(null)).await.0, 200);
    let mutation = json!({"kind": "add_comment", "repository": "seaside/lighthouse", "pull_request": 1, "text": "hi"});
    let (status, body) = send("POST", "mutations", mutation).await;
    assert_eq!(status, 200);
    let id = body["id"].as_u64().unwrap();
    double
        .get(&format!("{R}/pullrequests/1/comments/{id}"))
        .await;
    let (_, requests) = send("GET", "requests", json!(null)).await;
    assert_eq!(requests.as_array().unwrap().len(), 4);
    assert_eq!(send("DELETE", "requests", json!(null)).await.0, 200);
    assert_eq!(send("GET", "requests", json!(null)).await.1, json!([]));
    assert_eq!(
        send("GET", "repositories", json!(null)).await.1,
        json!(["seaside/lighthouse"])
    );
    for (path, body) in [
        ("faults", json!({})),
        ("mutations", json!({"kind": "nonsense"})),
        ("nonsense", json!(1)),
    ] {
        assert!(send("POST", path, body).await.0 >= 400, "{path}");
    }
}

#[tokio::test]
async fn mutations_show_everywhere() {
    let double = small().await;
    let control = double.simulator.control();
    let repository = "seaside/lighthouse".to_owned();
    let all = format!(
        "{R}/pullrequests?pagelen=50&sort=-updated_on&state=OPEN&state=MERGED&state=DECLINED&state=SUPERSEDED"
    );
    let before = double.get(&format!("{R}/pullrequests/5")).await;
    double.get(&all).await;
    let fields = json!({"title": "Another title"})
        .as_object()
        .unwrap()
        .clone();
    control
        .mutate(Mutation::EditPullRequest {
            repository: repository.clone(),
            id: 5,
            fields,
        })
        .unwrap();
    let listed = double.get(&all).await;
    assert_eq!(
        (&listed["values"][0]["id"], &listed["values"][0]["title"]),
        (&json!(5), &json!("Another title"))
    );
    let since = before["updated_on"].as_str().unwrap().replace('+', "%2B");
    let changed = double.all(&format!("{R}/pullrequests?pagelen=50&state=OPEN&state=MERGED&state=DECLINED&state=SUPERSEDED&q=id=5 AND updated_on>{since}")).await;
    assert_eq!(changed.len(), 1);

    let added = control.mutate(Mutation::AddComment {
        repository: repository.clone(),
        pull_request: 5,
        text: "Grüße".into(),
    });
    let comment = added.unwrap().id.unwrap();
    let comments = double
        .all(&format!("{R}/pullrequests/5/comments?pagelen=100"))
        .await;
    assert_eq!(comments.last().unwrap()["id"], comment);
    assert_eq!(comments.last().unwrap()["content"]["raw"], "Grüße");
    let count = |value: &serde_json::Value| value["comment_count"].as_i64().unwrap();
    let after = double.get(&format!("{R}/pullrequests/5")).await;
    assert_eq!(count(&after), count(&before) + 1);
    let feed = double.get(&format!("{R}/pullrequests/activity")).await;
    assert_eq!(feed["values"][0]["comment"]["id"], comment);
    assert_eq!(feed["values"][1]["update"]["title"], "Another title");
    control
        .mutate(Mutation::EditComment {
            repository: repository.clone(),
            pull_request: 5,
            comment,
            text: "Edited".into(),
        })
        .unwrap();
    let edited = double
        .get(&format!("{R}/pullrequests/5/comments/{comment}"))
        .await;
    assert_eq!(edited["content"]["raw"], "Edited");
    assert!(edited["updated_on"].as_str() > edited["created_on"].as_str());
    control
        .mutate(Mutation::DeleteComment {
            repository: repository.clone(),
            pull_request: 5,
            comment,
        })
        .unwrap();
    let deleted = double
        .get(&format!("{R}/pullrequests/5/comments/{comment}"))
        .await;
    assert_eq!(
        (&deleted["deleted"], &deleted["content"]["raw"]),
        (&json!(true), &json!(""))
    );
    assert_eq!(
        count(&double.get(&format!("{R}/pullrequests/5")).await),
        count(&before)
    );
    let feed = double.get(&format!("{R}/pullrequests/activity")).await;
    assert!(feed["values"][0].get("update").is_some());
}

#[tokio::test]
async fn new_pull_requests_and_new_names_show_everywhere() {
    let double = small().await;
    let control = double.simulator.control();
    let repository = "seaside/lighthouse".to_owned();
    let all = format!(
        "{R}/pullrequests?pagelen=50&state=OPEN&state=MERGED&state=DECLINED&state=SUPERSEDED"
    );
    let added = control
        .mutate(Mutation::AddPullRequest {
            repository: repository.clone(),
            title: "New".into(),
        })
        .unwrap();
    assert_eq!(added.id, Some(31));
    let new = double.get(&format!("{R}/pullrequests/31")).await;
    assert!(
        new["links"]["self"]["href"]
            .as_str()
            .unwrap()
            .ends_with("/pullrequests/31")
    );
    assert_eq!(double.get(&all).await["size"], 31);
    assert!(
        double
            .all(&format!("{R}/pullrequests/31/comments"))
            .await
            .is_empty()
    );

    let member = double.all("/workspaces/seaside/members").await[0]["user"].clone();
    let account = member["uuid"].as_str().unwrap().to_owned();
    control
        .mutate(Mutation::RenameAccount {
            account: account.clone(),
            display_name: "Renamed".into(),
        })
        .unwrap();
    for pull_request in double.all(&all).await {
        if pull_request["author"]["uuid"] == account.as_str() {
            assert_eq!(pull_request["author"]["display_name"], "Renamed");
        }
    }
    assert_eq!(double.get("/user").await["display_name"], "Renamed");
    control
        .mutate(Mutation::SetScm {
            repository,
            scm: "hg".into(),
        })
        .unwrap();
    assert_eq!(double.get(R).await["scm"], "hg");
    let nobody = Mutation::RenameAccount {
        account: "nobody".into(),
        display_name: String::new(),
    };
    assert!(control.mutate(nobody).is_err());
}
