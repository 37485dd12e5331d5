//! `GET /api/v1/user`: who asks.

use axum::Json;
use serde_json::{Value, json};

use super::bearer::Script;

/// Any token will do.
pub(crate) async fn show(script: Script) -> Json<Value> {
    Json(json!({
        "id": script.user.id,
        "display_name": script.user.display_name,
        "role": script.user.role,
        "token": {
            "name": script.token.name,
            "scopes": script.scopes(),
            "expires_at": script.token.ends_at,
        },
    }))
}
