//! Where comments come from: the list of each discussion, or the activity of all.
//!
//! The activity names every comment that is not deleted, at fifty entries a page; the
//! lists take a request for each discussion. In recordings of 2020 the activity lacks
//! the place of a comment in the change and the depth of an answer, so it is not known
//! beforehand whether it will do. The first comment of each shape is compared with
//! itself in its own list, and that decides.

use std::collections::{BTreeMap, BTreeSet};

use bucketload_archive::ActivityComment;
use bucketload_bitbucket::{Activity, Comment, InlineAnchor, Item, Page};
use bucketload_model::{Checkpoint, PullRequestId, RepositoryName, Stage, StageState};
use serde_json::Value;

use super::{Listing, StageContext, pull_request_activity};
use crate::Importer;
use crate::failure::StageError;

/// Where to read discussions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommentSource {
    /// In the list of each.
    Lists,
    /// In the activity, where that has all of a discussion.
    Activity,
}

/// First pages that were read to compare. They are not read again.
pub(super) type Probes = BTreeMap<PullRequestId, Page<Comment>>;

/// What comparing a comment showed.
enum Compared {
    Carried,
    /// Why not.
    Wanting(String),
}

/// Waits until the activity has shown a comment that it has not whole, or its end, and
/// decides.
pub(super) async fn decide(context: &StageContext) -> Result<(CommentSource, Probes), StageError> {
    let mut probes = Probes::new();
    let is_skipped = context.before.get(&Stage::PullRequestActivity) == Some(&StageState::Skipped);
    // What is read of the activity in an update has not the comments that were edited.
    if is_skipped || pull_request_activity::since(context).await?.is_some() {
        return Ok((CommentSource::Lists, probes));
    }
    let repository = &context.repository()?.uuid;
    let archive = &context.importer.archive;
    let mut listing = context.listing.subscribe();
    let mut carried = BTreeSet::new();
    loop {
        let Listing { ended, shapes, .. } = *listing.borrow_and_update();
        let is_over = ended.contains(Stage::PullRequestActivity);
        let newest = if is_over || shapes > carried.len() {
            archive.newest_comments_in_activity(repository).await?
        } else {
            Vec::new()
        };
        for comment in newest {
            if carried.contains(&comment.shape) {
                continue;
            }
            if let Compared::Wanting(what) = compare(context, &comment, &mut probes).await? {
                decided(context, CommentSource::Lists, Some(&comment), &what);
                return Ok((CommentSource::Lists, probes));
            }
            carried.insert(comment.shape);
        }
        if is_over {
            let source = if !carried.is_empty() && is_whole(context).await? {
                CommentSource::Activity
            } else {
                CommentSource::Lists
            };
            decided(context, source, None, "nothing");
            return Ok((source, probes));
        }
        // The sender lives in the context, so this ends only with news.
        if listing.changed().await.is_err() {
            return Err(StageError::Lost);
        }
    }
}

/// Whether the activity was read to its end.
async fn is_whole(context: &StageContext) -> Result<bool, StageError> {
    let archive = &context.importer.archive;
    let progress = archive
        .stage_progress(context.import, Stage::PullRequestActivity)
        .await?;
    Ok(progress.is_some_and(|progress| progress.checkpoint == Some(Checkpoint::EndOfList)))
}

fn decided(
    context: &StageContext,
    source: CommentSource,
    compared: Option<&ActivityComment>,
    wanting: &str,
) {
    tracing::debug!(
        repository = %context.name,
        comment = compared.map(|compared| compared.comment.0),
        wanting_in_activity = wanting,
        from = ?source,
        "decided where comments are read"
    );
}

/// Compares a comment in the activity with the same one in the list of its discussion.
async fn compare(
    context: &StageContext,
    comment: &ActivityComment,
    probes: &mut Probes,
) -> Result<Compared, StageError> {
    let archive = &context.importer.archive;
    let repository = &context.repository()?.uuid;
    // A resumed import may have it already.
    if let Some(stored) = archive.comment_source(repository, comment.comment).await? {
        return Ok(compared(&comment.source, &stored));
    }
    if let Some(page) = probes.get(&comment.pull_request) {
        return Ok(compared_on(page, comment));
    }
    let client = &context.importer.client;
    let (endpoint, first) = client.pull_request_comments(&context.name, comment.pull_request);
    let page = match client.page::<Comment>(endpoint, &first).await {
        Ok(page) => page,
        // Whatever it is, the stage will meet it again and name it.
        Err(error) => {
            let mut transaction = context.begin().await?;
            transaction
                .add_requests(context.import, endpoint.name(), error.requests)
                .await?;
            transaction.commit().await?;
            return Ok(Compared::Wanting(error.to_string()));
        }
    };
    let result = compared_on(&page, comment);
    probes.insert(comment.pull_request, page);
    Ok(result)
}

fn compared_on(page: &Page<Comment>, comment: &ActivityComment) -> Compared {
    let mut listed = page.items.iter();
    match listed.find(|item| item.value.id == comment.comment) {
        Some(item) => compared(&comment.source, item.source.get()),
        None => Compared::Wanting("its place on the first page of the list".to_owned()),
    }
}

