//! `/repositories/{workspace}`, `/repositories/{workspace}/{repo_slug}`, and the
//! lists of who watches and who forked.

use bucketload_model::{RepositoryName, WorkspaceSlug};
use url::Url;

use crate::error::RequestError;
use crate::request::Question;
use crate::{Answer, Client, Endpoint, EntityTag, PageUrl, Repository, Unless};

/// Which repositories of a workspace, and in which order.
#[derive(Debug, Clone, Default)]
pub struct RepositoriesOptions {
    /// A filter in Bitbucket's query language, such as `updated_on>=2026-11-01`.
    pub q: Option<String>,
    /// Only those in which the credential has at least this role.
    pub role: Option<Role>,
    /// The one field to sort by, such as `-updated_on`; `created_on` unless set, in
    /// which a change during the crawl shifts nothing.
    pub sort: Option<String>,
}

impl RepositoriesOptions {
    /// Only those with this text in their name, whatever the case of letters.
    #[must_use]
    pub fn named(self, text: &str) -> Self {
        Self {
            q: Some(format!("name ~ {}", quoted(text))),
            ..self
        }
    }
}

/// A text as the query language has it: nothing in it ends the literal.
fn quoted(text: &str) -> String {
    let mut literal = String::from('"');
    for character in text.chars().filter(|one| !one.is_control()) {
        if matches!(character, '"' | '\\') {
            literal.push('\\');
        }
        literal.push(character);
    }
    literal.push('"');
    literal
}

/// What an account may do with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// May read it by invitation, not just because it is public.
    Member,
    /// May write to it.
    Contributor,
    /// May administer it.
    Admin,
    /// Owns it.
    Owner,
}

impl Role {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Contributor => "contributor",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

impl Client {
    /// One repository.
    ///
    /// # Errors
    ///
    /// When the request fails for good. A private repository is 404 for those
    /// who may not see it.
    pub async fn repository(
        &self,
        name: &RepositoryName,
    ) -> Result<Answer<Repository>, RequestError> {
        let url = self.repository_url(name);
        self.get_object(Endpoint::Repository, &url).await
    }

    /// One repository, unless it still has this tag.
    ///
    /// # Errors
    ///
    /// As of [`Client::repository`].
    pub async fn repository_unless(
        &self,
        name: &RepositoryName,
        tag: Option<&EntityTag>,
    ) -> Result<Unless<Answer<Repository>>, RequestError> {
        let url = self.repository_url(name);
        let question = Question {
            unless: tag,
            ..Question::new(Endpoint::Repository, &url)
        };
        self.get_object_unless(question).await
    }

    /// The address of a repository.
    pub fn repository_url(&self, name: &RepositoryName) -> Url {
        self.below(name, &[])
    }

    /// Every [`Repository`] of a workspace that the credential may read, oldest first.
    pub fn repositories(&self, workspace: &WorkspaceSlug) -> (Endpoint, PageUrl) {
        self.repositories_with(workspace, &RepositoriesOptions::default())
    }

    /// The [`Repository`]s of a workspace that the options ask for.
    pub fn repositories_with(
        &self,
        workspace: &WorkspaceSlug,
        options: &RepositoriesOptions,
    ) -> (Endpoint, PageUrl) {
        let mut url = self.address(&["repositories", workspace.as_str()]);
        let mut query = url.query_pairs_mut();
        query.append_pair("pagelen", &Endpoint::Repositories.page_length().to_string());
        // A stable order keeps pages from shifting under us.
        query.append_pair("sort", options.sort.as_deref().unwrap_or("created_on"));
        if let Some(role) = options.role {
            query.append_pair("role", role.as_str());
        }
        if let Some(q) = &options.q {
            query.append_pair("q", q);
        }
        drop(query);
        (Endpoint::Repositories, PageUrl(url))
    }

    /// The [`Repository`]s that were forked from this one.
    pub fn forks(&self, name: &RepositoryName) -> (Endpoint, PageUrl) {
        self.list_below(Endpoint::Forks, name, &["forks"])
    }

    /// The [`Account`](crate::Account)s that watch a repository.
    pub fn watchers(&self, name: &RepositoryName) -> (Endpoint, PageUrl) {
        self.list_below(Endpoint::Watchers, name, &["watchers"])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_gets_out_of_its_literal() {
        for (text, q) in [
            ("tea pot", r#"name ~ "tea pot""#),
            (
                r#"" OR is_private = true"#,
                r#"name ~ "\" OR is_private = true""#,
            ),
            (r#"\" OR size > 0"#, r#"name ~ "\\\" OR size > 0""#),
            ("a\n\u{0}b", r#"name ~ "ab""#),
        ] {
            let options = RepositoriesOptions::default().named(text);
            assert_eq!(options.q.as_deref(), Some(q));
        }
    }
}
