//! Who asks something of the queue, and the note of it in the audit log.

use std::fmt::Write as _;

use bucketload_archive::{AuditEntry, DatabaseError, Transaction};
use bucketload_model::{ImportId, RepositoryName, UserId};
use chrono::{DateTime, Utc};

/// Names in one entry of the audit log; the imports themselves say who asked for each.
const NAMES_NOTED: usize = 20;

/// Who asks something of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    /// The user of the service, if it is one.
    pub user: Option<UserId>,
    /// Who, as people call them.
    pub name: String,
}

impl Asker {
    /// Somebody at a terminal, by the name that the operating system has for them.
    pub fn at_terminal(name: Option<&str>) -> Self {
        Self {
            user: None,
            name: name.map_or_else(|| "cli".to_owned(), |name| format!("cli:{name}")),
        }
    }

    /// Notes what is asked in the transaction that does it.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub(crate) async fn note(
        &self,
        transaction: &mut Transaction,
        action: &str,
        subject: String,
        import: Option<ImportId>,
        now: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        let entry = AuditEntry {
            // Begins with the time, as the service's own do.
            id: ImportId::new(now).to_string().replace('-', ""),
            happened_at: now,
            user: self.user,
            who: self.name.clone(),
            action: action.to_owned(),
            subject,
            import,
        };
        transaction.put_audit_entry(&entry).await
    }
}

/// Repositories in words, however many.
pub(super) fn subject<'a>(names: impl ExactSizeIterator<Item = &'a RepositoryName>) -> String {
    let more = names.len().saturating_sub(NAMES_NOTED);
    let names: Vec<String> = names.take(NAMES_NOTED).map(ToString::to_string).collect();
    let mut text = names.join(", ");
    if more > 0 {
        let _ = write!(text, " and {more} more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_are_told_in_short() {
        let names: Vec<RepositoryName> = (0..22)
            .map(|number| format!("tea/cup-{number}").parse().unwrap())
            .collect();
        assert_eq!(subject(names[..2].iter()), "tea/cup-0, tea/cup-1");
        assert!(subject(names.iter()).ends_with("tea/cup-19 and 2 more"));
    }

    #[test]
    fn who_sits_at_the_terminal_has_a_name_or_not() {
        assert_eq!(Asker::at_terminal(Some("ada")).name, "cli:ada");
        assert_eq!(Asker::at_terminal(None).name, "cli");
    }
}
