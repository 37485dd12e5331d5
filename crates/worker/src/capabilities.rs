//! What a credential may do, found out by requests that change nothing.
//!
//! Bitbucket tells nobody what a token was made for: an API token cannot be
//! inspected, an access token belongs to no account. So each capability is tried
//! with the smallest request that needs it.

use bucketload_bitbucket::{
    Account, Client, Endpoint, Membership, PageUrl, Repository, RequestError, RequestErrorKind,
    WorkspaceAccess,
};
use bucketload_model::{ErrorClass, RepositoryName, Source, Stage, WorkspaceSlug};
use serde::de::DeserializeOwned;

use crate::stages::project_key;

/// Something that an archive needs a credential to be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// To know which workspaces there are.
    Workspaces,
    /// To know which repositories a workspace has.
    Repositories,
    /// To read a repository, and its git history.
    Repository,
    /// To read pull requests, their discussion and their activity.
    PullRequests,
    /// To read who the members of a workspace are.
    Members,
    /// To read issues, where a tracker still answers.
    Issues,
    /// To read the project that a repository is in.
    Project,
    /// To read who is told of events, and where.
    Webhooks,
    /// To read what administrators of a repository see.
    Administration,
    /// To read how pipelines are set up.
    Pipelines,
}

impl Capability {
    /// The request that proves it. Its scopes are those that the capability needs.
    pub const fn endpoint(self) -> Endpoint {
        match self {
            Self::Workspaces => Endpoint::UserWorkspaces,
            Self::Repositories => Endpoint::Repositories,
            Self::Repository => Endpoint::Repository,
            Self::PullRequests => Endpoint::PullRequests,
            Self::Members => Endpoint::Members,
            Self::Issues => Endpoint::Issues,
            Self::Project => Endpoint::Project,
            Self::Webhooks => Endpoint::Hooks,
            Self::Administration => Endpoint::BranchRestrictions,
            Self::Pipelines => Endpoint::PipelinesVariables,
        }
    }

    /// The name in reports and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Workspaces => "workspaces",
            Self::Repositories => "repositories",
            Self::Repository => "repository",
            Self::PullRequests => "pull_requests",
            Self::Members => "members",
            Self::Issues => "issues",
            Self::Project => "project",
            Self::Webhooks => "webhooks",
            Self::Administration => "administration",
            Self::Pipelines => "pipelines",
        }
    }

    /// The stages of an import that bring nothing home without it, or not all.
    pub const fn stages(self) -> &'static [Stage] {
        match self {
            // Repositories can still be named one by one.
            Self::Workspaces | Self::Repositories => &[],
            Self::Repository => Stage::ALL,
            Self::PullRequests => &[
                Stage::PullRequests,
                Stage::PullRequestComments,
                Stage::PullRequestActivity,
            ],
            Self::Members => &[Stage::Users],
            Self::Issues => &[
                Stage::Issues,
                Stage::IssueComments,
                Stage::IssueChanges,
                Stage::IssueAttachments,
            ],
            Self::Project | Self::Webhooks | Self::Administration | Self::Pipelines => {
                &[Stage::Settings]
            }
        }
    }

    /// Whether an import without it would not be worth its name.
    pub const fn is_essential(self) -> bool {
        matches!(self, Self::Repository | Self::PullRequests)
    }
}

/// What came of trying a capability.
#[derive(Debug)]
pub enum Access {
    /// It is there.
    Allowed,
    /// The credential was made without the scope.
    ScopeMissing(RequestError),
    /// The scope may be there, and whose credential it is may not.
    NotPermitted(RequestError),
    /// The credential is not accepted at all.
    Refused(RequestError),
    /// There is no such thing, or it is hidden from this credential.
    Hidden(RequestError),
    /// The repository has nothing of the kind, so that it cannot be tried there.
    Absent(RequestError),
    /// No answer that would tell.
    Unknown(RequestError),
}

