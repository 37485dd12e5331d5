//! The switches of the sign-in.

use bucketload_model::{UserRole, WorkspaceSlug};
use maud::{Markup, html};
use url::Url;

use super::layout::{self, Desk, Room};
use super::parts::{form_field, role_words};
use crate::session::Person;
use crate::switches::{Admission, MOST_DAYS, Switches};

pub(crate) fn page(
    person: &Person,
    switches: &Switches,
    has_consumer: bool,
    callback: &Url,
) -> Markup {
    let content = html! {
        (consumer(has_consumer, callback))
        form method="post" action="administration/sign-in" class="stack" {
            (form_field(&person.token))
            section {
                h2 { "Bitbucket" }
                (switch("bitbucket_sign_in", switches.bitbucket_sign_in,
                    "People sign in with Bitbucket",
                    "Imports go on either way."))
                (switch("link_by_email", switches.link_by_email,
                    "Connect by e-mail address",
                    "Somebody whose confirmed address at Bitbucket is that of a user here becomes \
                     that user. Otherwise users connect their accounts themselves."))
            }
            section {
                h2 { "New accounts" }
                fieldset {
                    legend { "Who gets an account by signing in" }
                    @for admission in Admission::ALL {
                        label class="check" {
                            input type="radio" name="admission" value=(admission.name())
                                checked[admission == switches.admission];
                            (admission_words(admission))
                        }
                    }
                }
                label {
                    "Workspaces"
                    input name="workspaces" value=(workspaces(switches))
                        placeholder="teapots, kettles" aria-describedby="workspaces-hint"
                        autocapitalize="none" spellcheck="false";
                    span class="hint" id="workspaces-hint" {
                        "Names as in addresses, separated by commas."
                    }
                }
                (switch("approval", switches.approval, "New accounts wait for approval",
                    "They see nothing before an administrator approves them."))
                label {
                    "Role of new accounts"
                    select name="new_role" {
                        @for role in [UserRole::Viewer, UserRole::Member] {
                            option value=(role) selected[role == switches.new_role] {
                                (role_words(role))
                            }
                        }
                    }
                }
            }
            section {
                h2 { "Sessions" }
                div class="side-by-side" {
                    (days("idle_days", "Days without use", switches.idle_days))
                    (days("session_days", "Days in any case", switches.session_days))
                }
                p class="hint" { "After so many days people sign in again. It counts from their next sign-in." }
            }
            button class="primary" type="submit" { "Save" }
        }
    };
    layout::page(
        person,
        Room::Administration(Desk::SignIn),
        "Administration",
        &content,
    )
}

fn consumer(has_consumer: bool, callback: &Url) -> Markup {
    html! {
        section {
            h2 { "OAuth consumer" }
            @if has_consumer {
                p { "Set up. Its callback URL at Bitbucket must be exactly this:" }
            } @else {
                p {
                    "Not set up. Register one in Bitbucket under Workspace settings, OAuth \
                     consumers, with the permissions Account: Email and Read, and this callback \
                     URL; then set " code { "BUCKETLOAD_OAUTH_CLIENT_ID" } " and "
                    code { "BUCKETLOAD_OAUTH_CLIENT_SECRET" } " and start the service again."
                }
            }
            pre { code { (callback) } }
        }
    }
}

fn switch(name: &str, is_on: bool, title: &str, hint: &str) -> Markup {
    html! {
        label class="check" {
            input type="checkbox" name=(name) value="on" checked[is_on];
            span { strong { (title) } span class="hint" { (hint) } }
        }
    }
}

fn days(name: &str, title: &str, value: u16) -> Markup {
    html! {
        label {
            (title)
            input type="number" name=(name) min="1" max=(MOST_DAYS) required value=(value);
        }
    }
}

fn workspaces(switches: &Switches) -> String {
    let names = switches.workspaces.iter().map(WorkspaceSlug::as_str);
    names.collect::<Vec<_>>().join(", ")
}

const fn admission_words(admission: Admission) -> &'static str {
    match admission {
        Admission::Nobody => "Nobody: only users who are here already",
        Admission::Members => "Members of the workspaces below",
        Admission::Anyone => "Anybody who has a Bitbucket account",
    }
}
