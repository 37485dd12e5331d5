//! `bucketload stages`.

use bucketload_model::Stage;
use serde_json::json;

use super::Session;
use crate::messages::{Exit, Problem};
use crate::output;

#[expect(
    clippy::unnecessary_wraps,
    reason = "all commands have the same signature"
)]
pub(crate) fn run(session: &Session) -> Result<Exit, Problem> {
    if session.json {
        let stages: Vec<_> = Stage::ALL
            .iter()
            .map(|stage| {
                json!({
                    "name": stage,
                    "description": stage.description(),
                    "needs": stage.needs(),
                    "optional": stage.is_optional(),
                    "usual": stage.is_usual(),
                })
            })
            .collect();
        output::json(&json!({ "stages": stages }));
    } else {
        for stage in Stage::ALL {
            output::line(&format!("{stage:<24} {}", stage.description()));
        }
    }
    Ok(Exit::Complete)
}
