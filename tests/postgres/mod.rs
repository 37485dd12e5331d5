//! A PostgreSQL server of the tests' own, from the programs that are installed.
//!
//! It listens on a socket in a folder of its own and nowhere else, keeps nothing on disk for
//! longer than it runs, and ends with the process that started it, however that ends: a
//! shell beside it waits for the end of a pipe.

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

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

/// The user that owns the databases; it has no other rights.
pub(crate) const USER: &str = "keeper";
pub(crate) const PASSWORD: &str = "s3cret/of+keeper";

/// Letters of different size and accent in the order of a dictionary, not of their bytes:
/// an order that depends on the server shows.
const COLLATION: [&str; 2] = ["--locale-provider=icu", "--icu-locale=en-US"];

/// Nobody else hears of it; only a server with other settings has a port of its own.
const PORT: u16 = 5432;

/// Without syncs it outlives no power failure, but every crash of its own: a commit waits
/// until it is written.
const SETTINGS: &str = "-c listen_addresses= -c fsync=off -c full_page_writes=off \
    -c max_connections=200 -c autovacuum=off -c shared_buffers=32MB";

/// Starts and stops the server as it is told, and removes it when nobody is left to tell.
const WATCH: &str = r#"
folder=$1 bin=$2 settings=$3; shift 3
ctl() { "$@" >>"$folder/ctl" 2>&1 </dev/null; }
begin() {
    ctl "$@" "$bin/pg_ctl" -D "$folder/data" -l "$folder/log" -w -t 300 \
        -o "$settings -c unix_socket_directories=$folder" start
}
# What a server left that was killed may be in use for a moment.
again() { for _ in 1 2 3 4 5 6 7 8 9 10; do begin "$@" && return; sleep 0.3; done; return 1; }
end() { mode=$1; shift; ctl "$@" "$bin/pg_ctl" -D "$folder/data" -w -t 300 -m "$mode" stop; }
while read -r word; do
    case $word in
        start) again "$@" ;;
        kill) kill -9 "$(head -n 1 "$folder/data/postmaster.pid")" ;;
        *) end "$word" "$@" ;;
    esac && echo done || echo failed
done
end immediate "$@"
rm -rf "$folder"
"#;

/// A server, and the shell that ends it.
pub(crate) struct Server {
    folder: PathBuf,
    port: u16,
    programs: PathBuf,
    watch: Mutex<Watch>,
}

/// The shell, and the two pipes to it.
struct Watch {
    shell: Child,
    words: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// A database that is removed when it is dropped.
pub(crate) struct Database {
    server: &'static Server,
    name: String,
}

/// The server of this test binary; `None`, and a word, where PostgreSQL is not installed.
pub(crate) fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(Server::start).as_ref()
}

