//! A recorded repository.

use super::load::Recording;
use crate::http::list::List;
use crate::world::content::{Commits, Content};
use crate::world::links::{Links, rewrite};
use crate::world::overlay::rename_account;
use crate::world::repository::Tracker;
use serde_json::{Value, json};

/// Answers from what was recorded, its links led here.
#[derive(Debug)]
pub(crate) struct RecordedRepository {
    full_name: String,
    recording: Recording,
    /// Whether recorded issues are shown.
    issues: bool,
}

impl RecordedRepository {
    pub(crate) fn new(full_name: String, recording: Recording, issues: bool) -> Self {
        Self {
            full_name,
            recording,
            issues,
        }
    }

    fn values(&self, path: &str) -> Option<&[Value]> {
        self.recording.lists.get(path).map(Vec::as_slice)
    }

    fn list<'a>(&'a self, links: &'a Links, path: &str) -> Option<List<'a>> {
        let values = self.values(path)?;
        Some(
            List::new(values.len(), |index| rewritten(&values[index], links))
                .with_peek(|index, field| values[index].get(field).cloned()),
        )
    }

    /// A list of a pull request; one that was not recorded is empty if the pull request is there.
    fn list_of<'a>(&'a self, links: &'a Links, id: u64, name: &str) -> Option<List<'a>> {
        self.list(links, &format!("pullrequests/{id}/{name}"))
            .or_else(|| self.has(id).then(|| List::of(Vec::new())))
    }

    /// Components, milestones and versions were not recorded, but issues refer to them. Files
    /// beside the repository were neither.
    fn derived(&self, links: &Links, path: &str) -> Option<Vec<Value>> {
        let field = match path {
            "downloads" => return Some(Vec::new()),
            "components" | "milestones" | "versions" => path.trim_end_matches('s'),
            _ => return None,
        };
        let mut fields: Vec<Value> = Vec::new();
        for issue in self.values("issues").unwrap_or_default() {
            if issue[field].is_object() && !fields.contains(&issue[field]) {
                fields.push(issue[field].clone());
            }
        }
        Some(fields.iter().map(|field| rewritten(field, links)).collect())
    }

    fn has(&self, id: u64) -> bool {
        self.recording
            .objects
            .contains_key(&format!("pullrequests/{id}"))
            || self
                .values("pullrequests")
                .unwrap_or_default()
                .iter()
                .any(|value| value["id"] == id)
    }
}

fn rewritten(value: &Value, links: &Links) -> Value {
    let mut value = value.clone();
    rewrite(&mut value, links);
    value
}

impl Content for RecordedRepository {
    fn repository(&self, links: &Links) -> Value {
        let mut value = self
            .recording
            .objects
            .get("")
            .map_or(Value::Null, |value| rewritten(value, links));
        // Recordings are from before August 2020, when Mercurial went.
        value["scm"] = json!("git");
        if let Some(Value::Array(clones)) = value["links"].get_mut("clone") {
            for clone in clones.iter_mut().filter(|clone| clone["name"] == "https") {
                clone["href"] = json!(format!("{}/{}.git", links.web, self.full_name));
            }
        }
        value
    }

    fn pull_requests<'a>(&'a self, links: &'a Links, detail: bool) -> List<'a> {
        let values = self.values("pullrequests").unwrap_or_default();
        List::new(values.len(), move |index| {
            let mut value = values[index].clone();
            if detail {
                let full = &self
                    .recording
                    .objects
                    .get(&format!("pullrequests/{}", value["id"]));
                for key in ["reviewers", "participants", "rendered"] {
                    if let Some(part) = full.and_then(|full| full.get(key)) {
                        value[key] = part.clone();
                    }
                }
            }
            rewrite(&mut value, links);
            value
        })
        .with_peek(move |index, field| values[index].get(field).cloned())
    }

    fn pull_request(&self, links: &Links, id: u64) -> Option<Value> {
        let recorded = self.recording.objects.get(&format!("pullrequests/{id}"));
        let listed = || {
            self.values("pullrequests")?
                .iter()
                .find(|value| value["id"] == id)
        };
        recorded
            .or_else(listed)
            .map(|value| rewritten(value, links))
    }

