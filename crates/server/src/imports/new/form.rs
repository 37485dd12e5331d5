//! What somebody chose, as it stands in addresses and forms.

use bucketload_model::{Priority, RepositorySlug, Stage, WorkspaceSlug};
use bucketload_worker::Selection;
use chrono::{DateTime, NaiveDateTime, Utc};
use url::form_urlencoded::{self, Serializer};

use crate::bitbucket::credentials::Which;
use crate::bitbucket::lists::{MOST_PAGES, Search, Sort};
use crate::error::PageError;

/// Repositories that one form may name; all that match may be as many.
pub(crate) const MOST: usize = 1_000;

/// A longer text finds nothing.
const MAX_TEXT_CHARS: usize = 100;

/// Where somebody looks for repositories. What cannot be read is left out, and shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) which: Option<Which>,
    pub(crate) workspace: Option<WorkspaceSlug>,
    /// A name of a workspace that is none.
    pub(crate) mistyped: Option<String>,
    pub(crate) text: String,
    pub(crate) sort: Sort,
    /// Pages that are shown, in one.
    pub(crate) pages: usize,
}

impl Place {
    pub(crate) fn read(text: &[u8]) -> Self {
        let mut place = Self {
            pages: 1,
            ..Self::default()
        };
        for (name, value) in form_urlencoded::parse(text) {
            let value = value.trim();
            match &*name {
                "credential" => place.which = value.parse().ok(),
                // A name that was typed comes behind one that was chosen, and counts.
                "workspace" if !value.is_empty() => match value.parse() {
                    Ok(workspace) => place.workspace = Some(workspace),
                    Err(_) => place.mistyped = Some(value.chars().take(MAX_TEXT_CHARS).collect()),
                },
                "q" => {
                    let text = value.chars().take(MAX_TEXT_CHARS);
                    place.text = text.filter(|one| !one.is_control()).collect();
                }
                "sort" => place.sort = value.parse().unwrap_or_default(),
                "pages" => {
                    let pages = value.parse().unwrap_or(1);
                    place.pages = MOST_PAGES.min(pages).max(1);
                }
                _ => {}
            }
        }
        place
    }

    /// What it looks for, if that is clear.
    pub(crate) fn search(&self) -> Option<Search> {
        Some(Search {
            workspace: self.workspace.clone()?,
            text: self.text.clone(),
            sort: self.sort,
        })
    }

    /// The place by its fields, but for how much of it is shown.
    pub(crate) fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = Vec::new();
        if let Some(which) = self.which {
            fields.push(("credential", which.to_string()));
        }
        if let Some(workspace) = &self.workspace {
            fields.push(("workspace", workspace.to_string()));
        }
        if !self.text.is_empty() {
            fields.push(("q", self.text.clone()));
        }
        if self.sort != Sort::default() {
            fields.push(("sort", self.sort.to_string()));
        }
        fields
    }

    /// Its address, with so many pages.
    pub(crate) fn address(&self, path: &str, pages: usize) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(self.fields());
        if pages > 1 {
            query.append_pair("pages", &pages.to_string());
        }
        match query.finish() {
            query if query.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }
}

/// Which repositories are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Repositories {
    /// These of the workspace.
    Named(Vec<RepositorySlug>),
    /// All that the place shows, on whatever page.
    AllThatMatch,
}

/// When and before whom.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct When {
    pub(crate) priority: Priority,
    pub(crate) not_before: Option<DateTime<Utc>>,
}

/// What is to be imported, and how.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) place: Place,
    pub(crate) repositories: Repositories,
    pub(crate) selection: Selection,
    pub(crate) when: When,
}

