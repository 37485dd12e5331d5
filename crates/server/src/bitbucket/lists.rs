//! Workspaces and repositories, page by page.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bucketload_bitbucket::{
    Endpoint, Page, PageUrl, RepositoriesOptions, Repository, WorkspaceAccess,
};
use bucketload_model::{RepositoryName, UserId, WorkspaceSlug};
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;

use super::credentials::{Usable, Which, Whose};
use super::trouble::Trouble;
use crate::service::Service;

/// Pages of Bitbucket's that one list may have: a thousand repositories.
pub(crate) const MOST_PAGES: usize = 10;

/// Pages of workspaces; nobody is in more.
const MOST_WORKSPACE_PAGES: usize = 3;

/// A page is shown after so long, whatever Bitbucket does.
const PATIENCE: Duration = Duration::from_secs(15);

/// In which order repositories stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) enum Sort {
    /// What changed last comes first.
    #[default]
    Updated,
    /// By name.
    Name,
    /// The largest first.
    Size,
    /// The oldest first.
    Created,
}

impl Sort {
    pub(crate) const ALL: [Self; 4] = [Self::Updated, Self::Name, Self::Size, Self::Created];

    /// As it stands in addresses.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Updated => "updated",
            Self::Name => "name",
            Self::Size => "size",
            Self::Created => "created",
        }
    }

    /// As Bitbucket has it.
    const fn field(self) -> &'static str {
        match self {
            Self::Updated => "-updated_on",
            Self::Name => "name",
            Self::Size => "-size",
            Self::Created => "created_on",
        }
    }
}

impl FromStr for Sort {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut all = Self::ALL.into_iter();
        all.find(|sort| sort.name() == text).ok_or(())
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which repositories somebody looks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Search {
    pub(crate) workspace: WorkspaceSlug,
    /// A part of the name; empty for all.
    pub(crate) text: String,
    pub(crate) sort: Sort,
}

/// Who looks with what: answers are kept for them alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Looker {
    user: UserId,
    which: Which,
}

/// A repository that can be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) name: RepositoryName,
    pub(crate) is_private: Option<bool>,
    /// Bytes, by all appearances.
    pub(crate) size_bytes: Option<u64>,
    pub(crate) updated_at: Option<DateTime<Utc>>,
    pub(crate) language: Option<String>,
}

/// One that cannot, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unfit {
    pub(crate) name: String,
    pub(crate) why: &'static str,
}

/// The beginning of a list of repositories.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) unfit: Vec<Unfit>,
    /// How many the whole list has, where Bitbucket says.
    pub(crate) in_all: Option<u64>,
    /// Pages that were read.
    pub(crate) pages: usize,
    /// The next one.
    next: Option<PageUrl>,
}

impl Found {
    /// Whether more can be shown.
    pub(crate) fn has_more(&self) -> bool {
        self.next.is_some() && self.pages < MOST_PAGES
    }

    /// Whether the list goes on where nobody reads it any more.
    pub(crate) fn is_cut_short(&self) -> bool {
        self.next.is_some() && self.pages >= MOST_PAGES
    }

    fn add(&mut self, page: Page<Repository>, workspace: &WorkspaceSlug) {
        for item in page.items {
            match candidate(&item.value, workspace) {
                Ok(candidate) => self.candidates.push(candidate),
                Err(unfit) => self.unfit.push(unfit),
            }
        }
        self.unfit.extend(page.unreadable.iter().map(|_| Unfit {
            name: "A repository".to_owned(),
            why: "what Bitbucket says of it cannot be read",
        }));
        self.in_all = page.size.or(self.in_all);
        self.pages += 1;
        self.next = page.next;
    }
}

