//! A simulator whose people agree at once, and a consumer for it.

use std::sync::Arc;

use bucketload_auth::oauth::{Callback, Consumer, OAuthClient, TokenError, TokenSet};
use bucketload_model::SystemClock;
use bucketload_simulator::{
    Control, OAuthConsumer, OAuthOptions, SeedOptions, Simulator, SimulatorOptions, World,
};
use url::Url;

pub(crate) struct Double {
    pub(crate) simulator: Simulator,
    pub(crate) consumer: Consumer,
    http: reqwest::Client,
}

impl Double {
    pub(crate) async fn new() -> Self {
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
        let simulator = simulator.await.unwrap();
        let consumer = Consumer::new(
            &simulator.web_url().parse().unwrap(),
            OAuthConsumer::DEFAULT_ID,
            OAuthConsumer::DEFAULT_SECRET.to_owned().into(),
            OAuthConsumer::DEFAULT_CALLBACK.parse().unwrap(),
        );
        // `Client::new` would follow redirects.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        Self {
            simulator,
            consumer: consumer.unwrap(),
            http: http.build().unwrap(),
        }
    }

    pub(crate) fn control(&self) -> Control {
        self.simulator.control()
    }

    pub(crate) fn client(&self) -> OAuthClient {
        client(self.consumer.clone())
    }

    /// Where the person's browser is sent back to.
    pub(crate) async fn browse(&self, url: Url) -> Url {
        let answer = self.http.get(url).send().await.unwrap();
        let location = answer.headers()["location"].to_str().unwrap();
        location.parse().unwrap()
    }

    /// A sign-in from its beginning to its tokens.
    pub(crate) async fn sign_in(&self) -> Result<TokenSet, TokenError> {
        let pending = self.consumer.authorize();
        let back = self.browse(pending.url(&self.consumer)).await;
        let callback = Callback::parse(back.query().unwrap()).unwrap();
        let code = pending.accept(&callback).unwrap();
        self.client().exchange(&pending, code).await
    }
}

pub(crate) fn client(consumer: Consumer) -> OAuthClient {
    OAuthClient::new(consumer, Arc::new(SystemClock)).unwrap()
}
