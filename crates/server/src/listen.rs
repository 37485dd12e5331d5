//! Listening and answering, whatever is served.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::server::ServerError;

/// How long answers under way are waited for at the end.
const GRACE: Duration = Duration::from_secs(10);

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

    /// Answers until `stop`; then answers under way are finished, for a while.
    pub(crate) async fn serve(
        self,
        router: Router,
        stop: CancellationToken,
    ) -> Result<(), ServerError> {
        // Small answers go out at once: Nagle's algorithm would cost 40 ms each.
        let listener = self.listener.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "cannot set TCP_NODELAY");
            }
        });
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let ended = stop.clone();
        let serving = axum::serve(listener, service)
            .with_graceful_shutdown(async move { ended.cancelled().await });
        let late = async {
            stop.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            result = serving => result.map_err(ServerError::Serve),
            () = late => {
                tracing::debug!("a client did not read to the end");
                Ok(())
            }
        }
    }
}
