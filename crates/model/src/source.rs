//! What a person may name to import.

use std::fmt;
use std::str::FromStr;

use crate::{ParseIdError, RepositoryName, WorkspaceSlug};

/// One repository, or every repository of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Every repository of the workspace that the credential may read.
    Workspace(WorkspaceSlug),
    /// One repository.
    Repository(RepositoryName),
}

/// A text that names no Bitbucket Cloud repository or workspace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseSourceError {
    /// A URL of another host.
    #[error("“{text}” is not on bitbucket.org")]
    OtherHost {
        /// What was given.
        text: String,
    },
    /// Neither `workspace/repository`, nor `workspace`, nor a URL of one.
    #[error("“{text}” names no repository or workspace")]
    Form {
        /// What was given.
        text: String,
        /// Which part is wrong.
        #[source]
        source: Option<ParseIdError>,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workspace(workspace) => workspace.fmt(f),
            Self::Repository(name) => name.fmt(f),
        }
    }
}

impl FromStr for Source {
    type Err = ParseSourceError;

    /// Reads `workspace/repository`, `workspace`, a bitbucket.org page of either,
    /// a clone URL (`https://…` or `git@bitbucket.org:…`).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix("git@bitbucket.org:") {
            return from_path(text, path);
        }
        if text.contains("://") {
            let form = || ParseSourceError::Form {
                text: without_userinfo(text),
                source: None,
            };
            let url = url::Url::parse(text).map_err(|_| form())?;
            // A clone URL may carry a user name or even a token: never repeat it.
            let shown = without_userinfo(text);
            if !matches!(url.host_str(), Some("bitbucket.org" | "www.bitbucket.org")) {
                return Err(ParseSourceError::OtherHost { text: shown });
            }
            return from_path(&shown, url.path());
        }
        if text.matches('/').count() > 1 {
            return Err(ParseSourceError::Form {
                text: text.to_owned(),
                source: None,
            });
        }
        from_path(text, text)
    }
}

fn without_userinfo(text: &str) -> String {
    match text.split_once("://") {
        Some((scheme, rest)) => {
            let authority_end = rest.find('/').unwrap_or(rest.len());
            let (authority, path) = rest.split_at(authority_end);
            let host = authority
                .rsplit_once('@')
                .map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}{path}")
        }
        None => text.to_owned(),
    }
}

/// `path` is `workspace[/repository[/anything]]`, with or without a leading slash.
fn from_path(text: &str, path: &str) -> Result<Source, ParseSourceError> {
    let form = |source| ParseSourceError::Form {
        text: text.to_owned(),
        source,
    };
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let workspace = parts.next().ok_or_else(|| form(None))?;
    let workspace: WorkspaceSlug = workspace.parse().map_err(|e| form(Some(e)))?;
    // `bitbucket.org/<workspace>/workspace/…` are the workspace's own pages.
    let Some(slug) = parts.next().filter(|part| *part != "workspace") else {
        return Ok(Source::Workspace(workspace));
    };
    let slug = slug.strip_suffix(".git").unwrap_or(slug);
    let slug = slug.parse().map_err(|e| form(Some(e)))?;
    Ok(Source::Repository(RepositoryName { workspace, slug }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_people_name_a_repository() {
        for text in [
            "teapots/kettle",
            "https://bitbucket.org/teapots/kettle",
            "https://bitbucket.org/teapots/kettle/",
            "https://bitbucket.org/teapots/kettle.git",
            "https://sam@bitbucket.org/teapots/kettle.git",
            "https://bitbucket.org/teapots/kettle/pull-requests/12/title",
            "git@bitbucket.org:teapots/kettle.git",
            "ssh://git@bitbucket.org/teapots/kettle.git",
        ] {
            let source: Source = text.parse().unwrap();
            assert_eq!(source.to_string(), "teapots/kettle", "{text}");
            assert!(matches!(source, Source::Repository(_)));
        }
    }

    #[test]
    fn every_way_people_name_a_workspace() {
        for text in [
            "teapots",
            "https://bitbucket.org/teapots",
            "https://bitbucket.org/teapots/",
            "https://bitbucket.org/teapots/workspace/projects/TEA",
        ] {
            assert_eq!(
                text.parse::<Source>().unwrap(),
                Source::Workspace("teapots".parse().unwrap()),
                "{text}"
            );
        }
    }

    #[test]
    fn other_hosts_and_nonsense_are_refused() {
        assert!(matches!(
            "https://github.com/a/b".parse::<Source>(),
            Err(ParseSourceError::OtherHost { .. })
        ));
        for text in ["", "a/b/c", "../etc", "https://bitbucket.org/", "a/..", "/"] {
            assert!(
                matches!(text.parse::<Source>(), Err(ParseSourceError::Form { .. })),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_token_in_a_refused_url_is_not_repeated() {
        let error = "https://sam:s3cret@example.org/a/b"
            .parse::<Source>()
            .unwrap_err();
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}
