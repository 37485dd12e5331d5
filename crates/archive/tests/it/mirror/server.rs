//! A git server over HTTP for tests: `git http-backend` behind a socket, with
//! faults on demand.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

/// What the server does instead of answering well.
#[derive(Clone, Default)]
pub(crate) struct Behaviour {
    /// The only `Authorization` value that is let in.
    pub(crate) authorization: Option<String>,
    /// Answer every request with this status.
    pub(crate) status: Option<u16>,
    /// Speak the protocol of before 2018, in which refs come unasked.
    pub(crate) is_old: bool,
    /// Lead requests below a path elsewhere: (path prefix, location prefix).
    pub(crate) redirect: Option<(String, String)>,
    /// Send no more after this many bytes of the body of a request of a kind.
    pub(crate) silence: Option<(Kind, usize)>,
    /// Done before the next fetch is answered, once.
    pub(crate) before_fetch: Option<Arc<dyn Fn() + Send + Sync>>,
    /// Close the connection after this many bytes of the body.
    pub(crate) cut: Option<(Kind, usize)>,
    /// Send no more after so many bytes of all fetches from now on.
    pub(crate) silence_in_all: Option<usize>,
    /// Give nothing that no ref points to.
    pub(crate) refuses_hashes: bool,
}

/// The requests of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `GET …/info/refs`.
    Handshake,
    /// `POST …/git-upload-pack` with `command=ls-refs`.
    List,
    /// `POST …/git-upload-pack` with `command=fetch`.
    Fetch,
}

/// A request as the server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) kind: Kind,
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
}

struct Shared {
    root: PathBuf,
    behaviour: Mutex<Behaviour>,
    seen: Mutex<Vec<Seen>>,
    silent: Mutex<Sender<()>>,
    /// The bytes of each fetch.
    fetched: Mutex<Vec<usize>>,
}

/// Serves the bare repositories of a folder, until dropped.
pub(crate) struct Server {
    shared: Arc<Shared>,
    address: std::net::SocketAddr,
    silent: Receiver<()>,
}

impl Server {
    pub(crate) fn start(root: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, silent) = channel();
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            behaviour: Mutex::default(),
            seen: Mutex::default(),
            silent: Mutex::new(sender),
            fetched: Mutex::default(),
        });
        let of_thread = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&of_thread);
                // A client that goes away is what some tests are about.
                std::thread::spawn(move || serve(&shared, &stream.unwrap()).ok());
            }
        });
        Self {
            shared,
            address,
            silent,
        }
    }

    pub(crate) fn url(&self, repository: &str) -> url::Url {
        format!("{}/{repository}", self.origin()).parse().unwrap()
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.shared.behaviour.lock().unwrap());
    }

    /// The requests since the last call.
    pub(crate) fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.shared.seen.lock().unwrap())
    }

    /// The bytes of each fetch since the last call.
    pub(crate) fn take_fetched(&self) -> Vec<usize> {
        std::mem::take(&mut self.shared.fetched.lock().unwrap())
    }

    /// Waits until the server has fallen silent.
    pub(crate) fn wait_for_silence(&self) {
        self.silent
            .recv_timeout(std::time::Duration::from_mins(1))
            .expect("the server should have been asked");
    }
}

fn serve(shared: &Shared, stream: &TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let header = |name: &str| {
        headers
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    };
    let length = header("content-length").map_or(0, |value| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;

    // A fetch is told from a listing by its size: packed bodies are fetches.
    let contains = |text: &[u8]| body.windows(text.len()).any(|window| window == text);
    let kind = match method {
        "GET" => Kind::Handshake,
        _ if contains(b"command=ls-refs") => Kind::List,
        _ => Kind::Fetch,
    };
    let authorization = header("authorization").map(str::to_owned);
    shared.seen.lock().unwrap().push(Seen {
        kind,
        path: path.to_owned(),
        authorization: authorization.clone(),
    });
    let behaviour = shared.behaviour.lock().unwrap().clone();
    if let (Kind::Fetch, Some(action)) = (kind, &behaviour.before_fetch) {
        shared.behaviour.lock().unwrap().before_fetch = None;
        action();
    }

    if kind == Kind::Fetch
        && behaviour.refuses_hashes
        && let Some(id) = hidden_want(&shared.root, path, &body)
    {
        return refuse(stream, &id);
    }
    if let Some(status) = behaviour.status {
        return answer(stream, &format!("{status} Wanted"), "Retry-After: 7\r\n");
    }
    if let Some((from, to)) = &behaviour.redirect
        && let Some(rest) = path.strip_prefix(from.as_str())
    {
        let location = format!("Location: {to}{rest}?{query}\r\n");
        return answer(stream, "302 Found", &location);
    }
    if behaviour.authorization.is_some() && behaviour.authorization != authorization {
        let challenge = "WWW-Authenticate: Basic realm=\"git\"\r\n";
        return answer(stream, "401 Unauthorized", challenge);
    }

    let git_protocol = header("git-protocol").filter(|_| !behaviour.is_old);
    let mut backend = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", &shared.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", method)
        .env("CONTENT_TYPE", header("content-type").unwrap_or(""))
        .env("CONTENT_LENGTH", length.to_string())
        .env(
            "HTTP_CONTENT_ENCODING",
            header("content-encoding").unwrap_or(""),
        )
        .env("GIT_PROTOCOL", git_protocol.unwrap_or(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut stdin = backend.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&body).ok());
    let output = BufReader::new(backend.stdout.take().unwrap());
    let result = pass_on(shared, stream, output, kind, &behaviour);
    backend.kill().ok();
    backend.wait()?;
    writer.join().ok();
    result
}

