//! The configuration of pipelines and deployments.

use bucketload_model::{EnvironmentUuid, RepositoryName};

use crate::error::RequestError;
use crate::{Answer, Client, Endpoint, PageUrl, PipelinesConfig};

use super::without;

/// What is not fetched cannot get out: an archive keeps the names of variables.
const SECRET: &str = "value";

impl Client {
    /// Whether pipelines are on.
    ///
    /// # Errors
    ///
    /// When the request fails for good.
    pub async fn pipelines_config(
        &self,
        name: &RepositoryName,
    ) -> Result<Answer<PipelinesConfig>, RequestError> {
        let url = self.below(name, &["pipelines_config"]);
        self.get_object(Endpoint::PipelinesConfig, &url).await
    }

    /// The [`Variable`](crate::Variable)s of all pipelines, without their values.
    pub fn pipelines_variables(&self, name: &RepositoryName) -> (Endpoint, PageUrl) {
        let list = self.list_below(
            Endpoint::PipelinesVariables,
            name,
            &["pipelines_config", "variables"],
        );
        without(list, SECRET)
    }

    /// When pipelines run by themselves, as [`Schedule`](crate::Schedule).
    pub fn pipelines_schedules(&self, name: &RepositoryName) -> (Endpoint, PageUrl) {
        self.list_below(
            Endpoint::PipelinesSchedules,
            name,
            &["pipelines_config", "schedules"],
        )
    }

    /// The hosts that pipelines trust over SSH, as [`KnownHost`](crate::KnownHost).
    pub fn pipelines_known_hosts(&self, name: &RepositoryName) -> (Endpoint, PageUrl) {
        self.list_below(
            Endpoint::PipelinesKnownHosts,
            name,
            &["pipelines_config", "ssh", "known_hosts"],
        )
    }

    /// Where deployments go, as [`Environment`](crate::Environment).
    pub fn environments(&self, name: &RepositoryName) -> (Endpoint, PageUrl) {
        self.list_below(Endpoint::Environments, name, &["environments"])
    }

    /// The [`Variable`](crate::Variable)s of one environment, without their values.
    pub fn environment_variables(
        &self,
        name: &RepositoryName,
        environment: &EnvironmentUuid,
    ) -> (Endpoint, PageUrl) {
        let list = self.list_below(
            Endpoint::EnvironmentVariables,
            name,
            &[
                "deployments_config",
                "environments",
                environment.as_str(),
                "variables",
            ],
        );
        without(list, SECRET)
    }
}