impl Choice {
    /// Reads the form of either step: the first has no options, and means the usual ones.
    pub(crate) fn read(form: &[u8]) -> Result<Self, PageError> {
        let place = Place::read(form);
        let mut named = Vec::new();
        let mut is_all = false;
        let mut stages = Vec::new();
        let mut has_options = false;
        let mut when = When::default();
        for (name, value) in form_urlencoded::parse(form) {
            match &*name {
                "repository" => named.push(
                    value
                        .parse()
                        .map_err(|_| PageError::unusable("Choose repositories of the list."))?,
                ),
                "all" => is_all = true,
                "options" => has_options = true,
                "stage" => stages.extend(value.parse::<Stage>()),
                "priority" => when.priority = Priority::new(value.parse().unwrap_or_default()),
                "not_before" => when.not_before = moment(value.trim())?,
                _ => {}
            }
        }
        if place.workspace.is_none() || place.which.is_none() {
            return Err(PageError::unusable("Choose a credential and a workspace."));
        }
        if named.is_empty() && !is_all {
            return Err(PageError::unusable("Choose at least one repository."));
        }
        if named.len() > MOST {
            let why = format!("Choose at most {MOST} repositories at once.");
            return Err(PageError::unusable(why));
        }
        let selection = if has_options {
            selected(&stages)?
        } else {
            Selection::default()
        };
        Ok(Self {
            place,
            repositories: if is_all {
                Repositories::AllThatMatch
            } else {
                Repositories::Named(named)
            },
            selection,
            when,
        })
    }
}

/// The parts that were ticked, with what every import needs.
fn selected(stages: &[Stage]) -> Result<Selection, PageError> {
    let left_out = |stage: &Stage| stage.is_optional() && !stages.contains(stage);
    let skip: Vec<Stage> = Stage::ALL.iter().copied().filter(left_out).collect();
    let selection = Selection::new(&[], &skip);
    let selection = selection.map_err(|_| PageError::unusable("Choose what to import."))?;
    Ok(selection.with(stages))
}

/// A time of `input type=datetime-local`, in UTC; nothing for none.
fn moment(text: &str) -> Result<Option<DateTime<Utc>>, PageError> {
    if text.is_empty() {
        return Ok(None);
    }
    let shapes = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];
    let mut read = shapes.iter();
    let read = read.find_map(|shape| NaiveDateTime::parse_from_str(text, shape).ok());
    let time = read.ok_or_else(|| {
        PageError::unusable("The time is a day and an hour, such as 2026-11-28T21:00.")
    })?;
    Ok(Some(time.and_utc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_its_address() {
        let query =
            b"credential=service&workspace=a&workspace=+teapots+&q=%00tea%26&sort=size&pages=3";
        let place = Place::read(query);
        assert_eq!(place.text, "tea&");
        assert_eq!(place.pages, 3);
        let address = place.address("imports/new", 4);
        assert_eq!(
            address,
            "imports/new?credential=service&workspace=teapots&q=tea%26&sort=size&pages=4"
        );
        let (_, query) = address.split_once('?').unwrap();
        assert_eq!(Place { pages: 4, ..place }, Place::read(query.as_bytes()));
        let odd = Place::read(b"workspace=a%2Fb&sort=eaten&pages=99&credential=x");
        assert_eq!(odd.mistyped.as_deref(), Some("a/b"));
        assert_eq!((odd.sort, odd.pages), (Sort::Updated, MOST_PAGES));
        assert_eq!(odd.search(), None);
    }

    #[test]
    fn a_choice_says_what_and_how() {
        let base = "credential=service&workspace=teapots";
        let read = |rest: &str| Choice::read(format!("{base}&{rest}").as_bytes());
        let plain = read("repository=kettle&repository=urn").unwrap();
        assert_eq!(plain.selection, Selection::default());
        assert!(matches!(plain.repositories, Repositories::Named(named) if named.len() == 2));
        let how = "all=1&options=1&stage=git&priority=50&not_before=2026-11-28T21%3A00";
        let all = read(how).unwrap();
        assert_eq!(all.repositories, Repositories::AllThatMatch);
        assert!(all.selection.contains(Stage::Git));
        assert!(!all.selection.contains(Stage::Lfs));
        assert_eq!(all.when.priority.get(), 50);
        let time = all.when.not_before.unwrap();
        assert_eq!(time.to_rfc3339(), "2026-11-28T21:00:00+00:00");
        for bad in [
            "",
            "repository=..%2Fx",
            "all=1&options=1",
            "all=1&not_before=soon",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(Choice::read(b"all=1").is_err());
    }
}
