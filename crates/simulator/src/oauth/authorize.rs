//! `/site/oauth2/authorize`: is the request in order, and does the person consent?

use super::consumer::OAuthConsumer;
use super::grants::Consent;
use super::{OAuth, narrowed, page};
use crate::http::params::Params;
use crate::http::reply::{Answer, AnswerBody};
use crate::state::State;
use crate::world::person::Person;
use axum::http::{Method, StatusCode};
use url::Url;

/// A request that is in order.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) consumer: OAuthConsumer,
    pub(super) scopes: Vec<String>,
    redirect: Redirect,
    /// As sent.
    redirect_uri: Option<String>,
    code_challenge: Option<String>,
}

/// The way back to the application.
#[derive(Debug)]
struct Redirect {
    to: Url,
    state: Option<String>,
}

/// GET shows the page, or goes on at once where consent is automatic; POST is a decision on it.
pub(crate) fn authorize(state: &State, method: &Method, params: &Params) -> Answer {
    let asked = check(params, &state.steering().oauth);
    let asked = match asked {
        Ok(asked) => asked,
        Err(answer) => return answer,
    };
    let automatic = state.steering().oauth.options.auto_approve.clone();
    let (decision, login) = match (automatic, method) {
        (Some(person), _) => (Some("grant"), Some(person)),
        (None, &Method::POST) => (
            params.get("decision"),
            params.get("login_as").map(str::to_owned),
        ),
        (None, _) => (None, params.get("login_as").map(str::to_owned)),
    };
    let people = state.world().people(&state.links);
    let person = match &login {
        Some(selector) => match people.iter().find(|person| person.is(selector)) {
            Some(person) => Some(person),
            None => return page::problem("Unknown account", selector),
        },
        None => None,
    };
    match (decision, person) {
        (Some("deny"), _) => asked.redirect.error(
            "access_denied",
            "The user did not grant access to the application",
        ),
        (Some("grant"), Some(person)) => grant(state, asked, person),
        (Some("grant"), None) => page::problem("Unknown account", "Nobody is signed in."),
        (Some(other), _) => page::problem("Unknown decision", other),
        (None, _) => page::consent(&asked, params, &people, person),
    }
}

fn grant(state: &State, asked: Asked, person: &Person) -> Answer {
    let consent = Consent {
        client_id: asked.consumer.client_id,
        user: person.uuid.clone(),
        workspaces: person.workspaces.clone(),
        scopes: asked.scopes,
        redirect_uri: asked.redirect_uri,
        code_challenge: asked.code_challenge,
    };
    let mut steering = state.steering();
    let now = steering.clock.now();
    let OAuth {
        options, grants, ..
    } = &mut steering.oauth;
    let code = grants.code(consent, options, now);
    asked.redirect.with(&[("code", &code)])
}

/// The error is told to the person where the application cannot be trusted with it.
fn check(params: &Params, oauth: &OAuth) -> Result<Asked, Answer> {
    let client_id = params.get("client_id").unwrap_or_default();
    let consumer = oauth
        .consumer(client_id)
        .ok_or_else(|| page::problem("Invalid client_id", "No OAuth consumer has this key."))?;
    let redirect_uri = params.get("redirect_uri");
    let to = registered(redirect_uri, consumer).ok_or_else(|| {
        page::problem(
            "Invalid redirect_uri",
            "It does not begin with the callback URL of the OAuth consumer.",
        )
    })?;
    let redirect = Redirect {
        to,
        state: params.get("state").map(str::to_owned),
    };
    if params.get("response_type") != Some("code") {
        // The implicit grant (`token`) is gone.
        return Err(redirect.error(
            "unsupported_response_type",
            "The response_type has to be code",
        ));
    }
    let method = params.get("code_challenge_method");
    let challenge = params.get("code_challenge");
    if challenge.is_some() && method != Some("S256") || challenge.is_none() && method.is_some() {
        return Err(redirect.error(
            "invalid_request",
            "A code_challenge needs the code_challenge_method S256",
        ));
    }
    match narrowed(params.get("scope"), &consumer.scopes) {
        Err(excessive) => Err(redirect.error(
            "invalid_scope",
            &format!("The OAuth consumer does not have the scope {excessive}"),
        )),
        Ok(scopes) => Ok(Asked {
            consumer: consumer.clone(),
            scopes,
            redirect_uri: redirect_uri.map(str::to_owned),
            code_challenge: challenge.map(str::to_owned),
            redirect,
        }),
    }
}

/// Bitbucket's rule, which is the hole that "covert redirect" goes through: anything that starts
/// with the registered callback will do.
fn registered(redirect_uri: Option<&str>, consumer: &OAuthConsumer) -> Option<Url> {
    let callback = consumer.callback_url.as_str();
    let wanted = redirect_uri.unwrap_or(callback);
    if callback.is_empty() || !wanted.starts_with(callback) {
        return None;
    }
    Url::parse(wanted)
        .ok()
        .filter(|url| url.fragment().is_none())
}

impl Redirect {
    fn error(self, error: &str, description: &str) -> Answer {
        self.with(&[("error", error), ("error_description", description)])
    }

    fn with(mut self, parameters: &[(&str, &str)]) -> Answer {
        let mut query = self.to.query_pairs_mut();
        query.extend_pairs(parameters);
        if let Some(state) = &self.state {
            query.append_pair("state", state);
        }
        drop(query);
        Answer {
            status: StatusCode::FOUND,
            headers: vec![
                ("location", self.to.into()),
                ("cache-control", "no-store".to_owned()),
            ],
            body: AnswerBody::Empty,
        }
    }
}
