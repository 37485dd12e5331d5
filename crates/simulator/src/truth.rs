//! What a repository has, told by the world itself.
//!
//! No endpoint, page, filter or shortening stands between, so what a client missed of what
//! the endpoints show is missing from its archive and not from here.

use crate::control::Control;
use crate::error::{Result, SimulatorError};
use crate::git::GitRepository;
use crate::http::list::List;
use crate::storage;
use crate::world::content::Commits;
use crate::world::links::Links;
use crate::world::repository::{Repository, Tracker};
use crate::world::workspace::Workspace;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that a repository has, object by object.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Truth {
    /// Its objects, whole, by kind: the path of their list without ids, such as
    /// `pullrequests/comments`. Those that hang on something have its id: `(parent, object)`,
    /// 0 where there is no parent.
    pub objects: BTreeMap<&'static str, Vec<(u64, Value)>>,
    /// Its settings by path, such as `branch-restrictions`: an object, or all of a list.
    pub settings: BTreeMap<&'static str, Value>,
    /// The members of its workspace.
    pub members: Vec<Value>,
    /// Files by their path below the repository, such as `downloads/chart.pdf`.
    pub files: BTreeMap<String, Vec<u8>>,
    /// SHA-256 of the objects of git LFS.
    pub lfs: BTreeSet<String>,
    /// Branches and tags by full name, with the object that each leads to.
    pub refs: BTreeMap<String, String>,
    /// The same of its wiki, where it has one.
    pub wiki: BTreeMap<String, String>,
    /// Commits by pull request; none of those that came from a fork that is gone.
    pub commits: BTreeMap<u64, Vec<String>>,
}

/// Lists among the settings.
const SETTING_LISTS: &[&str] = &[
    "effective-default-reviewers",
    "branch-restrictions",
    "permissions-config/users",
    "permissions-config/groups",
    "hooks",
    "deploy-keys",
    "pipelines_config/variables",
    "pipelines_config/schedules",
    "pipelines_config/ssh/known_hosts",
    "environments",
    "forks",
    "watchers",
];

/// Single objects among the settings.
const SETTING_OBJECTS: &[&str] = &[
    "branching-model",
    "branching-model/settings",
    "pipelines_config",
];

impl Control {
    /// What a repository (`workspace/slug`) has at this moment.
    ///
    /// # Errors
    ///
    /// When there is no such repository, or one of its folders cannot be read.
    pub fn truth(&self, repository: &str) -> Result<Truth> {
        let lfs = names(&self.lfs_folder(repository)?)?;
        let world = self.0.world();
        let found = repository
            .split_once('/')
            .and_then(|(workspace, slug)| world.find(workspace, slug));
        let (workspace, repository) = found.ok_or_else(|| SimulatorError::Unknown {
            kind: "repository",
            name: repository.to_owned(),
        })?;
        let mut truth = Truth {
            lfs,
            refs: refs(&repository.git)?,
            ..Truth::default()
        };
        if let Some(wiki) = &repository.wiki {
            truth.wiki = refs(wiki)?;
        }
        truth.read(workspace, repository, &self.0.links);
        Ok(truth)
    }
}

impl Truth {
    fn read(&mut self, workspace: &Workspace, repository: &Repository, links: &Links) {
        self.members = workspace.members(links);
        self.add("repository", 0, [repository.json(links)]);
        self.read_pull_requests(repository, links);
        if repository.tracker() == Tracker::Answers {
            self.read_issues(workspace, repository, links);
        }
        self.read_settings(repository, links);
        self.read_files(workspace, repository, links, "downloads", 0);
    }

    fn add(&mut self, kind: &'static str, parent: u64, objects: impl IntoIterator<Item = Value>) {
        let objects = objects.into_iter().map(|object| (parent, object));
        self.objects.entry(kind).or_default().extend(objects);
    }

