//! What a test has changed, laid over what the world was made from.

use crate::seeded::text;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Changes to one repository.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    /// Fields that replace those of a pull request.
    pub(crate) edits: BTreeMap<u64, Map<String, Value>>,
    /// Added pull requests, oldest first.
    pub(crate) pull_requests: Vec<Value>,
    /// Added comments, oldest first.
    pub(crate) comments: BTreeMap<u64, Vec<Value>>,
    pub(crate) deleted_comments: BTreeSet<u64>,
    /// New texts, and when they were written.
    pub(crate) comment_edits: BTreeMap<u64, (String, String)>,
    /// Entries of activity with the pull request that they belong to, oldest first.
    pub(crate) activity: Vec<(u64, Value)>,
    /// By how much the number of undeleted comments has changed.
    pub(crate) comment_count: BTreeMap<u64, i64>,
    pub(crate) issues: IssueOverlay,
}

/// Changes to its issues.
#[derive(Debug, Default)]
pub(crate) struct IssueOverlay {
    /// Added issues, oldest first.
    pub(crate) added: Vec<Value>,
    /// Added comments, oldest first.
    pub(crate) comments: BTreeMap<u64, Vec<Value>>,
    /// When issues last changed.
    pub(crate) touched: BTreeMap<u64, String>,
}

impl IssueOverlay {
    pub(crate) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.touched.is_empty()
    }

    pub(crate) fn apply(&self, value: &mut Value) {
        let touched = value["id"].as_u64().and_then(|id| self.touched.get(&id));
        if let Some(when) = touched {
            value["updated_on"] = json!(when);
        }
    }
}

impl Overlay {
    pub(crate) fn is_empty(&self) -> bool {
        self.edits.is_empty()
            && self.pull_requests.is_empty()
            && self.comments.is_empty()
            && self.deleted_comments.is_empty()
            && self.comment_edits.is_empty()
    }

    /// An edited field that can be had without computing the pull request.
    pub(crate) fn field(&self, pull_request: u64, path: &str) -> Option<Value> {
        self.edits.get(&pull_request)?.get(path).cloned()
    }

    pub(crate) fn apply_to_pull_request(&self, value: &mut Value) {
        let Some(id) = value["id"].as_u64() else {
            return;
        };
        if let (Some(edits), Value::Object(object)) = (self.edits.get(&id), &mut *value) {
            for (key, edit) in edits {
                object.insert(key.clone(), edit.clone());
            }
        }
        if let Some(change) = self.comment_count.get(&id) {
            let count = value["comment_count"].as_i64().unwrap_or(0) + change;
            value["comment_count"] = json!(count);
        }
    }

    /// A deleted comment stays in the list, without its text.
    pub(crate) fn apply_to_comment(&self, value: &mut Value) {
        let edit = value["id"]
            .as_u64()
            .and_then(|id| self.comment_edits.get(&id));
        if let Some((raw, when)) = edit {
            value["content"]["raw"] = json!(raw);
            value["content"]["html"] = json!(text::html(raw));
            value["updated_on"] = json!(when);
        }
        if value["id"]
            .as_u64()
            .is_some_and(|id| self.deleted_comments.contains(&id))
        {
            value["deleted"] = json!(true);
            value["content"]["raw"] = json!("");
            value["content"]["html"] = json!("");
        }
    }

    pub(crate) fn hides(&self, entry: &Value) -> bool {
        entry["comment"]["id"]
            .as_u64()
            .is_some_and(|id| self.deleted_comments.contains(&id))
    }

    pub(crate) fn rename_account(&mut self, account: &str, display_name: &str) {
        let entries = self.activity.iter_mut().map(|(_, entry)| entry);
        let added = self
            .pull_requests
            .iter_mut()
            .chain(self.comments.values_mut().flatten())
            .chain(&mut self.issues.added)
            .chain(self.issues.comments.values_mut().flatten());
        for value in added.chain(entries) {
            rename_account(value, account, display_name);
        }
    }
}

/// Renames an account wherever it stands.
pub(crate) fn rename_account(value: &mut Value, account: &str, display_name: &str) {
    match value {
        Value::Array(items) => {
            for item in items {
                rename_account(item, account, display_name);
            }
        }
        Value::Object(object) => {
            let is = |key: &str| object.get(key).is_some_and(|known| known == account);
            if object.contains_key("display_name") && (is("uuid") || is("account_id")) {
                object.insert("display_name".to_owned(), json!(display_name));
            }
            object
                .values_mut()
                .for_each(|item| rename_account(item, account, display_name));
        }
        _ => {}
    }
}
