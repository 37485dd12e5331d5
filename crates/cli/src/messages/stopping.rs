//! What is said to whoever stops something.

use crate::output;

/// To somebody who stops an import.
pub(crate) const STOPPING_IMPORT: &str =
    "Stopping: what has arrived is stored. Once more to stop at once.";

/// To somebody who stops a process that runs the imports of others.
pub(crate) const STOPPING_WORK: &str =
    "Stopping: imports come to an end and are handed back. Once more to stop at once.";

/// To somebody who stops what has nothing to lose.
pub(crate) const STOPPING: &str = "Stopping. Once more to stop at once.";

/// What is left in the queue when who ran it has stopped.
pub(crate) fn stopped_work(left: u64) -> String {
    if left == 0 {
        return "Stopped. Nothing is left to do in the queue.".to_owned();
    }
    let go_on = if left == 1 { "goes on" } else { "go on" };
    format!(
        "Stopped. {} {go_on} with the next worker.",
        output::counted(left, "import", "imports")
    )
}
