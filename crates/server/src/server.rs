//! Listening and serving.

use std::net::SocketAddr;
use std::sync::Arc;

use bucketload_archive::CredentialStore;
use bucketload_auth::oauth::{Consumer, ConsumerError, OAuthClient, TokenError, redirect_uri};
use bucketload_model::is_loopback;
use bucketload_worker::queue::{Clients, Queue, QueueError};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::events::{self, Hub};
use crate::health::Health;
use crate::listen::Listening;
use crate::metrics::Figures;
use crate::mount::{Mount, mounted};
use crate::options::ServerOptions;
use crate::routes::router;
use crate::security::cookie::CookieRule;
use crate::security::headers::content_security_policy;
use crate::security::patience::Patience;
use crate::service::{App, Limits, Lists, Service};

/// A server that listens and answers nobody yet.
#[derive(Debug)]
pub struct Server {
    listening: Listening,
    mount: Mount,
    patience: Patience,
    app: App,
}

/// A server that cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Somebody else listens there, or nobody may.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It cannot be what people type.
    #[error(
        "{url} cannot be the address that people use: it must be http or https, a host, and \
         perhaps a path of letters, digits and -._~"
    )]
    PublicUrl {
        /// The address.
        url: Url,
    },
    /// The OAuth consumer cannot be used.
    #[error(transparent)]
    Consumer(#[from] ConsumerError),
    /// TLS cannot be set up.
    #[error("cannot speak to Bitbucket")]
    Http(#[source] TokenError),
    /// The queue's tables cannot be made.
    #[error("imports cannot be asked for")]
    Queue(#[from] QueueError),
    /// The connection broke.
    #[error("the server ended")]
    Serve(#[source] std::io::Error),
}

impl Server {
    /// Listens.
    ///
    /// # Errors
    ///
    /// When the address is taken, or an option makes no sense.
    pub async fn bind(options: ServerOptions) -> Result<Self, ServerError> {
        let listening = Listening::at(options.listen).await?;
        let (public_url, mount) = public_url(options.public_url, listening.address)?;
        let bitbucket = options.bitbucket;
        let consumer = bitbucket.consumer.as_ref().map(|consumer| {
            Consumer::new(
                &bitbucket.web_url,
                &consumer.client_id,
                consumer.client_secret.clone(),
                redirect_uri(&public_url),
            )
        });
        let oauth = match consumer.transpose()? {
            Some(consumer) => Some(
                OAuthClient::new(consumer, Arc::clone(&options.clock))
                    .map_err(ServerError::Http)?,
            ),
            None => None,
        };
        let credentials = CredentialStore::new(
            options.archive.clone(),
            options.sealer,
            Arc::clone(&options.clock),
        );
        let clients = Clients::new(
            options.client.options().clone(),
            credentials.clone(),
            oauth.clone(),
        );
        let queue = Queue::open(options.archive.clone(), Arc::clone(&options.clock)).await?;
        // Later processes have greater ones.
        let era = options.clock.now().timestamp_micros().unsigned_abs();
        let app = Service {
            events: Hub::new(era),
            queue,
            cookie: CookieRule::of(&public_url, mount.clone()),
            content_security_policy: content_security_policy(
                oauth.is_some().then_some(&bitbucket.web_url),
            ),
            credentials,
            clients,
            asking: options.client,
            lists: Lists::default(),
            health: Health {
                archive: options.archive.clone(),
                data_dir: options.data_dir,
                stopping: options.stopping,
            },
            figures: Figures {
                metrics: options.metrics,
                archive: options.archive.clone(),
                clock: Arc::clone(&options.clock),
                // Where people come from elsewhere, a proxy may ask for anybody.
                is_behind_proxy: !public_url.host().is_some_and(|host| is_loopback(&host)),
            },
            archive: options.archive,
            clock: options.clock,
            public_url,
            bitbucket,
            settings: options.settings,
            uploads: options.uploads,
            oauth,
            limits: Limits::new(),
            trusted_proxies: options.trusted_proxies,
        };
        Ok(Self {
            listening,
            mount,
            patience: options.patience,
            app: Arc::new(app),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listening.address
    }

    /// The address that people use.
    pub fn public_url(&self) -> &Url {
        &self.app.public_url
    }

    /// The exact callback to register at the OAuth consumer.
    pub fn callback(&self) -> Url {
        redirect_uri(&self.app.public_url)
    }

    /// Answers until `stop`; then answers under way are finished, for a while.
    ///
    /// # Errors
    ///
    /// When the listener fails.
    pub async fn run(self, stop: CancellationToken) -> Result<(), ServerError> {
        let gone = stop.child_token();
        let watcher = tokio::spawn(events::watch(Arc::clone(&self.app), gone.clone()));
        let router = mounted(self.mount, router(Arc::clone(&self.app)));
        let served = self.listening.serve(router, self.patience, stop).await;
        self.app.clients.settle().await;
        gone.cancel();
        if let Err(error) = watcher.await {
            tracing::error!(%error, "the watcher of imports broke off");
        }
        served
    }
}

/// The address that people use, its path ending with a slash, and the prefix that it has.
fn public_url(given: Option<Url>, address: SocketAddr) -> Result<(Url, Mount), ServerError> {
    let mut url = match given {
        Some(url) => url,
        None => format!("http://{address}")
            .parse()
            .map_err(|_| ServerError::Listen {
                address,
                source: std::io::Error::other("it is no address that people could type"),
            })?,
    };
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    match Mount::of(&url).filter(|_| is_plain) {
        Some(mount) => {
            url.set_path(&mount.base());
            Ok((url, mount))
        }
        None => Err(ServerError::PublicUrl { url }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_address_is_a_host_and_perhaps_a_path() {
        let address = SocketAddr::from(([127, 0, 0, 1], 8080));
        let (default, _) = public_url(None, address).unwrap();
        assert_eq!(default.as_str(), "http://127.0.0.1:8080/");
        for good in ["https://loads.example.org", "http://localhost:80/"] {
            assert!(public_url(Some(good.parse().unwrap()), address).is_ok());
        }
        let (below, mount) =
            public_url(Some("https://a.example/b".parse().unwrap()), address).unwrap();
        assert_eq!(
            (below.as_str(), mount.base().as_str()),
            ("https://a.example/b/", "/b/")
        );
        for bad in [
            "https://example.org/a b",
            "https://example.org/?a=b",
            "https://user@example.org",
            "ftp://example.org",
        ] {
            let error = public_url(Some(bad.parse().unwrap()), address);
            assert!(error.is_err(), "{bad}");
        }
    }
}
