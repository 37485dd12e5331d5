//! Every object: whether it can be read, and is the one that its key names.

use std::collections::BTreeMap;

use bucketload_model::Stage;
use futures::TryStreamExt as _;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Digests, Problem, ProblemKind, Proof, VerifyError, VerifyOptions};
use crate::database::ListDigest;
use crate::export::{KINDS, LineDigest, SETTINGS};
use crate::{Archive, StoredRepository};

/// How often the clock is looked at.
const ROWS_AT_A_TIME: u64 = 1_000;

/// Reads all. Returns what each list is, or nothing where time was up.
pub(super) async fn prove(
    archive: &Archive,
    repository: &StoredRepository,
    options: &VerifyOptions,
    proof: &mut Proof,
) -> Result<Option<Digests>, VerifyError> {
    let mut digests = BTreeMap::new();
    // All lists as they are at one moment.
    let mut snapshot = archive.snapshot().await?;
    for kind in KINDS.iter().chain([&SETTINGS]) {
        let mut lines = LineDigest::default();
        let mut rows = kind.lines(&mut snapshot, &repository.uuid)?;
        while let Some(line) = rows.try_next().await? {
            if let Some(detail) = problem(&line.source, line.id) {
                proof.problems.push(Problem {
                    kind: ProblemKind::Damaged,
                    stage: stage_of(kind.file),
                    object: format!("{} in {}", line.key, kind.file),
                    detail,
                });
            }
            lines.add(&line.text());
            if lines.objects % ROWS_AT_A_TIME == 0 && options.is_time_up() {
                return Ok(None);
            }
        }
        proof.objects += lines.objects;
        let objects = lines.objects;
        let sha256 = lines.finish().sha256;
        // Settings are many files of an export, and no list that could have grown shorter.
        if kind.file != SETTINGS.file {
            digests.insert(kind.file.to_owned(), ListDigest { sha256, objects });
        }
    }
    Ok(Some(digests))
}

/// The stage that brings what is in a file of an export.
pub(super) fn stage_of(file: &str) -> Stage {
    let name = file.split(['.', '/']).next().unwrap_or_default();
    if name == "pull_request_commits" {
        return Stage::PullRequestDiffs;
    }
    name.parse().unwrap_or(Stage::Repository)
}

#[derive(Deserialize)]
struct Identified {
    id: Option<serde_json::Value>,
}

/// What is wrong with an object whose key has that number, 0 for none.
fn problem(source: &str, id: i64) -> Option<String> {
    if let Err(error) = serde_json::from_str::<IgnoredAny>(source) {
        return Some(format!("it is no JSON any more: {error}"));
    }
    // An object without a number of its own says nothing about it.
    let identified: Identified = serde_json::from_str(source).ok()?;
    let named = identified.id?.as_i64()?;
    (id != 0 && named != id).then(|| format!("it is the object with the id {named}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_what_its_key_says() {
        assert_eq!(problem(r#"{"id":7,"title":"x"}"#, 7), None);
        assert_eq!(problem(r#"{"title":"x"}"#, 7), None);
        assert_eq!(problem(r#"{"id":7}"#, 0), None);
        assert_eq!(problem(r#"["x"]"#, 7), None);
        assert!(problem(r#"{"id":8}"#, 7).unwrap().contains('8'));
        assert!(problem(r#"{"id":7"#, 7).unwrap().contains("no JSON"));
    }

    #[test]
    fn a_file_is_of_the_stage_that_it_is_named_after() {
        assert_eq!(stage_of("pull_requests.jsonl"), Stage::PullRequests);
        assert_eq!(stage_of("repository.json"), Stage::Repository);
    }
}
