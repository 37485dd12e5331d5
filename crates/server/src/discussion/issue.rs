//! Issues.

use serde_json::Value;

use super::fields::{account, owned, text_at, written};
use super::{Account, want};
use crate::text::{Text, Wanted};

/// An issue, without its discussion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Issue {
    pub(crate) title: String,
    pub(crate) state: Option<String>,
    pub(crate) reporter: Option<Account>,
    pub(crate) assignee: Option<Account>,
    /// Kind, priority, component, milestone and version, as far as it has them.
    pub(crate) labels: Vec<(&'static str, String)>,
    pub(crate) created_on: Option<String>,
    pub(crate) updated_on: Option<String>,
    pub(crate) content: Option<Text>,
    /// Its page at Bitbucket, which is gone.
    pub(crate) web_url: Option<String>,
}

/// What Bitbucket sends with a name of its own, an export as the name alone.
const LABELS: [&str; 5] = ["kind", "priority", "component", "milestone", "version"];

impl Issue {
    pub(crate) fn read(source: &str) -> Self {
        let source: Value = serde_json::from_str(source).unwrap_or_default();
        let label = |name: &'static str| {
            let value = text_at(&source, &[name]).or_else(|| text_at(&source, &[name, "name"]));
            Some((name, value?.to_owned()))
        };
        Self {
            title: owned(&source, &["title"]).unwrap_or_default(),
            state: owned(&source, &["state"]).or_else(|| owned(&source, &["status"])),
            reporter: account(source.get("reporter")),
            assignee: account(source.get("assignee")),
            labels: LABELS.into_iter().filter_map(label).collect(),
            created_on: owned(&source, &["created_on"]),
            updated_on: owned(&source, &["updated_on"]),
            content: written(&source, "content"),
            web_url: owned(&source, &["links", "html", "href"]),
        }
    }

    pub(crate) fn want(&self, wanted: &mut Wanted) {
        let people = [self.reporter.as_ref(), self.assignee.as_ref()];
        want(people, self.content.as_ref(), wanted);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_shapes_are_read() {
        let sent = json!({
            "title": "It drips", "state": "open", "kind": "bug", "component": {"name": "lid"},
            "content": {"raw": "x"}, "reporter": {"display_name": "Anna"},
        });
        let exported = json!({
            "title": "It drips", "status": "open", "kind": "bug", "component": "lid",
            "content": "x", "reporter": "anna", "version": null,
        });
        let (sent, exported) = (sent.to_string(), exported.to_string());
        let (sent, exported) = (Issue::read(&sent), Issue::read(&exported));
        let labels = [("kind", "bug".to_owned()), ("component", "lid".to_owned())];
        for issue in [&sent, &exported] {
            assert_eq!(issue.labels, labels);
            assert_eq!(issue.state.as_deref(), Some("open"));
            assert!(issue.content.is_some() && issue.reporter.is_some());
        }
    }
}
