//! The list of repositories.

use std::collections::HashMap;

use axum::extract::{RawQuery, State};
use bucketload_archive::{ImportLine, RepositoryFilter};
use bucketload_model::{ImportId, RepositoryName, WorkspaceSlug};
use maud::Markup;
use url::form_urlencoded::{self, Serializer};

use crate::error::PageError;
use crate::pages::repositories::{self, List};
use crate::service::App;
use crate::session::Person;

/// Repositories on a page.
const PAGE_LENGTH: u32 = 50;

/// A longer text finds nothing.
const MAX_TEXT_CHARS: usize = 200;

const PATH: &str = "repositories";

/// What somebody looks for. What cannot be read is left out, and shows in the page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) workspace: Option<WorkspaceSlug>,
    pub(crate) text: String,
    /// Where the page before ended.
    after: Option<RepositoryName>,
}

impl Chosen {
    pub(crate) fn read(query: &[u8]) -> Self {
        let mut chosen = Self::default();
        for (name, value) in form_urlencoded::parse(query) {
            match &*name {
                "workspace" => chosen.workspace = value.parse().ok(),
                "q" => {
                    let text = value.trim().chars().take(MAX_TEXT_CHARS);
                    chosen.text = text.filter(|one| !one.is_control()).collect();
                }
                "after" => chosen.after = value.parse().ok(),
                _ => {}
            }
        }
        chosen
    }

    /// Whether everything is shown, from its beginning.
    pub(crate) fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// What it asks of the archive.
    pub(crate) fn filter(&self, limit: u32) -> RepositoryFilter {
        RepositoryFilter {
            workspace: self.workspace.clone(),
            text: (!self.text.is_empty()).then(|| self.text.clone()),
            after: self.after.clone(),
            limit,
        }
    }

    /// The address of the page that begins behind a repository, of a list at this path.
    pub(crate) fn behind(&self, path: &str, after: &RepositoryName) -> String {
        let mut query = Serializer::new(String::new());
        if let Some(workspace) = &self.workspace {
            query.append_pair("workspace", workspace.as_str());
        }
        if !self.text.is_empty() {
            query.append_pair("q", &self.text);
        }
        query.append_pair("after", &after.to_string());
        format!("{path}?{}", query.finish())
    }
}

pub(crate) async fn show(
    State(app): State<App>,
    person: Person,
    RawQuery(query): RawQuery,
) -> Result<Markup, PageError> {
    let chosen = Chosen::read(query.unwrap_or_default().as_bytes());
    let mut entries = app
        .archive
        .repository_page(&chosen.filter(PAGE_LENGTH + 1))
        .await?;
    let has_more = entries.len() > PAGE_LENGTH as usize;
    entries.truncate(PAGE_LENGTH as usize);
    let ids: Vec<ImportId> = entries
        .iter()
        .filter_map(|entry| entry.latest_import)
        .collect();
    let lines = app.lines_by_id(&ids).await?.into_iter();
    let lines: HashMap<ImportId, ImportLine> = lines.map(|line| (line.summary.id, line)).collect();
    let last = entries.last().filter(|_| has_more);
    let list = List {
        next: last.map(|last| chosen.behind(PATH, &last.name)),
        workspaces: app.archive.workspaces().await?,
        max_upload_bytes: app.uploads.file_bytes,
        chosen,
        entries,
        lines,
    };
    Ok(repositories::page(&person, &list))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_for_is_an_address() {
        let chosen = Chosen::read(b"q=+tea%26pot%0A&workspace=a&after=x&page=2");
        assert_eq!(chosen.text, "tea&pot");
        assert_eq!(chosen.after, None);
        let address = chosen.behind(PATH, &"a/b".parse().unwrap());
        assert_eq!(address, "repositories?workspace=a&q=tea%26pot&after=a%2Fb");
        let (_, query) = address.split_once('?').unwrap();
        let again = Chosen::read(query.as_bytes());
        assert_eq!(again.after, Some("a/b".parse().unwrap()));
        assert!(!again.is_plain());
        assert!(Chosen::read(b"page=2").is_plain());
    }
}