impl Server {
    /// Starts a server, or says that none is installed.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(PORT, SETTINGS)
    }

    /// Starts a server that listens on the network of this machine, too.
    pub(crate) fn start_on_network() -> Option<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let settings = format!("{SETTINGS} -c listen_addresses=127.0.0.1 -c port={port}");
        Self::start_with(port, &settings)
    }

    fn start_with(port: u16, settings: &str) -> Option<Self> {
        let Some(programs) = programs() else {
            println!("skipped: PostgreSQL is not installed");
            return None;
        };
        // Not below TMPDIR: the user of the server may not be let in there.
        let folder = tempfile::Builder::new()
            .prefix("bucketload-postgres-")
            .tempdir_in("/tmp")
            .unwrap()
            .keep();
        let prefix = unprivileged(&folder);
        make_cluster(&programs, &folder, &prefix);
        let mut shell = Command::new("sh")
            .args(["-c", WATCH, "watch"])
            .args([&folder, &programs])
            .arg(settings)
            .args(&prefix)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // An interrupt from the terminal is not for it.
            .process_group(0)
            .spawn()
            .unwrap();
        let watch = Watch {
            words: shell.stdin.take(),
            answers: BufReader::new(shell.stdout.take().unwrap()),
            shell,
        };
        let server = Self {
            folder,
            port,
            programs,
            watch: Mutex::new(watch),
        };
        server.start_again();
        server.sql(&format!("create role {USER} login password '{PASSWORD}'"));
        Some(server)
    }

    fn tell(&self, word: &str) {
        let mut watch = self.watch.lock().unwrap();
        writeln!(watch.words.as_mut().unwrap(), "{word}").unwrap();
        let mut answer = String::new();
        watch.answers.read_line(&mut answer).unwrap();
        let log = || std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        assert_eq!(answer.trim(), "done", "{word}: {}", log());
    }

    /// Stops it as an administrator does: transactions are broken off.
    pub(crate) fn stop(&self) {
        self.tell("fast");
    }

    /// Breaks it off in the middle of what it does.
    pub(crate) fn crash(&self) {
        self.tell("immediate");
    }

    /// SIGKILL of its first process; the others end when they notice.
    pub(crate) fn kill(&self) {
        self.tell("kill");
    }

    pub(crate) fn start_again(&self) {
        self.tell("start");
    }

    /// The folder of its socket and its files.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The address of a database, with the user that owns it.
    pub(crate) fn url(&self, database: &str) -> String {
        self.url_as(USER, PASSWORD, database)
    }

    pub(crate) fn url_as(&self, user: &str, password: &str, database: &str) -> String {
        let socket = self.folder.to_str().unwrap().replace('/', "%2F");
        let password = password.replace('/', "%2F").replace('+', "%2B");
        let port = self.port;
        format!("postgres://{user}:{password}@{socket}:{port}/{database}")
    }

    /// Runs a statement as the administrator.
    pub(crate) fn sql(&self, statement: &str) {
        let output = Command::new(self.programs.join("psql"))
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres"])
            .arg("-h")
            .arg(&self.folder)
            .args(["-p", &self.port.to_string()])
            .args(["-d", "postgres", "-c", statement])
            .env("PGPASSWORD", PASSWORD)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{statement}: {said}");
    }

    /// Makes a database with `options` of `create database`.
    pub(crate) fn database_with(&'static self, options: &str) -> Database {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("archive_{number}");
        self.sql(&format!("create database {name} owner {USER} {options}"));
        Database { server: self, name }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let watch = self.watch.get_mut().unwrap();
        watch.words = None;
        watch.shell.wait().unwrap();
    }
}

impl Database {
    /// A new database, where PostgreSQL is installed.
    pub(crate) fn new() -> Option<Self> {
        Some(server()?.database_with(""))
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn url(&self) -> String {
        self.server.url(&self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A test that fails should say why, and the folder goes anyway.
        if !std::thread::panicking() {
            let name = &self.name;
            self.server
                .sql(&format!("drop database {name} with (force)"));
        }
    }
}

/// Where the programs of the newest installed version lie.
fn programs() -> Option<PathBuf> {
    let version =
        |folder: &PathBuf| -> Option<u32> { folder.parent()?.file_name()?.to_str()?.parse().ok() };
    let debian = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let debian = debian.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    let newest = debian
        .filter(|folder| folder.join("initdb").exists())
        .max_by_key(version);
    newest.or_else(|| {
        let output = Command::new("pg_config").arg("--bindir").output().ok()?;
        let folder = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
        folder.join("initdb").exists().then_some(folder)
    })
}

/// PostgreSQL refuses to run as root: the folder goes to somebody else, and its programs
/// are run as that one.
fn unprivileged(folder: &Path) -> Vec<String> {
    if folder.metadata().unwrap().uid() != 0 {
        return Vec::new();
    }
    let id = |option, user| {
        let output = Command::new("id").args([option, user]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.trim().parse::<u32>().ok()
    };
    let of = |user| Some((id("-u", user)?, id("-g", user)?));
    let (uid, gid) = of("postgres").or_else(|| of("nobody")).unwrap();
    std::os::unix::fs::chown(folder, Some(uid), Some(gid)).unwrap();
    vec![
        "setpriv".to_owned(),
        format!("--reuid={uid}"),
        format!("--regid={gid}"),
        "--clear-groups".to_owned(),
    ]
}

fn make_cluster(programs: &Path, folder: &Path, prefix: &[String]) {
    let password = folder.join("password");
    std::fs::write(&password, PASSWORD).unwrap();
    let initdb = |options: &[&str]| {
        let mut words = prefix.to_vec();
        words.push(programs.join("initdb").to_str().unwrap().to_owned());
        Command::new(&words[0])
            .args(&words[1..])
            .arg("-D")
            .arg(folder.join("data"))
            .arg("--pwfile")
            .arg(&password)
            .args(["-U", "postgres", "--auth=scram-sha-256", "--no-sync"])
            .args(["--encoding=UTF8", "--locale=C"])
            .args(options)
            .current_dir("/")
            .output()
            .unwrap()
    };
    // Before version 15 there are only the collations of the operating system.
    let mut output = initdb(&COLLATION);
    if !output.status.success() {
        output = initdb(&[]);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
