//! `bucketload serve`.

use std::net::SocketAddr;
use std::sync::Arc;

use bucketload_archive::Archive;
use bucketload_model::{Clock, SystemClock};
use bucketload_server::{
    BitbucketOptions, ConsumerOptions, Server, ServerOptions, first_administrator_code,
};
use secrecy::ExposeSecret as _;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Session, credentials};
use crate::arguments::ServeOptions;
use crate::messages::{Exit, Problem};
use crate::{interrupt, output};

pub(crate) async fn run(session: &Session, options: &ServeOptions) -> Result<Exit, Problem> {
    let stop = CancellationToken::new();
    let _watch = interrupt::watch(stop.clone(), session.bars.clone());
    let dashboard = Dashboard::open(session, options.listen).await?;
    dashboard.announce(session).await?;
    dashboard.run(stop).await?;
    Ok(Exit::Complete)
}

/// A server, and the archive that it shows.
pub(super) struct Dashboard {
    server: Server,
    archive: Archive,
    clock: Arc<dyn Clock>,
}

impl Dashboard {
    pub(super) async fn open(session: &Session, listen: SocketAddr) -> Result<Self, Problem> {
        let config = &session.config;
        config.data_dir.create()?;
        let archive = Archive::open(&config.data_dir).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let server = Server::bind(ServerOptions {
            listen,
            public_url: config.public_url.clone(),
            archive: archive.clone(),
            data_dir: config.data_dir.clone(),
            sealer: credentials::sealer(config)?,
            bitbucket: BitbucketOptions {
                web_url: config.web_url.clone(),
                api_url: config.api_url.clone(),
                allow_insecure: config.allow_insecure,
                consumer: config.consumer.as_ref().map(|consumer| ConsumerOptions {
                    client_id: consumer.client_id.clone(),
                    client_secret: consumer.client_secret.clone(),
                }),
            },
            clock: Arc::clone(&clock),
        });
        Ok(Self {
            server: server.await?,
            archive,
            clock,
        })
    }

    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    pub(super) fn archive(&self) -> &Archive {
        &self.archive
    }

    /// Says where it is, and how its first administrator comes in.
    pub(super) async fn announce(&self, session: &Session) -> Result<(), Problem> {
        let url = self.server.public_url();
        if session.json {
            output::json(&json!({
                "url": url,
                "callback": self.server.callback(),
                "signs_in_with_bitbucket": session.config.consumer.is_some(),
            }));
        } else {
            output::line(&format!("The dashboard answers at {url}"));
            output::line("It shows imports and starts none; background workers are still to come.");
        }
        let address = self.server.address();
        if !address.ip().is_loopback() && url.scheme() == "http" {
            output::note(&format!(
                "warning: {address} can be reached from other machines, and everything is sent in \
                 clear. Put a proxy with TLS before it and set BUCKETLOAD_PUBLIC_URL to its address."
            ));
        }
        let code = first_administrator_code(&self.archive, self.clock.as_ref()).await?;
        if let Some(code) = code {
            output::note(&format!(
                "Nobody looks after it yet. Open {url}setup within 30 minutes and enter this \
                 one-time code:\n\n    {}\n",
                code.code.expose_secret()
            ));
        }
        Ok(())
    }

    /// Serves until `stop`.
    pub(super) async fn run(self, stop: CancellationToken) -> Result<(), Problem> {
        let result = self.server.run(stop).await;
        self.archive.close().await;
        Ok(result?)
    }
}
