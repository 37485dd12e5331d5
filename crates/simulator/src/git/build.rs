//! Bare repositories of seeded worlds, written by `git fast-import`.

use super::{check, command};
use crate::error::{Result, SimulatorError};
use crate::seeded::dice::{Dice, count};
use crate::seeded::text::{BRANCHES, NAMES};
use crate::seeded::time::EPOCH;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

/// What to put into a repository.
#[derive(Debug, Clone)]
pub(crate) struct Recipe {
    pub(crate) dice: Dice,
    /// Commits on the main branch; 0 leaves the repository empty.
    pub(crate) commits: u32,
    /// Incompressible bytes that every commit adds, for transfers that take their time.
    pub(crate) bytes_per_commit: usize,
}

/// Makes the bare repository. The same recipe gives the same commit hashes.
pub(crate) fn build(path: &Path, recipe: &Recipe) -> Result<()> {
    std::fs::create_dir_all(path).map_err(|source| SimulatorError::File {
        path: path.to_owned(),
        source,
    })?;
    let init = ["init", "--bare", "--quiet", "--initial-branch=main", "."];
    check(&init, command(path).args(init).output())?;
    if recipe.commits == 0 {
        return Ok(());
    }
    let import = ["fast-import", "--quiet", "--done"];
    let failed = |error: std::io::Error| SimulatorError::Git {
        command: import.join(" "),
        detail: error.to_string(),
    };
    let mut child = command(path)
        .args(import)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // When git dies of the stream, its standard error says why: the broken pipe does not.
        let _ = stdin.write_all(&stream(recipe));
    }
    check(&import, child.wait_with_output()).map(drop)
}

fn stream(recipe: &Recipe) -> Vec<u8> {
    let mut stream = Stream {
        out: Vec::new(),
        mark: 0,
        dice: recipe.dice,
        clock: EPOCH / 1_000_000,
    };
    let mut main = None;
    for number in 0..recipe.commits {
        let dice = recipe.dice.with(u64::from(number));
        // Every eighth commit merges a side branch of two.
        let side = if number % 8 == 7 {
            let first = stream.commit(
                "refs/heads/side",
                main,
                None,
                number,
                &side_files(number, 1),
            );
            Some(stream.commit(
                "refs/heads/side",
                Some(first),
                None,
                number,
                &side_files(number, 2),
            ))
        } else {
            None
        };
        main = Some(stream.commit(
            "refs/heads/main",
            main,
            side,
            number,
            &files(dice, number, recipe),
        ));
        if number % 10 == 4 {
            stream.tag(number, main, number % 20 == 4);
        }
    }
    for (position, branch) in (0u32..).zip(BRANCHES) {
        let number = recipe.commits + position;
        let name = format!("refs/heads/{branch}");
        stream.commit(&name, main, None, number, &side_files(number, 3));
    }
    // The merged side branch is gone, as it mostly is after a merge.
    stream.line("reset refs/heads/side\nfrom 0000000000000000000000000000000000000000\n");
    stream.line("done");
    stream.out
}

fn side_files(number: u32, part: u32) -> Vec<(String, Vec<u8>)> {
    vec![(
        format!("docs/note-{number}-{part}.md"),
        format!("# Note {number}.{part}\n").into_bytes(),
    )]
}

fn files(dice: Dice, number: u32, recipe: &Recipe) -> Vec<(String, Vec<u8>)> {
    let lines = |name: &str| -> Vec<u8> {
        (0..20 + u64::from(number % 7))
            .flat_map(|line| {
                let word = dice.with(line / 4).below("word", 9_999);
                format!("{name} {line} {word}\n").into_bytes()
            })
            .collect()
    };
    let mut files = vec![("src/main.rs".to_owned(), lines("let"))];
    if number == 0 {
        files.push((
            "README.md".to_owned(),
            b"# A seeded repository\n\nWindows line\r\n".to_vec(),
        ));
        files.push((
            "src/größe.txt".to_owned(),
            "größer — 大きい\n".as_bytes().to_vec(),
        ));
        files.push((
            "docs/With Space.md".to_owned(),
            b"# With a space\n".to_vec(),
        ));
        files.push(("assets/logo.bin".to_owned(), noise(dice, 4_096)));
        files.push(("latin-1.txt".to_owned(), b"Gr\xF6\xDFe\n".to_vec()));
    }
    if recipe.bytes_per_commit > 0 {
        files.push((
            format!("data/{number:06}.bin"),
            noise(dice, recipe.bytes_per_commit),
        ));
    }
    files
}

fn noise(dice: Dice, bytes: usize) -> Vec<u8> {
    (0..count(bytes.div_ceil(8)))
        .flat_map(|block| dice.with(block).roll("noise").to_le_bytes())
        .take(bytes)
        .collect()
}

struct Stream {
    out: Vec<u8>,
    mark: u64,
    dice: Dice,
    clock: i64,
}

impl Stream {
    fn line(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
        self.out.push(b'\n');
    }

    fn data(&mut self, bytes: &[u8]) {
        self.line(&format!("data {}", bytes.len()));
        self.out.extend_from_slice(bytes);
        self.out.push(b'\n');
    }

    fn person(&mut self, number: u64) -> String {
        self.clock += 3_600;
        let (name, nickname) = *self
            .dice
            .with(number)
            .pick("person", &NAMES.iter().collect::<Vec<_>>());
        let name: String = name
            .chars()
            .filter(|character| !"<>".contains(*character))
            .collect();
        format!("{name} <{nickname}@example.com> {} +0000", self.clock)
    }

    fn commit(
        &mut self,
        branch: &str,
        parent: Option<u64>,
        merged: Option<u64>,
        number: u32,
        files: &[(String, Vec<u8>)],
    ) -> u64 {
        self.mark += 1;
        let mark = self.mark;
        let person = self.person(mark);
        let message = crate::seeded::text::title(self.dice.with(mark), true);
        let message = if merged.is_some() {
            format!(
                "Merged in side-{number} (pull request #{})\n\n{message}\n",
                number / 8 + 1
            )
        } else {
            format!("{message}\n")
        };
        self.line(&format!(
            "commit {branch}\nmark :{mark}\nauthor {person}\ncommitter {person}"
        ));
        self.data(message.as_bytes());
        if let Some(parent) = parent {
            self.line(&format!("from :{parent}"));
        }
        if let Some(merged) = merged {
            self.line(&format!("merge :{merged}"));
        }
        for (path, content) in files {
            self.line(&format!("M 100644 inline {path}"));
            self.data(content);
        }
        mark
    }

    fn tag(&mut self, number: u32, target: Option<u64>, annotated: bool) {
        let Some(target) = target else { return };
        if annotated {
            let person = self.person(target);
            self.line(&format!("tag v1.{number}\nfrom :{target}\ntagger {person}"));
            self.data(format!("Version 1.{number} 🎉\n").as_bytes());
        } else {
            self.line(&format!("reset refs/tags/build-{number}\nfrom :{target}\n"));
        }
    }
}
