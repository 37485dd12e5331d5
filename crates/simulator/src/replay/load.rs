//! Reading recordings: pages become lists again, everything else stays what it is.

use crate::error::{Result, SimulatorError};
use crate::world::links::RECORDED_API;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::path::Path;

/// What was recorded of one repository, by the path below `{R}` ("" is the repository).
#[derive(Debug, Default)]
pub(crate) struct Recording {
    pub(crate) objects: HashMap<String, Value>,
    pub(crate) lists: HashMap<String, Vec<Value>>,
}

#[derive(serde::Deserialize)]
struct Line {
    url: String,
    body: Value,
}

/// A page of a list, with the address that it was recorded from.
struct Page {
    url: String,
    next: Option<String>,
    values: Vec<Value>,
}

/// Adds what a file holds.
pub(crate) fn load(file: &Path, recordings: &mut BTreeMap<String, Recording>) -> Result<()> {
    let io = |source| SimulatorError::File {
        path: file.to_owned(),
        source,
    };
    let reader = BufReader::new(flate2::read::MultiGzDecoder::new(
        std::fs::File::open(file).map_err(io)?,
    ));
    let mut pages: BTreeMap<(String, String), Vec<Page>> = BTreeMap::new();
    for (number, line) in reader.lines().enumerate() {
        let bad = |detail: String| SimulatorError::Recording {
            path: file.to_owned(),
            line: number + 1,
            detail,
        };
        let text = line.map_err(io)?;
        if text.trim().is_empty() {
            continue;
        }
        let Line { url, mut body } =
            serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
        let (repository, path) =
            place(&url).ok_or_else(|| bad(format!("{url} is below no repository")))?;
        let is_page = body["values"].is_array() && body.get("pagelen").is_some();
        if is_page {
            let next = body["next"].as_str().map(str::to_owned);
            let Value::Array(values) = body["values"].take() else {
                continue;
            };
            pages
                .entry((repository, path))
                .or_default()
                .push(Page { url, next, values });
        } else {
            recordings
                .entry(repository)
                .or_default()
                .objects
                .insert(path, body);
        }
    }
    for ((repository, path), pages) in pages {
        recordings
            .entry(repository)
            .or_default()
            .lists
            .insert(path, join(pages));
    }
    Ok(())
}

/// `workspace/slug` and the path below it.
fn place(url: &str) -> Option<(String, String)> {
    let path = url
        .strip_prefix(RECORDED_API)?
        .strip_prefix("/repositories/")?;
    let path = path.split('?').next()?;
    let mut parts = path.splitn(3, '/');
    let (workspace, slug) = (parts.next()?, parts.next().filter(|slug| !slug.is_empty())?);
    Some((
        format!("{workspace}/{slug}"),
        crate::endpoints::decode(parts.next().unwrap_or_default()),
    ))
}

/// Follows `next` from the page that no other leads to, and drops what comes twice.
fn join(mut pages: Vec<Page>) -> Vec<Value> {
    let reached: HashSet<String> = pages.iter().filter_map(|page| page.next.clone()).collect();
    let mut ordered = Vec::new();
    while !pages.is_empty() {
        // Where the addresses do not connect, the order of the file has to do.
        let first = pages
            .iter()
            .position(|page| !reached.contains(&page.url))
            .unwrap_or(0);
        let mut page = pages.remove(first);
        loop {
            let next = page.next.take();
            ordered.append(&mut page.values);
            let Some(position) =
                next.and_then(|next| pages.iter().position(|page| page.url == next))
            else {
                break;
            };
            page = pages.remove(position);
        }
    }
    let mut seen = HashSet::new();
    ordered.retain(|value| {
        let key = value
            .get("id")
            .or_else(|| value.get("hash"))
            .or_else(|| value.get("uuid"));
        key.is_none_or(|key| seen.insert(key.to_string()))
    });
    ordered
}

impl Recording {
    /// Every account of the type `user` in pull requests and their comments, each once.
    pub(crate) fn people(&self) -> Vec<Value> {
        let mut people = BTreeMap::new();
        let mut paths: Vec<&String> = self.lists.keys().collect();
        paths.sort();
        for path in paths {
            let is_pull_requests = path == "pullrequests";
            let is_comments = path.starts_with("pullrequests/") && path.ends_with("/comments");
            if is_pull_requests || is_comments {
                self.lists[path]
                    .iter()
                    .for_each(|value| collect(value, &mut people));
            }
        }
        let mut details: Vec<_> = self
            .objects
            .iter()
            .filter(|(path, _)| path.starts_with("pullrequests/"))
            .collect();
        details.sort_by_key(|(path, _)| *path);
        for (_, value) in details {
            collect(value, &mut people);
        }
        people.into_values().collect()
    }
}

fn collect(value: &Value, people: &mut BTreeMap<String, Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, people)),
        Value::Object(object) => {
            if let (Some("user"), Some(uuid)) = (
                object.get("type").and_then(Value::as_str),
                object.get("uuid").and_then(Value::as_str),
            ) {
                people
                    .entry(uuid.to_owned())
                    .or_insert_with(|| value.clone());
            }
            object.values().for_each(|item| collect(item, people));
        }
        _ => {}
    }
}
