//! Settings of a repository. Most are for its administrators: others get 403.

use bucketload_model::RepositoryName;

use crate::error::RequestError;
use crate::{Answer, BranchingModel, Client, Endpoint, PageUrl};

use super::without;

impl Client {
    /// The [`Account`](crate::Account)s that the repository itself asks to review
    /// every pull request.
    pub fn default_reviewers(&self, name: &RepositoryName) -> (Endpoint, PageUrl) {
        self.list_below(Endpoint::DefaultReviewers, name, &["default-reviewers"])
    }

    /// Those and the ones inherited from the project, as
    /// [`EffectiveReviewer`](crate::EffectiveReviewer).
    pub fn effective_default_reviewers(&self, name: &RepositoryName) -> (Endpoint, PageUrl) {
        self.list_below(
            Endpoint::EffectiveDefaultReviewers,
            name,
            &["effective-default-reviewers"],
        )
    }

    /// Who may do what with which branches, as
    /// [`BranchRestriction`](crate::BranchRestriction).
    pub fn branch_restrictions(&self, name: &RepositoryName) -> (Endpoint, PageUrl) {
        self.list_below(Endpoint::BranchRestrictions, name, &["branch-restrictions"])
    }

    /// The branching model as it works now, with the branches it stands for.
    ///
    /// # Errors
    ///
    /// When the request fails for good.
    pub async fn branching_model(
        &self,
        name: &RepositoryName,
    ) -> Result<Answer<BranchingModel>, RequestError> {
        let url = self.below(name, &["branching-model"]);
        self.get_object(Endpoint::BranchingModel, &url).await
    }

    /// The branching model as it was configured, disabled parts included.
    ///
    /// # Errors
    ///
    /// When the request fails for good.
    pub async fn branching_model_settings(
        &self,
        name: &RepositoryName,
    ) -> Result<Answer<BranchingModel>, RequestError> {
        let url = self.below(name, &["branching-model", "settings"]);
        self.get_object(Endpoint::BranchingModelSettings, &url)
            .await
    }

    /// What was explicitly permitted to users, as [`Permission`](crate::Permission).
    pub fn user_permissions(&self, name: &RepositoryName) -> (Endpoint, PageUrl) {
        self.list_below(
            Endpoint::UserPermissions,
            name,
            &["permissions-config", "users"],
        )
    }

    /// What was explicitly permitted to groups, as [`Permission`](crate::Permission).
    pub fn group_permissions(&self, name: &RepositoryName) -> (Endpoint, PageUrl) {
        self.list_below(
            Endpoint::GroupPermissions,
            name,
            &["permissions-config", "groups"],
        )
    }

    /// The webhooks, as [`Hook`](crate::Hook). Their secrets are never shown, and not
    /// asked for.
    pub fn hooks(&self, name: &RepositoryName) -> (Endpoint, PageUrl) {
        without(self.list_below(Endpoint::Hooks, name, &["hooks"]), "secret")
    }

    /// The public keys that may read over SSH, as [`DeployKey`](crate::DeployKey).
    pub fn deploy_keys(&self, name: &RepositoryName) -> (Endpoint, PageUrl) {
        self.list_below(Endpoint::DeployKeys, name, &["deploy-keys"])
    }
}
