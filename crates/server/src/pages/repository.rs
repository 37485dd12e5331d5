//! One repository: what the archive holds of it, and how sure that is.

use std::path::{Path, PathBuf};

use bucketload_archive::{Amount, ImportLine, IssueCounts, ProofRecord, StateCounts};
use bucketload_model::{RepositoryName, Stage, UserRole};
use maud::{Markup, html};
use url::Url;

use super::gaps::{self, GapGroup, Place};
use super::layout::{self, Room};
use super::parts::{
    back_to, badge, bytes, counted, empty, grouped, import_state, repository_path, stage_words,
    time,
};
use super::{icons, import_line, new_import, upload};
use crate::session::Person;

/// Everything that the page shows.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) name: RepositoryName,
    pub(crate) main_branch: Option<String>,
    pub(crate) proof: Option<ProofRecord>,
    /// Its imports, the latest first.
    pub(crate) lines: Vec<ImportLine>,
    /// Which of them came to its end last: it counted what is there.
    pub(crate) ended: Option<usize>,
    /// Those of the latest import.
    pub(crate) gaps: Vec<GapGroup>,
    /// In the clone, as the latest import counted them.
    pub(crate) commits: Option<u64>,
    pub(crate) pull_requests: StateCounts,
    pub(crate) issues: IssueCounts,
    pub(crate) attachments: Amount,
    pub(crate) lfs: Amount,
    pub(crate) clone: Option<Clone>,
    pub(crate) wiki: Option<Clone>,
    pub(crate) web_url: Url,
    pub(crate) max_upload_bytes: u64,
}

/// Where a clone is.
#[derive(Debug)]
pub(crate) enum Clone {
    /// It can be cloned from.
    OnDisk { path: PathBuf, size_bytes: u64 },
    /// Another machine brought it, and this one did not need it yet.
    InStore { bundles: usize, size_bytes: u64 },
}

pub(crate) fn page(person: &Person, whole: &Whole) -> Markup {
    let content = html! {
        (back_to("repositories", "Repositories"))
        (rooms(person, whole))
        (standing(whole))
        (holdings(whole))
        (clones(whole))
        @if let Some(latest) = whole.lines.first() {
            (gaps::section(&whole.gaps, &Place {
                import: latest.summary.id,
                repository: &whole.name,
                web_url: &whole.web_url,
            }))
        }
        (imports(whole))
        (upload::sections(person, Some(&whole.name), whole.max_upload_bytes))
    };
    layout::page(
        person,
        Room::Repositories,
        &whole.name.to_string(),
        &content,
    )
}

/// The lists that are read rather than counted.
fn rooms(person: &Person, whole: &Whole) -> Markup {
    let path = repository_path(&whole.name);
    let pull_requests: u64 = whole.pull_requests.values().sum();
    let rooms = [
        ("pull-requests", "Pull requests", Some(pull_requests)),
        ("issues", "Issues", Some(whole.issues.issues)),
        ("downloads", "Downloads", None),
    ];
    let (workspace, slug) = (&whole.name.workspace, &whole.name.slug);
    html! {
        nav class="chips" aria-label="Of this repository" {
            @for (room, name, count) in rooms {
                a href={(path) "/" (room)} {
                    (name)
                    @if let Some(count) = count { " " span class="count" { (grouped(count)) } }
                }
            }
            // Names of workspaces and repositories mean nothing in a query.
            @if person.user.role >= UserRole::Member {
                a href={(new_import::PATH) "?workspace=" (workspace) "&q=" (slug)} {
                    "Import again"
                }
            }
        }
    }
}

/// When it was last brought up to date, and when all was last found right.
fn standing(whole: &Whole) -> Markup {
    let ended = whole.ended.and_then(|index| whole.lines.get(index));
    html! {
        section class="head" {
            @if let Some(latest) = whole.lines.first() {
                div class="standing" { div { (import_line::state(latest)) } }
            }
            div class="facts detail" {
                @match ended {
                    Some(line) => span {
                        "last imported "
                        a href={"imports/" (line.summary.id)} {
                            (time(line.summary.finished_at.unwrap_or(line.summary.started_at)))
                        }
                    },
                    None => span { "no import has come to its end" },
                }
                (proven(whole.proof.as_ref()))
                @if let Some(branch) = &whole.main_branch {
                    span { "main branch " code { (branch) } }
                }
            }
        }
    }
}

fn proven(proof: Option<&ProofRecord>) -> Markup {
    html! {
        @match proof {
            Some(proof) if proof.problems > 0 => span {
                (badge("bad", icons::STOP, "damaged")) " "
                (counted(proof.problems, "problem was", "problems were"))
                " found " (time(proof.tried_at))
            },
            Some(ProofRecord { proven_at: Some(proven), is_sample, .. }) => span {
                "last proven " (time(*proven))
                @if *is_sample { ", by a sample" }
            },
            _ => span { "never proven: run " code { "bucketload verify" } },
        }
    }
}