fn candidate(repository: &Repository, workspace: &WorkspaceSlug) -> Result<Candidate, Unfit> {
    let shown = || {
        let names = [&repository.full_name, &repository.name];
        let name = names.into_iter().flatten().next().cloned();
        name.unwrap_or_else(|| repository.uuid.to_string())
    };
    let unfit = |why| Unfit { name: shown(), why };
    if repository.scm.as_deref().is_some_and(|scm| scm != "git") {
        return Err(unfit(
            "it is a Mercurial repository; Bitbucket removed their content in 2020",
        ));
    }
    let slug = repository.slug.clone().or_else(|| {
        let full_name = repository.full_name.as_deref()?;
        full_name.split_once('/')?.1.parse().ok()
    });
    let slug = slug.ok_or_else(|| unfit("it has no name that an address could have"))?;
    let updated = repository.updated_on.as_deref();
    let language = repository.language.clone();
    Ok(Candidate {
        name: RepositoryName {
            workspace: workspace.clone(),
            slug,
        },
        is_private: repository.is_private,
        size_bytes: repository.size.and_then(|size| size.try_into().ok()),
        updated_at: updated.and_then(|text| text.parse().ok()),
        language: language.filter(|language| !language.is_empty()),
    })
}

/// What was asked before all the time for it had passed.
async fn in_time<T>(answer: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    let answer = tokio::time::timeout(PATIENCE, answer).await;
    answer.unwrap_or_else(|_| Err(Trouble::too_slow()))
}

impl Service {
    /// The workspaces that a credential sees. An access token names one at most.
    pub(crate) async fn workspaces_of(
        &self,
        user: UserId,
        credential: &Usable,
    ) -> Result<Arc<Vec<WorkspaceSlug>>, Trouble> {
        if let Some(workspace) = &credential.workspace {
            return Ok(Arc::new(vec![workspace.clone()]));
        }
        // Nobody is a member of none: Bitbucket would say 401.
        if credential.whose == Whose::Nobody {
            return Ok(Arc::default());
        }
        let key = Looker {
            user,
            which: credential.which,
        };
        if let Some(kept) = self.lists.workspaces.get(&key, self.now()) {
            return Ok(kept);
        }
        let (endpoint, first) = self.client_with(credential).await?.user_workspaces();
        let mut next = Some(first);
        let mut workspaces = Vec::new();
        let read = async {
            for _ in 0..MOST_WORKSPACE_PAGES {
                let Some(url) = next.take() else { break };
                let page: Page<WorkspaceAccess> =
                    self.ask(user, credential, endpoint, &url).await?;
                let slugs = page.items.into_iter();
                workspaces.extend(slugs.map(|item| item.value.workspace.slug));
                next = page.next;
            }
            Ok(())
        };
        in_time(read).await?;
        workspaces.sort_unstable();
        Ok(self.lists.workspaces.put(key, workspaces, self.now()))
    }

    /// The first so many pages of the repositories that somebody looks for. What was read
    /// before is not asked for again.
    pub(crate) async fn repositories_of(
        &self,
        user: UserId,
        credential: &Usable,
        search: &Search,
        pages: usize,
    ) -> Result<Arc<Found>, Trouble> {
        let pages = pages.clamp(1, MOST_PAGES);
        let looker = Looker {
            user,
            which: credential.which,
        };
        let key = (looker, search.clone());
        let kept = self.lists.repositories.get(&key, self.now());
        if let Some(kept) = &kept
            && (kept.pages >= pages || kept.next.is_none())
        {
            return Ok(Arc::clone(kept));
        }
        let mut found = kept.map_or_else(Found::default, |kept| (*kept).clone());
        let mut options = RepositoriesOptions {
            sort: Some(search.sort.field().to_owned()),
            ..RepositoriesOptions::default()
        };
        if !search.text.is_empty() {
            options = options.named(&search.text);
        }
        let client = self.client_with(credential).await?;
        let (endpoint, first) = client.repositories_with(&search.workspace, &options);
        let read = async {
            if found.pages == 0 {
                found.next = Some(first);
            }
            while found.pages < pages
                && let Some(url) = found.next.take()
            {
                let page = self.ask(user, credential, endpoint, &url).await?;
                found.add(page, &search.workspace);
            }
            Ok(())
        };
        in_time(read).await?;
        Ok(self.lists.repositories.put(key, found, self.now()))
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        user: UserId,
        credential: &Usable,
        endpoint: Endpoint,
        url: &PageUrl,
    ) -> Result<Page<T>, Trouble> {
        if !self.limits.lists.counts(user, self.now()) {
            return Err(Trouble::too_often());
        }
        let client = self.client_with(credential).await?;
        let page = client.page(endpoint, url).await;
        page.map_err(|error| Trouble::of_request(&error, credential))
    }
}
