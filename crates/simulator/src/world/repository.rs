//! A repository of the world: its content with the changes of the test laid over it.

use super::content::{Commits, Content};
use super::links::Links;
use super::overlay::Overlay;
use crate::git::GitRepository;
use crate::http::list::List;
use crate::seeded::dice::count;
use serde_json::{Value, json};
use std::rc::Rc;
use std::sync::Arc;

/// Whether a repository has an issue tracker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tracker {
    Answers,
    /// Before August 2026 it was switched off.
    Never,
    /// Since then there is none.
    Removed,
}

/// What the endpoints ask about one repository.
#[derive(Debug)]
pub(crate) struct Repository {
    pub(crate) slug: String,
    pub(crate) uuid: String,
    pub(crate) is_private: bool,
    /// Deleted: not found any more.
    pub(crate) gone: bool,
    /// `hg` where a test wants the impossible.
    pub(crate) scm: Option<String>,
    pub(crate) git: Arc<GitRepository>,
    /// The wiki's repository, for those that have one.
    pub(crate) wiki: Option<Arc<GitRepository>>,
    pub(crate) content: Box<dyn Content>,
    pub(crate) overlay: Overlay,
    /// Whether the issue tracker was removed while it was served.
    pub(crate) tracker_removed: bool,
}

impl Repository {
    pub(crate) fn new(
        slug: String,
        uuid: String,
        is_private: bool,
        git: Arc<GitRepository>,
        content: Box<dyn Content>,
    ) -> Self {
        Self {
            slug,
            uuid,
            is_private,
            gone: false,
            scm: None,
            git,
            wiki: None,
            content,
            overlay: Overlay::default(),
            tracker_removed: false,
        }
    }

    pub(crate) fn is(&self, selector: &str) -> bool {
        self.slug.eq_ignore_ascii_case(selector) || self.uuid == selector
    }

    pub(crate) fn json(&self, links: &Links) -> Value {
        let mut value = self.content.repository(links);
        value["is_private"] = json!(self.is_private);
        if let Some(scm) = &self.scm {
            value["scm"] = json!(scm);
        }
        value
    }

    pub(crate) fn pull_requests<'a>(&'a self, links: &'a Links, detail: bool) -> List<'a> {
        let base = self.content.pull_requests(links, detail);
        if self.overlay.is_empty() {
            return base;
        }
        // The added ones are the newest and so come first.
        let base = Rc::new(base);
        let peeked = Rc::clone(&base);
        let added = self.overlay.pull_requests.len();
        let new = move |position: usize| &self.overlay.pull_requests[added - 1 - position];
        List::new(added + base.len, move |position| {
            let mut value = if position < added {
                new(position).clone()
            } else {
                base.get(position - added)
            };
            self.overlay.apply_to_pull_request(&mut value);
            value
        })
        .with_peek(move |position, path| {
            if position < added {
                return None;
            }
            let id = peeked.peek(position - added, "id")?.as_u64()?;
            self.overlay
                .field(id, path)
                .or_else(|| peeked.peek(position - added, path))
        })
    }

    pub(crate) fn pull_request(&self, links: &Links, id: u64) -> Option<Value> {
        let mut value = match self.added(id) {
            Some(added) => added.clone(),
            None => self.content.pull_request(links, id)?,
        };
        self.overlay.apply_to_pull_request(&mut value);
        Some(value)
    }

    fn added(&self, id: u64) -> Option<&Value> {
        self.overlay
            .pull_requests
            .iter()
            .find(|added| added["id"] == id)
    }

    pub(crate) fn comments<'a>(&'a self, links: &'a Links, id: u64) -> Option<List<'a>> {
        let base = self.or_empty(id, self.content.comments(links, id))?;
        if self.overlay.is_empty() {
            return Some(base);
        }
        let added = self
            .overlay
            .comments
            .get(&id)
            .map_or(&[][..], Vec::as_slice);
        Some(List::new(base.len + added.len(), move |position| {
            let mut value = match position.checked_sub(base.len) {
                Some(position) => added[position].clone(),
                None => base.get(position),
            };
            self.overlay.apply_to_comment(&mut value);
            value
        }))
    }

    pub(crate) fn comment(&self, links: &Links, id: u64, comment: u64) -> Option<Value> {
        let added = self.overlay.comments.get(&id).into_iter().flatten();
        let mut value = added
            .clone()
            .find(|added| added["id"] == comment)
            .cloned()
            .or_else(|| self.content.comment(links, id, comment))?;
        self.overlay.apply_to_comment(&mut value);
        Some(value)
    }

