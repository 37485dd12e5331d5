//! Diffs, patches and diffstats of pull requests, by the links in the pull request.
//!
//! `…/pullrequests/{id}/diff` and its siblings only redirect to where the links
//! lead; taking the link saves every second request.

use crate::error::{RequestError, RequestErrorKind};
use crate::{Client, Endpoint, PageUrl, PullRequest, RawAnswer};

use super::largest_pages;

impl Client {
    /// The diff of a pull request; absent where it links to none.
    ///
    /// # Errors
    ///
    /// When the link leads away from the API, or the request fails for good. A diff
    /// that Bitbucket cannot make in time is status 555.
    pub async fn pull_request_diff(
        &self,
        pull_request: &PullRequest,
    ) -> Result<Option<RawAnswer>, RequestError> {
        let url = self
            .linked(pull_request.diff_link())
            .map_err(|kind| self.refused(Endpoint::Diff, kind))?;
        match url {
            Some(url) => self.raw(Endpoint::Diff, &url).await.map(Some),
            None => Ok(None),
        }
    }

    /// The commits of a pull request as mails with a diff each; absent where it
    /// links to no diff, which stands beside the patch.
    ///
    /// # Errors
    ///
    /// As of [`Client::pull_request_diff`].
    pub async fn pull_request_patch(
        &self,
        pull_request: &PullRequest,
    ) -> Result<Option<RawAnswer>, RequestError> {
        let url = self
            .linked(pull_request.diff_link())
            .map_err(|kind| self.refused(Endpoint::Patch, kind))?;
        let Some(PageUrl(mut url)) = url else {
            return Ok(None);
        };
        // There is no link to the patch: it has the same address but for this word.
        let root = self.api_url().path().trim_end_matches('/').to_owned();
        let below = url
            .path()
            .strip_prefix(&root)
            .unwrap_or_default()
            .to_owned();
        let mut segments = below.splitn(6, '/');
        let [_, repositories, workspace, slug, what, spec] =
            std::array::from_fn(|_| segments.next().unwrap_or_default());
        if what != "diff" {
            return Ok(None);
        }
        url.set_path(&format!(
            "{root}/{repositories}/{workspace}/{slug}/patch/{spec}"
        ));
        self.raw(Endpoint::Patch, &PageUrl(url)).await.map(Some)
    }

    /// The files that a pull request changes, as [`FileChange`](crate::FileChange);
    /// absent where it links to no such list.
    ///
    /// # Errors
    ///
    /// When the link leads away from the API.
    pub fn pull_request_diffstat(
        &self,
        pull_request: &PullRequest,
    ) -> Result<Option<(Endpoint, PageUrl)>, RequestErrorKind> {
        let url = self.linked(pull_request.diffstat_link())?;
        Ok(url.map(|PageUrl(url)| largest_pages(Endpoint::Diffstat, url)))
    }

    /// Links are followed only on the API's own host, since credentials go along.
    fn linked(&self, link: Option<&str>) -> Result<Option<PageUrl>, RequestErrorKind> {
        link.map(|link| self.page_url(link)).transpose()
    }

    fn refused(&self, endpoint: Endpoint, kind: RequestErrorKind) -> RequestError {
        RequestError::new(endpoint, self.api_url(), 0, kind)
    }
}
