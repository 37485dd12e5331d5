//! The repository that an address names.

use bucketload_archive::StoredRepository;
use bucketload_model::RepositoryName;

use crate::error::PageError;
use crate::service::Service;

/// The repository of that name, if it is in the archive.
pub(crate) async fn found(
    service: &Service,
    workspace: &str,
    slug: &str,
) -> Result<StoredRepository, PageError> {
    let name = format!("{workspace}/{slug}").parse::<RepositoryName>();
    let name = name.map_err(|_| PageError::not_found())?;
    let stored = service.archive.repository(&name).await?;
    stored.ok_or_else(PageError::not_found)
}

/// A number in an address. One that is none is of nothing.
pub(crate) fn number(text: &str) -> Result<i64, PageError> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(PageError::not_found)
}
