//! An S3 service of the tests' own: moto, from where `scripts/test` puts it.
//!
//! It keeps everything in memory and ends with the process that started it, however that ends:
//! its input is a pipe from there.

#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test binary uses the parts that it needs"
)]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a helper that fails is a test that fails, and one that is skipped says so"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The key that has to be given. Any is right.
pub(crate) const KEY: (&str, &str) = ("keeper", "s3cret/of+keeper");

const LIBRARY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/moto");
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/s3/serve.py");

/// The service.
struct Service {
    port: u16,
    /// Ends when this process does.
    _process: Child,
}

/// A bucket of a test's own.
pub(crate) struct Bucket {
    port: u16,
    name: String,
}

impl Service {
    fn start() -> Option<Self> {
        if !Path::new(LIBRARY).join("moto").is_dir() {
            println!("skipped: moto is not in target/moto");
            return None;
        }
        let mut process = Command::new("python3")
            .arg(PROGRAM)
            .env("PYTHONPATH", LIBRARY)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        Some(Self {
            port: line.trim().parse().unwrap(),
            _process: process,
        })
    }
}

impl Bucket {
    /// A new bucket, where moto is installed.
    pub(crate) fn new() -> Option<Self> {
        static SERVICE: OnceLock<Option<Service>> = OnceLock::new();
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let port = SERVICE.get_or_init(Service::start).as_ref()?.port;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("bucket-{}-{number}", std::process::id());
        let bucket = Self { port, name };
        let answer = bucket.ask("PUT", "", "");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        Some(bucket)
    }

    /// Its address as bucketload has it.
    pub(crate) fn url(&self) -> String {
        format!("s3://{}/loads/ours", self.name)
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The names of all objects, in order.
    pub(crate) fn keys(&self) -> Vec<String> {
        let answer = self.ask("GET", "?list-type=2&max-keys=1000", "");
        let parts = answer.split("<Key>").skip(1);
        let keys = parts.filter_map(|part| part.split("</Key>").next());
        keys.map(str::to_owned).collect()
    }

    /// Puts something in the place of an object.
    pub(crate) fn overwrite(&self, key: &str, content: &str) {
        let answer = self.ask("PUT", &format!("/{key}"), content);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// Nobody looks at signatures; who asks has to be somebody.
    fn ask(&self, method: &str, what: &str, body: &str) -> String {
        let (name, id) = (&self.name, KEY.0);
        let length = body.len();
        let credential = format!("Credential={id}/20261101/us-east-1/s3/aws4_request");
        self.exchange(&format!(
            "{method} /{name}{what} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\
             Authorization: AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        ))
    }

    fn exchange(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}
