//! What packages are made of: completions, manual pages, the question how a service is, and the
//! files of `packaging/` and `docker/`.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::serving::Serving;
use crate::support::{Ran, bare_command, run};

fn bucketload(arguments: &[&str]) -> Ran {
    run(bare_command(Path::new("/nonexistent")).args(arguments))
}

/// A program of the machine, unless it has none: then the test says so.
pub(crate) fn program(name: &str) -> Option<Command> {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {name}")])
        .output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(Command::new(name));
    }
    skipped(&format!("there is no {name} here"));
    None
}

#[expect(clippy::print_stderr, reason = "a test that skips says so")]
fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

#[test]
fn bash_completes_commands_and_options() {
    let Some(mut bash) = program("bash") else {
        return;
    };
    let script = bucketload(&["completions", "bash"]).expect(0).stdout;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bucketload.bash");
    std::fs::write(&file, script).unwrap();
    let complete = r#"
        set -eu
        . "$1"
        complete -p bucketload > /dev/null
        COMP_WORDS=(bucketload "${@:2}")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _bucketload bucketload "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let mut completed = |words: &[&str]| {
        bash = Command::new("bash");
        let command = bash.args(["--norc", "-c", complete, "bash"]).arg(&file);
        run(command.args(words)).expect(0).stdout
    };
    assert_eq!(completed(&["up"]), "upgrade\n");
    assert_eq!(completed(&["import", "--dry"]), "--dry-run\n");
    assert_eq!(completed(&["auth", "rot"]), "rotate-key\n");
}

/// What every system has that runs programs at all.
#[cfg(target_os = "linux")]
#[test]
fn of_the_system_it_needs_the_c_library_alone() {
    let Some(_) = program("ldd") else {
        return;
    };
    let ran = run(Command::new("ldd").arg(env!("CARGO_BIN_EXE_bucketload"))).expect(0);
    let known = [
        "linux-vdso",
        "libc.",
        "libm.",
        "libgcc_s.",
        "libpthread.",
        "libdl.",
        "librt.",
    ];
    for line in ran.stdout.lines().map(str::trim) {
        let is_known =
            line.contains("/ld-linux") || known.iter().any(|name| line.starts_with(name));
        assert!(is_known, "{line}");
    }
}

#[test]
fn every_shell_has_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = bucketload(&["completions", shell]).expect(0).stdout;
        assert!(script.contains("rotate-key"), "{shell}");
    }
}

#[test]
fn manual_pages_are_read_without_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    bucketload(&["man", pages.to_str().unwrap()]).expect(0);
    let page = std::fs::read_to_string(pages.join("bucketload-import.1")).unwrap();
    assert!(page.contains("workspace/repository"));
    assert!(pages.join("bucketload-auth-rotate-key.1").is_file());
    let Some(_) = program("man") else {
        return;
    };
    for entry in std::fs::read_dir(&pages).unwrap() {
        let page = entry.unwrap().path();
        let mut man = Command::new("man");
        man.args(["--warnings", "-E", "UTF-8", "-P", "cat", "-l"]);
        let ran = run(man.arg(&page)).expect(0);
        assert_eq!(ran.stderr, "", "{}", page.display());
        assert!(ran.stdout.contains("SYNOPSIS"), "{}", page.display());
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let ran = bucketload(&["man", "/dev/null/pages"]).expect(1);
    assert!(ran.stderr.contains("/dev/null/pages"), "{}", ran.stderr);
}

#[test]
fn health_is_what_the_service_says() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let serving = Serving::start(&data_dir, |_| {});
    let ran = bucketload(&["health", serving.host()]).expect(0);
    assert!(
        ran.stdout.contains("\"service\":\"running\""),
        "{}",
        ran.stdout
    );
    let host = serving.host().to_owned();
    serving.stop();
    let ran = bucketload(&["health", &host]).expect(1);
    assert!(ran.stderr.contains(&host), "{}", ran.stderr);
}

#[test]
fn who_answers_otherwise_is_not_well() {
    for (answer, told) in [
        ("HTTP/1.1 503 No\r\n\r\n{\"database\":\"failed\"}", "failed"),
        ("220 mail.example.org\r\n", "no HTTP"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // The whole request is read, or closing would reset the connection.
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.push(byte[0]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let ran = bucketload(&["health", &address]).expect(1);
        server.join().unwrap();
        let said = ran.stdout + &ran.stderr;
        assert!(said.contains(told), "{said}");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The files that run bucketload, and what they say.
fn units() -> Vec<(PathBuf, String)> {
    let names = [
        "packaging/systemd/bucketload.service",
        "packaging/systemd/bucketload-worker@.service",
    ];
    let read = |name| {
        let path = root().join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        (path, text)
    };
    names.into_iter().map(read).collect()
}

#[test]
fn systemd_understands_the_units() {
    let Some(_) = program("systemd-analyze") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in units() {
        // It looks whether the program is there.
        let program = env!("CARGO_BIN_EXE_bucketload");
        let text = text.replace("/usr/local/bin/bucketload", program);
        let unit = folder.path().join(path.file_name().unwrap());
        std::fs::write(&unit, text).unwrap();
        let mut verify = Command::new("systemd-analyze");
        let ran = run(verify.args(["verify", "--man=no"]).arg(&unit)).expect(0);
        assert_eq!(ran.stderr, "", "{}", unit.display());
        let mut security = Command::new("systemd-analyze");
        let arguments = ["security", "--offline=true", "--threshold=15", "--no-pager"];
        run(security.args(arguments).arg(&unit)).expect(0);
    }
}

#[test]
fn prometheus_has_the_alerts_that_the_rules_promise() {
    let Some(mut promtool) = program("promtool") else {
        return;
    };
    let tests = root().join("docker/prometheus/rules.test.yml");
    run(promtool.args(["test", "rules"]).arg(tests)).expect(0);
}

#[test]
fn the_units_run_commands_that_there_are() {
    for (path, text) in units() {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("ExecStart="));
        let words: Vec<&str> = line.unwrap().split(' ').skip(1).collect();
        let ran = bucketload(&[words.as_slice(), &["--help"]].concat());
        assert_eq!(ran.code, 0, "{}: {}", path.display(), ran.stderr);
    }
}
