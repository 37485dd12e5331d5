//! Starting and stopping.

use crate::control::Control;
use crate::credentials::Credential;
use crate::error::{Result, SimulatorError};
use crate::oauth::{OAuthConsumer, OAuthOptions};
use crate::rate_limit::RateLimit;
use crate::server::Side;
use crate::state::{State, Steering};
use crate::world::World;
use crate::world::links::Links;
use axum::Router;
use axum::serve::ListenerExt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Where a simulator listens, whom it knows, and how it begins.
#[derive(Debug, Clone)]
pub struct SimulatorOptions {
    /// Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The tokens it knows; [`Credential::defaults`] unless set.
    pub credentials: Vec<Credential>,
    /// The OAuth consumers it knows; [`OAuthConsumer::default`] unless set.
    pub consumers: Vec<OAuthConsumer>,
    /// How long OAuth grants live, and who consents.
    pub oauth: OAuthOptions,
    /// The REST quota; none unless set, and then no answer speaks of quotas.
    pub rate_limit: Option<RateLimit>,
    /// How long every answer waits.
    pub latency: Duration,
}

impl Default for SimulatorOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            credentials: Credential::defaults(),
            consumers: vec![OAuthConsumer::default()],
            oauth: OAuthOptions::default(),
            rate_limit: None,
            latency: Duration::ZERO,
        }
    }
}

/// A running simulator; it ends when this is dropped.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    state: Arc<State>,
    stop: watch::Sender<bool>,
    servers: [JoinHandle<()>; 2],
}

impl Simulator {
    /// Listens, and serves the world from tasks of the current tokio runtime.
    ///
    /// # Errors
    ///
    /// When the address cannot be listened on.
    pub async fn start(options: SimulatorOptions, world: World) -> Result<Self> {
        let listener = listen(options.listen).await?;
        // The file store is another host: here, another port.
        let store = listen(SocketAddr::new(options.listen.ip(), 0)).await?;
        let [address, store_address] = [&listener, &store].map(TcpListener::local_addr);
        let failed = |source| SimulatorError::Listen {
            address: options.listen,
            source,
        };
        let (address, store_address) = (address.map_err(failed)?, store_address.map_err(failed)?);
        let web = format!("http://{address}");
        let mut steering = Steering {
            credentials: options.credentials,
            latency: options.latency,
            ..Steering::default()
        };
        steering.oauth.options = options.oauth;
        steering.oauth.consumers = options.consumers;
        steering.buckets.set(options.rate_limit);
        let links = Links {
            api: format!("{web}/2.0"),
            web,
            storage: format!("http://{store_address}"),
        };
        let state = Arc::new(State::new(links, world, steering));
        let (stop, stopped) = watch::channel(false);
        let servers = [(listener, Side::Bitbucket), (store, Side::Storage)].map(|(at, side)| {
            let router = crate::server::router(Arc::clone(&state), side, stopped.clone());
            tokio::spawn(serve(at, router, stopped.clone()))
        });
        tracing::debug!(%address, "the simulator listens");
        Ok(Self {
            address,
            state,
            stop,
            servers,
        })
    }

    /// The REST root, such as `http://127.0.0.1:8100/2.0`.
    pub fn api_url(&self) -> String {
        self.state.links.api.clone()
    }

    /// The root of git and of pages, such as `http://127.0.0.1:8100`.
    pub fn web_url(&self) -> String {
        self.state.links.web.clone()
    }

    /// The root of the file store, to which files are redirected.
    pub fn storage_url(&self) -> String {
        self.state.links.storage.clone()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Steers it.
    pub fn control(&self) -> Control {
        Control(Arc::clone(&self.state))
    }

    /// Ends it: requests that hang are let go, the port is free afterwards.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        // A client that reads a body and stops reading would otherwise hold us for ever.
        let servers = futures::future::join_all(self.servers);
        if tokio::time::timeout(GRACE, servers).await.is_err() {
            tracing::debug!("a client did not read to the end");
        }
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|source| SimulatorError::Listen { address, source })
}

async fn serve(listener: TcpListener, router: Router, mut stopped: watch::Receiver<bool>) {
    // Small answers go out at once: Nagle's algorithm would cost 40 ms each.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
    });
    let end = async move {
        // An error means that the simulator was dropped.
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    let served = axum::serve(listener, router).with_graceful_shutdown(end);
    if let Err(error) = served.await {
        tracing::error!(%error, "the simulator ended");
    }
}

/// How long [`Simulator::stop`] waits for answers that are on their way.
const GRACE: Duration = Duration::from_secs(2);
