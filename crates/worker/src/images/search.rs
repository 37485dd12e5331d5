//! Looks at texts that were not looked at since they last changed.

use bucketload_archive::{DatabaseError, LinkedImage, StoredRepository, Transaction};
use chrono::{DateTime, Utc};
use url::Url;

use super::address::is_of_repository;
use super::texts::linked;

/// Texts of one transaction: read in a few milliseconds, so that others who write wait for
/// no longer.
const AT_A_TIME: u32 = 500;

/// Looks at some texts, and notes what they link to. Returns how many they were: none at the
/// end.
pub(crate) async fn look_at_some(
    transaction: &mut Transaction,
    repository: &StoredRepository,
    now: DateTime<Utc>,
) -> Result<usize, DatabaseError> {
    let texts = transaction.take_texts(&repository.uuid, AT_A_TIME).await?;
    let linked_image = |url: Url| LinkedImage {
        host: url.host_str().unwrap_or_default().to_owned(),
        url: url.into(),
    };
    let found: Vec<_> = texts
        .into_iter()
        .map(|text| {
            let urls = linked(text.stage, &text.source).into_iter();
            let urls = urls.filter(|url| !is_of_repository(url, &repository.name));
            let images: Vec<_> = urls.map(linked_image).collect();
            (text, images)
        })
        .collect();
    transaction
        .put_image_links(&repository.uuid, &found, now)
        .await?;
    Ok(found.len())
}
