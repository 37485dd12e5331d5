//! The kinds of thing that are asked for: for counting, and for knowing what
//! each of them needs.

use std::fmt;

macro_rules! endpoints {
    ($(
        $variant:ident: $name:literal, $path:literal, $page_length:literal,
        [$($oauth:literal),*], $token:literal;
    )*) => {
        /// A family of endpoints. Reports count requests by it.
        ///
        /// Paths and scopes are those of Bitbucket's OpenAPI document, which has
        /// them as `security` and `x-atlassian-oauth2-scopes`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Endpoint {
            $(
                #[doc = concat!(
                    "`GET ", $path, "`. OAuth scope:" $(, " `", $oauth, "`")*,
                    "; of an API token: `", $token, "`."
                )]
                $variant,
            )*
        }

        impl Endpoint {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name in reports: the words of the path.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Whether it is an endpoint of the REST API, and not of git or the web.
            pub const fn is_rest(self) -> bool {
                !matches!(self, Self::LfsBatch | Self::Image)
            }

            /// The path below the API root, as the OpenAPI document writes it.
            pub const fn path(self) -> &'static str {
                match self { $(Self::$variant => $path,)* }
            }

            /// Objects on a page, the most that Bitbucket allows: more is answered
            /// with 400. Of no meaning where the answer is no list.
            pub const fn page_length(self) -> u64 {
                match self { $(Self::$variant => $page_length,)* }
            }

            /// The scopes that it takes with OAuth and with an access token.
            pub const fn oauth_scopes(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($oauth),*],)* }
            }

            /// The scope that it takes with a personal API token, where scopes do
            /// not imply each other.
            pub const fn api_token_scope(self) -> &'static str {
                match self { $(Self::$variant => $token,)* }
            }
        }
    };
}

