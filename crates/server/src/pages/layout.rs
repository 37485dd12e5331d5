//! The frame of every page.

use bucketload_model::UserRole;
use maud::{DOCTYPE, Markup, html};

use super::parts::form_field;
use super::{icons, new_import};
use crate::assets::{ICON_PATH, SCRIPT_PATH, STYLE_PATH};
use crate::events::EventId;
use crate::mount;
use crate::session::Person;

/// Which part of the house a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    Imports,
    NewImport,
    Repositories,
    Quota,
    Account,
    Administration(Desk),
}

/// Which page of the administration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Desk {
    Users,
    SignIn,
    Credentials,
    Limits,
    Notices,
    Audit,
}

/// A route as links have it.
fn relative(path: &str) -> &str {
    path.trim_start_matches('/')
}

fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) " · bucketload" }
                base href=(mount::base());
                link rel="stylesheet" href=(relative(STYLE_PATH));
                link rel="icon" type="image/svg+xml" href=(relative(ICON_PATH));
                script src=(relative(SCRIPT_PATH)) defer {}
            }
            (body)
        }
    }
}

/// A page of somebody who is signed in.
pub(crate) fn page(person: &Person, room: Room, title: &str, content: &Markup) -> Markup {
    frame(person, room, title, None, content)
}

/// One whose parts change while it is open; it knows of all events up to this one.
///
/// The script replaces every element with `data-live` (and an id) by what the server shows
/// at the same address, and what has `data-part` in an element with `data-import` by what
/// an event brings. Without the script the page is right when it is loaded.
pub(crate) fn live_page(
    person: &Person,
    room: Room,
    title: &str,
    seen_until: EventId,
    content: &Markup,
) -> Markup {
    frame(person, room, title, Some(seen_until), content)
}

fn frame(
    person: &Person,
    room: Room,
    title: &str,
    seen_until: Option<EventId>,
    content: &Markup,
) -> Markup {
    let is_administrator = person.user.role == UserRole::Administrator;
    let may_import = person.user.role >= UserRole::Member;
    let current = |here: bool| here.then_some("page");
    let in_administration = matches!(room, Room::Administration(_));
    document(
        title,
        &html! {
            body {
                a class="skip" href=(mount::here("content")) { "Skip to the content" }
                header class="bar" {
                    div class="bar-inside" {
                        a class="brand" href="imports" {
                            (icons::BUCKET.show()) span { "bucketload" }
                        }
                        nav aria-label="Main" {
                            a href="imports" aria-current=[current(room == Room::Imports)] { "Imports" }
                            a href="repositories"
                                aria-current=[current(room == Room::Repositories)] {
                                "Repositories"
                            }
                            a href="quota" aria-current=[current(room == Room::Quota)] { "Quota" }
                            a href="account" aria-current=[current(room == Room::Account)] {
                                "Account"
                            }
                            @if is_administrator {
                                a href="administration/users"
                                    aria-current=[current(in_administration)] { "Administration" }
                            }
                        }
                        @if may_import {
                            a class="button" href=(new_import::PATH)
                                aria-current=[current(room == Room::NewImport)] { "New import" }
                        }
                        form class="leave" method="post" action="sign-out" {
                            (form_field(&person.token))
                            span class="who" title=(person.user.display_name) {
                                (person.user.display_name)
                            }
                            button class="quiet" type="submit" { (icons::DOOR.show()) "Sign out" }
                        }
                    }
                }
                main id="content" class="wide" tabindex="-1"
                    data-events=[seen_until] {
                    h1 { (title) }
                    @if let Room::Administration(desk) = room {
                        (desks(desk))
                    }
                    (content)
                    @if seen_until.is_some() {
                        p class="away" role="status" data-said {}
                        p class="offline" hidden data-offline {
                            "Not connected: what you see may be old. It is tried again."
                        }
                    }
                }
            }
        },
    )
}

fn desks(here: Desk) -> Markup {
    let all = [
        (Desk::Users, "administration/users", "Users"),
        (Desk::SignIn, "administration/sign-in", "Sign-in"),
        (
            Desk::Credentials,
            "administration/credentials",
            "Credentials",
        ),
        (Desk::Limits, "administration/limits", "Limits"),
        (Desk::Notices, "administration/notices", "Notices"),
        (Desk::Audit, "administration/audit", "Audit log"),
    ];
    html! {
        nav class="tabs" aria-label="Administration" {
            @for (desk, address, name) in all {
                a href=(address) aria-current=[(desk == here).then_some("page")] { (name) }
            }
        }
    }
}

/// A page of somebody who is outside: one card in the middle.
pub(crate) fn card(title: &str, content: &Markup) -> Markup {
    document(
        title,
        &html! {
            body class="outside" {
                main class="card" {
                    a class="brand" href="./" { (icons::BUCKET.show()) "bucketload" }
                    h1 { (title) }
                    (content)
                }
            }
        },
    )
}
