//! Traces that a collector gets, in a command that was built with them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};

use crate::support::{Double, TOKEN, run, small};

/// Reads one request and answers that all is well. Whoever closes has sent the last.
fn take(mut stream: TcpStream, sender: &Sender<(String, Vec<u8>)>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            if header.trim().is_empty() {
                break;
            }
            let (name, value) = header.split_once(':').unwrap();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let _ = sender.send((line, body));
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
    }
}

#[test]
fn imports_stages_and_requests_are_traced_without_a_secret() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let collector = format!("http://{}", listener.local_addr().unwrap());
    let (sender, received) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let _ = take(stream, &sender);
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let mut import = double.command(&folder.path().join("data"));
    import
        .args(["import", "seaside/lighthouse"])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector);
    run(&mut import).expect(0);
    let all: Vec<(String, Vec<u8>)> = received.try_iter().collect();
    assert!(!all.is_empty());
    for (line, _) in &all {
        assert!(line.starts_with("POST /v1/traces "), "{line}");
    }
    // Names are text in the protocol's bytes.
    let bytes: Vec<u8> = all.into_iter().flat_map(|(_, body)| body).collect();
    let has = |text: &str| {
        let text = text.as_bytes();
        bytes.windows(text.len()).any(|window| window == text)
    };
    for name in [
        "bucketload",
        "import",
        "seaside/lighthouse",
        "stage",
        "pull_request_comments",
        "request",
        "endpoint",
    ] {
        assert!(has(name), "{name}");
    }
    assert!(!has(TOKEN));
}
