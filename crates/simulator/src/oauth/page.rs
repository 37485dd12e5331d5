//! What people see: the consent page, and why there is none.

use super::authorize::Asked;
use crate::http::params::Params;
use crate::http::reply::{Answer, AnswerBody};
use crate::world::person::Person;
use axum::http::StatusCode;
use std::fmt::Write;

/// What the form repeats, so that the decision is on the same request.
const REPEATED: &[&str] = &[
    "client_id",
    "response_type",
    "redirect_uri",
    "state",
    "scope",
    "code_challenge",
    "code_challenge_method",
];

/// Who is signed in, what is asked for, and two buttons: `#grant` and `#deny`. The account is
/// chosen in `#login_as`, by nickname.
pub(super) fn consent(
    asked: &Asked,
    params: &Params,
    people: &[Person],
    signed_in: Option<&Person>,
) -> Answer {
    let mut hidden = String::new();
    for name in REPEATED {
        if let Some(value) = params.get(name) {
            let value = escape(value);
            let _ = writeln!(
                hidden,
                "<input type=\"hidden\" name=\"{name}\" value=\"{value}\">"
            );
        }
    }
    let mut accounts = String::new();
    for (index, person) in people.iter().enumerate() {
        let is_first = people[..index]
            .iter()
            .all(|known| known.nickname != person.nickname);
        let value = if is_first && !person.nickname.is_empty() {
            &person.nickname
        } else {
            &person.uuid
        };
        let selected = signed_in.is_some_and(|signed_in| signed_in.uuid == person.uuid);
        let _ = writeln!(
            accounts,
            "<option value=\"{}\"{}>{} ({})</option>",
            escape(value),
            if selected { " selected" } else { "" },
            escape(&person.display_name),
            escape(
                person
                    .confirmed_email()
                    .unwrap_or("no confirmed e-mail address")
            ),
        );
    }
    let mut scopes = String::new();
    for scope in &asked.scopes {
        let _ = writeln!(
            scopes,
            "<li data-scope=\"{0}\">{1} <code>{0}</code></li>",
            escape(scope),
            meaning(scope)
        );
    }
    let consumer = escape(&asked.consumer.client_id);
    html(
        StatusCode::OK,
        "Confirm access to your account",
        &format!(
            "<p><strong id=\"consumer\">{consumer}</strong> is requesting access to the following:</p>\n\
             <ul id=\"scopes\">\n{scopes}</ul>\n\
             <form method=\"post\" action=\"{}\">\n{hidden}\
             <p><label for=\"login_as\">You are signed in as</label>\n\
             <select id=\"login_as\" name=\"login_as\">\n{accounts}</select></p>\n\
             <p><button id=\"grant\" type=\"submit\" name=\"decision\" value=\"grant\">Grant access</button>\n\
             <button id=\"deny\" type=\"submit\" name=\"decision\" value=\"deny\">Deny</button></p>\n\
             </form>",
            super::AUTHORIZE
        ),
    )
}

/// A request that nobody should be sent back with.
pub(super) fn problem(title: &str, detail: &str) -> Answer {
    let detail = format!("<p id=\"problem\">{}</p>", escape(detail));
    html(StatusCode::BAD_REQUEST, title, &detail)
}

fn html(status: StatusCode, title: &str, body: &str) -> Answer {
    let title = escape(title);
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <title>{title} — Bitbucket (simulated)</title>\n\
         <style>body {{ font: 1rem/1.5 sans-serif; max-width: 36rem; margin: 3rem auto; padding: 0 1rem }}</style>\n\
         </head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    );
    Answer {
        status,
        headers: vec![
            ("cache-control", "no-store".to_owned()),
            ("x-frame-options", "DENY".to_owned()),
            (
                "content-security-policy",
                "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'".to_owned(),
            ),
        ],
        body: AnswerBody::Bytes("text/html; charset=utf-8", page.into_bytes()),
    }
}

fn meaning(scope: &str) -> &'static str {
    match scope {
        "account" => "Read your account information",
        "email" => "Read your e-mail addresses",
        "issue" => "Read your repositories' issues",
        "pipeline" => "Read your repositories' pipelines",
        "project" => "Read your projects and the repositories in them",
        "pullrequest" => "Read your repositories and their pull requests",
        "repository" => "Read your repositories",
        "repository:admin" => "Administer your repositories",
        "webhook" => "Read and change your repositories' webhooks",
        "wiki" => "Read and change your repositories' wikis",
        _ => "Use",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
