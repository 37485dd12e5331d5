//! The account page.

use bucketload_archive::{CredentialRecord, IdentityRecord, ServiceTokenRecord, SessionRecord};
use bucketload_model::{TokenScope, UserRole};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use secrecy::{ExposeSecret as _, SecretString};

use super::icons;
use super::layout::{self, Room};
use super::parts::{empty, form_field, role_words, time};
use crate::account::tokens::LIVES;
use crate::session::Person;

/// What the page shows.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) identities: Vec<IdentityRecord>,
    pub(crate) connections: Vec<CredentialRecord>,
    pub(crate) sessions: Vec<SessionRecord>,
    pub(crate) tokens: Vec<ServiceTokenRecord>,
    pub(crate) has_consumer: bool,
    /// A token that was made just now.
    pub(crate) fresh_token: Option<SecretString>,
    pub(crate) now: DateTime<Utc>,
}

pub(crate) fn page(person: &Person, account: &Account) -> Markup {
    let user = &person.user;
    let content = html! {
        p class="lead" {
            strong { (user.display_name) } " · " (role_words(user.role))
            @if let Some(email) = &user.email { " · " (email) }
        }
        (identities(person, account))
        (connections(person, account))
        (tokens(person, account))
        (sessions(person, account))
    };
    layout::page(person, Room::Account, "Account", &content)
}

fn identities(person: &Person, account: &Account) -> Markup {
    let is_last = account.identities.len() == 1;
    html! {
        section id="identities" {
            h2 { "Sign-in" }
            p class="hint" { "Bitbucket accounts that you sign in with." }
            @if account.identities.is_empty() {
                (empty("None yet: you came in with a one-time code. Connect your Bitbucket account, \
                        and you need no codes any more."))
            }
            ul class="rows" {
                @for identity in &account.identities {
                    li {
                        (icons::PERSON.show())
                        div class="grow" {
                            strong { (name(identity)) }
                            div class="detail" {
                                @if let Some(email) = &identity.email { (email) " · " }
                                "connected " (time(identity.linked_at))
                            }
                        }
                        form method="post" action="account/identities/disconnect" {
                            (form_field(&person.token))
                            input type="hidden" name="account" value=(identity.account);
                            @if is_last {
                                label class="check" {
                                    input type="checkbox" name="confirm" value="yes" required;
                                    "It is the last one; I will not get in without it"
                                }
                            }
                            button class="quiet danger" type="submit"
                                aria-label={"Disconnect " (name(identity))} { "Disconnect" }
                        }
                    }
                }
            }
            @if account.has_consumer {
                form method="post" action="account/identities" {
                    (form_field(&person.token))
                    button type="submit" { "Connect a Bitbucket account" (icons::ARROW.show()) }
                }
            } @else {
                p class="hint" { "No OAuth consumer is set up, so none can be connected now." }
            }
        }
    }
}

/// Nothing for viewers, who import nothing and have connected nothing.
fn connections(person: &Person, account: &Account) -> Markup {
    let may_connect = person.user.role >= UserRole::Member;
    html! {
        @if may_connect || !account.connections.is_empty() {
            section id="connections" {
                h2 { "Bitbucket for imports" }
                p class="hint" {
                    "What this service may read at Bitbucket in your name. Signing in is no \
                     consent to that."
                }
                @if account.connections.is_empty() {
                    (empty("Nothing yet. Bitbucket shows what you agree to before you do."))
                }
                ul class="rows" {
                    @for connection in &account.connections {
                        (connection_row(person, connection))
                    }
                }
                @if may_connect && account.has_consumer {
                    form method="post" action="account/connections" {
                        (form_field(&person.token))
                        button type="submit" {
                            "Connect Bitbucket for imports" (icons::ARROW.show())
                        }
                    }
                }
            }
        }
    }
}

fn connection_row(person: &Person, connection: &CredentialRecord) -> Markup {
    html! {
        li {
            (icons::BUCKET.show())
            div class="grow" {
                strong { (connection.label) }
                @if let Some(reason) = &connection.dead_because {
                    " " span class="badge bad" { (icons::STOP.show()) "ended" }
                    div class="detail" { (reason) ". Connect it again." }
                }
                div class="detail" {
                    "connected " (time(connection.created_at)) " · "
                    @match connection.used_at {
                        Some(used) => { "last used " (time(used)) }
                        None => { "never used" }
                    }
                    @for scope in &connection.scopes { " " code class="scope" { (scope) } }
                }
            }
            form method="post" action="account/connections/remove" {
                (form_field(&person.token))
                input type="hidden" name="connection" value=(connection.id);
                button class="quiet danger" type="submit"
                    aria-label={"Remove " (connection.label)} { "Remove" }
            }
        }
    }
}

fn name(identity: &IdentityRecord) -> &str {
    let names = [&identity.display_name, &identity.nickname];
    let mut names = names.into_iter().flatten();
    names
        .next()
        .map_or_else(|| identity.account.as_str(), String::as_str)
}

