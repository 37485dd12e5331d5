//! Commits and refs, read by the `git` program. These calls block.

use super::GitRepository;
use crate::error::Result;

/// A commit as the REST answers need it.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    pub(crate) hash: String,
    pub(crate) parents: Vec<String>,
    /// `Name <address>`
    pub(crate) author: String,
    /// Without a fraction, unlike every other timestamp of Bitbucket.
    pub(crate) date: String,
    pub(crate) message: String,
}

/// A branch or a tag.
#[derive(Debug, Clone)]
pub(crate) struct Ref {
    pub(crate) name: String,
    pub(crate) is_tag: bool,
    /// The commit, also where an annotated tag stands between.
    pub(crate) target: String,
    /// Only of annotated tags.
    pub(crate) tagger: Option<(String, String, String)>,
}

const FORMAT: &str = "--format=%H%x00%P%x00%an <%ae>%x00%at%x00%B%x00";

impl GitRepository {
    /// The full hash of a commit by hash, unique beginning of one, branch or tag.
    pub(crate) fn resolve(&self, revision: &str) -> Option<String> {
        // No operators of git's revision language: a hash or a name.
        let plain = |character: char| character.is_alphanumeric() || "/_.-+#".contains(character);
        if revision.is_empty() || revision.contains("..") || !revision.chars().all(plain) {
            return None;
        }
        let wanted = format!("{revision}^{{commit}}");
        let output = self
            .run(&[
                "rev-parse",
                "--verify",
                "--quiet",
                "--end-of-options",
                &wanted,
            ])
            .ok()?;
        Some(String::from_utf8_lossy(&output).trim().to_owned())
    }

    /// Commits reachable from `include` (every ref when empty) and not from `exclude`.
    pub(crate) fn commits(
        &self,
        include: &[String],
        exclude: &[String],
        skip: usize,
        limit: usize,
    ) -> Result<Vec<Commit>> {
        let (skip, limit) = (format!("--skip={skip}"), format!("--max-count={limit}"));
        let mut arguments = vec!["log", "-z", FORMAT, &skip, &limit];
        let range = range(include, exclude);
        arguments.extend(range.iter().map(String::as_str));
        Ok(parse(&self.run(&arguments)?))
    }

    pub(crate) fn commit_count(&self, include: &[String], exclude: &[String]) -> Result<usize> {
        let range = range(include, exclude);
        let mut arguments = vec!["rev-list", "--count"];
        arguments.extend(range.iter().map(String::as_str));
        let text = self.run(&arguments)?;
        Ok(String::from_utf8_lossy(&text).trim().parse().unwrap_or(0))
    }

    /// These commits, in this order; those that do not exist are left out.
    pub(crate) fn commits_by_hash(&self, hashes: &[String]) -> Vec<Commit> {
        if hashes.is_empty() {
            return Vec::new();
        }
        let mut arguments = vec![
            "log",
            "-z",
            "--no-walk=unsorted",
            "--ignore-missing",
            FORMAT,
        ];
        arguments.extend(hashes.iter().map(String::as_str));
        self.run(&arguments)
            .map(|output| parse(&output))
            .unwrap_or_default()
    }

    /// Branches and tags by name; `None` asks for both.
    pub(crate) fn refs(&self, tags: Option<bool>) -> Result<Vec<Ref>> {
        let format = "--format=%(refname)%00%(objectname)%00%(*objectname)%00%(taggername) %(taggeremail)%00%(taggerdate:unix)%00%(contents)%00";
        let mut arguments = vec!["for-each-ref", format];
        if tags != Some(true) {
            arguments.push("refs/heads");
        }
        if tags != Some(false) {
            arguments.push("refs/tags");
        }
        let output = self.run(&arguments)?;
        let text = String::from_utf8_lossy(&output);
        let fields: Vec<&str> = text.split('\0').collect();
        Ok(fields
            .chunks_exact(6)
            .filter_map(|field| {
                let full = field[0].trim_start_matches('\n');
                let is_tag = full.starts_with("refs/tags/");
                let name = full
                    .strip_prefix("refs/heads/")
                    .or_else(|| full.strip_prefix("refs/tags/"))?;
                let annotated = !field[2].is_empty();
                Some(Ref {
                    name: name.to_owned(),
                    is_tag,
                    target: if annotated { field[2] } else { field[1] }.to_owned(),
                    tagger: annotated
                        .then(|| (field[3].to_owned(), date(field[4]), field[5].to_owned())),
                })
            })
            .collect())
    }
}

fn range(include: &[String], exclude: &[String]) -> Vec<String> {
    let mut range: Vec<String> = include.to_vec();
    if range.is_empty() {
        range.push("--all".to_owned());
    }
    range.extend(exclude.iter().map(|hash| format!("^{hash}")));
    range
}

fn parse(output: &[u8]) -> Vec<Commit> {
    let text = String::from_utf8_lossy(output);
    let fields: Vec<&str> = text.split('\0').collect();
    // With -z a further NUL ends each commit.
    fields
        .chunks(6)
        .filter(|field| field.len() >= 5)
        .map(|field| Commit {
            hash: field[0].to_owned(),
            parents: field[1].split_whitespace().map(str::to_owned).collect(),
            author: field[2].to_owned(),
            date: date(field[3]),
            message: field[4].to_owned(),
        })
        .collect()
}

fn date(seconds: &str) -> String {
    chrono::DateTime::from_timestamp(seconds.trim().parse().unwrap_or(0), 0)
        .unwrap_or_default()
        .format("%Y-%m-%dT%H:%M:%S+00:00")
        .to_string()
}
