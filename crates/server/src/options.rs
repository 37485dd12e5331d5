//! What a server is made of.

use std::net::SocketAddr;
use std::sync::Arc;

use bucketload_archive::{Archive, DataDir};
use bucketload_auth::Sealer;
use bucketload_bitbucket::Client;
use bucketload_model::Clock;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::metrics::Metrics;
use crate::security::patience::Patience;
use crate::security::peer::TrustedProxies;

/// What a server is made of.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The address people use, a path in it being a prefix; the address listened on unless set.
    /// It fixes the callback of the OAuth consumer and decides whether cookies are
    /// `Secure`.
    pub public_url: Option<Url>,
    /// Proxies that say for whom they speak.
    pub trusted_proxies: TrustedProxies,
    /// The database.
    pub archive: Archive,
    /// Where everything is kept.
    pub data_dir: DataDir,
    /// Seals the credentials of people, and what is remembered of those who are at
    /// Bitbucket to sign in.
    pub sealer: Sealer,
    /// The Bitbucket to sign in with.
    pub bitbucket: BitbucketOptions,
    /// Asks Bitbucket for people who wait, with the configured credential: it gives up where it
    /// would have to wait for quota. Its options are those of the clients with other credentials.
    pub client: Client,
    /// Settings of the configuration that administrators may look at.
    pub settings: Vec<SettingLine>,
    /// How large what people upload may be.
    pub uploads: UploadLimits,
    /// How long slow clients are waited for.
    pub patience: Patience,
    /// What the process counts.
    pub metrics: Arc<Metrics>,
    /// Cancelled once the process comes to an end: it is no longer ready then, and still
    /// answers.
    pub stopping: CancellationToken,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// A setting of the configuration, as administrators look at it. None of them is a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingLine {
    /// Its key.
    pub key: &'static str,
    /// Its environment variable.
    pub variable: String,
    /// What it is; absent where it is not set and has no default.
    pub value: Option<String>,
    /// Where that stands.
    pub place: SettingPlace,
    /// What it does.
    pub meaning: &'static str,
}

/// Where a setting was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingPlace {
    /// Nowhere.
    Default,
    /// In the environment.
    Environment,
    /// In the configuration file.
    File,
    /// In the command that started the service.
    Command,
}

/// How large what people upload may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadLimits {
    /// The file that is uploaded.
    pub file_bytes: u64,
    /// A file in it, such as an attachment.
    pub blob_bytes: u64,
}

/// The Bitbucket to sign in with.
#[derive(Debug, Clone)]
pub struct BitbucketOptions {
    /// The root of its pages, such as `https://bitbucket.org`.
    pub web_url: Url,
    /// The root of its REST API.
    pub api_url: Url,
    /// Whether `http` is allowed for hosts other than this machine.
    pub allow_insecure: bool,
    /// The OAuth consumer; without one nobody signs in with Bitbucket.
    pub consumer: Option<ConsumerOptions>,
}

/// What an owner of a workspace registered in Bitbucket.
#[derive(Debug, Clone)]
pub struct ConsumerOptions {
    /// Its key; not a secret.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
}
