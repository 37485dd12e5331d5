//! Credentials that are kept, and grants that renew themselves.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod kept;
mod processes;
mod renewal;
mod rotation;

use std::sync::Arc;

use bucketload_archive::{Archive, CredentialSecret, CredentialStore, DataDir, NewCredential};
use bucketload_auth::oauth::{Callback, Consumer, OAuthClient, TokenSet};
use bucketload_auth::{CredentialSource, Sealer, SecretKey};
use bucketload_model::{Clock, CredentialId, ManualClock, SystemClock};
use bucketload_simulator::{
    Control, OAuthConsumer, OAuthOptions, SeedOptions, Simulator, SimulatorOptions, World,
};
use tempfile::TempDir;

pub(crate) const TOKEN_PAGE: &str = "/site/oauth2/access_token*";

/// An archive with a key, a clock that is moved by hand, and a simulator.
pub(crate) struct Fixture {
    _folder: TempDir,
    pub(crate) data_dir: DataDir,
    pub(crate) archive: Archive,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: CredentialStore,
    pub(crate) simulator: Simulator,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(folder.path().join("data"));
        data_dir.create().unwrap();
        let archive = Archive::open(&data_dir).await.unwrap();
        let clock = Arc::new(ManualClock::new(SystemClock.now()));
        let key = data_dir.secret_key_or_new().unwrap();
        let store = CredentialStore::new(archive.clone(), Sealer::new(key), clock.clone());
        let world = SeedOptions {
            repositories: 1,
            pull_requests: 1,
            git_commits: 1,
            ..SeedOptions::default()
        };
        let options = SimulatorOptions {
            oauth: OAuthOptions::approved_by("ada"),
            ..SimulatorOptions::default()
        };
        let simulator = Simulator::start(options, World::seeded(world).unwrap());
        Self {
            _folder: folder,
            data_dir,
            archive,
            clock,
            store,
            simulator: simulator.await.unwrap(),
        }
    }

    pub(crate) fn control(&self) -> Control {
        self.simulator.control()
    }

    pub(crate) fn client(&self) -> OAuthClient {
        oauth_client(&self.simulator.web_url(), self.clock.clone())
    }

    /// A way into the same archive of its own, as another process has it.
    pub(crate) async fn beside(&self) -> CredentialStore {
        let archive = Archive::open(&self.data_dir).await.unwrap();
        let key = self.data_dir.secret_key().unwrap().unwrap();
        CredentialStore::new(archive, Sealer::new(key), self.clock.clone())
    }

    pub(crate) async fn sign_in(&self) -> TokenSet {
        let client = self.client();
        let pending = client.consumer().authorize();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let url = pending.url(client.consumer());
        let answer = http.build().unwrap().get(url).send().await.unwrap();
        let back = answer.headers()["location"].to_str().unwrap();
        let (_, query) = back.split_once('?').unwrap();
        let code = pending.accept(&Callback::parse(query).unwrap()).unwrap();
        client.exchange(&pending, code).await.unwrap()
    }

    /// A grant that was just given.
    pub(crate) async fn grant(&self) -> CredentialId {
        let tokens = self.sign_in().await;
        let secret = CredentialSecret::Grant {
            consumer: OAuthConsumer::DEFAULT_ID.to_owned(),
            tokens,
        };
        let id = self.store.add(&new("bitbucket", secret)).await.unwrap();
        self.control().reset_log();
        id
    }

    pub(crate) async fn source(&self, id: CredentialId) -> CredentialSource {
        self.store.source(id, Some(&self.client())).await.unwrap()
    }

    /// How often a grant was renewed, by another way into the database.
    pub(crate) async fn renewals(&self, id: CredentialId) -> u64 {
        let archive = Archive::open(&self.data_dir).await.unwrap();
        let record = archive.credential(id).await.unwrap().unwrap();
        record.revision - 1
    }

    pub(crate) fn refreshes(&self) -> u64 {
        self.control().token_requests("refresh_token")
    }
}

pub(crate) fn oauth_client(web_url: &str, clock: Arc<dyn Clock>) -> OAuthClient {
    let consumer = Consumer::new(
        &web_url.parse().unwrap(),
        OAuthConsumer::DEFAULT_ID,
        OAuthConsumer::DEFAULT_SECRET.to_owned().into(),
        OAuthConsumer::DEFAULT_CALLBACK.parse().unwrap(),
    );
    OAuthClient::new(consumer.unwrap(), clock).unwrap()
}

pub(crate) fn new(label: &str, secret: CredentialSecret) -> NewCredential {
    NewCredential {
        secret,
        label: label.to_owned(),
        account_uuid: None,
        account_name: Some("Ada".to_owned()),
        workspace: None,
        scopes: vec!["repository".to_owned()],
        expires_at: None,
        owner: None,
    }
}

pub(crate) fn other_key() -> Sealer {
    Sealer::new(SecretKey::generate().unwrap())
}
