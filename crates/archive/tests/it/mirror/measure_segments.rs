//! What segments cost, for the documentation, not a test:
//! `cargo test --workspace --test it -- --ignored --nocapture measure_segments`

#![expect(clippy::print_stdout, reason = "its figures are what it is for")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use bucketload_archive::mirror::{Segments, TransportKind};

use super::fixture::Fixture;
use super::kill::start_child;

const COMMITS: usize = 12_000;
const COMMITS_PER_TAG: usize = 100;
const COMMITS_PER_ASSET: usize = 40;
const FILES: u64 = 400;
const LINES: u64 = 300;
const SEGMENTS: usize = 8;
const ROUNDS: usize = 3;

/// Source text that changes by a line with each commit, and now and then a file
/// that does not compress, larger the later it comes.
fn history(mut to: impl std::io::Write) -> std::io::Result<()> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let line = |number: u64| format!("line {number:x} of text\n");
    let mut files: Vec<Vec<String>> = (0..FILES)
        .map(|_| (0..LINES).map(|_| line(random())).collect())
        .collect();
    for number in 0..COMMITS {
        let index = usize::try_from(random() % FILES).unwrap();
        let place = usize::try_from(random() % LINES).unwrap();
        files[index][place] = line(random());
        let content = files[index].concat();
        let (folder, length) = (index % 20, content.len());
        let time = 1_600_000_000 + number * 3_600;
        write!(
            to,
            "commit refs/heads/main\ncommitter A <a@example.org> {time} +0000\ndata 6\nchange\n\
             M 100644 inline src/{folder}/{index}.txt\ndata {length}\n{content}\n"
        )?;
        if number.is_multiple_of(COMMITS_PER_ASSET) {
            let words = 10_000 + number * 20;
            let asset: Vec<u8> = (0..words).flat_map(|_| random().to_be_bytes()).collect();
            let length = asset.len();
            writeln!(to, "M 100644 inline assets/{number}.bin\ndata {length}")?;
            to.write_all(&asset)?;
            writeln!(to)?;
        }
        if number % COMMITS_PER_TAG == COMMITS_PER_TAG - 1 {
            let tag = number / COMMITS_PER_TAG + 1;
            writeln!(to, "reset refs/tags/v{tag}\nfrom refs/heads/main\n")?;
        }
    }
    Ok(())
}

fn origin(fixture: &Fixture) {
    let mut import = Command::new("git")
        .arg("-C")
        .arg(&fixture.origin.path)
        .args(["fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let stdin = import.stdin.take().unwrap();
    history(std::io::BufWriter::new(stdin)).unwrap();
    assert!(import.wait().unwrap().success());
    let origin = &fixture.origin;
    origin.git(&["repack", "-adq", "--write-bitmap-index"]);
    origin.git(&["pack-refs", "--all"]);
    println!("{}", origin.git(&["count-objects", "-v"]));
}

/// The bytes of its packs.
fn packs(mirror: &Path) -> u64 {
    let files = fs::read_dir(mirror.join("objects/pack")).unwrap();
    let packs = files.map(|entry| entry.unwrap().path());
    packs
        .filter(|path| path.extension().is_some_and(|it| it == "pack"))
        .map(|path| fs::metadata(path).unwrap().len())
        .sum()
}

/// Clones once and prints what it took.
fn clone(fixture: &Fixture, what: &str, segments: Option<usize>) -> usize {
    fs::remove_dir_all(fixture.mirror_path()).ok();
    fixture.server.take_fetched();
    let begin = Instant::now();
    let remote = fixture.remote();
    let change = |it: &mut bucketload_archive::mirror::UpdateOptions<'_>| {
        it.segments = segments.map(Segments::new);
    };
    let update = fixture.try_update(&remote, change).unwrap();
    let took = begin.elapsed().as_secs_f64();
    let fetched = fixture.server.take_fetched();
    let received = fetched.iter().sum();
    println!(
        "{:?}, {what}: {took:.1} s, {received} bytes, {} segments of at most {:?} bytes, \
         {} bytes on the disk",
        fixture.transport,
        update.segments,
        fetched.iter().max(),
        packs(&fixture.mirror_path()),
    );
    received
}

fn show_line_instead_of_tags(fixture: &Fixture, instead: bool) {
    let hidden = if instead { "refs/tags" } else { "refs/none" };
    fixture.origin.git(&["config", "transfer.hideRefs", hidden]);
    let filter = instead.to_string();
    fixture
        .origin
        .git(&["config", "uploadpack.allowFilter", &filter]);
}

fn killed(fixture: &Fixture, whole: usize) {
    for tenths in [3, 6, 9] {
        fs::remove_dir_all(fixture.mirror_path()).unwrap();
        fixture.server.take_fetched();
        let first = whole * tenths / 10;
        fixture.server.behave(|it| it.silence_in_all = Some(first));
        let mut child = start_child(fixture, Some(SEGMENTS));
        fixture.server.wait_for_silence();
        child.kill().unwrap();
        child.wait().unwrap();
        fixture.server.behave(|it| it.silence_in_all = None);
        fixture.server.take_fetched();
        let remote = fixture.remote();
        let change = |it: &mut bucketload_archive::mirror::UpdateOptions<'_>| {
            it.segments = Some(Segments::new(SEGMENTS));
        };
        let update = fixture.try_update(&remote, change).unwrap();
        let all = first + fixture.server.take_fetched().iter().sum::<usize>();
        println!(
            "killed after {first} bytes: {all} bytes in all, {} segments the second time",
            update.segments
        );
    }
}

#[test]
#[ignore = "takes minutes and prints figures"]
fn measure_segments() {
    let mut fixture = Fixture::empty(TransportKind::Gix);
    origin(&fixture);
    let mut whole = 0;
    for _ in 0..ROUNDS {
        for transport in [TransportKind::Gix, TransportKind::GitProgram] {
            fixture.transport = transport;
            show_line_instead_of_tags(&fixture, false);
            clone(&fixture, "in one piece", None);
            let by_tags = clone(&fixture, "by tags", Some(SEGMENTS));
            if transport == TransportKind::Gix {
                whole = by_tags;
                show_line_instead_of_tags(&fixture, true);
                clone(&fixture, "by line", Some(SEGMENTS));
            }
        }
    }
    show_line_instead_of_tags(&fixture, false);
    fixture.transport = TransportKind::Gix;
    killed(&fixture, whole);
    fixture.assert_sound();
}
