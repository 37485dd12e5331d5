//! A repository worth cloning, made once and kept.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::{Result, child, note};

/// Files of source text. Each commit changes a line or more of three of them.
const FILES: u64 = 600;
const LINES: u64 = 300;
/// Every so many commits bring a file that does not compress.
const BINARY_EVERY: usize = 50;
const BINARY_BYTES: usize = 256 * 1024;

/// The bare repository with so many commits and refs; made if it is not there.
pub(crate) fn repository(commits: usize, refs: usize) -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("bench-history-{commits}-{refs}.git"));
    if path.exists() {
        return Ok(path);
    }
    note(&format!("making a repository of {commits} commits, once"));
    std::fs::create_dir_all(folder)?;
    let unfinished = tempfile::tempdir_in(folder)?;
    let here = unfinished.path().join("history.git");
    git(
        folder,
        &["init", "--quiet", "--bare", "--initial-branch=main"],
        Some(&here),
    )?;
    let mut import = Command::new("git")
        .arg("-C")
        .arg(&here)
        .args(["fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()?;
    let input = import.stdin.take().ok_or("git fast-import takes nothing")?;
    write_history(&mut BufWriter::new(input), commits, refs)?;
    if !import.wait()?.success() {
        return Err("git fast-import failed".into());
    }
    // As a server keeps it: one pack with real deltas, a bitmap, packed refs.
    git(
        &here,
        &["repack", "-adfq", "--window=10", "--write-bitmap-index"],
        None,
    )?;
    git(&here, &["pack-refs", "--all"], None)?;
    std::fs::rename(&here, &path)?;
    Ok(path)
}

/// Bytes of all packs.
pub(crate) fn size_bytes(repository: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(repository.join("objects/pack"))? {
        sum += entry?.metadata()?.len();
    }
    Ok(sum)
}

fn git(folder: &Path, arguments: &[&str], last: Option<&Path>) -> Result<()> {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(arguments).args(last);
    child::run(&mut command).map(drop)
}

/// The same numbers each time (xorshift64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> usize {
        usize::try_from(self.next() % limit).unwrap_or_default()
    }

    /// A line that looks like source: few words, many combinations.
    fn line(&mut self) -> String {
        const WORDS: [&str; 16] = [
            "let", "value", "=", "if", "return", "page", "count", "for", "await", "import", "self",
            "match", "next", "error", "(", ")",
        ];
        let mut line = " ".repeat(4 * self.below(4));
        for _ in 0..3 + self.below(6) {
            line.push_str(WORDS[self.below(16)]);
            line.push(' ');
        }
        line + &format!("{:x};\n", self.next() % 0xffff)
    }
}

fn write_history(out: &mut impl Write, commits: usize, refs: usize) -> Result<()> {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut files: Vec<Vec<String>> = (0..FILES)
        .map(|_| (0..LINES).map(|_| random.line()).collect())
        .collect();
    let every = (commits / refs.max(1)).max(1);
    for number in 0..commits {
        let time = 1_500_000_000 + number * 600;
        write!(
            out,
            "commit refs/heads/main\nmark :{}\ncommitter A <a@example.org> {time} +0000\n\
             data 7\nchange\n\n",
            number + 1
        )?;
        for _ in 0..3 {
            let file = random.below(FILES);
            let lines = &mut files[file];
            for _ in 0..=random.below(5) {
                let line = random.below(LINES);
                lines[line] = random.line();
            }
            let content = lines.concat();
            let folder = file % 25;
            let length = content.len();
            write!(
                out,
                "M 100644 inline src/part-{folder}/file-{file}.rs\ndata {length}\n{content}\n"
            )?;
        }
        if number % BINARY_EVERY == 0 {
            write!(
                out,
                "M 100644 inline assets/{number}.bin\ndata {BINARY_BYTES}\n"
            )?;
            for _ in 0..BINARY_BYTES / 8 {
                out.write_all(&random.next().to_be_bytes())?;
            }
            writeln!(out)?;
        }
        if number % every == 0 {
            let mark = number + 1;
            if (number / every).is_multiple_of(2) {
                write!(out, "reset refs/heads/feature/{number}\nfrom :{mark}\n\n")?;
            } else {
                write!(
                    out,
                    "tag v{number}\nfrom :{mark}\ntagger A <a@example.org> {time} +0000\n\
                     data 8\nrelease\n\n"
                )?;
            }
        }
    }
    out.flush()?;
    Ok(())
}
