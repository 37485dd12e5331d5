//! The command as a child process, a simulator, and what is compared.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use bucketload_simulator::{
    Control, OAuthConsumer, OAuthOptions, SeedOptions, Simulator, SimulatorOptions, World,
};
use serde_json::Value;

pub(crate) const TOKEN: &str = "simulator-full-access";

pub(crate) const CONSUMER_SECRET: &str = "BLSECRET-consumer";

/// An OAuth consumer, and where its callback is.
pub(crate) struct Consumer {
    pub(crate) public_url: String,
}

/// A simulator on a port of its own, with a runtime of its own.
pub(crate) struct Double {
    /// Absent only while it is away.
    simulator: Option<Simulator>,
    pub(crate) runtime: tokio::runtime::Runtime,
}

impl Double {
    pub(crate) fn seeded(options: SeedOptions) -> Self {
        Self::serve(World::seeded(options).unwrap())
    }

    pub(crate) fn serve(world: World) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let simulator = runtime
            .block_on(Simulator::start(SimulatorOptions::default(), world))
            .unwrap();
        Self {
            simulator: Some(simulator),
            runtime,
        }
    }

    fn simulator(&self) -> &Simulator {
        self.simulator.as_ref().unwrap()
    }

    /// Ends the simulator; after a while one with a new log listens on the same port.
    pub(crate) fn restart(&mut self, pause: Duration, world: World) {
        let listen = self.simulator().address();
        let simulator = self.simulator.take().unwrap();
        self.runtime.block_on(simulator.stop());
        std::thread::sleep(pause);
        let options = SimulatorOptions {
            listen,
            ..SimulatorOptions::default()
        };
        let simulator = self.runtime.block_on(Simulator::start(options, world));
        self.simulator = Some(simulator.unwrap());
    }

    pub(crate) fn control(&self) -> Control {
        self.simulator().control()
    }

    pub(crate) fn web_url(&self) -> String {
        self.simulator().web_url()
    }

    /// An OAuth consumer of this simulator whose people agree at once, for a callback
    /// on a port that is free.
    pub(crate) fn consumer(&self) -> Consumer {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let public_url = format!("http://{}", listener.local_addr().unwrap());
        let callback = format!("{public_url}/auth/bitbucket/callback");
        let control = self.control();
        control.set_oauth_options(OAuthOptions::approved_by("ada"));
        control.add_consumer(OAuthConsumer::new("loads", CONSUMER_SECRET, callback));
        Consumer { public_url }
    }

    /// The command without a credential, set up for a consumer.
    pub(crate) fn command_with(&self, consumer: &Consumer, data_dir: &Path) -> Command {
        let mut command = self.command(data_dir);
        command
            .env_remove("BUCKETLOAD_BITBUCKET_TOKEN")
            .env("BUCKETLOAD_PUBLIC_URL", &consumer.public_url)
            .env("BUCKETLOAD_OAUTH_CLIENT_ID", "loads")
            .env("BUCKETLOAD_OAUTH_CLIENT_SECRET", CONSUMER_SECRET);
        command
    }

    pub(crate) fn api_url(&self) -> String {
        self.simulator().api_url()
    }

    /// The command, set up for this simulator and a token for everything.
    pub(crate) fn command(&self, data_dir: &Path) -> Command {
        let mut command = bare_command(data_dir);
        command
            .env("BUCKETLOAD_BITBUCKET_API_URL", self.api_url())
            .env("BUCKETLOAD_BITBUCKET_WEB_URL", self.web_url())
            .env("BUCKETLOAD_BITBUCKET_TOKEN", TOKEN)
            .env("BUCKETLOAD_REST_QUOTA", "0");
        command
    }

    /// Runs the command to its end.
    pub(crate) fn run(&self, data_dir: &Path, arguments: &[&str]) -> Ran {
        run(self.command(data_dir).args(arguments))
    }
}

/// A small world with everything odd in it.
pub(crate) fn small() -> SeedOptions {
    SeedOptions {
        pull_requests: 12,
        comments: 4,
        git_commits: 12,
        ..SeedOptions::default()
    }
}

/// Runs git in a folder, with nothing of this machine's settings. Returns what it prints.
#[track_caller]
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=A", "-c", "user.email=a@example.org"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The command with nothing of this machine's environment.
pub(crate) fn bare_command(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bucketload"));
    let kept = ["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"];
    let kept = std::env::vars_os().filter(|(name, _)| kept.iter().any(|kept| name == kept));
    let kept: Vec<_> = kept.collect();
    command
        .env_clear()
        .envs(kept)
        .env("BUCKETLOAD_DATA_DIR", data_dir)
        .env("BUCKETLOAD_LOG", "warn")
        .stdin(Stdio::null());
    command
}

/// What a command that ended has said.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn run(command: &mut Command) -> Ran {
    command.output().unwrap().into()
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    /// The same, if it ended as expected.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout, self.stderr
        );
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}\n{}\n{}", self.stdout, self.stderr))
    }

    /// The report of the only import.
    #[track_caller]
    pub(crate) fn report(&self) -> Value {
        let mut json = self.json();
        let reports = json["imports"].as_array_mut().unwrap();
        assert_eq!(reports.len(), 1);
        reports.remove(0)
    }
}

/// A stage of a report.
#[track_caller]
pub(crate) fn stage<'a>(report: &'a Value, name: &str) -> &'a Value {
    let stages = report["stages"].as_array().unwrap();
    stages
        .iter()
        .find(|stage| stage["name"] == name)
        .unwrap_or_else(|| panic!("no stage {name} in {report}"))
}

/// Exports a repository and returns its folder.
#[track_caller]
pub(crate) fn export(data_dir: &Path, output: &Path, name: &str) -> PathBuf {
    run(bare_command(data_dir)
        .args(["export", name, "--format", "jsonl", "--output"])
        .arg(output))
    .expect(0);
    output.join(name)
}

/// The files of a folder by name; of those in a folder within, that comes before.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            let within = files(&entry.path()).into_iter();
            found.extend(within.map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
        } else {
            found.insert(name, std::fs::read(entry.path()).unwrap());
        }
    }
    found
}

/// Fails with the first difference of two exports, not with all their bytes.
#[track_caller]
pub(crate) fn assert_same(one: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>) {
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(one), names(other));
    for (name, content) in one {
        if *content != other[name] {
            let text = String::from_utf8_lossy(content);
            let other = String::from_utf8_lossy(&other[name]);
            let difference = text.lines().zip(other.lines()).find(|(a, b)| a != b);
            panic!("{name} differs: {difference:?}");
        }
    }
}

/// The lines of an exported file: key and source.
pub(crate) fn lines(file: &Path) -> Vec<(Value, Value)> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines()
        .map(|line| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            (line["key"].take(), line["source"].take())
        })
        .collect()
}

/// The data of other people's repositories, where this machine has it.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let path = Path::new(root).join(path);
    path.exists().then_some(path)
}