/// The first object that is asked for although no ref points to it.
fn hidden_want(root: &Path, path: &str, body: &[u8]) -> Option<String> {
    let repository = root.join(path.trim_start_matches('/').split_once(".git/")?.0);
    let shown = Command::new("git")
        .arg("-C")
        .arg(repository.with_extension("git"))
        .args(["for-each-ref", "--format=%(objectname)"])
        .output()
        .ok()?;
    let shown = String::from_utf8(shown.stdout).ok()?;
    let body = String::from_utf8_lossy(body);
    let mut wants = body.split("want ").skip(1).map(|want| &want[..40]);
    wants.find(|want| !shown.contains(want)).map(str::to_owned)
}

/// Says no as git does.
fn refuse(mut stream: &TcpStream, id: &str) -> std::io::Result<()> {
    let said = format!("ERR upload-pack: not our ref {id}");
    let line = format!("{:04x}{said}", said.len() + 4);
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-result\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{line}",
        line.len()
    )
}

fn answer(mut stream: &TcpStream, status: &str, headers: &str) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status}\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n"
    )
}

/// Turns what a CGI program prints into an HTTP response in chunks.
fn pass_on(
    shared: &Shared,
    mut stream: &TcpStream,
    mut output: impl BufRead,
    kind: Kind,
    behaviour: &Behaviour,
) -> std::io::Result<()> {
    let mut status = "200 OK".to_owned();
    let mut headers = String::new();
    loop {
        let mut line = String::new();
        output.read_line(&mut line)?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        match line.strip_prefix("Status: ") {
            Some(value) => value.clone_into(&mut status),
            None => headers = format!("{headers}{line}\r\n"),
        }
    }
    write!(
        stream,
        "HTTP/1.1 {status}\r\n{headers}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )?;
    let limit = |fault: Option<(Kind, usize)>| {
        fault
            .filter(|(other, _)| *other == kind)
            .map(|(_, bytes)| bytes)
    };
    if kind == Kind::Fetch {
        shared.fetched.lock().unwrap().push(0);
    }
    let (silence, cut) = (limit(behaviour.silence), limit(behaviour.cut));
    let mut left = silence.or(cut).unwrap_or(usize::MAX);
    let mut buffer = vec![0; 16 * 1024];
    loop {
        if let (Kind::Fetch, Some(limit)) = (kind, behaviour.silence_in_all) {
            let sent: usize = shared.fetched.lock().unwrap().iter().sum();
            left = limit.saturating_sub(sent);
        }
        if left == 0 && cut.is_some() {
            return stream.shutdown(Shutdown::Both);
        }
        if left == 0 {
            shared.silent.lock().unwrap().send(()).ok();
            // Until the client hangs up.
            return stream.read(&mut [0]).map(|_| ());
        }
        let wanted = buffer.len().min(left);
        let length = output.read(&mut buffer[..wanted])?;
        if length == 0 {
            return write!(stream, "0\r\n\r\n");
        }
        left -= length;
        if kind == Kind::Fetch
            && let Some(bytes) = shared.fetched.lock().unwrap().last_mut()
        {
            *bytes += length;
        }
        write!(stream, "{length:x}\r\n")?;
        stream.write_all(&buffer[..length])?;
        write!(stream, "\r\n")?;
    }
}
