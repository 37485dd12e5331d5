//! The credentials that are kept, without their secrets.

use bucketload_archive::{CredentialRecord, UserRecord};
use bucketload_auth::CredentialKind;
use bucketload_model::{UserRole, UserState};
use maud::{Markup, html};

use super::icons;
use super::layout::{self, Desk, Room};
use super::parts::{badge, empty, form_field, time};
use crate::session::Person;

/// A credential that is kept.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) record: CredentialRecord,
    /// Whose it is; nobody's is the service's.
    pub(crate) owner: Option<UserRecord>,
}

pub(crate) fn page(person: &Person, kept: &[Kept], configured: Option<&str>) -> Markup {
    let content = html! {
        section {
            h2 { "Credentials" }
            p class="hint" {
                "What imports and lists are signed with. Secrets are kept sealed and shown to \
                 nobody. One that is removed here is forgotten by this service; Bitbucket still \
                 knows it. Imports that were asked for with it fail, and say so."
            }
            @if kept.is_empty() {
                (empty("None is kept. People connect Bitbucket on their account page; “bucketload \
                        auth add-token” keeps one for the service."))
            }
            ul class="rows" { @for one in kept { (row(person, one)) } }
        }
        section {
            h2 { "In the configuration" }
            @match configured {
                Some(configured) => p {
                    "Imports that name no credential are signed with " strong { (configured) }
                    ". It is set where the service is started, and cannot be removed here."
                },
                None => p {
                    "None: imports that name no credential take the one of the service that fits \
                     their workspace, or see what is public."
                },
            }
        }
    };
    layout::page(
        person,
        Room::Administration(Desk::Credentials),
        "Administration",
        &content,
    )
}

fn row(person: &Person, kept: &Kept) -> Markup {
    let record = &kept.record;
    html! {
        li {
            (icons::KEY.show())
            div class="grow" {
                strong { (record.label) } " " (state(kept))
                @if let Some(reason) = &record.dead_because { div class="detail" { (reason) } }
                div class="detail" {
                    (kind(record.kind))
                    @if let Some(workspace) = &record.workspace { " for " (workspace) }
                    " · "
                    @match (&kept.owner, &record.owner) {
                        (Some(owner), _) => { "of " (owner.display_name) }
                        (None, Some(_)) => { "of somebody who is gone" }
                        (None, None) => { "of this service" }
                    }
                }
                div class="detail" {
                    "added " (time(record.created_at)) " · "
                    @match record.used_at {
                        Some(used) => { "last used " (time(used)) }
                        None => { "never used" }
                    }
                    @if let Some(expires) = record.expires_at {
                        @if record.kind == CredentialKind::OAuthGrant {
                            " · renews itself, next by " (time(expires))
                        } @else {
                            " · expires " (time(expires))
                        }
                    }
                }
                @if !record.scopes.is_empty() {
                    div class="detail" {
                        @for scope in &record.scopes { code class="scope" { (scope) } " " }
                    }
                }
            }
            form method="post" action="administration/credentials/remove" {
                (form_field(&person.token))
                input type="hidden" name="credential" value=(record.id);
                button class="quiet danger" type="submit"
                    aria-label={"Remove " (record.label)} { "Remove" }
            }
        }
    }
}

/// Whether imports can be run with it.
fn state(kept: &Kept) -> Markup {
    let is_let_in =
        |user: &UserRecord| user.state == UserState::Active && user.role >= UserRole::Member;
    if !kept.record.is_usable() {
        return badge("bad", icons::STOP, "ended");
    }
    match (&kept.owner, &kept.record.owner) {
        (Some(owner), _) if !is_let_in(owner) => {
            badge("warn", icons::WARNING, "its user may not import")
        }
        (None, Some(_)) => badge("warn", icons::WARNING, "its user is gone"),
        _ => badge("good", icons::CHECK, "usable"),
    }
}

const fn kind(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::OAuthGrant => "sign-in with Bitbucket",
        CredentialKind::AccessToken => "access token",
        CredentialKind::ApiToken => "personal API token",
    }
}
