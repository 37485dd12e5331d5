//! What the chosen imports take, before they begin.

use bucketload_model::{RepositoryName, Stage};
use bucketload_worker::RepositoryPlan;
use maud::{Markup, html};

use super::layout::{self, Room};
use super::new_import::{PATH, TITLE};
use super::parts::{back_to, counted, form_field, grouped, stage_words};
use super::{icons, trouble};
use crate::bitbucket::credentials::Usable;
use crate::bitbucket::trouble::Trouble;
use crate::imports::new::plan::Estimate;
use crate::imports::new::review::Chosen;
use crate::imports::new::{Choice, Repositories};
use crate::imports::pace::roughly;
use crate::session::Person;

/// What the page shows.
#[derive(Debug)]
pub(crate) struct Review {
    pub(crate) choice: Choice,
    pub(crate) credential: Usable,
    pub(crate) chosen: Chosen,
    pub(crate) estimate: Result<Estimate, Trouble>,
}

/// Names that stand open; more fold away.
const NAMED: usize = 12;

/// What comes first.
const PRIORITIES: [(i32, &str); 3] = [
    (50, "Before others"),
    (0, "As usual"),
    (-50, "When nothing else is to be done"),
];

pub(crate) fn page(person: &Person, review: &Review) -> Markup {
    let count = review.chosen.names.len() as u64;
    let place = &review.choice.place;
    let content = html! {
        (back_to(&place.address(PATH, place.pages), "Back to the choice"))
        form method="post" action={(PATH) "/start"} class="stack" {
            (form_field(&person.token))
            (hidden(review))
            section {
                h2 { (counted(count, "repository", "repositories")) }
                p class="lead" {
                    "From " strong { (review.chosen.names[0].workspace) } ", with "
                    strong { (review.credential.label) } "."
                }
                (names(&review.chosen.names))
                (cut_short(review))
            }
            section id="estimate" {
                h2 { "What it takes" }
                @match &review.estimate {
                    Ok(estimate) => (estimated(estimate)),
                    Err(trouble) => (trouble::note(trouble)),
                }
            }
            (options(review))
            div class="actions" {
                button class="primary large" type="submit" {
                    (icons::PLAY.show()) "Start " (counted(count, "import", "imports"))
                }
                button type="submit" class="large" formaction=(PATH) { "Estimate again" }
            }
        }
    };
    layout::page(person, Room::NewImport, TITLE, &content)
}

/// What was chosen, for the next step.
fn hidden(review: &Review) -> Markup {
    html! {
        @for (name, value) in review.choice.place.fields() {
            input type="hidden" name=(name) value=(value);
        }
        @match &review.choice.repositories {
            Repositories::AllThatMatch => input type="hidden" name="all" value="1";,
            Repositories::Named(slugs) => @for slug in slugs {
                input type="hidden" name="repository" value=(slug);
            }
        }
        input type="hidden" name="options" value="1";
    }
}

fn names(names: &[RepositoryName]) -> Markup {
    let (first, more) = names.split_at(names.len().min(NAMED));
    let list = |names: &[RepositoryName]| {
        html! { ul class="names" { @for name in names { li { (name.slug) } } } }
    };
    html! {
        (list(first))
        @if !more.is_empty() {
            details { summary { "and " (grouped(more.len() as u64)) " more" } (list(more)) }
        }
    }
}

/// What of all that match is left out, and why.
fn cut_short(review: &Review) -> Markup {
    let found = review.chosen.found.as_deref();
    html! {
        @if let Some(found) = found {
            @if found.is_cut_short() {
                p class="remedy" {
                    "More match than the thousand that are asked for at once. When these have \
                     begun, narrow the choice by a part of the name and ask for the others."
                }
            }
            @if !found.unfit.is_empty() {
                p class="hint" {
                    (counted(found.unfit.len() as u64, "repository is", "repositories are"))
                    " left out: they cannot be imported."
                }
            }
        }
    }
}

