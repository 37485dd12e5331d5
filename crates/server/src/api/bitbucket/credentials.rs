//! `GET /api/v1/credentials`: what the user of the token may import with.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;

use crate::api::bearer::Script;
use crate::api::document::Operation;
use crate::api::problem::Problem;
use crate::bitbucket::credentials::{Usable, Whose};
use crate::service::App;

/// Credentials to import with.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CredentialList {
    /// The user's own connections first.
    credentials: Vec<UsableCredential>,
}

/// A credential to import with; never its secret.
#[derive(Debug, Serialize, JsonSchema)]
struct UsableCredential {
    /// What to name it by when imports are asked for; `service` is that of the configuration.
    id: String,
    /// What people call it.
    label: String,
    /// Whose it is.
    whose: Owner,
    /// The workspace that an access token is for.
    workspace: Option<String>,
    /// Why it is of no more use, if it is not.
    ended: Option<String>,
}

/// Whose a credential is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "CredentialOwner")]
enum Owner {
    /// Of the token's user.
    User,
    /// Of the service.
    Service,
    /// Nobody's: what is public is seen without one.
    Nobody,
}

impl From<Usable> for UsableCredential {
    fn from(usable: Usable) -> Self {
        Self {
            id: usable.which.to_string(),
            label: usable.label,
            whose: match usable.whose {
                Whose::Own => Owner::User,
                Whose::Service => Owner::Service,
                Whose::Nobody => Owner::Nobody,
            },
            workspace: usable.workspace.map(|workspace| workspace.to_string()),
            ended: usable.ended,
        }
    }
}

pub(super) fn operation() -> Operation {
    Operation::answers::<CredentialList>("list_credentials", "What imports can be asked for with")
}

pub(crate) async fn list(
    State(app): State<App>,
    script: Script,
) -> Result<Json<CredentialList>, Problem> {
    let usable = app.usable_credentials(script.user.id).await?.into_iter();
    Ok(Json(CredentialList {
        credentials: usable.map(Into::into).collect(),
    }))
}
