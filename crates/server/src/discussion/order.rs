//! The order in which a discussion is read.

use std::collections::{BTreeMap, BTreeSet};

use super::{Comment, Event};

/// Answers that lie deeper are shown as if they lay here.
const DEEPEST: usize = 4;

/// A part of a discussion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A comment, and below it what answers it.
    Thread(Vec<Comment>),
    Event(Event),
}

impl Entry {
    fn time(&self) -> Option<&str> {
        match self {
            Self::Thread(comments) => comments.first()?.created_on.as_deref(),
            Self::Event(event) => event.happened_on.as_deref(),
        }
    }
}

/// Threads and events in the order in which they began. Times of Bitbucket sort as texts.
pub(crate) fn in_order(comments: Vec<Comment>, events: Vec<Event>) -> Vec<Entry> {
    let events = events.into_iter().map(Entry::Event);
    let threads = threads(comments).into_iter().map(Entry::Thread);
    let mut entries: Vec<Entry> = events.chain(threads).collect();
    entries.sort_by(|a, b| a.time().cmp(&b.time()));
    entries
}

/// Comments below those that they answer. One whose parent is on another page, or that
/// answers itself in a circle, begins a thread of its own.
fn threads(comments: Vec<Comment>) -> Vec<Vec<Comment>> {
    let mut ids: BTreeSet<i64> = BTreeSet::new();
    let mut answers: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    let mut first = Vec::new();
    for (index, comment) in comments.iter().enumerate() {
        // Whoever answers is younger: what is not yet known cannot be a parent.
        match comment.parent.filter(|parent| ids.contains(parent)) {
            Some(parent) => answers.entry(parent).or_default().push(index),
            None => first.push(index),
        }
        ids.insert(comment.id);
    }
    let mut comments: Vec<Option<Comment>> = comments.into_iter().map(Some).collect();
    let mut take = |root: usize| {
        let mut thread = Vec::new();
        let mut next = vec![(root, 0)];
        while let Some((index, depth)) = next.pop() {
            let Some(mut comment) = comments.get_mut(index).and_then(Option::take) else {
                continue;
            };
            comment.depth = depth;
            let below = answers.get(&comment.id).into_iter().flatten().rev();
            next.extend(below.map(|answer| (*answer, DEEPEST.min(depth + 1))));
            thread.push(comment);
        }
        thread
    };
    first.into_iter().map(&mut take).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discussion::What;

    fn comment(id: i64, parent: Option<i64>, created_on: &str) -> Comment {
        Comment {
            id,
            parent,
            depth: 0,
            author: None,
            created_on: Some(created_on.to_owned()),
            edited_on: None,
            text: None,
            place: None,
            is_deleted: false,
            is_resolved: false,
        }
    }

    fn shape(entries: &[Entry]) -> String {
        let shown = entries.iter().map(|entry| match entry {
            Entry::Event(_) => "event".to_owned(),
            Entry::Thread(comments) => {
                let comments = comments.iter();
                let comments = comments.map(|one| format!("{}@{}", one.id, one.depth));
                comments.collect::<Vec<_>>().join(" ")
            }
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn answers_stand_below_and_time_goes_on() {
        let comments = vec![
            comment(1, None, "2020-01-01"),
            comment(2, None, "2020-01-03"),
            comment(3, Some(1), "2020-01-04"),
            comment(4, Some(3), "2020-01-05"),
            comment(5, Some(1), "2020-01-06"),
            comment(6, Some(99), "2020-01-07"),
        ];
        let event = Event {
            who: None,
            happened_on: Some("2020-01-02".to_owned()),
            what: What::Approved,
            comment: None,
        };
        let entries = in_order(comments, vec![event]);
        assert_eq!(shape(&entries), "1@0 3@1 4@2 5@1, event, 2@0, 6@0");
    }

    #[test]
    fn circles_end_and_depth_has_one() {
        let circle = vec![
            comment(1, Some(2), "2020"),
            comment(2, Some(1), "2020"),
            comment(3, Some(3), "2020"),
        ];
        assert_eq!(shape(&in_order(circle, Vec::new())), "1@0 2@1, 3@0");
        let chain = (1..=9).map(|id| comment(id, (id > 1).then(|| id - 1), "2020"));
        let shown = shape(&in_order(chain.collect(), Vec::new()));
        assert!(shown.ends_with("5@4 6@4 7@4 8@4 9@4"), "{shown}");
    }
}
