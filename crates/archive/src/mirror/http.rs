//! git's HTTP requests over reqwest, for gix.
//!
//! gix has a reqwest backend of its own, but a read in it cannot be cut
//! short: a silent server would hold a cancelled import until the connection
//! ends. Here the network runs in a task that watches for cancellation and
//! silence, keeps the credential to one origin and keeps the error as it was.

use std::io::{self, BufRead, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gix_transport::client::blocking_io::http::{GetResponse, Http, PostBodyDataKind, PostResponse};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Method, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use url::{Origin, Url};

use super::error::MirrorError;
use super::gate::Turnstile;

/// A server that cannot be reached within this time is tried again later.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Chunks that the network may be ahead of the indexer: enough that neither
/// waits for the other, few enough to stay at some megabytes.
const CHUNKS_AHEAD: usize = 64;

/// One redirect for a rename, one for a better address; more is a loop.
const MAX_REDIRECTS: usize = 4;

/// Speaks HTTP to one server for one update.
pub(super) struct HttpClient {
    /// Taken on drop: it must not wait for a name lookup that hangs.
    runtime: Option<Runtime>,
    client: reqwest::Client,
    exchange: Exchange,
}

/// What each exchange needs, cheap to clone into its task.
#[derive(Clone)]
struct Exchange {
    origin: Origin,
    authorization: Option<HeaderValue>,
    stall: Duration,
    turnstile: Turnstile,
    state: Arc<HttpState>,
}

/// What is known beside the answers themselves.
#[derive(Default)]
pub(super) struct HttpState {
    failure: Mutex<Option<MirrorError>>,
    base: Mutex<Option<String>>,
    /// Bytes of bodies received.
    pub(super) received: AtomicU64,
}

impl HttpState {
    /// The error that ended an exchange, once. gix sees it as a broken stream
    /// only.
    pub(super) fn take_failure(&self) -> Option<MirrorError> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    fn fail(&self, error: MirrorError) {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(error);
    }
}

impl HttpClient {
    pub(super) fn new(
        url: &Url,
        authorization: Option<&SecretString>,
        stall: Duration,
        turnstile: Turnstile,
    ) -> Result<Self, MirrorError> {
        // Once per process; an error only says that it was done before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let authorization = authorization
            .map(|value| {
                let mut value =
                    HeaderValue::from_str(value.expose_secret()).map_err(|_| MirrorError::Url {
                        reason: "its credential holds characters that no header may hold",
                    })?;
                value.set_sensitive(true);
                Ok::<_, MirrorError>(value)
            })
            .transpose()?;
        let network = |source: reqwest::Error| MirrorError::Network {
            source: source.into(),
        };
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            // One big stream: HTTP/2 would only add its windows to TCP's.
            .http1_only()
            .build()
            .map_err(network)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("git-http")
            .enable_all()
            .build()
            .map_err(|source| MirrorError::Network {
                source: source.into(),
            })?;
        Ok(Self {
            runtime: Some(runtime),
            client,
            exchange: Exchange {
                origin: url.origin(),
                authorization,
                stall,
                turnstile,
                state: Arc::default(),
            },
        })
    }

    pub(super) fn state(&self) -> Arc<HttpState> {
        Arc::clone(&self.exchange.state)
    }

    /// Starts a request whose body comes through the sender returned.
    fn start(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
    ) -> (oneshot::Sender<Vec<u8>>, Head, Body) {
        let (body_sender, body) = oneshot::channel();
        let (head_sender, head) = oneshot::channel();
        let (chunk_sender, chunks) = mpsc::channel(CHUNKS_AHEAD);
        let exchange = self.exchange.clone();
        let client = self.client.clone();
        let url = url.to_owned();
        if let Some(runtime) = &self.runtime {
            runtime.spawn(async move {
                // The sender is gone when gix gave up before it had a body.
                let Ok(body) = body.await else { return };
                // Kept here, so that the error is known before the reader wakes.
                let mut head = Some(head_sender);
                let result = exchange
                    .run(
                        &client,
                        method,
                        &url,
                        headers,
                        body,
                        &mut head,
                        &chunk_sender,
                    )
                    .await;
                if let Err(error) = result {
                    exchange.state.fail(error);
                    let _ = chunk_sender.send(Err(Broken)).await;
                }
            });
        }
        let head = Head {
            receiver: Some(head),
            lines: io::Cursor::default(),
        };
        let body = Body {
            chunks,
            current: bytes::Bytes::new(),
            is_broken: false,
        };
        (body_sender, head, body)
    }
}

impl Drop for HttpClient {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The stream ended in an error, which [`HttpState`] holds.
struct Broken;

impl Exchange {
    #[expect(clippy::too_many_arguments, reason = "one call, in the task above")]
    async fn run(
        &self,
        client: &reqwest::Client,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: Vec<u8>,
        head: &mut Option<oneshot::Sender<String>>,
        chunks: &mpsc::Sender<Result<bytes::Bytes, Broken>>,
    ) -> Result<(), MirrorError> {
        let mut response = self.send(client, &method, url, &headers, body).await?;
        let content_type = response.headers().get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        if let Some(head) = head.take() {
            let _ = head.send(format!(
                "Content-Type: {}\n",
                content_type.unwrap_or_default()
            ));
        }
        while let Some(chunk) = self.patiently(response.chunk()).await? {
            let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            self.state.received.fetch_add(length, Ordering::Relaxed);
            if chunks.send(Ok(chunk)).await.is_err() {
                // The reader is gone: it failed and knows why.
                break;
            }
        }
        Ok(())
    }

    /// Sends the request, and again where a redirect of the same origin leads.
    async fn send(
        &self,
        client: &reqwest::Client,
        method: &Method,
        url: &str,
        headers: &HeaderMap,
        body: Vec<u8>,
    ) -> Result<Response, MirrorError> {
        let not_a_url = |_| MirrorError::Url {
            reason: "it is not a valid URL",
        };
        let mut url = Url::parse(url).map_err(not_a_url)?;
        for hop in 0..=MAX_REDIRECTS {
            let mut request = client
                .request(method.clone(), url.clone())
                .headers(headers.clone())
                .body(body.clone());
            // No request leaves this origin; this holds even if one did.
            if let (Some(value), true) = (&self.authorization, url.origin() == self.origin) {
                request = request.header(AUTHORIZATION, value.clone());
            }
            let leave = self.turnstile.leave().await?;
            let response = self.patiently(request.send()).await?;
            let status = response.status();
            if status == StatusCode::TOO_MANY_REQUESTS {
                let retry_after = retry_after(&response);
                self.turnstile.refused(leave, retry_after).await?;
                return Err(MirrorError::RateLimited { retry_after });
            }
            self.turnstile.answered(leave).await?;
            if status.is_success() {
                if hop > 0 {
                    self.remember_base(&url);
                }
                return Ok(response);
            }
            if !status.is_redirection() {
                return Err(MirrorError::from_status(status.as_u16()));
            }
            url = self.redirected(method, &url, &response)?;
        }
        Err(MirrorError::Redirected {
            to: url.origin().ascii_serialization(),
        })
    }

    fn redirected(
        &self,
        method: &Method,
        url: &Url,
        response: &Response,
    ) -> Result<Url, MirrorError> {
        let target = response
            .headers()
            .get(LOCATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| url.join(value).ok())
            .ok_or(MirrorError::Status {
                status: response.status().as_u16(),
            })?;
        // As git does, only the first request may be led elsewhere; and a
        // name or password in the new address would be a credential of theirs.
        let may_follow = method == Method::GET
            && target.origin() == self.origin
            && target.username().is_empty()
            && target.password().is_none()
            && target.path().ends_with("/info/refs");
        if may_follow {
            Ok(target)
        } else {
            Err(MirrorError::Redirected {
                to: target.origin().ascii_serialization(),
            })
        }
    }

    /// Later requests go where the first one was led to.
    fn remember_base(&self, url: &Url) {
        let mut base = url.clone();
        base.set_query(None);
        let path = base.path().trim_end_matches("/info/refs").to_owned();
        base.set_path(&path);
        *self
            .state
            .base
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(base.into());
    }

    /// Waits for the network, but neither for ever nor after a cancellation.
    async fn patiently<T>(
        &self,
        step: impl Future<Output = Result<T, reqwest::Error>>,
    ) -> Result<T, MirrorError> {
        let mut cancelled = self.turnstile.stop.clone();
        tokio::select! {
            biased;
            _ = cancelled.wait_for(|stop| *stop) => Err(MirrorError::Cancelled),
            result = tokio::time::timeout(self.stall, step) => match result {
                Err(_) => Err(MirrorError::Stalled { after: self.stall }),
                // The address is ours and holds no secret, but it belongs to
                // whoever reports the error.
                Ok(result) => result.map_err(|error| MirrorError::Network {
                    source: error.without_url().into(),
                }),
            },
        }
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(reqwest::header::RETRY_AFTER)?;
    let seconds: u64 = value.to_str().ok()?.parse().ok()?;
    // Asking again at once would go on for ever.
    Some(Duration::from_secs(seconds.max(1)))
}

impl Http for HttpClient {
    type Headers = Head;
    type ResponseBody = Body;
    type PostBody = PostBody;

    fn get(
        &mut self,
        url: &str,
        _base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> gix_error::Result<GetResponse<Head, Body>> {
        let (request, mut headers, body) = self.start(Method::GET, url, parse(headers));
        let _ = request.send(Vec::new());
        // Not later: where a redirect led has to be known when this returns.
        headers.fill_buf().map_err(gix_error::Error::from_error)?;
        Ok(GetResponse { headers, body })
    }

    fn post(
        &mut self,
        url: &str,
        _base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
        _body: PostBodyDataKind,
    ) -> gix_error::Result<PostResponse<Head, Body, PostBody>> {
        let (request, headers, body) = self.start(Method::POST, url, parse(headers));
        let post_body = PostBody {
            content: Vec::new(),
            sender: Some(request),
        };
        Ok(PostResponse {
            post_body,
            headers,
            body,
        })
    }

    fn configure(&mut self, _config: &dyn std::any::Any) -> gix_error::Result {
        Ok(())
    }

    fn redirected_base_url(&self) -> Option<String> {
        self.exchange
            .state
            .base
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn parse(headers: impl IntoIterator<Item = impl AsRef<str>>) -> HeaderMap {
    headers
        .into_iter()
        .filter_map(|line| {
            let (name, value) = line.as_ref().split_once(':')?;
            Some((
                HeaderName::from_bytes(name.as_bytes()).ok()?,
                HeaderValue::from_str(value.trim()).ok()?,
            ))
        })
        .collect()
}

/// A request body: sent as a whole once it is complete, which is on drop.
pub(super) struct PostBody {
    content: Vec<u8>,
    sender: Option<oneshot::Sender<Vec<u8>>>,
}

impl Write for PostBody {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.content.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for PostBody {
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take() {
            let _ = sender.send(std::mem::take(&mut self.content));
        }
    }
}

/// The headers of a response; waits for them when read first.
pub(super) struct Head {
    receiver: Option<oneshot::Receiver<String>>,
    lines: io::Cursor<Vec<u8>>,
}

impl BufRead for Head {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if let Some(receiver) = self.receiver.take() {
            let lines = receiver.blocking_recv().map_err(|_| broken())?;
            self.lines = io::Cursor::new(lines.into_bytes());
        }
        self.lines.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.lines.consume(amount);
    }
}

impl Read for Head {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.fill_buf()?;
        self.lines.read(into)
    }
}

/// The body of a response, as it comes in.
pub(super) struct Body {
    chunks: mpsc::Receiver<Result<bytes::Bytes, Broken>>,
    current: bytes::Bytes,
    is_broken: bool,
}

impl BufRead for Body {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.current.is_empty() && !self.is_broken {
            match self.chunks.blocking_recv() {
                Some(Ok(chunk)) => self.current = chunk,
                Some(Err(Broken)) => self.is_broken = true,
                None => break,
            }
        }
        if self.is_broken {
            return Err(broken());
        }
        Ok(&self.current)
    }

    fn consume(&mut self, amount: usize) {
        bytes::Buf::advance(&mut self.current, amount);
    }
}

impl Read for Body {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let length = available.len().min(into.len());
        into[..length].copy_from_slice(&available[..length]);
        self.consume(length);
        Ok(length)
    }
}

fn broken() -> io::Error {
    io::Error::other("the HTTP exchange failed")
}