    fn read_pull_requests(&mut self, repository: &Repository, links: &Links) {
        for pull_request in items(&repository.pull_requests(links, true)) {
            let Some(id) = pull_request["id"].as_u64() else {
                continue;
            };
            for (kind, list) in [
                ("pullrequests/comments", repository.comments(links, id)),
                ("pullrequests/activity", repository.activity(links, id)),
                ("pullrequests/tasks", repository.tasks(links, id)),
                ("pullrequests/statuses", repository.statuses(links, id)),
            ] {
                self.add(kind, id, list.iter().flat_map(items));
            }
            let is_there = pull_request["source"]["commit"].is_object();
            if let Some(Commits::Hashes(hashes)) = repository.commits_of(links, id)
                && is_there
            {
                self.commits.insert(id, hashes);
            }
            self.add("pullrequests", 0, [pull_request]);
        }
    }

    fn read_issues(&mut self, workspace: &Workspace, repository: &Repository, links: &Links) {
        for issue in items(&repository.issues(links)) {
            let Some(id) = issue["id"].as_u64() else {
                continue;
            };
            for (kind, list) in [
                ("issues/comments", "comments"),
                ("issues/changes", "changes"),
            ] {
                let list = repository.issue_list(links, &format!("issues/{id}/{list}"));
                self.add(kind, id, list.unwrap_or_default());
            }
            self.add("issues", 0, [issue]);
            let attachments = format!("issues/{id}/attachments");
            self.read_files(workspace, repository, links, &attachments, id);
        }
        for kind in ["components", "milestones", "versions"] {
            let list = repository.issue_list(links, kind);
            self.add(kind, 0, list.unwrap_or_default());
        }
    }

    fn read_settings(&mut self, repository: &Repository, links: &Links) {
        let content = &repository.content;
        for path in SETTING_LISTS {
            if let Some(list) = content.recorded(links, path) {
                self.settings.insert(path, list.into());
            }
        }
        for path in SETTING_OBJECTS {
            if let Some(object) = content.recorded_object(links, path) {
                self.settings.insert(path, object);
            }
        }
        let environments = content.recorded(links, "environments").unwrap_or_default();
        let variables = environments.iter().map(|environment| {
            let uuid = environment["uuid"].as_str().unwrap_or_default();
            let path = format!("deployments_config/environments/{uuid}/variables");
            json!({"environment": uuid, "variables": content.recorded(links, &path)})
        });
        self.settings
            .insert("environments/variables", variables.collect());
        let project = repository.json(links)["project"].take();
        self.settings.insert("project", project);
    }

    fn read_files(
        &mut self,
        workspace: &Workspace,
        repository: &Repository,
        links: &Links,
        list: &str,
        issue: u64,
    ) {
        let files = repository.content.recorded(links, list).unwrap_or_default();
        for file in &files {
            let name = file["name"].as_str().unwrap_or_default();
            let content = storage::bytes(&workspace.slug, &repository.slug, list, file);
            self.files.insert(format!("{list}/{name}"), content);
        }
        let kind = if issue == 0 {
            "downloads"
        } else {
            "issues/attachments"
        };
        self.add(kind, issue, files);
    }
}

fn items<'a>(list: &'a List<'_>) -> impl Iterator<Item = Value> + 'a {
    (0..list.len).map(|position| list.get(position))
}

fn refs(git: &GitRepository) -> Result<BTreeMap<String, String>> {
    let listed = git.run(&["for-each-ref", "--format=%(refname) %(objectname)"])?;
    let listed = String::from_utf8_lossy(&listed).into_owned();
    let pairs = listed.lines().filter_map(|line| line.split_once(' '));
    Ok(pairs
        .map(|(name, object)| (name.to_owned(), object.to_owned()))
        .collect())
}

/// What lies in a folder; nothing does where there is none.
fn names(folder: &std::path::Path) -> Result<BTreeSet<String>> {
    let failed = |source| SimulatorError::File {
        path: folder.to_owned(),
        source,
    };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(failed(error)),
    };
    let name = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    entries
        .map(|entry| entry.map(name).map_err(failed))
        .collect()
}
