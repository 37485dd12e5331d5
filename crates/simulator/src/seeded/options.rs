//! How large a seeded world is, and how odd.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The size and the oddities of a seeded world; equal options give equal worlds.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an oddity of its own, on or off"
)]
pub struct SeedOptions {
    /// Where all randomness comes from.
    pub seed: u64,
    /// Slug of the one workspace.
    pub workspace: String,
    /// Repositories, not counting the empty one. Slugs are `lighthouse`, `harbour`, …, then
    /// `repository-9` and so on; [`World::repositories`](crate::World::repositories) lists them.
    pub repositories: usize,
    /// The last so many of the repositories are private.
    pub private_repositories: usize,
    /// Adds the repository `empty`: no commit, no pull request, `mainbranch` null.
    pub empty_repository: bool,
    /// Members of the workspace, who write everything.
    pub members: usize,
    /// Pull requests per repository, with the ids 1 to this.
    pub pull_requests: u64,
    /// Comments per pull request on average. A third have none, the others up to three times
    /// as many.
    pub comments: u64,
    /// How many levels of replies a thread has at most; 0 for no replies.
    pub thread_depth: u64,
    /// Of 1,000 comments so many are deleted.
    pub deleted_comments_per_mille: u32,
    /// Whether comments in the activity are as whole as in their own list. Recordings have them
    /// without their place in the change.
    pub whole_activity: bool,
    /// Of 1,000 places for an account so many are null: "former user".
    pub deleted_users_per_mille: u32,
    /// Of 1,000 pull requests so many came from a fork that is gone: `source.repository` and
    /// `source.commit` are null.
    pub forks_gone_per_mille: u32,
    /// Adds emoji, right-to-left text, combining and control characters, CRLF and hostile HTML.
    pub unicode: bool,
    /// Whether the first repository has a wiki. The object of no repository says so, as is so
    /// today.
    pub wiki: bool,
    /// Whether repositories have an issue tracker, and whether it answers.
    pub issue_tracker: IssueTracker,
    /// Issues per repository that has a tracker, with the ids 1 to this.
    pub issues: u64,
    /// Commits on the main branch of each repository.
    pub git_commits: u32,
    /// Incompressible bytes that each of these commits adds.
    pub git_bytes_per_commit: usize,
    /// Bare (or other) repositories on disk to serve instead, by `workspace/slug`.
    pub git: BTreeMap<String, PathBuf>,
}

/// What is with the issue tracker of a seeded repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IssueTracker {
    /// It has none, and the API knows of no issues any more, as since August 2026.
    #[default]
    Never,
    /// It answers, as before.
    Answers,
    /// It had one: `has_issues` still says so, and the API has removed it.
    Removed,
}

impl Default for SeedOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            workspace: "seaside".to_owned(),
            repositories: 1,
            private_repositories: 0,
            empty_repository: false,
            members: 12,
            pull_requests: 30,
            comments: 6,
            thread_depth: 3,
            deleted_comments_per_mille: 30,
            whole_activity: false,
            deleted_users_per_mille: 20,
            forks_gone_per_mille: 20,
            unicode: true,
            wiki: true,
            issue_tracker: IssueTracker::Never,
            issues: 20,
            git_commits: 40,
            git_bytes_per_commit: 0,
            git: BTreeMap::new(),
        }
    }
}
