//! The forms for what was kept of things that Bitbucket removed.

use bucketload_model::{RepositoryName, UserRole};
use maud::{Markup, html};

use super::parts::{bytes, form_field};
use crate::session::Person;

/// The field that names the repository; it stands before the file.
pub(crate) const REPOSITORY: &str = "repository";

/// Something that is brought as a file.
#[derive(Debug)]
pub(crate) struct Upload {
    /// Of its form.
    id: &'static str,
    /// Where the form goes.
    pub(crate) path: &'static str,
    /// The field of the file.
    pub(crate) field: &'static str,
    title: &'static str,
    label: &'static str,
    accept: &'static str,
}

pub(crate) const ISSUES: Upload = Upload {
    id: "issue-export",
    path: "/repositories/issue-export",
    field: "export",
    title: "Bring an export of issues",
    label: "Export",
    accept: ".zip,.json",
};

pub(crate) const WIKI: Upload = Upload {
    id: "wiki-bundle",
    path: "/repositories/wiki-bundle",
    field: "bundle",
    title: "Bring a wiki",
    label: "Bundle",
    accept: ".bundle",
};

/// The forms, for a repository, or for one that is named in them. Nothing for viewers.
pub(crate) fn sections(
    person: &Person,
    repository: Option<&RepositoryName>,
    max_upload_bytes: u64,
) -> Markup {
    let limit = bytes(max_upload_bytes);
    html! {
        @if person.user.role >= UserRole::Member {
            div class="two" {
                (section(person, repository, &ISSUES, &html! {
                    "Bitbucket removed its issue tracker. An export that was made before, the zip \
                     or the " code { "db-2.0.json" } " out of it, brings issues, comments and \
                     attachments into the archive. Up to " (limit) "."
                }))
                (section(person, repository, &WIKI, &html! {
                    "Bitbucket removed its wikis. A clone that was kept comes home as one file: "
                    code { "git bundle create wiki.bundle --all" } " in the clone makes it. Up to "
                    (limit) "."
                }))
            }
        }
    }
}

fn section(
    person: &Person,
    repository: Option<&RepositoryName>,
    upload: &Upload,
    about: &Markup,
) -> Markup {
    // Links have no slash before them.
    let action = upload.path.trim_start_matches('/');
    html! {
        section id=(upload.id) {
            h2 { (upload.title) }
            p class="hint" { (about) }
            form class="stack" method="post" action=(action) enctype="multipart/form-data" {
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
                    (upload.label)
                    input type="file" name=(upload.field) required accept=(upload.accept);
                }
                button type="submit" { "Take it in" }
            }
        }
    }
}
