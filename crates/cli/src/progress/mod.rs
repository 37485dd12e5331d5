//! How progress is shown: bars on a terminal, plain lines elsewhere.

mod bars;
mod lines;
pub(crate) mod summary;

use std::io::IsTerminal as _;
use std::sync::Arc;

use bucketload_model::{NullSink, ProgressSink};

use crate::commands::Session;
use crate::output;

/// The sink that fits where standard error goes.
pub(crate) fn sink(session: &Session) -> Arc<dyn ProgressSink> {
    if session.no_progress {
        Arc::new(NullSink)
    } else if std::io::stderr().is_terminal() && !output::is_json() {
        Arc::new(bars::Bars::new(session.bars.clone()))
    } else {
        Arc::new(lines::Lines::default())
    }
}
