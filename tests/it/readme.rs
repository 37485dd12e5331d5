//! The commands of the README, run as they stand there, from the first to the last.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bucketload_simulator::SeedOptions;
use tempfile::TempDir;

use crate::support::{Double, Ran, run, small};

const PAGE: &str = include_str!("../../README.md");

/// What fetches or asks a person, and what stands for a secret of one's own.
const NOT_RUN: [&str; 4] = [
    "cargo install ",
    "bucketload auth login",
    "bucketload auth add-token",
    "export ",
];

/// What goes on until it is told to stop.
const SERVING: [&str; 2] = ["bucketload serve", "bucketload worker"];

/// A shell in a folder of its own, where nothing is set up but a double of Bitbucket.
struct Shell {
    folder: TempDir,
    double: Double,
}

impl Shell {
    /// The names in the README stand for others.
    fn command(&self, line: &str) -> Command {
        let line = line.replace("workspace/repository", "workspace/lighthouse");
        let set_up = self.double.command(self.folder.path());
        let variables = set_up.get_envs();
        let variables = variables.filter_map(|(name, value)| Some((name, value?)));
        let ours = PathBuf::from(env!("CARGO_BIN_EXE_bucketload"));
        let mut bash = Command::new("bash");
        bash.args([
            "--norc",
            "-c",
            &format!("PATH=\"$1:$PATH\"; {line}"),
            "bash",
        ])
        .arg(ours.parent().unwrap())
        .env_clear()
        .envs(variables)
        .env_remove("BUCKETLOAD_DATA_DIR")
        .env("BUCKETLOAD_LISTEN", "127.0.0.1:0")
        .current_dir(self.folder.path())
        .stdin(Stdio::null());
        bash
    }

    fn run(&self, line: &str) -> Ran {
        let ran = run(&mut self.command(line));
        assert_eq!(ran.code, 0, "{line}\n{}\n{}", ran.stdout, ran.stderr);
        ran
    }

    /// Lets something work until nothing waits any more, and ends it.
    fn serve(&self, line: &str) {
        // The port that it says may be somebody else's here.
        let line = line.replace("serve", "serve --listen 127.0.0.1:0");
        let mut command = self.command(&format!("exec {line}"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let began = Instant::now();
        let waits = |said: &str| {
            ["queued", "running"]
                .iter()
                .any(|state| said.contains(state))
        };
        while waits(&self.run("bucketload status").stdout) {
            assert_eq!(process.try_wait().unwrap(), None, "it has ended");
            assert!(
                began.elapsed() < Duration::from_mins(3),
                "it takes too long"
            );
            std::thread::sleep(Duration::from_millis(200));
        }
        run(Command::new("kill").arg(process.id().to_string())).expect(0);
        Ran::from(process.wait_with_output().unwrap()).expect(0);
    }
}

/// The lines of the block that begins with an installation, without what is said of them.
fn lines() -> Vec<&'static str> {
    let (_, block) = PAGE.split_once("```sh\ncargo install").unwrap();
    let (block, _) = block.split_once("\n```").unwrap();
    let lines = block.lines().skip(1);
    let lines = lines.map(|line| line.split(" #").next().unwrap().trim());
    let is_run =
        |line: &&str| !line.is_empty() && !NOT_RUN.iter().any(|start| line.starts_with(start));
    lines.filter(is_run).collect()
}

#[test]
fn the_commands_of_the_readme_do_what_they_say() {
    let shell = Shell {
        folder: tempfile::tempdir().unwrap(),
        double: Double::seeded(SeedOptions {
            workspace: "workspace".to_owned(),
            repositories: 2,
            ..small()
        }),
    };
    let lines = lines();
    assert!(lines.len() > 10, "{lines:?}");
    for line in lines {
        if SERVING.contains(&line) {
            shell.run("bucketload import workspace --queue");
            shell.serve(line);
        } else {
            shell.run(line);
        }
    }
    assert!(shell.folder.path().join("lighthouse/.git").is_dir());
    let back = shell.run("bucketload list --data-dir new").stdout;
    assert!(back.contains("workspace/lighthouse"), "{back}");
}
