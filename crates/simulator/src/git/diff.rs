//! Diffs, patches and diffstats by Bitbucket's `spec`.

use super::GitRepository;
use crate::error::Result;
use serde_json::{Value, json};

/// The two sides of a diff.
#[derive(Debug)]
pub(crate) struct Sides {
    /// Where the changes lead.
    source: String,
    /// Where they start; none for the changes of `source` alone.
    destination: Option<String>,
}

impl GitRepository {
    /// Reads `9f733b9`, `9f733b9..c59c9b4` or `workspace/slug:9f733b9\rc59c9b4`. The source
    /// stands first, which is the other way round than in git. None: such a commit is not here.
    pub(crate) fn sides(&self, spec: &str) -> Option<Sides> {
        let spec = spec.rsplit_once(':').map_or(spec, |(_, spec)| spec);
        let (source, destination) = match spec.split_once('\r').or_else(|| spec.split_once("..")) {
            Some((source, destination)) => (source, Some(destination)),
            None => (spec, None),
        };
        Some(Sides {
            source: self.resolve(source)?,
            destination: match destination {
                Some(destination) => Some(self.resolve(destination)?),
                None => None,
            },
        })
    }

    pub(crate) fn diff(&self, sides: &Sides) -> Result<Vec<u8>> {
        self.compare(sides, &["-p", "--full-index"])
    }

    pub(crate) fn patch(&self, sides: &Sides) -> Result<Vec<u8>> {
        let range = match &sides.destination {
            Some(destination) => format!("{destination}..{}", sides.source),
            None => format!("{0}^!", sides.source),
        };
        self.run(&["format-patch", "--stdout", "--no-signature", &range])
    }

    /// The entries of a diffstat, by path.
    pub(crate) fn diffstat(&self, sides: &Sides) -> Result<Vec<Value>> {
        let numbers = self.compare(sides, &["-z", "--no-renames", "--numstat"])?;
        let statuses = self.compare(sides, &["-z", "--no-renames", "--name-status"])?;
        let statuses = String::from_utf8_lossy(&statuses).into_owned();
        let statuses: Vec<&str> = statuses.split('\0').step_by(2).collect();
        Ok(String::from_utf8_lossy(&numbers)
            .split('\0')
            .filter(|line| !line.is_empty())
            .zip(statuses)
            .map(|(line, status)| entry(line, status))
            .collect())
    }

    fn compare(&self, sides: &Sides, options: &[&str]) -> Result<Vec<u8>> {
        if let Some(destination) = &sides.destination {
            let range = format!("{destination}...{}", sides.source);
            let mut arguments = vec!["diff", "--no-color", "--no-ext-diff"];
            arguments.extend(options);
            arguments.push(&range);
            return self.run(&arguments);
        }
        let mut arguments = vec![
            "diff-tree",
            "--no-commit-id",
            "--root",
            "-r",
            "-m",
            "--first-parent",
        ];
        arguments.extend(options);
        arguments.push(&sides.source);
        self.run(&arguments)
    }
}

/// `12\t3\tpath`, and `-` for the counts of a binary file.
fn entry(line: &str, status: &str) -> Value {
    let mut parts = line.splitn(3, '\t');
    let mut number = || {
        parts
            .next()
            .and_then(|text| text.parse::<u64>().ok())
            .unwrap_or(0)
    };
    let (added, removed) = (number(), number());
    let path = parts.next().unwrap_or_default();
    let file = json!({"path": path, "escaped_path": path, "type": "commit_file"});
    let (status, old, new) = match status {
        "A" => ("added", Value::Null, file),
        "D" => ("removed", file, Value::Null),
        _ => ("modified", file.clone(), file),
    };
    json!({
        "type": "diffstat", "lines_added": added, "lines_removed": removed,
        "status": status, "old": old, "new": new,
    })
}
