//! What stands in for traces in a command that was built without them.

use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Identity;

use crate::messages::Problem;
use crate::output;

/// Nothing.
#[derive(Debug)]
pub(crate) struct Telemetry;

/// Whoever names a collector should know that nothing goes there.
#[expect(clippy::unnecessary_wraps, reason = "with traces it may fail")]
pub(crate) fn start<S: Subscriber>(
    is_wanted: bool,
) -> Result<(Option<impl Layer<S>>, Telemetry), Problem> {
    if is_wanted {
        output::note(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, and this bucketload was built without traces \
             (docs/LOGS.md): none are sent",
        );
    }
    Ok((None::<Identity>, Telemetry))
}

impl Telemetry {
    /// Nothing is left to send.
    #[expect(clippy::unused_self, reason = "with traces some are left")]
    pub(crate) fn end(self) {}
}