fn tokens(person: &Person, account: &Account) -> Markup {
    html! {
        section id="tokens" {
            h2 { "Service tokens" }
            p class="hint" {
                "For scripts that use this service: " code { "Authorization: Bearer blt_…" }
                " on " code { "/api/v1" } "."
            }
            @if let Some(token) = &account.fresh_token {
                div class="fresh" role="status" {
                    p { strong { "Copy your new token now. It is shown this once." } }
                    textarea class="code" id="new-token" rows="3" readonly autofocus
                        aria-label="New service token" { (token.expose_secret()) }
                }
            }
            @if account.tokens.is_empty() { (empty("You have no tokens.")) }
            ul class="rows" {
                @for token in &account.tokens { (token_row(person, token, account.now)) }
            }
            (new_token(person))
        }
    }
}

fn token_row(person: &Person, token: &ServiceTokenRecord, now: DateTime<Utc>) -> Markup {
    let has_ended = token.ends_at.is_some_and(|end| end <= now);
    html! {
        li {
            (icons::KEY.show())
            div class="grow" {
                strong { (token.name) }
                @for scope in &token.scopes { " " code class="scope" { (scope) } }
                div class="detail" {
                    @match token.ends_at {
                        Some(end) if has_ended => { "expired " (time(end)) }
                        Some(end) => { "expires " (time(end)) }
                        None => { "does not expire" }
                    }
                    " · "
                    @match token.used_at {
                        Some(used) => { "last used " (time(used)) }
                        None => { "never used" }
                    }
                }
            }
            form method="post" action="account/tokens/remove" {
                (form_field(&person.token))
                input type="hidden" name="token" value=(token.id);
                button class="quiet danger" type="submit" aria-label={"Remove " (token.name)} {
                    "Remove"
                }
            }
        }
    }
}

const fn scope_words(scope: TokenScope) -> &'static str {
    match scope {
        TokenScope::ImportsRead => "read imports and the archive",
        TokenScope::ImportsWrite => "start and stop imports",
        TokenScope::Admin => "all that administrators may",
    }
}

fn new_token(person: &Person) -> Markup {
    let scopes = TokenScope::ALL.iter().copied();
    let allowed = scopes.filter(|scope| scope.needs() <= person.user.role);
    html! {
        details {
            summary { "New token" }
            form method="post" action="account/tokens" class="stack" {
                (form_field(&person.token))
                label {
                    "What it is for"
                    input name="name" required maxlength="100" placeholder="nightly report";
                }
                fieldset {
                    legend { "What it may do" }
                    @for scope in allowed {
                        label class="check" {
                            input type="checkbox" name="scope" value=(scope)
                                checked[scope == TokenScope::ImportsRead];
                            span { code { (scope) } " " (scope_words(scope)) }
                        }
                    }
                }
                label {
                    "How long it lives"
                    select name="days" {
                        @for days in LIVES {
                            option value=(days) selected[days == 90] { (days) " days" }
                        }
                    }
                }
                button type="submit" { "Make the token" }
            }
        }
    }
}

fn sessions(person: &Person, account: &Account) -> Markup {
    html! {
        section id="sessions" {
            h2 { "Sessions" }
            p class="hint" { "Browsers in which you are signed in." }
            ul class="rows" {
                @for session in &account.sessions {
                    li {
                        (icons::SCREEN.show())
                        div class="grow" {
                            strong { (browser(session)) }
                            @if session.id == person.session.id { " " span class="badge good" { "this one" } }
                            div class="detail" title=[session.user_agent.as_deref()] {
                                "signed in " (time(session.created_at))
                                " · last used " (time(session.used_at))
                            }
                        }
                        @if session.id != person.session.id {
                            form method="post" action="account/sessions/end" {
                                (form_field(&person.token))
                                input type="hidden" name="session" value=(session.id);
                                button class="quiet danger" type="submit" { "End" }
                            }
                        }
                    }
                }
            }
            form method="post" action="sign-out/everywhere" {
                (form_field(&person.token))
                button class="danger" type="submit" { "Sign out everywhere" }
            }
        }
    }
}

/// What a browser says of itself, as far as people know it by that.
fn browser(session: &SessionRecord) -> String {
    let text = session.user_agent.as_deref().unwrap_or_default();
    // Every browser claims to be most others: the order decides.
    let browsers = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    let systems = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |words: &[(&str, &'static str)]| {
        let mut words = words.iter();
        words
            .find(|(sign, _)| text.contains(sign))
            .map(|(_, name)| *name)
    };
    match (find(&browsers), find(&systems)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) if text.is_empty() => "A browser that does not say what it is".to_owned(),
        (None, None) => text.chars().take(60).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_called_as_people_call_them() {
        let named = |user_agent: &str| {
            browser(&SessionRecord {
                id: String::new(),
                user: None,
                flow: None,
                user_agent: Some(user_agent.to_owned()).filter(|text| !text.is_empty()),
                created_at: DateTime::UNIX_EPOCH,
                used_at: DateTime::UNIX_EPOCH,
                idle_until: DateTime::UNIX_EPOCH,
                ends_at: DateTime::UNIX_EPOCH,
            })
        };
        assert_eq!(
            named("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/150.0 Safari/537.36"),
            "Chrome on Linux"
        );
        assert_eq!(
            named("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:130.0) Firefox/130.0"),
            "Firefox on macOS"
        );
        assert_eq!(named("curl/8.0"), "curl/8.0");
        assert_eq!(named(""), "A browser that does not say what it is");
    }
}
