//! Collects what the headers of answers announce to remove.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bucketload_model::AnnouncedRemoval;

use crate::Endpoint;

/// Announcements by the kind of request, each kind once.
#[derive(Debug, Default)]
pub(crate) struct Removals(Mutex<BTreeMap<Endpoint, AnnouncedRemoval>>);

impl Removals {
    /// Notes an answer's headers, and says so the first time.
    pub(crate) fn note(&self, endpoint: Endpoint, removal: AnnouncedRemoval) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.get(&endpoint) == Some(&removal) {
            return;
        }
        tracing::warn!(
            endpoint = endpoint.name(),
            deprecation = removal.deprecation,
            sunset = removal.sunset,
            link = removal.link,
            "Bitbucket announces a removal"
        );
        known.insert(endpoint, removal);
    }

    pub(crate) fn all(&self) -> Vec<AnnouncedRemoval> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.values().cloned().collect()
    }
}