/// Stages whose objects are told otherwise, or are none.
const fn is_counted_elsewhere(stage: Stage) -> bool {
    matches!(
        stage,
        Stage::Repository
            | Stage::Finish
            | Stage::Lfs
            | Stage::Issues
            | Stage::IssueComments
            | Stage::IssueChanges
            | Stage::IssueAttachments
    )
}

fn holdings(whole: &Whole) -> Markup {
    let ended = whole.ended.and_then(|index| whole.lines.get(index));
    // The last step of an import counts what is there: nothing is counted again for a page.
    let stages = ended.into_iter().flat_map(|line| &line.stages);
    let stages = stages
        .map(|stage| &stage.report)
        .filter(|report| report.stored > 0 && !is_counted_elsewhere(report.name));
    let words = |stage| match stage {
        Stage::Git => "git refs".to_owned(),
        stage => stage_words(stage),
    };
    let mut amounts: Vec<(String, String)> = stages
        .map(|report| (words(report.name), grouped(report.stored)))
        .collect();
    if let Some(commits) = whole.commits {
        amounts.insert(
            amounts.len().min(1),
            ("commits".to_owned(), grouped(commits)),
        );
    }
    let states = whole.pull_requests.iter();
    amounts.extend(states.map(|(state, count)| {
        let what = format!("pull requests, {}", state.to_lowercase());
        (what, grouped(*count))
    }));
    let issues = &whole.issues;
    let counts = [
        ("issues", issues.issues),
        ("issue comments", issues.comments),
        ("issue changes", issues.changes),
    ];
    let counts = counts.into_iter().filter(|(_, count)| *count > 0);
    amounts.extend(counts.map(|(what, count)| (what.to_owned(), grouped(count))));
    let files = [
        ("issue attachments", whole.attachments),
        ("large files (git LFS)", whole.lfs),
    ];
    for (what, amount) in files.into_iter().filter(|(_, amount)| amount.objects > 0) {
        let text = format!("{}, {}", grouped(amount.objects), bytes(amount.bytes));
        amounts.push((what.to_owned(), text));
    }
    html! {
        section id="holdings" {
            h2 { "What the archive holds" }
            @if amounts.is_empty() {
                (empty("Nothing that was counted yet."))
            } @else {
                dl class="amounts" {
                    @for (what, amount) in &amounts {
                        div { dt { (what) } dd { (amount) } }
                    }
                }
            }
        }
    }
}

fn clones(whole: &Whole) -> Markup {
    let clones = [("Git history", &whole.clone), ("Wiki", &whole.wiki)];
    html! {
        @for (title, clone) in clones {
            @if let Some(clone) = clone {
                section {
                    h2 { (title) }
                    (one_clone(clone, &whole.name))
                }
            }
        }
    }
}

fn one_clone(clone: &Clone, name: &RepositoryName) -> Markup {
    let (said, command) = match clone {
        Clone::OnDisk { path, size_bytes } => (
            html! {
                (bytes(*size_bytes)) " on the disk of this service, where a clone of it is made by:"
            },
            format!("git clone {}", quoted(path)),
        ),
        Clone::InStore {
            bundles,
            size_bytes,
        } => (
            html! {
                (bytes(*size_bytes)) " in " (counted(*bundles as u64, "bundle", "bundles"))
                " in the object store, and not on the disk of this service. All of it is put into \
                 one file, which git clones, by:"
            },
            format!("bucketload export {name} --format jsonl --output export"),
        ),
    };
    html! {
        p class="hint" { (said) }
        pre tabindex="0" { code { (command) } }
    }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let is_plain = |character: char| {
        character.is_ascii_alphanumeric() || matches!(character, '/' | '.' | '_' | '-')
    };
    if path.chars().all(is_plain) {
        path
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

fn imports(whole: &Whole) -> Markup {
    html! {
        @if !whole.lines.is_empty() {
            section id="imports" {
                h2 { "Its imports" }
                ul class="rows" {
                    @for line in &whole.lines {
                        li {
                            a class="grow" href={"imports/" (line.summary.id)} {
                                (time(line.summary.started_at))
                            }
                            (import_state(line.summary.state))
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_for_a_shell() {
        assert_eq!(quoted(Path::new("/srv/a-b_c.git")), "/srv/a-b_c.git");
        assert_eq!(quoted(Path::new("/it's $x")), r"'/it'\''s $x'");
    }
}
