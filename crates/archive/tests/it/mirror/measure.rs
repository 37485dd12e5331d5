//! Figures for the documentation, not a test:
//! `cargo test --release -p bucketload-archive --test it -- --ignored --nocapture measure`

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use bucketload_archive::mirror::TransportKind;

use super::fixture::{Fixture, git, git_with};

const COMMITS: usize = 30_000;
const REFS: usize = 5_000;
const ROUNDS: usize = 3;

/// Source text that changes a little with each commit, and now and then a
/// file that does not compress.
fn history() -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut files: Vec<Vec<String>> = (0..400)
        .map(|_| {
            (0..300)
                .map(|_| format!("line {:x} of text\n", random()))
                .collect()
        })
        .collect();
    let mut script = Vec::new();
    for number in 0..COMMITS {
        let index = usize::try_from(random() % 400).unwrap();
        let line = usize::try_from(random() % 300).unwrap();
        files[index][line] = format!("line {:x} of text\n", random());
        let content = files[index].concat();
        script.extend_from_slice(
            format!(
                "commit refs/heads/main\ncommitter A <a@example.org> {} +0000\ndata 6\nchange\n\
                 M 100644 inline src/{}/{index}.txt\ndata {}\n{content}\n",
                1_600_000_000 + number * 60,
                index % 20,
                content.len(),
            )
            .as_bytes(),
        );
        if number % 100 == 0 {
            let binary: Vec<u8> = (0..60_000).flat_map(|_| random().to_be_bytes()).collect();
            let length = binary.len();
            script.extend_from_slice(
                format!("M 100644 inline assets/{number}.bin\ndata {length}\n").as_bytes(),
            );
            script.extend_from_slice(&binary);
            script.push(b'\n');
        }
    }
    script
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn clone(fixture: &Fixture, to: &Path) {
    let (url, to) = (fixture.remote().url, to.to_str().unwrap());
    git(
        fixture.folder(),
        &["clone", "--quiet", "--mirror", url.as_str(), to],
    );
}

#[test]
#[ignore = "takes minutes and prints figures"]
fn measure() {
    let mut fixture = Fixture::empty(TransportKind::Gix);
    git_with(
        &fixture.origin.path,
        &["fast-import", "--quiet"],
        &history(),
    );
    let mut script = String::new();
    let tips = fixture.origin.git(&["rev-list", "main"]);
    for (number, tip) in tips.lines().step_by(COMMITS / REFS).enumerate() {
        writeln!(script, "create refs/heads/branch-{number} {tip}").unwrap();
    }
    git_with(
        &fixture.origin.path,
        &["update-ref", "--stdin"],
        script.as_bytes(),
    );
    fixture
        .origin
        .git(&["repack", "-adq", "--write-bitmap-index"]);
    fixture.origin.git(&["pack-refs", "--all"]);
    println!("{}", fixture.origin.git(&["count-objects", "-v"]));

    for round in 1..=ROUNDS {
        let to = fixture.folder().join("clone.git");
        let took = timed(|| clone(&fixture, &to));
        println!("round {round}: git clone --mirror {took:?}");
        fs::remove_dir_all(&to).unwrap();
        for transport in [TransportKind::Gix, TransportKind::GitProgram] {
            fixture.transport = transport;
            fs::remove_dir_all(fixture.mirror_path()).ok();
            let took = timed(|| {
                fixture.update();
            });
            let again = timed(|| {
                fixture.update();
            });
            println!("round {round}: {transport:?} first {took:?}, nothing changed {again:?}");
        }
    }
    fixture.assert_sound();
    fixture.transport = TransportKind::Gix;
    fixture.origin.commit("refs/heads/main", 10);
    let took = timed(|| {
        fixture.update();
    });
    println!("ten more commits: {took:?}");
    // Every branch into another history.
    fixture.origin.commit("refs/heads/other", REFS);
    let tips = fixture.origin.git(&["rev-list", "other"]);
    let mut script = String::new();
    for (number, tip) in tips.lines().enumerate() {
        writeln!(script, "update refs/heads/branch-{number} {tip}").unwrap();
    }
    git_with(
        &fixture.origin.path,
        &["update-ref", "--stdin"],
        script.as_bytes(),
    );
    let mut archived = 0;
    let took = timed(|| archived = fixture.update().archived.len());
    println!("{archived} rewritten branches: {took:?}");
    assert_eq!(fixture.archived_refs().len(), archived);
}
