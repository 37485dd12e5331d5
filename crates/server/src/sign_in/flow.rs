//! What is remembered of somebody who is at Bitbucket.

use bucketload_archive::SessionRecord;
use bucketload_auth::oauth::{OAuthClient, PendingAuthorization};
use chrono::{DateTime, Duration, Utc};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::error::PageError;
use crate::service::Service;

/// Bitbucket's own pages may ask for a password and a second factor.
const FLOW_LIFE: Duration = Duration::minutes(20);

/// What somebody is at Bitbucket for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Purpose {
    /// To sign in.
    SignIn,
    /// To sign in with this account, too, from now on.
    Connect,
    /// To let this service import in their name.
    Import,
}

/// What is remembered of somebody who is at Bitbucket: sealed, in their session.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Flow {
    pub(crate) pending: PendingAuthorization,
    pub(crate) purpose: Purpose,
    /// Where to go on; a page of ours.
    pub(crate) next: String,
    began_at: DateTime<Utc>,
}

/// A flow opens in its own session only.
fn place(session: &SessionRecord) -> String {
    format!("sessions/{}/flow", session.id)
}

impl Service {
    /// Begins an authorization: what to remember, sealed, and where to send the browser.
    pub(crate) fn begin_flow(
        &self,
        oauth: &OAuthClient,
        session: &SessionRecord,
        purpose: Purpose,
        next: String,
    ) -> Result<(String, Url), PageError> {
        let flow = Flow {
            pending: oauth.consumer().authorize(),
            purpose,
            next,
            began_at: self.now(),
        };
        let address = flow.pending.url(oauth.consumer());
        let plain = serde_json::to_vec(&flow)?;
        let sealed = self.credentials.sealer().seal(&place(session), &plain)?;
        Ok((sealed, address))
    }

    /// Opens what is remembered, unless it is too old or from before a change of keys.
    pub(crate) fn open_flow(&self, session: &SessionRecord) -> Option<Flow> {
        let sealed = session.flow.as_deref()?;
        let plain = self.credentials.sealer().open(&place(session), sealed);
        let plain = plain
            .inspect_err(|error| tracing::warn!(%error, "a sign-in cannot go on"))
            .ok()?;
        let flow: Flow = serde_json::from_slice(plain.expose_secret()).ok()?;
        (flow.began_at + FLOW_LIFE > self.now()).then_some(flow)
    }
}
