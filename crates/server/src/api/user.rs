//! `GET /api/v1/user`: who asks.

use axum::Json;
use bucketload_model::{TokenScope, UserId, UserRole};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::bearer::Script;
use super::document::Operation;

/// Who asks.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TokenUser {
    id: UserId,
    display_name: String,
    role: UserRole,
    token: TokenInUse,
}

/// The token that is used.
#[derive(Debug, Serialize, JsonSchema)]
struct TokenInUse {
    name: String,
    /// What it may, as far as its user still may.
    scopes: Vec<TokenScope>,
    /// When it ends, if ever.
    expires_at: Option<DateTime<Utc>>,
}

pub(super) fn operation() -> Operation {
    Operation::answers::<TokenUser>("get_user", "Whose token it is, and what it may")
}

/// Any token will do.
pub(crate) async fn show(script: Script) -> Json<TokenUser> {
    Json(TokenUser {
        token: TokenInUse {
            scopes: script.scopes(),
            name: script.token.name,
            expires_at: script.token.ends_at,
        },
        id: script.user.id,
        display_name: script.user.display_name,
        role: script.user.role,
    })
}
