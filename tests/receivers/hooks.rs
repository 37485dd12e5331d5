//! Something that takes webhooks.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Result, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use super::{Listener, Log};

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    /// Method and path.
    pub(crate) what: String,
    /// Names in small letters.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Post {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Takes webhooks, and answers as it is told.
#[derive(Debug)]
pub(crate) struct Hooks {
    listener: Listener,
    posts: Arc<Log<Post>>,
    status: Arc<AtomicU16>,
    /// Whoever has it locked keeps answers back.
    gate: Arc<Mutex<()>>,
}

impl Hooks {
    pub(crate) fn start() -> Self {
        let posts = Log::new();
        let status = Arc::new(AtomicU16::new(204));
        let gate = Arc::new(Mutex::new(()));
        let (log, answer, open) = (posts.clone(), status.clone(), gate.clone());
        let listener = Listener::start(move |stream| {
            log.put(read(&stream)?);
            drop(open.lock());
            let status = answer.load(Ordering::SeqCst);
            // One that is followed would be seen.
            let head = "Location: /elsewhere\r\nContent-Length: 0\r\nConnection: close";
            (&stream).write_all(format!("HTTP/1.1 {status} X\r\n{head}\r\n\r\n").as_bytes())
        });
        Self {
            listener,
            posts,
            status,
            gate,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/s3cret-path", self.listener.address)
    }

    pub(crate) fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// Takes requests and does not answer while this is held.
    pub(crate) fn hold(&self) -> std::sync::MutexGuard<'_, ()> {
        self.gate.lock().unwrap()
    }

    pub(crate) fn posts(&self) -> Vec<Post> {
        self.posts.all()
    }

    /// What was posted.
    pub(crate) fn bodies(&self) -> Vec<serde_json::Value> {
        self.posts().iter().map(Post::json).collect()
    }

    pub(crate) fn wait_for(&self, count: usize) -> Vec<Post> {
        self.posts.wait_for(count)
    }
}

fn read(stream: &TcpStream) -> Result<Post> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let what = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map(|text| text.parse());
    let mut body = vec![0; length.transpose().unwrap().unwrap_or_default()];
    reader.read_exact(&mut body)?;
    Ok(Post {
        what,
        headers,
        body,
    })
}