    fn comments<'a>(&'a self, links: &'a Links, pull_request: u64) -> Option<List<'a>> {
        self.list_of(links, pull_request, "comments")
    }

    fn comment(&self, links: &Links, pull_request: u64, comment: u64) -> Option<Value> {
        let path = format!("pullrequests/{pull_request}/comments");
        let listed = || {
            self.values(&path)?
                .iter()
                .find(|value| value["id"] == comment)
        };
        let recorded = self.recording.objects.get(&format!("{path}/{comment}"));
        recorded
            .or_else(listed)
            .map(|value| rewritten(value, links))
    }

    fn activity<'a>(&'a self, links: &'a Links, pull_request: u64) -> Option<List<'a>> {
        self.list_of(links, pull_request, "activity")
    }

    fn all_activity<'a>(&'a self, links: &'a Links) -> List<'a> {
        let mut entries: Vec<&Value> = self
            .values("pullrequests")
            .unwrap_or_default()
            .iter()
            .filter_map(|value| self.values(&format!("pullrequests/{}/activity", value["id"])))
            .flatten()
            .collect();
        entries.sort_by(|left, right| date(right).cmp(date(left)));
        List::new(entries.len(), move |index| rewritten(entries[index], links))
    }

    fn tasks<'a>(&'a self, links: &'a Links, pull_request: u64) -> Option<List<'a>> {
        self.list_of(links, pull_request, "tasks")
    }

    fn statuses<'a>(&'a self, links: &'a Links, pull_request: u64) -> Option<List<'a>> {
        self.list_of(links, pull_request, "statuses")
    }

    fn commits_of(&self, links: &Links, pull_request: u64) -> Option<Commits> {
        let values = self.values(&format!("pullrequests/{pull_request}/commits"));
        match values {
            Some(values) => Some(Commits::Values(
                values.iter().map(|value| rewritten(value, links)).collect(),
            )),
            None => self.has(pull_request).then(|| Commits::Values(Vec::new())),
        }
    }

    fn tracker(&self) -> Tracker {
        let has_issues = self.recording.objects.get("");
        let has_issues = has_issues.is_some_and(|repository| repository["has_issues"] == true);
        match (self.issues, has_issues) {
            (false, _) => Tracker::Removed,
            (true, true) => Tracker::Answers,
            (true, false) => Tracker::Never,
        }
    }

    fn issues<'a>(&'a self, links: &'a Links) -> List<'a> {
        self.list(links, "issues")
            .unwrap_or_else(|| List::of(Vec::new()))
    }

    fn issue(&self, links: &Links, id: u64) -> Option<Value> {
        let recorded = self.recorded_object(links, &format!("issues/{id}"));
        recorded.or_else(|| {
            let mut listed = self.values("issues")?.iter();
            let issue = listed.find(|value| value["id"] == id)?;
            Some(rewritten(issue, links))
        })
    }

    fn recorded(&self, links: &Links, path: &str) -> Option<Vec<Value>> {
        if is_of_issues(path) && !self.issues {
            return None;
        }
        let Some(values) = self.values(path) else {
            return self.derived(links, path);
        };
        Some(values.iter().map(|value| rewritten(value, links)).collect())
    }

    fn recorded_object(&self, links: &Links, path: &str) -> Option<Value> {
        if is_of_issues(path) && !self.issues {
            return None;
        }
        self.recording
            .objects
            .get(path)
            .map(|value| rewritten(value, links))
    }

    fn rename_account(&mut self, account: &str, display_name: &str) {
        let values = self.recording.lists.values_mut().flatten();
        for value in values.chain(self.recording.objects.values_mut()) {
            rename_account(value, account, display_name);
        }
    }
}

/// Whether a path belongs to what went with the issues in August 2026.
fn is_of_issues(path: &str) -> bool {
    let first = path.split('/').next().unwrap_or_default();
    matches!(first, "issues" | "components" | "milestones" | "versions")
}

/// When an entry of activity happened.
fn date(entry: &Value) -> &str {
    [
        ("comment", "created_on"),
        ("update", "date"),
        ("approval", "date"),
        ("changes_requested", "date"),
    ]
    .into_iter()
    .find_map(|(kind, field)| entry.get(kind)?.get(field)?.as_str())
    .unwrap_or_default()
}