    pub(crate) fn activity<'a>(&'a self, links: &'a Links, id: u64) -> Option<List<'a>> {
        let base = self.or_empty(id, self.content.activity(links, id))?;
        Some(self.with_new_activity(base, Some(id)))
    }

    pub(crate) fn all_activity<'a>(&'a self, links: &'a Links) -> List<'a> {
        self.with_new_activity(self.content.all_activity(links), None)
    }

    fn with_new_activity<'a>(&'a self, base: List<'a>, id: Option<u64>) -> List<'a> {
        if self.overlay.is_empty() {
            return base;
        }
        let new: Vec<Value> = self
            .overlay
            .activity
            .iter()
            .rev()
            .filter(|(of, entry)| id.is_none_or(|id| id == *of) && !self.overlay.hides(entry))
            .map(|(_, entry)| entry.clone())
            .collect();
        if self.overlay.deleted_comments.is_empty() {
            return List::new(new.len() + base.len, move |position| {
                new.get(position)
                    .cloned()
                    .unwrap_or_else(|| base.get(position - new.len()))
            });
        }
        let mut entries = new;
        entries.extend(
            (0..base.len)
                .map(|position| base.get(position))
                .filter(|entry| !self.overlay.hides(entry)),
        );
        List::of(entries)
    }

    pub(crate) fn tasks<'a>(&'a self, links: &'a Links, id: u64) -> Option<List<'a>> {
        self.or_empty(id, self.content.tasks(links, id))
    }

    pub(crate) fn statuses<'a>(&'a self, links: &'a Links, id: u64) -> Option<List<'a>> {
        self.or_empty(id, self.content.statuses(links, id))
    }

    pub(crate) fn commits_of(&self, links: &Links, id: u64) -> Option<Commits> {
        self.content
            .commits_of(links, id)
            .or_else(|| self.added(id).map(|_| Commits::Hashes(Vec::new())))
    }

    /// An added pull request has nothing yet; one that does not exist has no list at all.
    fn or_empty<'a>(&self, id: u64, list: Option<List<'a>>) -> Option<List<'a>> {
        list.or_else(|| self.added(id).map(|_| List::of(Vec::new())))
    }

    pub(crate) fn tracker(&self) -> Tracker {
        if self.tracker_removed {
            return Tracker::Removed;
        }
        self.content.tracker()
    }

    pub(crate) fn issues<'a>(&'a self, links: &'a Links) -> List<'a> {
        let base = self.content.issues(links);
        let overlay = &self.overlay.issues;
        if overlay.is_empty() {
            return base;
        }
        let base = Rc::new(base);
        let peeked = Rc::clone(&base);
        List::new(base.len + overlay.added.len(), move |position| {
            let mut value = match position.checked_sub(base.len) {
                Some(position) => overlay.added[position].clone(),
                None => base.get(position),
            };
            overlay.apply(&mut value);
            value
        })
        .with_peek(move |position, path| {
            let is_edited = path == "updated_on" && !overlay.touched.is_empty();
            (position < peeked.len && !is_edited)
                .then(|| peeked.peek(position, path))
                .flatten()
        })
    }

    pub(crate) fn issue(&self, links: &Links, id: u64) -> Option<Value> {
        let overlay = &self.overlay.issues;
        let added = overlay.added.iter().find(|added| added["id"] == id);
        let mut value = match added {
            Some(added) => added.clone(),
            None => self.content.issue(links, id)?,
        };
        overlay.apply(&mut value);
        Some(value)
    }

    pub(crate) fn issue_comments(&self, links: &Links, id: u64) -> Option<Vec<Value>> {
        self.issue_list(links, &format!("issues/{id}/comments"))
    }

    /// A list of the tracker. One of an issue that was not recorded is empty if the issue is
    /// there.
    pub(crate) fn issue_list(&self, links: &Links, path: &str) -> Option<Vec<Value>> {
        let mut values = self.content.recorded(links, path);
        if let Some((id, list)) = path
            .strip_prefix("issues/")
            .and_then(|rest| rest.split_once('/'))
        {
            let id = id.parse().ok()?;
            self.issue(links, id)?;
            if list == "comments" {
                let added = self.overlay.issues.comments.get(&id);
                let values = values.get_or_insert_default();
                values.extend(added.into_iter().flatten().cloned());
            }
            return Some(values.unwrap_or_default());
        }
        values
    }

    /// One more than the highest id, which is that of the newest.
    pub(crate) fn next_pull_request_id(&self, links: &Links) -> u64 {
        let base = self.content.pull_requests(links, false);
        let highest = (0..base.len)
            .filter_map(|position| base.field(position, "id").as_u64())
            .max();
        highest.unwrap_or(0) + count(self.overlay.pull_requests.len()) + 1
    }
}
