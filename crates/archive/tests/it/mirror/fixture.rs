//! A remote repository, its server and a mirror of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;

use bucketload_archive::mirror::{
    Mirror, MirrorError, MirrorUpdate, Remote, TransportKind, UpdateOptions,
};
use chrono::{DateTime, Utc};
use tempfile::TempDir;

use super::server::Server;

/// Runs git and returns what it prints.
pub(crate) fn git(repository: &Path, args: &[&str]) -> String {
    git_with(repository, args, b"")
}

pub(crate) fn git_with(repository: &Path, args: &[&str], stdin: &[u8]) -> String {
    let mut child = Command::new("git")
        .arg("-C")
        .arg(repository)
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "A")
        .env("GIT_AUTHOR_EMAIL", "a@example.org")
        .env("GIT_COMMITTER_NAME", "A")
        .env("GIT_COMMITTER_EMAIL", "a@example.org")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {args:?}: {said}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The bare repository that is mirrored.
pub(crate) struct Origin {
    pub(crate) path: PathBuf,
}

impl Origin {
    /// `count` commits on a branch, on top of what it has.
    pub(crate) fn commit(&self, branch: &str, count: usize) {
        let existing = Command::new("git")
            .arg("-C")
            .arg(&self.path)
            .args(["rev-list", "--count", branch, "--"])
            .output()
            .unwrap();
        let has_branch = existing.status.success();
        let already: usize = String::from_utf8_lossy(&existing.stdout)
            .trim()
            .parse()
            .unwrap_or(0);
        let mut script = String::new();
        for number in already..already + count {
            let content = format!("{branch} {number}\n").repeat(number % 50 + 1);
            let message = format!("{branch} {number}");
            write!(
                script,
                "commit {branch}\ncommitter A <a@example.org> {} +0000\ndata {}\n{message}\n",
                1_700_000_000 + number * 60,
                message.len(),
            )
            .unwrap();
            if has_branch && number == already {
                writeln!(script, "from {branch}^0").unwrap();
            }
            let (file, length) = (number % 20, content.len());
            writeln!(
                script,
                "M 100644 inline file-{file}\ndata {length}\n{content}"
            )
            .unwrap();
        }
        git_with(&self.path, &["fast-import", "--quiet"], script.as_bytes());
    }

    /// A commit with content that does not compress.
    pub(crate) fn commit_bytes(&self, branch: &str, length: usize) {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let content: Vec<u8> = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_be_bytes()
        })
        .flatten()
        .take(length)
        .collect();
        let mut script = format!(
            "commit {branch}\ncommitter A <a@example.org> 1700000000 +0000\ndata 5\nbytes\n\
             M 100644 inline bytes\ndata {length}\n"
        )
        .into_bytes();
        script.extend_from_slice(&content);
        script.push(b'\n');
        git_with(&self.path, &["fast-import", "--quiet", "--force"], &script);
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        git(&self.path, args)
    }

    /// Its refs, by name.
    pub(crate) fn refs(&self) -> BTreeMap<String, String> {
        refs_of(&self.path)
    }
}

fn refs_of(path: &Path) -> BTreeMap<String, String> {
    git(path, &["for-each-ref", "--format=%(refname) %(objectname)"])
        .lines()
        .map(|line| {
            let (name, id) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), id.to_owned())
        })
        .collect()
}

/// A remote, its server, and the place of its mirror.
pub(crate) struct Fixture {
    folder: TempDir,
    pub(crate) server: Server,
    pub(crate) origin: Origin,
    pub(crate) transport: TransportKind,
}

/// The time of every update that does not say otherwise.
pub(crate) fn noon() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

