//! `bucketload serve`.

use std::net::SocketAddr;
use std::sync::Arc;

use bucketload_archive::{Archive, DataDirLock};
use bucketload_bitbucket::{Client, ClientOptions, WaitPolicy};
use bucketload_model::{Clock, SystemClock};
use bucketload_server::{
    BitbucketOptions, ConsumerOptions, Metrics, OneTimeCode, Patience, Server, ServerOptions,
    SettingLine, SettingPlace, UploadLimits, administrator_code, first_administrator_code,
};
use secrecy::ExposeSecret as _;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::background::{self, Background};
use super::import::client_options;
use super::{Session, beside, credentials};
use crate::arguments::{PlaceOptions, ServeOptions};
use crate::messages::{self, Exit, Problem};
use crate::{interrupt, output};

pub(crate) async fn run(session: &Session, options: &ServeOptions) -> Result<Exit, Problem> {
    let stop = CancellationToken::new();
    let says = if options.no_worker {
        messages::STOPPING
    } else {
        messages::STOPPING_WORK
    };
    let _watch = interrupt::watch(stop.clone(), session.bars.clone(), says);
    let places = (!options.no_worker).then_some(options.places);
    let dashboard = Dashboard::open(session, options.listen, places, stop).await?;
    dashboard.announce(session).await?;
    dashboard.run().await?;
    Ok(Exit::Complete)
}

/// The page for a code, with the code behind it where the script of the page finds it and
/// no server, proxy or log does: browsers do not send fragments.
fn code_link(url: &Url, code: &OneTimeCode) -> String {
    let page = code.user.as_ref().map_or("setup", |_| "sign-in");
    format!("{url}{page}#{}", code.code.expose_secret())
}

/// The limits that are set, with those of the command in their place.
fn shown(session: &Session, places: Option<PlaceOptions>) -> Vec<SettingLine> {
    let mut lines = session.config.shown.clone();
    let concurrency = places.and_then(|places| places.concurrency);
    let line = lines
        .iter_mut()
        .find(|line| line.key == "worker_concurrency");
    if let (Some(line), Some(concurrency)) = (line, concurrency) {
        line.value = Some(concurrency.to_string());
        line.place = SettingPlace::Command;
    }
    lines
}

/// What asks Bitbucket for people who wait for a page: from the same account as imports, with the
/// part that is kept back for people.
fn asking(session: &Session, archive: &Archive, metrics: &Arc<Metrics>) -> Result<Client, Problem> {
    let options = ClientOptions {
        ledger: Arc::new(archive.clone()),
        is_interactive: true,
        ..client_options(session, Arc::clone(metrics) as _, WaitPolicy::GiveUp)
    };
    Ok(Client::new(options, session.config.credential.clone())?)
}

/// A server, the archive that it shows, and who runs the imports of its queue.
pub(super) struct Dashboard {
    server: Server,
    background: Option<Background>,
    archive: Archive,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
    _share: DataDirLock,
}

impl Dashboard {
    /// Gets everything ready. Without `places` no imports are run here. `stop` ends it all.
    pub(super) async fn open(
        session: &Session,
        listen: SocketAddr,
        places: Option<PlaceOptions>,
        stop: CancellationToken,
    ) -> Result<Self, Problem> {
        let config = &session.config;
        config.data_dir.create()?;
        let archive = Archive::open(&config.data_dir).await?;
        // Who serves writes, too: sessions, and credentials under the key that is in memory.
        let share = config.data_dir.share()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let metrics = background::metrics(session);
        let server = Server::bind(ServerOptions {
            listen,
            public_url: config.public_url.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
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
            client: asking(session, &archive, &metrics)?,
            settings: shown(session, places),
            uploads: UploadLimits {
                file_bytes: config.max_upload_bytes,
                blob_bytes: config.max_blob_bytes,
            },
            patience: Patience::default(),
            metrics: Arc::clone(&metrics),
            stopping: stop.clone(),
            clock: Arc::clone(&clock),
        });
        let server = server.await?;
        let background = match places {
            Some(places) => {
                let (archive, stop) = (archive.clone(), stop.clone());
                Some(Background::open(session, archive, places, metrics, stop).await?)
            }
            None => None,
        };
        Ok(Self {
            server,
            background,
            archive,
            clock,
            stop,
            _share: share,
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
                "concurrency": self.concurrency(),
            }));
        } else {
            output::line(&format!("The dashboard answers at {url}"));
            output::line(&match self.concurrency() {
                0 => "It shows imports and runs none: “bucketload worker” does.".to_owned(),
                places => format!(
                    "The imports of the queue run here, {} at once.",
                    output::grouped(places as u64)
                ),
            });
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
                "Nobody looks after it yet. Open {} within 30 minutes, or {url}setup and enter \
                 this one-time code:\n\n    {}\n",
                code_link(url, &code),
                code.code.expose_secret()
            ));
        }
        Ok(())
    }

    /// The address that signs its administrator in, once.
    pub(super) async fn administrator_link(&self) -> Result<String, Problem> {
        let code = administrator_code(&self.archive, self.clock.as_ref(), None).await?;
        Ok(code_link(self.server.public_url(), &code))
    }

    fn concurrency(&self) -> usize {
        self.background.as_ref().map_or(0, Background::concurrency)
    }

    /// Serves and runs imports until it is stopped: no longer ready, then the imports come to
    /// an end, then the answers.
    pub(super) async fn run(self) -> Result<(), Problem> {
        let (stop, background) = (self.stop, self.background);
        let works = background.is_some();
        let work = async {
            if let Some(background) = background {
                return background.run().await;
            }
            stop.cancelled().await;
            Ok(())
        };
        let result = beside(&stop, work, |close| self.server.run(close)).await;
        if works {
            background::say_what_is_left(&self.archive).await;
        }
        self.archive.close().await;
        result
    }
}
