//! Where the living Bitbucket is known to differ from its own document, and the double
//! with it. An entry that no answer needs makes the test fail.

use crate::schemas::Fault;

/// A field, as the end of its path; what the document has against it; how it is known.
pub(crate) struct Deviation(
    pub(crate) &'static str,
    pub(crate) &'static str,
    pub(crate) &'static str,
);

const RECORDED: &str = "recorded in October 2026";
const OLDER: &str = "recorded in 2020";
const REPORTED: &str = "reported by users of the API";
const WORDS: &str = "the document's own words";
const ASSUMED: &str = "assumed: a field that is there and has no value yet";

/// All of them.
pub(crate) const DEVIATIONS: &[Deviation] = &[
    // The document never says what may be null.
    Deviation("closed_by", "null", RECORDED),
    Deviation("merge_commit", "null", RECORDED),
    Deviation("parent", "null", RECORDED),
    Deviation("user", "null", REPORTED),
    Deviation("updated_on", "null", OLDER),
    Deviation("inline.from", "null", OLDER),
    Deviation("inline.to", "null", OLDER),
    Deviation("inline.start_from", "null", ASSUMED),
    Deviation("participants.*.participated_on", "null", OLDER),
    Deviation("participants.*.state", "null", REPORTED),
    Deviation("refname", "null", OLDER),
    Deviation("old", "null", REPORTED),
    Deviation("mainbranch", "null", REPORTED),
    Deviation("date", "null", OLDER),
    Deviation("message", "null", OLDER),
    Deviation("tagger", "null", OLDER),
    Deviation("resolved_by", "null", ASSUMED),
    Deviation("resolved_on", "null", ASSUMED),
    Deviation("development.name", "null", WORDS),
    Deviation("last_used", "null", ASSUMED),
    Deviation("value", "null", ASSUMED),
    // Fields that are sent and not described.
    Deviation("links.branches", "unknown", RECORDED),
    Deviation("links.tags", "unknown", RECORDED),
    Deviation("links.source", "unknown", RECORDED),
    Deviation("links.self", "unknown", RECORDED),
    Deviation("links.statuses", "unknown", RECORDED),
    Deviation("links.request-changes", "unknown", RECORDED),
    Deviation("links.mergeability_checks", "unknown", RECORDED),
    Deviation("branch.links", "unknown", RECORDED),
    Deviation("commit.links", "unknown", RECORDED),
    Deviation("commit.type", "unknown", RECORDED),
    Deviation("merge_commit.links", "unknown", OLDER),
    Deviation("merge_commit.type", "unknown", OLDER),
    Deviation("summary.type", "unknown", RECORDED),
    Deviation("content.type", "unknown", OLDER),
    Deviation("rendered.title.type", "unknown", OLDER),
    Deviation("rendered.description.type", "unknown", OLDER),
    // Parents of comments are recorded as id, links and depth.
    Deviation("parent.type", "missing", OLDER),
    // The address of the clone over SSH is none: `git@bitbucket.org:workspace/slug.git`.
    Deviation("links.clone.*.href", "no uri", RECORDED),
];

impl Deviation {
    pub(crate) fn explains(&self, fault: &Fault) -> bool {
        let Self(field, what, _) = self;
        fault.what == *what
            && fault
                .field
                .strip_suffix(field)
                .is_some_and(|before| before.is_empty() || before.ends_with('.'))
    }
}

impl std::fmt::Display for Deviation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(field, what, source) = self;
        write!(f, "{field}: {what} ({source})")
    }
}