impl Fixture {
    /// With an empty remote.
    pub(crate) fn empty(transport: TransportKind) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("remotes/kettle.git");
        fs::create_dir_all(&path).unwrap();
        git(
            &path,
            &["init", "--quiet", "--bare", "--initial-branch=main"],
        );
        Self {
            server: Server::start(&folder.path().join("remotes")),
            origin: Origin { path },
            transport,
            folder,
        }
    }

    /// With some commits on `main`, a second branch, and both kinds of tags.
    pub(crate) fn new(transport: TransportKind) -> Self {
        let fixture = Self::empty(transport);
        fixture.origin.commit("refs/heads/main", 40);
        fixture.origin.git(&["branch", "topic", "main~5"]);
        fixture.origin.git(&["tag", "light", "main~3"]);
        fixture
            .origin
            .git(&["tag", "-a", "-m", "v1", "v1", "main~2"]);
        fixture
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn mirror_path(&self) -> PathBuf {
        self.folder.path().join("mirrors/kettle.git")
    }

    pub(crate) fn mirror(&self) -> Mirror {
        Mirror::open_or_init(&self.mirror_path()).unwrap()
    }

    pub(crate) fn remote(&self) -> Remote {
        Remote {
            url: self.server.url("kettle.git"),
            authorization: None,
        }
    }

    /// Updates the mirror with options changed by `change`.
    pub(crate) fn try_update(
        &self,
        remote: &Remote,
        change: impl FnOnce(&mut UpdateOptions<'_>),
    ) -> Result<MirrorUpdate, MirrorError> {
        let cancel = AtomicBool::new(false);
        let mut options = UpdateOptions::new(noon(), &|_| {}, &cancel);
        options.transport = self.transport;
        change(&mut options);
        self.mirror().update(remote, &options)
    }

    pub(crate) fn update(&self) -> MirrorUpdate {
        self.try_update(&self.remote(), |_| {}).unwrap()
    }

    /// The mirror's refs without the archived ones.
    pub(crate) fn live_refs(&self) -> BTreeMap<String, String> {
        let mut refs = refs_of(&self.mirror_path());
        refs.retain(|name, _| !name.starts_with("refs/archive/"));
        refs
    }

    /// The archived refs alone.
    pub(crate) fn archived_refs(&self) -> BTreeMap<String, String> {
        let mut refs = refs_of(&self.mirror_path());
        refs.retain(|name, _| name.starts_with("refs/archive/"));
        refs
    }

    /// The mirror has the remote's refs, all objects, and no leftovers.
    pub(crate) fn assert_sound(&self) {
        assert_eq!(self.live_refs(), self.origin.refs());
        let fsck = self.mirror().fsck(&AtomicBool::new(false)).unwrap();
        assert!(fsck.is_clean, "{:?}", fsck.findings);
        // git's own opinion of the whole, and of the packed file.
        git(&self.mirror_path(), &["fsck", "--full", "--strict"]);
        for (path, _) in files(&self.mirror_path()) {
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(
                !name.starts_with("tmp_") && !name.starts_with(".tmp"),
                "left behind: {}",
                path.display()
            );
            assert!(
                path.extension().is_none_or(|it| it != "lock") || name == "bucketload.lock",
                "left behind: {}",
                path.display()
            );
        }
        assert!(!self.mirror_path().join("incoming").exists());
    }
}

/// What identifies a file that was not touched.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone)]
pub(crate) struct Stamp {
    inode: u64,
    seconds: i64,
    nanoseconds: i64,
    length: u64,
}

/// Every file and folder below `folder` with its stamp.
pub(crate) fn files(folder: &Path) -> BTreeMap<PathBuf, Stamp> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            for entry in fs::read_dir(&path).unwrap() {
                open.push(entry.unwrap().path());
            }
        }
        let stamp = Stamp {
            inode: metadata.ino(),
            seconds: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec(),
            length: metadata.len(),
        };
        found.insert(path, stamp);
    }
    found
}

/// An error with everything it would ever print.
pub(crate) fn everything_said(error: &MirrorError) -> String {
    let mut said = format!("{error:?}\n{error}");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        writeln!(said, "{error}").unwrap();
        cause = error.source();
    }
    said
}