impl Access {
    fn of<T>(result: Result<T, RequestError>) -> (Self, Option<T>) {
        let error = match result {
            Ok(value) => return (Self::Allowed, Some(value)),
            Err(error) => error,
        };
        let access = match error.class() {
            ErrorClass::Unauthorized => Self::Refused(error),
            ErrorClass::Forbidden if lacks_scope(&error.kind) => Self::ScopeMissing(error),
            ErrorClass::Forbidden => Self::NotPermitted(error),
            ErrorClass::NotFound => Self::Hidden(error),
            _ => Self::Unknown(error),
        };
        (access, None)
    }

    /// Of what a repository that is there may have or not.
    fn of_part<T>(result: Result<T, RequestError>) -> Self {
        match result {
            Err(error) if matches!(error.class(), ErrorClass::NotFound | ErrorClass::Gone) => {
                Self::Absent(error)
            }
            result => Self::of(result).0,
        }
    }
}

/// Both the lack of a scope and that of a permission are 403. Where the answer
/// names what is granted, that decides; else its words do.
pub(crate) fn lacks_scope(kind: &RequestErrorKind) -> bool {
    let RequestErrorKind::Status {
        message,
        accepted_scopes,
        granted_scopes,
        ..
    } = kind
    else {
        return false;
    };
    match (accepted_scopes, granted_scopes) {
        (Some(accepted), Some(granted)) => !words(accepted).all(|scope| {
            // Writing implies reading, and so do pull requests and projects for
            // their repositories; administration implies nothing.
            words(granted).any(|one| {
                let base = one.split(':').next().unwrap_or(one);
                let is_admin = one.ends_with(":admin");
                one == scope
                    || !is_admin && base == scope
                    || !is_admin
                        && scope == "repository"
                        && matches!(base, "pullrequest" | "project")
            })
        }),
        _ => message.contains("scope"),
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ']).filter(|word| !word.is_empty())
}

/// What a credential was found to be good for.
#[derive(Debug)]
pub struct Capabilities {
    /// Whose it is. Tokens of a repository, project or workspace belong to no
    /// account, and Bitbucket refuses to name one.
    pub account: Result<Account, RequestError>,
    /// The workspaces of that account, as many as fit on a page.
    pub workspaces: Vec<WorkspaceSlug>,
    /// What the others were tried on, if there was anything.
    pub tried_on: Option<Source>,
    /// What was tried, in order.
    pub tried: Vec<(Capability, Access)>,
}

impl Capabilities {
    /// Tries what an import needs: on `source`, or on the first repository of the
    /// first workspace that the credential shows. Takes ten requests at most.
    pub async fn find(client: &Client, source: Option<&Source>) -> Self {
        let mut found = Self {
            account: client.user().await.map(|answer| answer.item.value),
            workspaces: Vec::new(),
            tried_on: None,
            tried: Vec::new(),
        };
        if matches!(&found.account, Err(error) if tells_nothing(error)) {
            return found;
        }
        // 401 and 404 mean no account, no credential or no API: the next answers tell.
        let refusals = [ErrorClass::Unauthorized, ErrorClass::NotFound];
        let has_account =
            !matches!(&found.account, Err(error) if refusals.contains(&error.class()));
        if has_account {
            found.try_workspaces(client).await;
        }
        let first = || found.workspaces.first().cloned().map(Source::Workspace);
        match source.cloned().or_else(first) {
            Some(Source::Workspace(workspace)) => found.try_workspace(client, workspace).await,
            Some(Source::Repository(name)) => found.try_repository(client, name).await,
            None => {}
        }
        found
    }

    /// Whether a capability was tried and found.
    pub fn allows(&self, capability: Capability) -> bool {
        self.tried
            .iter()
            .any(|(tried, access)| *tried == capability && matches!(access, Access::Allowed))
    }

    fn note<T>(&mut self, capability: Capability, result: Result<T, RequestError>) -> Option<T> {
        let (access, value) = Access::of(result);
        self.tried.push((capability, access));
        value
    }

    async fn try_workspaces(&mut self, client: &Client) {
        let page = first_page::<WorkspaceAccess>(client, client.user_workspaces()).await;
        let workspaces = self.note(Capability::Workspaces, page);
        let workspaces = workspaces.into_iter().flatten();
        self.workspaces = workspaces.map(|access| access.workspace.slug).collect();
    }

    async fn try_workspace(&mut self, client: &Client, workspace: WorkspaceSlug) {
        let page = first_page::<Repository>(client, client.repositories(&workspace)).await;
        let repositories = self
            .note(Capability::Repositories, page)
            .unwrap_or_default();
        let first = repositories
            .into_iter()
            .find_map(|one| Some((one.slug.clone()?, one)));
        match first {
            Some((slug, repository)) => {
                let name = RepositoryName { workspace, slug };
                self.try_parts(client, name, &repository).await;
            }
            None => self.tried_on = Some(Source::Workspace(workspace)),
        }
    }

    async fn try_repository(&mut self, client: &Client, name: RepositoryName) {
        let repository = client.repository(&name).await;
        match self.note(Capability::Repository, repository) {
            Some(answer) => self.try_parts(client, name, &answer.item.value).await,
            None => self.tried_on = Some(Source::Repository(name)),
        }
    }

    /// Tries what belongs to a repository.
    async fn try_parts(&mut self, client: &Client, name: RepositoryName, repository: &Repository) {
        let (endpoint, first) = client.pull_requests(&name);
        let size = client.size(endpoint, &first).await;
        self.note(Capability::PullRequests, size);
        let answers = matches!(
            self.tried.last(),
            Some((
                _,
                Access::Allowed | Access::ScopeMissing(_) | Access::NotPermitted(_)
            ))
        );
        let page = first_page::<Membership>(client, client.members(&name.workspace)).await;
        self.note(Capability::Members, page);
        // Where pull requests are hidden or refused, so is the rest.
        if answers {
            self.try_list(client, Capability::Issues, client.issues(&name))
                .await;
            self.try_settings(client, &name, repository).await;
        }
        self.tried_on = Some(Source::Repository(name));
    }

    /// Tries one document for each scope that settings take.
    async fn try_settings(
        &mut self,
        client: &Client,
        name: &RepositoryName,
        repository: &Repository,
    ) {
        if let Some(key) = project_key(repository) {
            let project = client.project(&name.workspace, &key).await;
            let access = Access::of_part(project);
            self.tried.push((Capability::Project, access));
        }
        // An import without a credential leaves these out, too.
        if client.credential().is_anonymous() {
            return;
        }
        for (capability, list) in [
            (Capability::Webhooks, client.hooks(name)),
            (Capability::Administration, client.branch_restrictions(name)),
            (Capability::Pipelines, client.pipelines_variables(name)),
        ] {
            self.try_list(client, capability, list).await;
        }
    }

    async fn try_list(
        &mut self,
        client: &Client,
        capability: Capability,
        (endpoint, first): (Endpoint, PageUrl),
    ) {
        let size = client.size(endpoint, &first).await;
        self.tried.push((capability, Access::of_part(size)));
    }
}

async fn first_page<T: DeserializeOwned>(
    client: &Client,
    (endpoint, first): (Endpoint, PageUrl),
) -> Result<Vec<T>, RequestError> {
    let page = client.page::<T>(endpoint, &first).await?;
    Ok(page.items.into_iter().map(|item| item.value).collect())
}

/// Whether nothing more can be found out now.
fn tells_nothing(error: &RequestError) -> bool {
    matches!(
        error.class(),
        ErrorClass::Transient | ErrorClass::RateLimited | ErrorClass::Permanent
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_scope_is_told_from_a_missing_permission() {
        for (message, accepted, granted, lacks) in [
            ("", Some("pullrequest"), Some("repository"), true),
            ("", Some("repository"), Some("pullrequest, account"), false),
            ("", Some("account"), Some("account:write"), false),
            ("", Some("repository"), Some("repository:admin"), true),
            (
                "",
                Some("repository, repository:admin"),
                Some("repository:admin"),
                true,
            ),
            (
                "Your credentials lack one or more required privilege scopes.",
                None,
                None,
                true,
            ),
            ("Forbidden", Some("repository"), None, false),
        ] {
            let kind = RequestErrorKind::Status {
                status: 403,
                message: message.to_owned(),
                accepted_scopes: accepted.map(str::to_owned),
                granted_scopes: granted.map(str::to_owned),
            };
            assert_eq!(lacks_scope(&kind), lacks, "{accepted:?} {granted:?}");
        }
    }
}