// 50 was tried out: more is “Invalid pagelen” for pull requests and activity.
// 100 was seen to work, or is the documented maximum of lists in general where
// nobody has written of an individual one: workspaces, members, projects,
// downloads and all settings.
endpoints! {
    // Of git, not of REST: below the address that git clones from, and a POST. A page
    // is a question: a hundred objects, as git LFS itself asks.
    LfsBatch: "lfs/batch",
        "{clone}/info/lfs/objects/batch",
        100, ["repository"], "read:repository:bitbucket";
    // An address in a text, on whatever host. It is asked without a credential.
    Image: "image",
        "{image}",
        1, [], "";

    User: "user",
        "/user",
        1, ["account"], "read:user:bitbucket";
    UserEmails: "user/emails",
        "/user/emails",
        100, ["email"], "read:user:bitbucket";
    UserWorkspaces: "user/workspaces",
        "/user/workspaces",
        100, ["account"], "read:workspace:bitbucket";
    Workspace: "workspace",
        "/workspaces/{workspace}",
        1, [], "read:workspace:bitbucket";
    Members: "members",
        "/workspaces/{workspace}/members",
        100, ["account"], "read:workspace:bitbucket";
    Projects: "projects",
        "/workspaces/{workspace}/projects",
        100, ["project"], "read:project:bitbucket";
    Project: "project",
        "/workspaces/{workspace}/projects/{project_key}",
        1, ["project"], "read:project:bitbucket";

    Repositories: "repositories",
        "/repositories/{workspace}",
        100, ["repository"], "read:repository:bitbucket";
    Repository: "repository",
        "/repositories/{workspace}/{repo_slug}",
        1, ["repository"], "read:repository:bitbucket";
    Forks: "forks",
        "/repositories/{workspace}/{repo_slug}/forks",
        100, ["repository"], "read:repository:bitbucket";
    Watchers: "watchers",
        "/repositories/{workspace}/{repo_slug}/watchers",
        100, ["repository"], "read:repository:bitbucket";
    Downloads: "downloads",
        "/repositories/{workspace}/{repo_slug}/downloads",
        100, ["repository"], "read:repository:bitbucket";
    Download: "download",
        "/repositories/{workspace}/{repo_slug}/downloads/{filename}",
        1, ["repository"], "read:repository:bitbucket";

    Refs: "refs",
        "/repositories/{workspace}/{repo_slug}/refs",
        100, ["repository"], "read:repository:bitbucket";
    Branches: "refs/branches",
        "/repositories/{workspace}/{repo_slug}/refs/branches",
        100, ["repository"], "read:repository:bitbucket";
    Tags: "refs/tags",
        "/repositories/{workspace}/{repo_slug}/refs/tags",
        100, ["repository"], "read:repository:bitbucket";
    Commits: "commits",
        "/repositories/{workspace}/{repo_slug}/commits",
        100, ["repository"], "read:repository:bitbucket";
    Commit: "commit",
        "/repositories/{workspace}/{repo_slug}/commit/{commit}",
        1, ["repository"], "read:repository:bitbucket";
    Diff: "diff",
        "/repositories/{workspace}/{repo_slug}/diff/{spec}",
        1, ["repository"], "read:repository:bitbucket";
    Patch: "patch",
        "/repositories/{workspace}/{repo_slug}/patch/{spec}",
        1, ["repository"], "read:repository:bitbucket";
    Diffstat: "diffstat",
        "/repositories/{workspace}/{repo_slug}/diffstat/{spec}",
        100, ["repository"], "read:repository:bitbucket";

    PullRequests: "pullrequests",
        "/repositories/{workspace}/{repo_slug}/pullrequests",
        50, ["pullrequest"], "read:pullrequest:bitbucket";
    PullRequest: "pullrequest",
        "/repositories/{workspace}/{repo_slug}/pullrequests/{pull_request_id}",
        1, ["pullrequest"], "read:pullrequest:bitbucket";
    PullRequestsActivity: "pullrequests/activity",
        "/repositories/{workspace}/{repo_slug}/pullrequests/activity",
        50, ["pullrequest"], "read:pullrequest:bitbucket";
    PullRequestActivity: "pullrequest/activity",
        "/repositories/{workspace}/{repo_slug}/pullrequests/{pull_request_id}/activity",
        50, ["pullrequest"], "read:pullrequest:bitbucket";
    PullRequestComments: "pullrequests/comments",
        "/repositories/{workspace}/{repo_slug}/pullrequests/{pull_request_id}/comments",
        100, ["pullrequest"], "read:pullrequest:bitbucket";
    PullRequestTasks: "pullrequests/tasks",
        "/repositories/{workspace}/{repo_slug}/pullrequests/{pull_request_id}/tasks",
        100, ["pullrequest"], "read:pullrequest:bitbucket";
    PullRequestStatuses: "pullrequests/statuses",
        "/repositories/{workspace}/{repo_slug}/pullrequests/{pull_request_id}/statuses",
        100, ["pullrequest"], "read:pullrequest:bitbucket";
    PullRequestCommits: "pullrequests/commits",
        "/repositories/{workspace}/{repo_slug}/pullrequests/{pull_request_id}/commits",
        100, ["pullrequest"], "read:pullrequest:bitbucket";

    Issues: "issues",
        "/repositories/{workspace}/{repo_slug}/issues",
        100, ["issue"], "read:issue:bitbucket";
    IssueComments: "issues/comments",
        "/repositories/{workspace}/{repo_slug}/issues/{issue_id}/comments",
        100, ["issue"], "read:issue:bitbucket";
    IssueChanges: "issues/changes",
        "/repositories/{workspace}/{repo_slug}/issues/{issue_id}/changes",
        100, ["issue"], "read:issue:bitbucket";
    IssueAttachments: "issues/attachments",
        "/repositories/{workspace}/{repo_slug}/issues/{issue_id}/attachments",
        100, ["issue"], "read:issue:bitbucket";
    IssueAttachment: "issues/attachment",
        "/repositories/{workspace}/{repo_slug}/issues/{issue_id}/attachments/{path}",
        1, ["issue"], "read:issue:bitbucket";
    Components: "components",
        "/repositories/{workspace}/{repo_slug}/components",
        100, ["issue"], "read:issue:bitbucket";
    Milestones: "milestones",
        "/repositories/{workspace}/{repo_slug}/milestones",
        100, ["issue"], "read:issue:bitbucket";
    Versions: "versions",
        "/repositories/{workspace}/{repo_slug}/versions",
        100, ["issue"], "read:issue:bitbucket";

    DefaultReviewers: "default-reviewers",
        "/repositories/{workspace}/{repo_slug}/default-reviewers",
        100, ["pullrequest"], "read:pullrequest:bitbucket";
    EffectiveDefaultReviewers: "effective-default-reviewers",
        "/repositories/{workspace}/{repo_slug}/effective-default-reviewers",
        100, ["pullrequest"], "read:pullrequest:bitbucket";
    BranchRestrictions: "branch-restrictions",
        "/repositories/{workspace}/{repo_slug}/branch-restrictions",
        100, ["repository:admin"], "admin:repository:bitbucket";
    BranchingModel: "branching-model",
        "/repositories/{workspace}/{repo_slug}/branching-model",
        1, ["repository"], "read:repository:bitbucket";
    BranchingModelSettings: "branching-model/settings",
        "/repositories/{workspace}/{repo_slug}/branching-model/settings",
        1, ["repository:admin"], "admin:repository:bitbucket";
    UserPermissions: "permissions-config/users",
        "/repositories/{workspace}/{repo_slug}/permissions-config/users",
        100, ["repository:admin"], "read:repository:bitbucket";
    GroupPermissions: "permissions-config/groups",
        "/repositories/{workspace}/{repo_slug}/permissions-config/groups",
        100, ["repository:admin"], "read:repository:bitbucket";
    Hooks: "hooks",
        "/repositories/{workspace}/{repo_slug}/hooks",
        100, ["webhook"], "read:webhook:bitbucket";
    DeployKeys: "deploy-keys",
        "/repositories/{workspace}/{repo_slug}/deploy-keys",
        100, ["repository", "repository:admin"], "admin:repository:bitbucket";

    PipelinesConfig: "pipelines_config",
        "/repositories/{workspace}/{repo_slug}/pipelines_config",
        1, ["repository:admin"], "admin:repository:bitbucket";
    PipelinesVariables: "pipelines_config/variables",
        "/repositories/{workspace}/{repo_slug}/pipelines_config/variables",
        100, ["pipeline"], "read:pipeline:bitbucket";
    PipelinesSchedules: "pipelines_config/schedules",
        "/repositories/{workspace}/{repo_slug}/pipelines_config/schedules",
        100, ["pipeline"], "read:pipeline:bitbucket";
    PipelinesKnownHosts: "pipelines_config/ssh/known_hosts",
        "/repositories/{workspace}/{repo_slug}/pipelines_config/ssh/known_hosts",
        100, ["pipeline"], "read:pipeline:bitbucket";
    Environments: "environments",
        "/repositories/{workspace}/{repo_slug}/environments",
        100, ["pipeline"], "read:pipeline:bitbucket";
    EnvironmentVariables: "environments/variables",
        "/repositories/{workspace}/{repo_slug}/deployments_config/environments/{environment_uuid}/variables",
        100, ["pipeline"], "read:pipeline:bitbucket";
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_told_apart() {
        let names: BTreeSet<&str> = Endpoint::ALL.iter().map(|one| one.name()).collect();
        assert_eq!(names.len(), Endpoint::ALL.len());
    }
}
