//! Traces for a collector: imports, their stages and requests, by OTLP over HTTP.
//!
//! The variables are those of OpenTelemetry (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_SERVICE_NAME`
//! and so on), which its library reads by itself. Where none names a collector, nothing is
//! gathered.

use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;
use tracing::Subscriber;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer};

use crate::messages::Problem;

/// What is gathered: requests are too many for a log and not for a trace.
const GATHERED: &str = "info,bucketload_bitbucket=debug";

/// An answer of a collector is short.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// What sends the traces on its way. What is gathered last is sent when it ends.
#[derive(Debug)]
pub(crate) struct Telemetry(Option<SdkTracerProvider>);

/// What gathers the traces, if they are wanted, and what sends them.
pub(crate) fn start<S>(is_wanted: bool) -> Result<(Option<impl Layer<S>>, Telemetry), Problem>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    if !is_wanted {
        return Ok((None, Telemetry(None)));
    }
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Sender::new()?)
        .build()
        .map_err(|error| {
            Problem::of("traces cannot be sent", &error)
                .remedy("check the variables OTEL_EXPORTER_OTLP_…")
                .with_usage_exit()
        })?;
    let resource = Resource::builder().with_service_name("bucketload");
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource.build())
        .build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("bucketload"))
        .with_filter(EnvFilter::new(GATHERED));
    Ok((Some(layer), Telemetry(Some(provider))))
}

impl Telemetry {
    /// Sends what is left. Waits for the collector, some seconds at most.
    pub(crate) fn end(self) {
        if let Some(Err(error)) = self.0.map(|provider| provider.shutdown()) {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// Sends with our own client, on our own runtime: the library has a thread of its own, on which
/// there is none.
#[derive(Debug)]
struct Sender {
    http: reqwest::Client,
    runtime: Handle,
}

impl Sender {
    fn new() -> Result<Self, Problem> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            // A collector that leads elsewhere is none.
            .redirect(reqwest::redirect::Policy::none())
            .timeout(std::time::Duration::from_secs(10))
            .build();
        Ok(Self {
            http: http.map_err(|error| Problem::of("traces cannot be sent", &error))?,
            runtime: Handle::current(),
        })
    }
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let http = self.http.clone();
        let sent = self.runtime.spawn(async move {
            let mut answer = http.execute(request).await?;
            let mut body = Vec::new();
            while let Some(piece) = answer.chunk().await? {
                let room = MAX_ANSWER_BYTES.saturating_sub(body.len());
                body.extend_from_slice(&piece[..piece.len().min(room)]);
            }
            Ok::<_, reqwest::Error>((answer.status(), body))
        });
        let (status, body) = sent.await??;
        Ok(Response::builder().status(status).body(body.into())?)
    }
}
