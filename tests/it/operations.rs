//! The commands of docs/OPERATIONS.md, run as they stand there.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use bucketload_simulator::{IssueTracker, SeedOptions};
use tempfile::TempDir;

use crate::packaging::program;
use crate::postgres::{Database, PASSWORD, USER, server};
use crate::serving::Serving;
use crate::support::{Double, Ran, TOKEN, assert_same, files, run, small};

const PAGE: &str = include_str!("../../docs/OPERATIONS.md");

const WORKSPACE: &str = "seaside";

/// What the comments before the blocks call the tests below.
const SCENARIOS: [&str; 8] = [
    "back up PostgreSQL",
    "back up SQLite",
    "move",
    "move elsewhere",
    "new configured key",
    "new key",
    "restore PostgreSQL",
    "restore SQLite",
];

/// Variables that a block finds, beside those that all of them find.
type Variables = Vec<(&'static str, OsString)>;

/// The blocks of the page, each with the line that stands before it.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let parts: Vec<&str> = PAGE.split("\n```sh\n").collect();
    let block = |pair: &[&'static str]| {
        let (commands, _) = pair[1].split_once("\n```\n").unwrap();
        (pair[0].lines().next_back().unwrap(), commands)
    };
    parts.windows(2).map(block).collect()
}

/// The scenarios that run a block, by the line before it; none where that says why not.
fn scenarios(line: &str) -> Vec<&str> {
    let comment = line.strip_prefix("<!-- ");
    let comment = comment.and_then(|comment| comment.strip_suffix(" -->"));
    match comment.and_then(|comment| comment.split_once(": ")) {
        Some(("run", names)) => names.split(", ").collect(),
        Some(("not run", _)) => Vec::new(),
        _ => panic!("nothing says whether the block after this line is run: {line}"),
    }
}

/// The blocks of a scenario as one script.
fn script(scenario: &str) -> String {
    assert!(SCENARIOS.contains(&scenario), "{scenario}");
    let blocks = blocks().into_iter();
    let blocks = blocks.filter(|(line, _)| scenarios(line).contains(&scenario));
    let commands: Vec<&str> = blocks.map(|(_, commands)| commands).collect();
    commands.join("\n")
}

/// A folder for everything, and somebody who plays Bitbucket.
struct House {
    folder: TempDir,
    double: Double,
}

/// A machine: a data directory, and perhaps a database elsewhere.
struct Machine<'a> {
    house: &'a House,
    data_dir: PathBuf,
    variables: Variables,
}

impl House {
    /// A house, where this machine has what the blocks take.
    fn with(programs: &[&str]) -> Option<Self> {
        for name in programs {
            program(name)?;
        }
        let house = Self {
            folder: tempfile::tempdir().unwrap(),
            double: Double::seeded(SeedOptions {
                issue_tracker: IssueTracker::Answers,
                ..small()
            }),
        };
        std::fs::create_dir(house.path("keys")).unwrap();
        Some(house)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn machine(&self, name: &str, variables: Variables) -> Machine<'_> {
        Machine {
            house: self,
            data_dir: self.path(name),
            variables,
        }
    }

    /// Writes a file that its owner alone may read.
    fn secret(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&path).unwrap();
        file.write_all(content.as_bytes()).unwrap();
        path
    }

    /// What names a database to bucketload, and to the programs of PostgreSQL.
    fn database(&self, database: &Database) -> Variables {
        let server = server().unwrap();
        let url = self.secret(database.name(), &database.url());
        let password = self.secret("passwords", &format!("*:*:*:{USER}:{PASSWORD}\n"));
        vec![
            ("BUCKETLOAD_DATABASE_URL_FILE", url.into()),
            ("PGHOST", server.folder().into()),
            ("PGPORT", server.port().to_string().into()),
            ("PGUSER", USER.into()),
            ("PGDATABASE", database.name().into()),
            ("PGPASSFILE", password.into()),
        ]
    }
}

impl Machine<'_> {
    fn command(&self) -> Command {
        let mut command = self.house.double.command(&self.data_dir);
        command.envs(self.variables.iter().cloned());
        command
    }

    fn bucketload(&self, arguments: &[&str]) -> Ran {
        run(self.command().args(arguments)).expect(0)
    }

    /// Brings everything home, and keeps a credential.
    fn fill(&self) {
        self.bucketload(&["import", WORKSPACE]);
        let token = self.house.secret("token", TOKEN);
        let token = token.to_str().unwrap();
        let keep = ["auth", "add-token", "--workspace", WORKSPACE];
        self.bucketload(&[&keep[..], &["--token-file", token]].concat());
    }

    /// Does what the page says, in one shell.
    fn follow(&self, scenario: &str) -> Ran {
        let script = format!("PATH=\"$1:$PATH\"\n{}", script(scenario));
        let ours = PathBuf::from(env!("CARGO_BIN_EXE_bucketload"));
        let set_up = self.command();
        let variables = set_up.get_envs();
        let variables = variables.filter_map(|(name, value)| Some((name, value?)));
        let mut bash = Command::new("bash");
        bash.args(["--norc", "-e", "-o", "pipefail", "-c", &script, "bash"])
            .arg(ours.parent().unwrap())
            .env_clear()
            .envs(variables)
            .env("WORKSPACE", WORKSPACE)
            .current_dir(self.house.folder.path())
            .stdin(Stdio::null());
        for (name, folder) in [
            ("BACKUP", "backup"),
            ("KEYS", "keys"),
            ("NEW", "new"),
            ("EXPORT", "export"),
        ] {
            bash.env(name, self.house.path(folder));
        }
        run(&mut bash).expect(0)
    }

    /// What it holds.
    fn exported(&self, output: &str) -> BTreeMap<String, Vec<u8>> {
        let output = self.house.path(output);
        let folder = output.to_str().unwrap();
        self.bucketload(&["export", WORKSPACE, "--format", "jsonl", "--output", folder]);
        files(&output)
    }

    /// The credential that was kept opens, whatever the environment has.
    #[track_caller]
    fn opens_what_was_kept(&self) {
        let mut command = self.command();
        command.env_remove("BUCKETLOAD_BITBUCKET_TOKEN");
        run(command.args(["doctor", "--credential", WORKSPACE])).expect(0);
    }
}

