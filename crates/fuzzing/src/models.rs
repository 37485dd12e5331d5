//! Objects of the API, in every model that there is.

use bucketload_bitbucket as api;
use bucketload_bitbucket::fuzzing::read_page;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::support::CLIENT;

type Check = fn(&[u8], Option<&str>);

/// What lists and addresses answer with.
const MODELS: [Check; 36] = [
    check::<api::Account>,
    check::<api::Activity>,
    check::<api::BranchRestriction>,
    check::<api::BranchingModel>,
    check::<api::Comment>,
    check::<api::Commit>,
    check::<api::CommitAuthor>,
    check::<api::CommitStatus>,
    check::<api::DeployKey>,
    check::<api::Download>,
    check::<api::EffectiveReviewer>,
    check::<api::EmailAddress>,
    check::<api::Environment>,
    check::<api::FileChange>,
    check::<api::Group>,
    check::<api::Hook>,
    check::<api::Inline>,
    check::<api::Issue>,
    check::<api::IssueAttachment>,
    check::<api::IssueChange>,
    check::<api::IssueComment>,
    check::<api::IssueField>,
    check::<api::KnownHost>,
    check::<api::Membership>,
    check::<api::Permission>,
    check::<api::PipelinesConfig>,
    check::<api::Project>,
    check::<api::PullRequest>,
    check::<api::Ref>,
    check::<api::Repository>,
    check::<api::Schedule>,
    check::<api::Task>,
    check::<api::Update>,
    check::<api::Variable>,
    check::<api::Workspace>,
    check::<api::WorkspaceAccess>,
];

/// An object keeps its text, whether it can be read or not, and its neighbours on the page.
///
/// # Panics
///
/// Where that does not hold.
pub fn models(bytes: &[u8]) {
    let one: Option<&RawValue> = serde_json::from_slice(bytes).ok();
    let page = [b"{\"values\": [", bytes, b", {\"id\": 1}]}"].concat();
    for check in MODELS {
        check(&page, one.map(RawValue::get));
    }
    // Among the other fields of a page, too.
    let _ = read_page::<api::PullRequest>(&CLIENT, bytes);
}

/// Reads a page of an object and another one.
fn check<T: DeserializeOwned>(page: &[u8], one: Option<&str>) {
    let Ok((items, unreadable, _)) = read_page::<T>(&CLIENT, page) else {
        return;
    };
    // Several objects, or half of one.
    let Some(text) = one else { return };
    assert_eq!(items.len() + unreadable.len(), 2, "{unreadable:?}");
    let is_unreadable = unreadable.iter().any(|item| item.index == 0);
    match items.first().filter(|_| !is_unreadable) {
        Some(item) => assert_eq!(item.source.get(), text),
        None => assert!(is_unreadable, "it is gone"),
    }
}
