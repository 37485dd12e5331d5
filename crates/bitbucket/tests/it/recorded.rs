//! What Bitbucket really answered is read by the typed models without a loss.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;

use bucketload_bitbucket::{Account, Comment, PullRequest, Repository};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Line {
    url: String,
    body: Box<RawValue>,
}

#[derive(Deserialize)]
struct List {
    values: Vec<Box<RawValue>>,
}

/// How many objects of each kind were read.
#[derive(Default)]
struct Tally(BTreeMap<&'static str, usize>);

impl Tally {
    fn read<T: DeserializeOwned>(&mut self, kind: &'static str, text: &str) -> T {
        let object = serde_json::from_str(text);
        *self.0.entry(kind).or_default() += 1;
        object.unwrap_or_else(|error| panic!("{kind} {error}: {text}"))
    }

    /// Every account inside of it, wherever it stands.
    fn accounts(&mut self, value: &serde_json::Value) {
        match value {
            serde_json::Value::Array(items) => items.iter().for_each(|item| self.accounts(item)),
            serde_json::Value::Object(fields) => {
                let kind = fields.get("type").and_then(serde_json::Value::as_str);
                if matches!(kind, Some("user" | "team")) && fields.contains_key("uuid") {
                    let _: Account = self.read("account", &value.to_string());
                }
                fields.values().for_each(|field| self.accounts(field));
            }
            _ => {}
        }
    }

    fn line(&mut self, line: &Line) {
        let path = line.url.split('?').next().unwrap();
        let parts: Vec<&str> = path.split('/').skip(5).skip(2).collect();
        let text = line.body.get();
        match parts[..] {
            [] => {
                let repository: Repository = self.read("repository", text);
                assert!(repository.full_name.is_some() && repository.scm.is_some());
            }
            ["pullrequests"] => self.list(text, Self::pull_request),
            ["pullrequests", _] => self.pull_request(text),
            ["pullrequests", _, "comments"] => self.list(text, Self::comment),
            ["pullrequests", _, "comments", _] => self.comment(text),
            _ => return,
        }
        self.accounts(&serde_json::from_str(text).unwrap());
    }

    fn list(&mut self, text: &str, read: fn(&mut Self, &str)) {
        let list: List = serde_json::from_str(text).unwrap();
        for value in list.values {
            read(self, value.get());
        }
    }

    fn pull_request(&mut self, text: &str) {
        let read: PullRequest = self.read("pull request", text);
        assert!(read.title.is_some() && read.state.is_some(), "{text}");
        assert!(read.comment_count.is_some(), "{text}");
        assert!(read.source_branch().is_some(), "{text}");
    }

    fn comment(&mut self, text: &str) {
        let read: Comment = self.read("comment", text);
        assert!(
            read.created_on.is_some() && read.deleted.is_some(),
            "{text}"
        );
    }
}

#[test]
fn every_recorded_object_is_readable() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/recorded");
    if !folder.exists() {
        println!("skipped: {} is not here", folder.display());
        return;
    }
    let mut tally = Tally::default();
    for entry in std::fs::read_dir(folder.join("repositories")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "gz") {
            continue;
        }
        let file = std::fs::File::open(&path).unwrap();
        for line in BufReader::new(flate2::read::MultiGzDecoder::new(file)).lines() {
            let line: Line = serde_json::from_str(&line.unwrap()).unwrap();
            tally.line(&line);
        }
    }
    for kind in ["repository", "pull request", "comment", "account"] {
        let read = tally.0.get(kind).copied().unwrap_or_default();
        assert!(read > 5, "{read} of kind {kind}");
    }

    // Bodies of October 2026, after their headers.
    for (file, what) in [
        ("repository.http", Tally::line as fn(&mut Tally, &Line)),
        ("pullrequests.http", Tally::line),
    ] {
        let text = std::fs::read_to_string(folder.join("answers-2026").join(file)).unwrap();
        let (_, body) = text.rsplit_once("\n\n").unwrap();
        let rest = if file == "repository.http" {
            ""
        } else {
            "/pullrequests"
        };
        let line = Line {
            url: format!("https://api.bitbucket.org/2.0/repositories/gitea/test_repo{rest}"),
            body: RawValue::from_string(body.trim().to_owned()).unwrap(),
        };
        what(&mut tally, &line);
    }
}
