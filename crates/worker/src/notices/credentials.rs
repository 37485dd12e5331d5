//! Tokens that end soon, and credentials that are well again.

use std::collections::BTreeMap;

use bucketload_archive::{CredentialRecord, DatabaseError, Notice};
use bucketload_auth::CredentialKind;
use bucketload_model::{CredentialId, NoticeKind};
use chrono::{DateTime, Duration, Utc};

use super::{Begun, Teller};

/// Long enough to replace a token in office hours, whoever may.
const WARNED_BEFORE: Duration = Duration::days(7);

/// A token's end as notices know it; that it was refused is another matter.
fn subject_of_end(id: CredentialId) -> String {
    format!("{id} ends")
}

/// When a token ends, if that is soon. Grants renew theirs by themselves.
fn ends_soon(record: &CredentialRecord, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if record.kind == CredentialKind::OAuthGrant {
        return None;
    }
    record.expires_at.filter(|end| *end <= now + WARNED_BEFORE)
}

/// Whether what a notice says of a credential is no longer so: it is gone, or was replaced
/// since.
fn is_over(
    notice: &Notice,
    records: &BTreeMap<String, &CredentialRecord>,
    now: DateTime<Utc>,
) -> bool {
    if let Some(id) = notice.subject.strip_suffix(" ends") {
        return records
            .get(id)
            .is_none_or(|record| ends_soon(record, now).is_none());
    }
    if notice.subject.parse::<CredentialId>().is_err() {
        // One of the configuration: an import that goes well with it says so.
        return false;
    }
    records
        .get(&notice.subject)
        .is_none_or(|record| record.is_usable() && record.renewed_at > notice.happened_at)
}

impl Teller {
    /// Finds tokens that end soon, and credentials that were replaced or are gone.
    pub(super) async fn look_at_credentials(&self) -> Result<(), DatabaseError> {
        let now = self.clock.now();
        let kind = NoticeKind::CredentialExpired;
        let records = self.archive.credentials().await?;
        let lasting = self.archive.lasting_notices(kind).await?;
        let by_id = records.iter().map(|record| (record.id.to_string(), record));
        let by_id: BTreeMap<_, _> = by_id.collect();
        let over: Vec<_> = lasting
            .iter()
            .filter(|notice| is_over(notice, &by_id, now))
            .collect();
        let mut begun = Vec::new();
        for record in &records {
            let subject = subject_of_end(record.id);
            let is_known = lasting.iter().any(|notice| notice.subject == subject);
            if let Some(end) = ends_soon(record, now)
                && !is_known
            {
                begun.push(Begun {
                    subject,
                    repository: None,
                    import: None,
                    line: format!(
                        "The token “{}” ends at {}. Replace it before; imports with it fail \
                         afterwards.",
                        record.label,
                        end.format("%Y-%m-%d %H:%M UTC")
                    ),
                });
            }
        }
        self.put_and_end(kind, &begun, &over, now).await
    }
}