/// Foresees the decision by the newest page of activity. `None` where that has no
/// comment, or the list of its discussion cannot be read: that leaves the plan wide.
pub(crate) async fn foresee(
    importer: &Importer,
    name: &RepositoryName,
    newest: &Page<Activity>,
) -> Option<CommentSource> {
    let is_inline = |item: &&Item<Activity>| item.value.inline_anchor() != InlineAnchor::None;
    let comments = || {
        newest
            .items
            .iter()
            .filter(|item| item.value.comment().is_some())
    };
    let telling = comments().find(is_inline).or_else(|| comments().next())?;
    let pull_request = telling.value.pull_request();
    let (endpoint, first) = importer.client.pull_request_comments(name, pull_request);
    let page = importer
        .client
        .page::<Comment>(endpoint, &first)
        .await
        .ok()?;
    let wanting = |entry: &Item<Activity>| {
        let id = entry.value.comment()?.id;
        let listed = page.items.iter().find(|item| item.value.id == id)?;
        match compared(entry.source.get(), listed.source.get()) {
            Compared::Carried => None,
            Compared::Wanting(what) => Some(what),
        }
    };
    let mut of_it = comments().filter(|item| item.value.pull_request() == pull_request);
    Some(match of_it.find_map(wanting) {
        Some(_) => CommentSource::Lists,
        None => CommentSource::Activity,
    })
}

fn compared(entry: &str, listed: &str) -> Compared {
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let carried = &read(entry)["comment"];
    match wanting(carried, &read(listed), "") {
        None => Compared::Carried,
        Some(path) => Compared::Wanting(path),
    }
}

/// The first field that the list has and the activity has not, or has otherwise.
fn wanting(carried: &Value, listed: &Value, path: &str) -> Option<String> {
    match (carried, listed) {
        // Left out and null are the same.
        (_, Value::Null) => (!carried.is_null()).then(|| path.to_owned()),
        (_, Value::Object(fields)) => fields
            .iter()
            // The entry names its pull request, in fewer words.
            .filter(|(name, _)| !(path.is_empty() && name.as_str() == "pullrequest"))
            .find_map(|(name, listed)| {
                wanting(&carried[name.as_str()], listed, &format!("{path}.{name}"))
            }),
        (Value::Array(carried), Value::Array(listed)) if carried.len() == listed.len() => carried
            .iter()
            .zip(listed)
            .find_map(|(carried, listed)| wanting(carried, listed, &format!("{path}[]"))),
        _ => (carried != listed).then(|| path.to_owned()),
    }
}

/// The comments of a discussion, if the activity has all of it: as many as the pull
/// request counts, and none that answers one which is not there. A deleted comment
/// that nobody answered leaves no trace in the activity.
pub(super) fn whole_discussion(
    comments: &[ActivityComment],
    comment_count: Option<u64>,
) -> Option<Vec<(Comment, String)>> {
    if comment_count != Some(comments.len() as u64) {
        return None;
    }
    let read: Option<Vec<_>> = comments.iter().map(read_entry).collect();
    let read = read?;
    let is_there = |id| comments.iter().any(|comment| comment.comment == id);
    let has_parent = |comment: &Comment| {
        let parent = comment.parent.as_ref();
        parent.is_none_or(|parent| is_there(parent.id))
    };
    read.iter()
        .all(|(comment, _)| has_parent(comment))
        .then_some(read)
}

/// The comment itself, typed and as it was sent.
fn read_entry(entry: &ActivityComment) -> Option<(Comment, String)> {
    #[derive(serde::Deserialize)]
    struct Entry<'a> {
        #[serde(borrow)]
        comment: &'a serde_json::value::RawValue,
    }

    let entry: Entry<'_> = serde_json::from_str(&entry.source).ok()?;
    let comment = serde_json::from_str(entry.comment.get()).ok()?;
    Some((comment, entry.comment.get().to_owned()))
}

#[cfg(test)]
mod tests {
    use bucketload_archive::CommentShape;
    use bucketload_model::CommentId;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wanting_is_named() {
        let listed = json!({
            "id": 1, "inline": {"path": "a.rs", "to": null}, "parent": {"id": 2},
            "pullrequest": {"id": 7}, "resolution": null, "tags": [1],
        });
        let with = |name: &str, value: Value| {
            let mut carried = listed.clone();
            carried[name] = value;
            wanting(&carried, &listed, "")
        };
        assert_eq!(with("more", json!(1)), None);
        assert_eq!(with("pullrequest", Value::Null), None);
        assert_eq!(with("inline", json!({"path": "a.rs"})), None);
        assert_eq!(with("inline", json!({})), Some(".inline.path".to_owned()));
        assert_eq!(with("parent", json!({})), Some(".parent.id".to_owned()));
        assert_eq!(
            with("resolution", json!({})),
            Some(".resolution".to_owned())
        );
        assert_eq!(with("tags", json!([])), Some(".tags".to_owned()));
    }

    #[test]
    fn a_discussion_is_whole_when_all_of_it_is_there() {
        let entry = |id: i64, parent: Option<i64>| ActivityComment {
            pull_request: PullRequestId(7),
            comment: CommentId(id),
            shape: CommentShape {
                is_inline: false,
                is_reply: parent.is_some(),
            },
            source: json!({"comment": {"id": id, "parent": parent.map(|id| json!({"id": id}))}})
                .to_string(),
        };
        let whole = |entries: &[_], count| whole_discussion(entries, count).is_some();
        assert!(whole(&[entry(1, None), entry(2, Some(1))], Some(2)));
        assert!(!whole(&[entry(1, None), entry(2, Some(1))], Some(3)));
        assert!(!whole(&[entry(1, None)], None));
        assert!(
            !whole(&[entry(2, Some(1))], Some(1)),
            "its parent was deleted"
        );
    }
}
