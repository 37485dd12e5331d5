//! Faults: answers that are late, broken, or wrong, for chosen requests.

use crate::http::reply::{Answer, AnswerBody};
use crate::rate_limit::{RetryHint, too_many};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What goes wrong, and for which requests.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fault {
    /// The number of the request since the log was reset; none for any.
    #[serde(default)]
    pub request: Option<u64>,
    /// A part of the path with its query, or with `*` in it a pattern for all of it; none for any.
    /// A request for tokens has its grant type for a query here:
    /// `/site/oauth2/access_token?grant_type=refresh_token`.
    #[serde(default)]
    pub path: Option<String>,
    /// How often it happens; none for always.
    #[serde(default)]
    pub times: Option<u64>,
    /// What happens.
    pub effect: Effect,
}

/// What can go wrong with a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Effect {
    /// This answer instead of the right one.
    Answer {
        /// HTTP status.
        status: u16,
        /// Names and values.
        #[serde(default)]
        headers: Vec<(String, String)>,
        /// The body as it is.
        #[serde(default)]
        body: String,
    },
    /// An HTML page, as proxies answer with 502 and 503.
    Html {
        /// HTTP status.
        status: u16,
    },
    /// A plain-text 429.
    RateLimited {
        /// What it says about when to come back.
        #[serde(default)]
        hint: RetryHint,
        /// In how many seconds.
        #[serde(default)]
        seconds: u64,
    },
    /// No answer until the client gives up.
    Hang,
    /// No answer: the connection is closed.
    Disconnect,
    /// The right answer, cut off in the middle of its body; the connection is closed.
    Truncate,
    /// The right answer, of which so many bytes come, and then nothing more until the client
    /// gives up. Shorter ones come whole.
    Stall {
        /// How many.
        after_bytes: usize,
    },
    /// 200 and something that is no JSON.
    NotJson,
    /// The right answer without this field.
    RemoveField {
        /// Such as `values[0].id`.
        field: String,
    },
    /// The right answer with another value in this field.
    ReplaceField {
        /// Such as `values[0].id`.
        field: String,
        /// Of whatever type.
        value: Value,
    },
    /// The right answer, whose `next` leads to this host.
    ForeignNext {
        /// Such as `attacker.example`.
        host: String,
    },
    /// The right answer, late.
    Delay {
        /// How late.
        milliseconds: u64,
    },
}

impl Fault {
    /// On the `number`-th request since the log was reset.
    pub fn on_request(number: u64, effect: Effect) -> Self {
        Self {
            request: Some(number),
            path: None,
            times: Some(1),
            effect,
        }
    }

    /// On every request whose path and query match.
    pub fn on_path(path: impl Into<String>, effect: Effect) -> Self {
        Self {
            request: None,
            path: Some(path.into()),
            times: None,
            effect,
        }
    }

    /// At most so often.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    fn matches(&self, number: u64, target: &str) -> bool {
        self.times != Some(0)
            && self.request.is_none_or(|wanted| wanted == number)
            && self.path.as_ref().is_none_or(|path| {
                if path.contains('*') {
                    glob(path, target)
                } else {
                    target.contains(path.as_str())
                }
            })
    }
}

/// Takes the first fault that matches, and one from its count.
pub(crate) fn take(faults: &mut [Fault], number: u64, target: &str) -> Option<Effect> {
    let fault = faults
        .iter_mut()
        .find(|fault| fault.matches(number, target))?;
    if let Some(times) = &mut fault.times {
        *times -= 1;
    }
    Some(fault.effect.clone())
}

/// `*` stands for anything, also for nothing.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(position) => rest = &rest[position + part.len()..],
            None => return false,
        }
    }
    rest.is_empty()
}

impl Effect {
    /// An answer that needs no look at the right one.
    pub(crate) fn instead(&self) -> Option<(Answer, Vec<(String, String)>)> {
        let answer = |status: u16, content_type: &'static str, body: &str| Answer {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers: Vec::new(),
            body: AnswerBody::Bytes(content_type, body.as_bytes().to_vec()),
        };
        match self {
            Self::Answer {
                status,
                headers,
                body,
            } => {
                let mut plain = answer(*status, "application/json", body);
                if headers
                    .iter()
                    .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
                {
                    plain.body = AnswerBody::Bytes("", body.as_bytes().to_vec());
                }
                Some((plain, headers.clone()))
            }
            Self::Html { status } => Some((
                answer(
                    *status,
                    "text/html",
                    "<html><head><title>Sorry</title></head><body><h1>Something went wrong</h1></body></html>",
                ),
                Vec::new(),
            )),
            Self::RateLimited { hint, seconds } => Some((too_many(*hint, *seconds), Vec::new())),
            Self::NotJson => Some((
                answer(
                    200,
                    "application/json; charset=utf-8",
                    "<!doctype html><p>not what you asked for",
                ),
                Vec::new(),
            )),
            _ => None,
        }
    }

    /// Changes the right answer.
    pub(crate) fn distort(&self, answer: &mut Answer) {
        let AnswerBody::Json(body) = &mut answer.body else {
            return;
        };
        match self {
            Self::RemoveField { field } => {
                edit(body, field, None);
            }
            Self::ReplaceField { field, value } => {
                edit(body, field, Some(value.clone()));
            }
            Self::ForeignNext { host } => {
                let next = body.get_mut("next");
                let url = next
                    .as_ref()
                    .and_then(|next| url::Url::parse(next.as_str()?).ok());
                if let (Some(next), Some(mut url)) = (next, url) {
                    let _ = url.set_host(Some(host));
                    let _ = url.set_port(None);
                    *next = Value::String(url.into());
                }
            }
            _ => {}
        }
    }
}

/// Sets or removes what a path like `values[0].id` names; nothing where it names nothing.
fn edit(body: &mut Value, path: &str, new: Option<Value>) -> Option<()> {
    let pointer = format!(
        "/{}",
        path.replace('[', "/").replace(']', "").replace('.', "/")
    );
    let (parent, last) = pointer.rsplit_once('/')?;
    let parent = if parent.is_empty() {
        body
    } else {
        body.pointer_mut(parent)?
    };
    match (parent, new) {
        (Value::Object(object), Some(new)) => {
            object.insert(last.to_owned(), new);
        }
        (Value::Object(object), None) => {
            object.remove(last);
        }
        (Value::Array(items), new) => {
            let index: usize = last.parse().ok()?;
            match new {
                Some(new) => *items.get_mut(index)? = new,
                None if index < items.len() => {
                    items.remove(index);
                }
                None => {}
            }
        }
        _ => {}
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn globs_and_fields() {
        assert!(glob(
            "/2.0/*/comments*",
            "/2.0/repositories/a/b/pullrequests/1/comments?page=2"
        ));
        assert!(!glob(
            "/2.0/*/comments",
            "/2.0/repositories/a/b/pullrequests/1/comments?page=2"
        ));
        assert!(glob("*x", "ax") && !glob("a*b", "ba"));
        let mut body = json!({"values": [{"id": 1, "x": 2}]});
        edit(&mut body, "values[0].id", None);
        edit(&mut body, "values[0].x", Some(json!("two")));
        assert_eq!(body, json!({"values": [{"x": "two"}]}));
    }
}
