//! Issues as Bitbucket lists them, and what is then to be read of each.

use bucketload_model::{RepositoryUuid, Stage};

use super::{IssueOrigin, IssueRecord, upsert};
use crate::database::sql::StatementBuilder;
use crate::database::{Stored, unsigned};
use crate::{DatabaseError, Transaction};

/// What every issue may have.
const OF_EACH: [Stage; 2] = [Stage::IssueComments, Stage::IssueAttachments];

/// The id of an issue, when it was made, and when it last changed.
type WrittenRow = (i64, Option<String>, Option<String>);

impl Transaction {
    /// Stores a page of issues that Bitbucket listed. What belongs to those that are new or
    /// changed becomes pending in the same breath.
    ///
    /// An issue that is as it was made was never changed: nobody needs to ask for its changes.
    /// So it is in all of the 44 such issues that were recorded or exported.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_listed_issues(
        &mut self,
        repository: &RepositoryUuid,
        records: &[IssueRecord<'_>],
    ) -> Result<Stored, DatabaseError> {
        if records.is_empty() {
            return Ok(Stored::default());
        }
        let known = self.count_listed(repository, records).await?;
        let mut query = upsert(repository, IssueOrigin::Bitbucket, records);
        query.push(" returning id, created_on, updated_on");
        let written: Vec<WrittenRow> = query.build().fetch_all(&mut self.inner).await?;
        let ids: Vec<i64> = written.iter().map(|(id, ..)| *id).collect();
        for stage in OF_EACH {
            self.add_pending(repository, stage, &ids).await?;
        }
        let (untouched, touched): (Vec<_>, Vec<_>) = written
            .iter()
            .partition(|(_, created_on, updated_on)| created_on == updated_on);
        let touched: Vec<i64> = touched.iter().map(|(id, ..)| *id).collect();
        let stage = Stage::IssueChanges;
        self.add_pending(repository, stage, &touched).await?;
        for (id, ..) in untouched {
            self.set_reported(repository, stage, *id, Some(0)).await?;
        }
        let mut distinct: Vec<i64> = records.iter().map(|record| record.id.0).collect();
        distinct.sort_unstable();
        distinct.dedup();
        let inserted = (distinct.len() as u64).saturating_sub(known);
        Ok(Stored {
            inserted,
            updated: (written.len() as u64).saturating_sub(inserted),
        })
    }

    /// How many of them Bitbucket has sent before.
    async fn count_listed(
        &mut self,
        repository: &RepositoryUuid,
        records: &[IssueRecord<'_>],
    ) -> Result<u64, DatabaseError> {
        let mut query = StatementBuilder::new(
            "select count(*) from issues where origin = 'bitbucket' and repository_uuid = ",
        );
        query
            .push_bind(repository.as_str())
            .push(" and id in ")
            .push_list(records.iter().map(|record| record.id.0));
        let count: i64 = query.build().fetch_scalar(&mut self.inner).await?;
        Ok(unsigned(count))
    }
}
