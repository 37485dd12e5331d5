//! The form for an export of issues.

use bucketload_model::{RepositoryName, UserRole};
use maud::{Markup, html};

use super::parts::{bytes, form_field};
use crate::session::Person;

pub(crate) const PATH: &str = "/repositories/issue-export";

/// The fields, in the order in which they are read.
pub(crate) const REPOSITORY: &str = "repository";
pub(crate) const EXPORT: &str = "export";

/// For a repository, or for one that is named in it. Nothing for viewers.
pub(crate) fn section(
    person: &Person,
    repository: Option<&RepositoryName>,
    max_upload_bytes: u64,
) -> Markup {
    html! {
        @if person.user.role >= UserRole::Member {
            section id="issue-export" {
                h2 { "Bring an export of issues" }
                p class="hint" {
                    "Bitbucket removed its issue tracker. An export that was made before, the zip \
                     or the " code { "db-2.0.json" } " out of it, brings issues, comments and \
                     attachments into the archive. Up to " (bytes(max_upload_bytes)) "."
                }
                form class="stack" method="post" action=(PATH.trim_start_matches('/')) enctype="multipart/form-data" {
                    // The token stands first: nothing behind it is read before.
                    (form_field(&person.token))
                    @match repository {
                        Some(name) => input type="hidden" name=(REPOSITORY) value=(name);,
                        None => label {
                            "Repository"
                            input type="text" name=(REPOSITORY) required autocomplete="off"
                                spellcheck="false" placeholder="workspace/repository";
                        }
                    }
                    label {
                        "Export"
                        input type="file" name=(EXPORT) required accept=".zip,.json";
                    }
                    button type="submit" { "Take it in" }
                }
            }
        }
    }
}