/// Backs a machine up while it serves, restores the backup on another one, and compares them.
fn comes_back(old: &Machine<'_>, new: &Machine<'_>, database: &str) {
    old.fill();
    let serving = Serving::of(old.command(), |_| {});
    old.follow(&format!("back up {database}"));
    // The next backup goes over the first.
    old.bucketload(&["import", WORKSPACE, "--full"]);
    old.follow(&format!("back up {database}"));
    serving.stop();
    let said = new.follow(&format!("restore {database}")).stdout;
    assert!(said.contains("All is well."), "{said}");
    assert!(said.contains("seaside/lighthouse: proven\n"), "{said}");
    assert_same(&old.exported("of the old"), &new.exported("of the new"));
    new.opens_what_was_kept();
    new.bucketload(&["import", WORKSPACE]);
}

#[test]
fn every_block_is_run_or_says_why_not() {
    let blocks = blocks();
    assert_eq!(blocks.len(), PAGE.matches("```sh").count());
    let named = blocks.iter().flat_map(|(line, _)| scenarios(line));
    assert_eq!(named.collect::<BTreeSet<_>>(), BTreeSet::from(SCENARIOS));
}

#[test]
fn a_backup_of_sqlite_comes_back_on_another_machine() {
    let Some(house) = House::with(&["bash", "flock", "rsync", "sqlite3"]) else {
        return;
    };
    let old = house.machine("old", Variables::new());
    comes_back(&old, &house.machine("new", Variables::new()), "SQLite");
}

#[test]
fn a_backup_of_postgresql_comes_back_on_another_machine() {
    let programs = ["bash", "flock", "rsync", "pg_dump", "pg_restore"];
    let Some(house) = House::with(&programs) else {
        return;
    };
    let (Some(before), Some(after)) = (Database::new(), Database::new()) else {
        return;
    };
    let old = house.machine("old", house.database(&before));
    let new = house.machine("new", house.database(&after));
    comes_back(&old, &new, "PostgreSQL");
}

#[test]
fn the_data_directory_gets_a_new_key() {
    let Some(house) = House::with(&["bash"]) else {
        return;
    };
    let machine = house.machine("data", Variables::new());
    machine.fill();
    let key = || std::fs::read(machine.data_dir.join("secret.key")).unwrap();
    let before = key();
    machine.follow("new key");
    assert_ne!(key(), before);
    machine.opens_what_was_kept();
}

#[test]
fn a_configured_key_makes_place_for_the_next() {
    let Some(house) = House::with(&["bash", "base64"]) else {
        return;
    };
    let key = |name: &str| -> Variables {
        let path = house.path("keys").join(name);
        vec![("BUCKETLOAD_SECRET_KEY_FILE", path.into())]
    };
    house.machine("data", Variables::new()).fill();
    // The first of one's own: 32 bytes in base64.
    house.secret("keys/current", &format!("{}=\n", "A".repeat(43)));
    let before = house.machine("data", key("current"));
    before.bucketload(&["auth", "rotate-key"]);
    std::fs::remove_file(before.data_dir.join("secret.key")).unwrap();
    before.opens_what_was_kept();
    before.follow("new configured key");
    house.machine("data", key("next")).opens_what_was_kept();
}

#[test]
fn a_data_directory_works_where_it_was_moved_to() {
    let Some(house) = House::with(&["bash", "rsync"]) else {
        return;
    };
    let old = house.machine("old", Variables::new());
    old.fill();
    old.follow("move");
    let before = old.exported("before");
    std::fs::remove_dir_all(&old.data_dir).unwrap();
    let new = house.machine("new", Variables::new());
    assert_same(&before, &new.exported("after"));
    new.opens_what_was_kept();
    new.bucketload(&["import", WORKSPACE]);
}

#[test]
fn an_archive_moves_to_postgresql_and_an_object_store() {
    let Some(house) = House::with(&["bash", "diff"]) else {
        return;
    };
    let Some(database) = Database::new() else {
        return;
    };
    let url = house.secret("database-url", &database.url());
    let store = format!("file://{}", house.path("store").display());
    let variables: Variables = vec![
        ("NEW_DATABASE_URL_FILE", url.into()),
        ("NEW_OBJECT_STORE_URL", store.into()),
    ];
    let old = house.machine("old", variables);
    old.fill();
    let said = old.follow("move elsewhere").stdout;
    assert!(said.contains("object store"), "{said}");
    let exported = files(&house.path("export").join("after"));
    assert_same(&old.exported("before"), &exported);
    assert!(!house.path("new").join("bucketload.db").exists());
    assert!(house.path("store").join("blobs").is_dir());
}
