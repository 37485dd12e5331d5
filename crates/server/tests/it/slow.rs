//! Clients that send a byte now and then.

use std::time::Duration;

use bucketload_server::Patience;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::events::Listening;
use crate::support::{House, Plan};

/// A house that waits for nobody, and for how long nobody has to wait for it at most.
async fn house() -> House {
    let plan = Plan {
        patience: Patience {
            head: Duration::from_millis(400),
            piece: Duration::from_millis(400),
        },
        ..Plan::default()
    };
    House::planned(plan).await
}

/// What is answered to a request that stops in its middle, once the connection is closed.
async fn begin(house: &House, sent: &str) -> String {
    let host = house.url.authority().to_owned();
    let mut stream = TcpStream::connect(&host).await.unwrap();
    stream.write_all(sent.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let end = tokio::time::timeout(Duration::from_mins(1), stream.read_to_end(&mut answer));
    // A connection that is cut off is closed as well.
    let _ = end.await.expect("it is let go");
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn whoever_never_ends_a_head_is_let_go() {
    let house = house().await;
    let ada = house.administrator().await;
    // Whoever listens is no slow client, however little there is to send.
    let mut listening = Listening::begin(&ada, "", None).await;
    for sent in ["", "GET /imports HTTP/1.1\r\nHost: a\r\nX-Slow: "] {
        let answer = begin(&house, sent).await;
        assert!(!answer.contains("200 OK"), "{answer}");
    }
    let kettle = house.enqueue("teapots/kettle").await;
    loop {
        let event = listening.next().await.expect("the stream goes on");
        if event.kind == "import" {
            assert!(event.data.contains(&kettle.to_string()));
            break;
        }
    }
}

#[tokio::test]
async fn whoever_never_ends_a_form_is_told_and_let_go() {
    let house = house().await;
    for path in ["/sign-in/code", "/imports/ask"] {
        let sent = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\nform_token=x"
        );
        let answer = begin(&house, &sent).await;
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert!(answer.contains("It did not arrive whole"), "{answer}");
    }
}
