//! The list of users.

use bucketload_archive::{IdentityRecord, UserRecord};
use bucketload_model::{UserRole, UserState};
use maud::{Markup, html};

use super::icons;
use super::layout::{self, Desk, Room};
use super::parts::{form_field, role_words, time, user_state};
use crate::session::Person;

pub(crate) fn page(person: &Person, users: &[UserRecord], identities: &[IdentityRecord]) -> Markup {
    // Those who wait for somebody come first.
    let (waiting, others): (Vec<_>, Vec<_>) = users
        .iter()
        .partition(|user| user.state == UserState::Pending);
    let content = html! {
        @if !waiting.is_empty() {
            section {
                h2 { "Waiting for approval" }
                ul class="rows" {
                    @for user in waiting { (row(person, user, identities)) }
                }
            }
        }
        section {
            h2 { "Users" }
            ul class="rows" {
                @for user in others { (row(person, user, identities)) }
            }
        }
    };
    layout::page(
        person,
        Room::Administration(Desk::Users),
        "Administration",
        &content,
    )
}

fn row(person: &Person, user: &UserRecord, identities: &[IdentityRecord]) -> Markup {
    let own = identities
        .iter()
        .filter(|identity| identity.user == user.id);
    let names: Vec<&str> = own
        .map(|identity| {
            let name = identity
                .nickname
                .as_ref()
                .or(identity.display_name.as_ref());
            name.map_or_else(|| identity.account.as_str(), String::as_str)
        })
        .collect();
    html! {
        li {
            (icons::PERSON.show())
            div class="grow" {
                strong { (user.display_name) }
                @if user.id == person.user.id { " " span class="badge plain" { "you" } }
                " " (user_state(user.state))
                div class="detail" {
                    @if let Some(email) = &user.email { (email) " · " }
                    @if names.is_empty() {
                        "no Bitbucket account"
                    } @else {
                        "Bitbucket: " (names.join(", "))
                    }
                    " · "
                    @match user.seen_at {
                        Some(seen) => { "last here " (time(seen)) }
                        None => { "never here" }
                    }
                }
            }
            div class="actions" {
                (role_form(person, user))
                (state_form(person, user))
            }
        }
    }
}

fn role_form(person: &Person, user: &UserRecord) -> Markup {
    html! {
        form method="post" action="administration/users" class="inline" {
            (form_field(&person.token))
            input type="hidden" name="user" value=(user.id);
            input type="hidden" name="action" value="role";
            select name="role" aria-label={"Role of " (user.display_name)} {
                @for role in UserRole::ALL {
                    option value=(role) selected[*role == user.role] { (role_words(*role)) }
                }
            }
            button class="quiet" type="submit" { "Set role" }
        }
    }
}

fn state_form(person: &Person, user: &UserRecord) -> Markup {
    let (action, word, class) = match user.state {
        UserState::Pending => ("approve", "Approve", "primary"),
        UserState::Active => ("block", "Block", "quiet danger"),
        UserState::Blocked => ("unblock", "Unblock", "quiet"),
    };
    html! {
        form method="post" action="administration/users" class="inline" {
            (form_field(&person.token))
            input type="hidden" name="user" value=(user.id);
            @if user.state == UserState::Pending {
                button class="quiet danger" type="submit" name="action" value="block" { "Refuse" }
            }
            button class=(class) type="submit" name="action" value=(action)
                aria-label={(word) " " (user.display_name)} { (word) }
        }
    }
}
