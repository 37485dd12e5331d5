//! What is missing, why, and what to do about it.

use bucketload_model::{Gap, GapReason, ImportId, RepositoryName, Stage};
use maud::{Markup, html};
use url::Url;

use super::icons;
use super::parts::{counted, empty, grouped, stage_words};

/// The gaps of one reason.
#[derive(Debug)]
pub(crate) struct GapGroup {
    pub(crate) reason: GapReason,
    pub(crate) count: u64,
    /// The first of them, or all.
    pub(crate) gaps: Vec<Gap>,
}

/// Where links may lead, and of which repository they are.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) import: ImportId,
    pub(crate) repository: &'a RepositoryName,
    pub(crate) web_url: &'a Url,
}

pub(crate) fn section(groups: &[GapGroup], place: &Place<'_>) -> Markup {
    let count: u64 = groups.iter().map(|group| group.count).sum();
    html! {
        section id="gaps" data-live {
            h2 { "What is missing" }
            @if groups.is_empty() {
                (empty("Nothing that was found so far."))
            } @else {
                p class="lead" {
                    (counted(count, "thing is", "things are"))
                    " not in the archive, and it is known why."
                }
                @for group in groups { (one_group(group, place)) }
            }
        }
    }
}

fn one_group(group: &GapGroup, place: &Place<'_>) -> Markup {
    let shown = group.gaps.len() as u64;
    let reason = group.reason;
    html! {
        div class="gap-group" {
            h3 { (words(reason)) " " span class="count" { (grouped(group.count)) } }
            p class="remedy" { (remedy(reason)) }
            ul class="gaps" {
                @for gap in &group.gaps {
                    li {
                        span class="grow" {
                            strong { (gap.object) }
                            span class="detail" { (stage_words(gap.stage)) ": " (gap.detail) }
                        }
                        @if let Some(address) = address(gap, place) {
                            a href=(address) rel="noopener noreferrer" {
                                (icons::OUT.show()) "Bitbucket"
                                span class="away" { ": " (gap.object) }
                            }
                        }
                    }
                }
            }
            @if group.count > shown {
                p {
                    a href={"imports/" (place.import) "?gaps=" (reason.name()) "#gaps"} {
                        "Show all " (grouped(group.count))
                    }
                }
            }
        }
    }
}

const fn words(reason: GapReason) -> &'static str {
    match reason {
        GapReason::RemovedByAtlassian => "Removed by Atlassian",
        GapReason::NotPermitted => "Not permitted",
        GapReason::NotFound => "Not found",
        GapReason::SourceError => "Bitbucket answers with errors",
        GapReason::Unreadable => "Cannot be read",
        GapReason::CountMismatch => "Fewer than Bitbucket reported",
        GapReason::UnsupportedScm => "Not git",
        GapReason::NotArchivable => "Cannot be kept as it is",
    }
}

/// What to do about gaps of a reason.
const fn remedy(reason: GapReason) -> &'static str {
    match reason {
        GapReason::RemovedByAtlassian => {
            "Atlassian switched it off; nobody gets it by request any more. If there is an export \
             of the issues or a clone of the wiki from before, bring it in with “bucketload \
             import --issues-export” or “--wiki”."
        }
        GapReason::NotPermitted => {
            "The credential may not read it. Give it the scope that is named, or import with a \
             credential of somebody who may; then retry. “bucketload doctor” shows what a \
             credential may do."
        }
        GapReason::NotFound => {
            "It is gone at Bitbucket, or hidden from this credential. Look with the link; if it \
             is there for you, retry with a credential that may see it."
        }
        GapReason::SourceError => {
            "Bitbucket could not answer although it was asked again and again. Retry later; if it \
             stays so, report the address to Atlassian's support."
        }
        GapReason::Unreadable => {
            "Bitbucket sent something that is not what it documents. Nothing else suffers from \
             it. Please report it to bucketload with the words below."
        }
        GapReason::CountMismatch => {
            "Bitbucket counts more than it delivers: often things that were deleted meanwhile. \
             Retry once; what stays missing then is most likely gone."
        }
        GapReason::UnsupportedScm => {
            "The repository is kept in another version control system. Only a clone with that \
             system brings its history home."
        }
        GapReason::NotArchivable => {
            "It has a name or a form that cannot be kept safely. Rename it at Bitbucket and \
             retry, or keep it by hand."
        }
    }
}

/// Where a person finds it at Bitbucket. What an answer brought along as an address may
/// lead anywhere, and is a link only if it leads to Bitbucket's pages.
fn address(gap: &Gap, place: &Place<'_>) -> Option<Url> {
    let given = gap.url.as_deref().and_then(|url| Url::parse(url).ok());
    if let Some(url) = given.filter(|url| url.origin() == place.web_url.origin()) {
        return Some(url);
    }
    let (_, number) = gap.object.split_once('#')?;
    let end = number.find(|character: char| !character.is_ascii_digit());
    let number = number.get(..end.unwrap_or(number.len()))?;
    let list = match gap.stage {
        Stage::PullRequests
        | Stage::PullRequestComments
        | Stage::PullRequestActivity
        | Stage::PullRequestTasks
        | Stage::PullRequestStatuses
        | Stage::PullRequestDiffs => "pull-requests",
        Stage::Issues | Stage::IssueComments | Stage::IssueChanges | Stage::IssueAttachments => {
            "issues"
        }
        _ => return None,
    };
    let mut url = place.web_url.clone();
    url.path_segments_mut()
        .ok()?
        .pop_if_empty()
        .push(place.repository.workspace.as_str())
        .push(place.repository.slug.as_str())
        .push(list)
        .push(number);
    (!number.is_empty()).then_some(url)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn links_lead_to_bitbucket_and_nowhere_else() {
        let web_url: Url = "https://bitbucket.org/".parse().unwrap();
        let repository = "teapots/kettle".parse().unwrap();
        let place = Place {
            import: ImportId::new(DateTime::UNIX_EPOCH),
            repository: &repository,
            web_url: &web_url,
        };
        let found = |object: &str, url: Option<&str>| {
            let gap = Gap {
                stage: Stage::PullRequestComments,
                object: object.to_owned(),
                reason: GapReason::NotFound,
                detail: String::new(),
                url: url.map(ToOwned::to_owned),
            };
            address(&gap, &place).map(|url| url.to_string())
        };
        let seventh = Some("https://bitbucket.org/teapots/kettle/pull-requests/7".to_owned());
        assert_eq!(found("comments of #7", None), seventh);
        assert_eq!(found("comments of #7, page 2", None), seventh);
        for hostile in [
            "javascript:alert(1)",
            "https://bitbucket.org.evil.example/a",
            "https://evil.example/",
            "data:text/html,x",
            "http://bitbucket.org/a",
        ] {
            assert_eq!(found("members", Some(hostile)), None, "{hostile}");
        }
        let own = "https://bitbucket.org/teapots/kettle/src";
        assert_eq!(found("members", Some(own)).as_deref(), Some(own));
        assert_eq!(found("#x", None), None);
    }
}
