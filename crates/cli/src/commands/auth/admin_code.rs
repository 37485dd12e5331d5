//! `bucketload auth admin-code`.

use bucketload_model::SystemClock;
use bucketload_server::administrator_code;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::open_archive;
use crate::arguments::AdminCodeOptions;
use crate::commands::Session;
use crate::messages::{Exit, Problem};
use crate::output;

/// Whoever may write to the data directory may be administrator.
pub(super) async fn run(session: &Session, options: &AdminCodeOptions) -> Result<Exit, Problem> {
    let archive = open_archive(session).await?;
    let code = administrator_code(&archive, &SystemClock, options.user).await;
    archive.close().await;
    let code = code?;
    let text = code.code.expose_secret();
    if session.json {
        let page = code.user.as_ref().map_or("/setup", |_| "/sign-in");
        let user = code.user.as_ref().map(|user| user.id);
        output::json(&json!({ "code": text, "user": user, "page": page }));
        return Ok(Exit::Complete);
    }
    match &code.user {
        Some(user) => output::note(&format!(
            "Signs {} in, once, within 30 minutes, on the dashboard's page /sign-in:",
            output::printable(&user.display_name)
        )),
        None => output::note(
            "Makes the first administrator, once, within 30 minutes, on the dashboard's page \
             /setup:",
        ),
    }
    output::line(text);
    Ok(Exit::Complete)
}
