//! The control surface for other processes, as JSON under `/_simulator/`.

use crate::control::Control;
use crate::http::reply::{Answer, ApiError, Reply};
use crate::state::State;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Requests carry little; a larger body is a mistake.
const MAX_BODY: usize = 1024 * 1024;

pub(crate) async fn answer(state: Arc<State>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let result = match axum::body::to_bytes(body, MAX_BODY).await {
        Ok(body) => steer(&Control(state), &parts.method, parts.uri.path(), &body),
        Err(error) => Err(ApiError::bad_request(error.to_string())),
    };
    Answer::from_result(result.map(Reply::Json)).into_response(None)
}

fn steer(control: &Control, method: &Method, path: &str, body: &[u8]) -> Result<Value, ApiError> {
    let path = path.trim_start_matches("/_simulator/");
    let done = json!({});
    match (method.as_str(), path) {
        ("GET", "requests") => Ok(json!(control.requests())),
        ("GET", "requests/counts") => Ok(json!({
            "counts": control.request_counts(),
            "peak_in_flight": control.peak_in_flight(),
        })),
        ("DELETE", "requests") => {
            control.reset_log();
            Ok(done)
        }
        ("PUT", "latency") => {
            let milliseconds = parse::<Value>(body)?["milliseconds"].as_u64();
            let milliseconds =
                milliseconds.ok_or_else(|| ApiError::bad_request("milliseconds is missing"))?;
            control.set_latency(Duration::from_millis(milliseconds));
            Ok(done)
        }
        ("PUT", "rate-limit") => {
            control.set_rate_limit(parse(body)?);
            Ok(done)
        }
        ("GET", "faults") => Ok(json!(control.0.steering().faults)),
        ("POST", "faults") => {
            control.add_fault(parse(body)?);
            Ok(done)
        }
        ("DELETE", "faults") => {
            control.clear_faults();
            Ok(done)
        }
        ("GET", "announcements") => Ok(json!(control.0.steering().announcements)),
        ("POST", "announcements") => {
            control.announce(parse(body)?);
            Ok(done)
        }
        ("DELETE", "announcements") => {
            control.clear_announcements();
            Ok(done)
        }
        ("POST", "credentials") => {
            control.add_credential(parse(body)?);
            Ok(done)
        }
        ("POST", "consumers") => {
            control.add_consumer(parse(body)?);
            Ok(done)
        }
        ("GET", "oauth") => Ok(json!(control.oauth_options())),
        ("PUT", "oauth") => {
            control.set_oauth_options(parse(body)?);
            Ok(done)
        }
        ("GET", "grants") => Ok(json!(control.grants())),
        ("DELETE", "access-tokens") => {
            control.expire_access_tokens();
            Ok(done)
        }
        ("PUT", "clock") => {
            let seconds = parse::<Value>(body)?["advance_seconds"].as_u64();
            let seconds =
                seconds.ok_or_else(|| ApiError::bad_request("advance_seconds is missing"))?;
            control.advance_clock(Duration::from_secs(seconds));
            Ok(done)
        }
        ("POST", "mutations") => {
            let mutated = control.mutate(parse(body)?);
            mutated
                .map(|mutated| json!(mutated))
                .map_err(|error| ApiError::bad_request(error.to_string()))
        }
        ("GET", "repositories") => Ok(json!(control.0.world().repositories())),
        ("DELETE", _) if path.starts_with("grants/") => {
            let id = path.trim_start_matches("grants/").parse();
            let id = id.map_err(|_| ApiError::bad_request("a grant has a number"))?;
            let revoked = control.revoke_grant(id);
            revoked
                .map(|()| done)
                .map_err(|error| ApiError::not_found(error.to_string()))
        }
        _ => Err(ApiError::not_found(format!(
            "no {method} {path} in the control surface"
        ))),
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::bad_request(error.to_string()))
}
