//! Configuration of pipelines and deployments.

use bucketload_model::EnvironmentUuid;
use serde::Deserialize;

use crate::lenient::scalar;

/// The switch of pipelines.
#[derive(Debug, Clone, Deserialize)]
pub struct PipelinesConfig {
    /// Whether they run.
    #[serde(default, deserialize_with = "scalar")]
    pub enabled: Option<bool>,
}

/// A variable of pipelines or of an environment. Its value is not asked for.
#[derive(Debug, Clone, Deserialize)]
pub struct Variable {
    /// Its id, in braces.
    pub uuid: String,
    /// Its name.
    #[serde(default, deserialize_with = "scalar")]
    pub key: Option<String>,
    /// Whether Bitbucket would show its value to nobody.
    #[serde(default, deserialize_with = "scalar")]
    pub secured: Option<bool>,
}

/// A time at which pipelines run by themselves.
#[derive(Debug, Clone, Deserialize)]
pub struct Schedule {
    /// Its id, in braces.
    pub uuid: String,
    /// Whether it is in force.
    #[serde(default, deserialize_with = "scalar")]
    pub enabled: Option<bool>,
    /// When, in the seven fields of Bitbucket's cron.
    #[serde(default, deserialize_with = "scalar")]
    pub cron_pattern: Option<String>,
}

/// A host that pipelines trust over SSH.
#[derive(Debug, Clone, Deserialize)]
pub struct KnownHost {
    /// Its id, in braces.
    pub uuid: String,
    /// Its name.
    #[serde(default, deserialize_with = "scalar")]
    pub hostname: Option<String>,
}

/// Where deployments go.
#[derive(Debug, Clone, Deserialize)]
pub struct Environment {
    /// Its id.
    pub uuid: EnvironmentUuid,
    /// Its name.
    #[serde(default, deserialize_with = "scalar")]
    pub name: Option<String>,
}
