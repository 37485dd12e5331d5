//! Downloads, by their names, sizes and times.

use std::collections::BTreeMap;

use bucketload_archive::short_key;
use bucketload_bitbucket::Download;
use bucketload_model::Stage;

use super::seen::difference;
use super::{Comparison, Online};
use crate::failure::StageError;
use crate::stages::is_same_download;

const STAGE: Stage = Stage::Downloads;

impl Comparison<'_> {
    /// One page has the hundred of them that most repositories never reach; of the rest the
    /// number tells.
    pub(super) async fn downloads(&self, online: &mut Online) -> Result<(), StageError> {
        if !self.is_list_wanted(STAGE).await? {
            return Ok(());
        }
        let client = &self.importer.client;
        let (endpoint, first) = client.downloads(&self.repository.name);
        let page = client.page::<Download>(endpoint, &first).await?;
        let archive = &self.importer.archive;
        let stored = archive.objects(&self.repository.uuid, STAGE, 0).await?;
        let stored: BTreeMap<String, Option<Download>> = stored
            .into_iter()
            .map(|object| (object.key, serde_json::from_str(&object.source).ok()))
            .collect();
        let (mut new, mut changed) = (0, 0);
        for item in &page.items {
            match stored.get(short_key(&item.value.name).as_ref()) {
                None => new += 1,
                Some(Some(known)) if is_same_download(known, &item.value) => {}
                Some(_) => changed += 1,
            }
        }
        let missing = page
            .size
            .map_or(0, |size| size.saturating_sub(stored.len() as u64));
        let behind = difference(STAGE, "downloads", page.size, missing.max(new), changed);
        online.behind.extend(behind);
        Ok(())
    }
}
