//! Answers of Bitbucket that a test writes out, served by the simulator and imported as any
//! repository is.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use bucketload_archive::DataDir;
use bucketload_archive::mirror::TransportKind;
use bucketload_auth::Credential;
use bucketload_bitbucket::{Client, ClientOptions};
use bucketload_model::{RecordingSink, Stage};
use bucketload_simulator::{ReplayOptions, Simulator, SimulatorOptions, World};
use bucketload_worker::{Importer, LeaseTimes, Selection};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::House;

/// A repository whose answers are being written.
pub(crate) struct Recording {
    name: String,
    lists: BTreeMap<String, Vec<Value>>,
    description: String,
}

impl Recording {
    pub(crate) fn of(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            lists: BTreeMap::new(),
            description: String::new(),
        }
    }

    pub(crate) fn describe(&mut self, description: &str) {
        description.clone_into(&mut self.description);
    }

    /// Adds an object to a list below the repository.
    pub(crate) fn add(&mut self, list: &str, value: Value) {
        self.lists.entry(list.to_owned()).or_default().push(value);
    }

    fn lines(&self) -> String {
        let root = format!("https://api.bitbucket.org/2.0/repositories/{}", self.name);
        let owner = json!({
            "type": "team", "uuid": "{00000000-0000-4000-8000-0000000000ff}",
            "display_name": self.description, "username": "hostile",
        });
        let repository = json!({
            "type": "repository", "uuid": "{00000000-0000-4000-8000-0000000000fe}",
            "full_name": self.name, "name": self.description, "description": self.description,
            "slug": self.name.split_once('/').unwrap().1, "scm": "git", "is_private": true,
            "has_issues": true, "has_wiki": false, "size": 1, "owner": owner, "language": "",
            "mainbranch": {"type": "branch", "name": self.description}, "parent": null,
            "created_on": "2020-01-01T00:00:00.000000+00:00",
            "updated_on": "2020-01-01T00:00:00.000000+00:00",
            "links": {"self": {"href": root}, "html": {"href": format!("https://bitbucket.org/{}", self.name)}},
        });
        let mut lines = json!({"url": root, "body": repository}).to_string();
        for (list, values) in &self.lists {
            let body = json!({"pagelen": values.len(), "page": 1, "values": values});
            let line = json!({"url": format!("{root}/{list}"), "body": body});
            lines.push('\n');
            lines.push_str(&line.to_string());
        }
        lines
    }
}

impl House {
    /// Imports what was written, all of it but git.
    pub(crate) async fn import(&self, recording: &Recording) {
        let file = self.folder().join("recording.jsonl.gz");
        let mut gzip = GzEncoder::new(std::fs::File::create(&file).unwrap(), Compression::fast());
        gzip.write_all(recording.lines().as_bytes()).unwrap();
        gzip.finish().unwrap();
        let world = World::replay(ReplayOptions {
            files: vec![file],
            issues: true,
            ..ReplayOptions::default()
        });
        let simulator = Simulator::start(SimulatorOptions::default(), world.unwrap());
        let simulator = simulator.await.unwrap();
        let mut options = ClientOptions::new(simulator.api_url().parse().unwrap());
        options.hourly_quota = Some(0);
        let credential = Credential::access_token("simulator-full-access");
        let importer = Importer {
            asked_by: None,
            archive: self.archive.clone(),
            data_dir: DataDir::new(self.folder()),
            client: Client::new(options, credential).unwrap(),
            web_url: simulator.web_url().parse().unwrap(),
            whole_lists: false,
            max_blob_bytes: 1_000_000,
            image_hosts: Vec::new(),
            transport: TransportKind::Gix,
            segment_above_bytes: 0,
            sink: Arc::new(RecordingSink::default()),
            clock: self.clock.clone(),
            times: LeaseTimes::default(),
            cancel: CancellationToken::new(),
        };
        let name = recording.name.parse().unwrap();
        let skip = [Stage::Git, Stage::Lfs, Stage::Wiki];
        let selection = Selection::new(&[], &skip).unwrap();
        let outcome = importer
            .import(&name, &selection.with(&[Stage::PullRequestTasks]))
            .await;
        let outcome = outcome.unwrap();
        assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
    }
}

/// Somebody of this name.
pub(crate) fn person(number: u64, name: &str) -> Value {
    json!({
        "type": "user", "display_name": name, "nickname": name,
        "uuid": format!("{{00000000-0000-4000-8000-{number:012}}}"),
        "account_id": format!("557058:{number}"),
        "links": {"html": {"href": "https://bitbucket.org/x/"}},
    })
}

/// A text, and what Bitbucket made of it: which nobody should believe.
pub(crate) fn written(raw: &str) -> Value {
    json!({"type": "rendered", "raw": raw, "markup": "markdown", "html": raw})
}

/// A time; each minute is later.
pub(crate) fn at(minute: u64) -> String {
    let (hours, minutes) = (minute / 60, minute % 60);
    let (days, hours) = (1 + hours / 24, hours % 24);
    format!("2020-01-{days:02}T{hours:02}:{minutes:02}:00.000000+00:00")
}
