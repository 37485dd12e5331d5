//! Listening and answering, whatever is served.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::middleware::from_fn_with_state;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::security::patience::{self, Patience};
use crate::server::ServerError;

/// How long answers under way are waited for at the end.
const GRACE: Duration = Duration::from_secs(10);

/// Nobody comes in while the process has too many files open: that passes, or it does not.
const PAUSE: Duration = Duration::from_secs(1);
const MOST_FAILURES: u32 = 60;

/// Somebody who listens and answers nobody yet.
#[derive(Debug)]
pub(crate) struct Listening {
    listener: TcpListener,
    pub(crate) address: SocketAddr,
}

impl Listening {
    pub(crate) async fn at(wanted: SocketAddr) -> Result<Self, ServerError> {
        let failed = |source| ServerError::Listen {
            address: wanted,
            source,
        };
        let listener = TcpListener::bind(wanted).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Answers until `stop`; then answers under way are finished, for a while. Clients that
    /// are too slow are let go.
    pub(crate) async fn serve(
        self,
        router: Router,
        patience: Patience,
        stop: CancellationToken,
    ) -> Result<(), ServerError> {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(patience.head);
        let router = router.layer(from_fn_with_state(patience, patience::with_body));
        let connections = GracefulShutdown::new();
        let coming = async {
            loop {
                let (stream, client) = self.accept().await?;
                let router = TowerToHyperService::new(router.clone());
                let service = service_fn(move |mut request: Request<Incoming>| {
                    request.extensions_mut().insert(ConnectInfo(client));
                    router.call(request)
                });
                let connection = http.serve_connection(TokioIo::new(stream), service);
                let connection = connections.watch(connection);
                tokio::spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "a connection broke off");
                    }
                });
            }
        };
        let result = stop.run_until_cancelled(coming).await.unwrap_or(Ok(()));
        drop(self.listener);
        if tokio::time::timeout(GRACE, connections.shutdown())
            .await
            .is_err()
        {
            tracing::debug!("a client did not read to the end");
        }
        result
    }

    /// The next connection.
    async fn accept(&self) -> Result<(TcpStream, SocketAddr), ServerError> {
        let mut failures = 0;
        loop {
            match self.listener.accept().await {
                Ok((stream, client)) => {
                    // Small answers go out at once: Nagle's algorithm would cost 40 ms each.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "cannot set TCP_NODELAY");
                    }
                    return Ok((stream, client));
                }
                Err(error) if is_of_the_client(error.kind()) => {}
                Err(error) if failures < MOST_FAILURES => {
                    tracing::warn!(%error, "nobody can come in");
                    failures += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(ServerError::Serve(error)),
            }
        }
    }
}

/// Whether a connection ended before it had begun.
const fn is_of_the_client(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    )
}