fn estimated(estimate: &Estimate) -> Markup {
    html! {
        @if let Some(total) = estimate.total() {
            p {
                strong {
                    @if !total.is_exact { "About " }
                    (range(total.min, total.max)) " requests"
                }
                " to Bitbucket. "
                @match (estimate.longest(), estimate.hourly_quota) {
                    (Some(longest), Some(quota)) => {
                        "At " (grouped(quota.into())) " an hour that is " (roughly(longest))
                        " at most; the imports wait for quota by themselves."
                    }
                    (None, Some(quota)) => {
                        "That is less than the " (grouped(quota.into())) " of an hour, so nothing \
                         waits unless others use them."
                    }
                    (_, None) => {}
                }
                " Git and large files are counted apart and are rarely what takes long."
            }
            (looked_at(estimate))
        }
        @for (name, trouble) in &estimate.failed {
            p { strong { (name) } " could not be looked at:" }
            (trouble::note(trouble))
        }
        p class="hint" {
            "To find out takes up to ten requests for each repository that is looked at"
            @if estimate.of > estimate.plans.len() + estimate.failed.len() {
                ", so of many only a few are, and the others are taken to be alike"
            }
            "."
        }
    }
}

fn looked_at(estimate: &Estimate) -> Markup {
    html! {
        div class="table-frame" {
            table {
                thead {
                    tr {
                        th scope="col" { "Looked at" }
                        th scope="col" class="number" { "Pull requests to read" }
                        th scope="col" class="number" { "Requests" }
                    }
                }
                tbody {
                    @for plan in &estimate.plans {
                        tr {
                            th scope="row" {
                                (plan.source)
                                @if plan.resumes {
                                    div class="detail" { "goes on where it stopped" }
                                }
                            }
                            td class="number" data-label="To read" {
                                @match pull_requests(plan) {
                                    Some(count) => (grouped(count)),
                                    None => "–",
                                }
                            }
                            td class="number" data-label="Requests" {
                                (range(plan.requests_min, plan.requests_max))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn pull_requests(plan: &RepositoryPlan) -> Option<u64> {
    let mut stages = plan.stages.iter();
    stages
        .find(|stage| stage.name == Stage::PullRequests)?
        .objects
}

fn range(min: u64, max: u64) -> String {
    if min == max {
        grouped(min)
    } else {
        format!("{} to {}", grouped(min), grouped(max))
    }
}

fn options(review: &Review) -> Markup {
    let choice = &review.choice;
    let optional = Stage::ALL.iter().copied().filter(|one| one.is_optional());
    let chosen = choice.selection.stages().iter();
    let chosen = chosen.filter(|one| one.is_optional());
    let not_before = choice.when.not_before;
    html! {
        section {
            h2 { "How" }
            details {
                summary {
                    "What to import: " (chosen.count()) " of " (optional.clone().count()) " parts"
                }
                fieldset class="parts" {
                    legend class="away" { "What to import" }
                    @for stage in optional {
                        label class="check" {
                            input type="checkbox" name="stage" value=(stage)
                                checked[choice.selection.contains(stage)];
                            span {
                                (stage_words(stage))
                                span class="hint" { (described(stage)) }
                            }
                        }
                    }
                }
            }
            div class="side-by-side" {
                label {
                    "Order"
                    select name="priority" {
                        @for (priority, words) in PRIORITIES {
                            option value=(priority)
                                selected[priority == choice.when.priority.get()] { (words) }
                        }
                    }
                }
                label {
                    "Not before (UTC)"
                    input type="datetime-local" name="not_before" aria-describedby="not-before-hint"
                        value=[not_before.map(|time| time.format("%Y-%m-%dT%H:%M"))];
                    span class="hint" id="not-before-hint" { "Empty: as soon as there is a place." }
                }
            }
        }
    }
}

/// What a part brings home; how a command asks for it is of no use here.
fn described(stage: Stage) -> &'static str {
    stage.description().trim_end_matches("; only with --with")
}
