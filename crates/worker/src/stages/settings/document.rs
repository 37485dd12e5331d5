//! The documents that the settings of a repository are kept in.

use bucketload_bitbucket::Endpoint;

/// A document: one setting, or one list of them. The numbers stand in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Document {
    /// The project that the repository is in.
    Project = 1,
    /// Who is asked to review every pull request, also by the project.
    DefaultReviewers = 2,
    /// The branching model in force.
    BranchingModel = 3,
    /// The repositories that were forked from this one.
    Forks = 4,
    /// Who watches.
    Watchers = 5,
    /// Who is told of events, and where.
    Webhooks = 6,
    /// The switch of pipelines.
    Pipelines = 7,
    /// Who may do what with which branches.
    BranchRestrictions = 8,
    /// The branching model as it was configured.
    BranchingModelSettings = 9,
    /// Public keys that may read.
    DeployKeys = 10,
    /// What users may do.
    UserPermissions = 11,
    /// What groups may do.
    GroupPermissions = 12,
    /// Names of the variables of all pipelines.
    PipelineVariables = 13,
    /// When pipelines run by themselves.
    PipelineSchedules = 14,
    /// Hosts that pipelines trust.
    PipelineKnownHosts = 15,
    /// Where deployments go.
    Environments = 16,
    /// Names of the variables of each environment.
    EnvironmentVariables = 17,
}

/// What everybody sees who sees the repository, and webhooks.
pub(super) const READERS: &[Document] = &[
    Document::Project,
    Document::DefaultReviewers,
    Document::BranchingModel,
    Document::Forks,
    Document::Watchers,
    Document::Webhooks,
];

/// What administrators see. The switch of pipelines comes first, since it can spare the
/// others; environments come before their variables.
pub(super) const ADMINISTRATORS: &[Document] = &[
    Document::Pipelines,
    Document::BranchRestrictions,
    Document::BranchingModelSettings,
    Document::DeployKeys,
    Document::UserPermissions,
    Document::GroupPermissions,
    Document::PipelineVariables,
    Document::PipelineSchedules,
    Document::PipelineKnownHosts,
    Document::Environments,
    Document::EnvironmentVariables,
];

/// The scope of administrators, which no other one implies.
const ADMINISTRATION: &str = "repository:admin";

impl Document {
    /// All of them.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        READERS.iter().chain(ADMINISTRATORS).copied()
    }

    /// Its number in the database.
    pub(crate) const fn number(self) -> i64 {
        self as i64
    }

    /// Its name in the export, without `.json`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::DefaultReviewers => "default_reviewers",
            Self::BranchingModel => "branching_model",
            Self::Forks => "forks",
            Self::Watchers => "watchers",
            Self::Webhooks => "webhooks",
            Self::Pipelines => "pipelines",
            Self::BranchRestrictions => "branch_restrictions",
            Self::BranchingModelSettings => "branching_model_settings",
            Self::DeployKeys => "deploy_keys",
            Self::UserPermissions => "user_permissions",
            Self::GroupPermissions => "group_permissions",
            Self::PipelineVariables => "pipeline_variables",
            Self::PipelineSchedules => "pipeline_schedules",
            Self::PipelineKnownHosts => "pipeline_known_hosts",
            Self::Environments => "environments",
            Self::EnvironmentVariables => "environment_variables",
        }
    }

    /// Where it is asked for.
    pub(super) const fn endpoint(self) -> Endpoint {
        match self {
            Self::Project => Endpoint::Project,
            Self::DefaultReviewers => Endpoint::EffectiveDefaultReviewers,
            Self::BranchingModel => Endpoint::BranchingModel,
            Self::Forks => Endpoint::Forks,
            Self::Watchers => Endpoint::Watchers,
            Self::Webhooks => Endpoint::Hooks,
            Self::Pipelines => Endpoint::PipelinesConfig,
            Self::BranchRestrictions => Endpoint::BranchRestrictions,
            Self::BranchingModelSettings => Endpoint::BranchingModelSettings,
            Self::DeployKeys => Endpoint::DeployKeys,
            Self::UserPermissions => Endpoint::UserPermissions,
            Self::GroupPermissions => Endpoint::GroupPermissions,
            Self::PipelineVariables => Endpoint::PipelinesVariables,
            Self::PipelineSchedules => Endpoint::PipelinesSchedules,
            Self::PipelineKnownHosts => Endpoint::PipelinesKnownHosts,
            Self::Environments => Endpoint::Environments,
            Self::EnvironmentVariables => Endpoint::EnvironmentVariables,
        }
    }

    /// The most particular scope that it takes, with OAuth and with an API token.
    /// Documents of the same are refused together.
    pub(super) fn scope(self) -> (&'static str, &'static str) {
        let endpoint = self.endpoint();
        let scope = endpoint.oauth_scopes().last().copied();
        (scope.unwrap_or_default(), endpoint.api_token_scope())
    }

    /// Whether only administrators of the repository may read it, whatever their scopes.
    pub(super) fn is_for_administrators(self) -> bool {
        self.scope().0 == ADMINISTRATION
    }

    /// Whether it may be asked for without a credential.
    pub(super) fn is_public(self) -> bool {
        READERS.contains(&self) && self != Self::Webhooks
    }

    /// Whether there is none where pipelines were never set up.
    pub(super) const fn is_of_pipelines(self) -> bool {
        self.number() >= Self::PipelineVariables.number()
    }

    /// The field of its objects that is never kept, should it ever come.
    pub(super) const fn secret(self) -> Option<&'static str> {
        match self {
            Self::Webhooks => Some("secret"),
            Self::PipelineVariables | Self::EnvironmentVariables => Some("value"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn numbers_and_names_are_told_apart() {
        let numbers: BTreeSet<i64> = Document::all().map(Document::number).collect();
        let names: BTreeSet<&str> = Document::all().map(Document::name).collect();
        assert_eq!(numbers, (1..=17).collect());
        assert_eq!(names.len(), 17);
    }

    #[test]
    fn what_administrators_see_is_known() {
        let seen: Vec<&str> = Document::all()
            .filter(|document| document.is_for_administrators())
            .map(Document::name)
            .collect();
        assert_eq!(
            seen,
            [
                "pipelines",
                "branch_restrictions",
                "branching_model_settings",
                "deploy_keys",
                "user_permissions",
                "group_permissions"
            ]
        );
        assert!(Document::all().all(|one| !one.is_public() || !one.is_for_administrators()));
    }
}
