//! Imports as they stand in a database that others work on.

use bucketload_archive::{Claim, Claimed, NewImport, Release, StageAdvance};
use bucketload_model::{Gap, GapReason, ImportEvent, ImportId, LeaseOwner, Priority, Stage};
use chrono::Duration;

use crate::support::House;

impl House {
    /// Somebody asks for an import; each a second after the one before.
    pub(crate) async fn enqueue(&self, name: &str) -> ImportId {
        self.clock.advance(Duration::seconds(1));
        let mut transaction = self.archive.begin().await.unwrap();
        let new = NewImport {
            name: &name.parse().unwrap(),
            stages: Stage::ALL,
            whole_lists: false,
            priority: Priority::default(),
            not_before: None,
            asked_by: Some("cli:ada"),
            credential: None,
            now: self.now(),
        };
        let import = transaction.enqueue(&new).await.unwrap().import();
        transaction.commit().await.unwrap();
        import
    }

    /// Somebody elsewhere begins to run an import.
    pub(crate) async fn claim(&self, import: ImportId) -> Claimed {
        let mut transaction = self.archive.begin().await.unwrap();
        let claim = Claim {
            owner: &LeaseOwner::new(),
            now: self.now(),
            until: self.now() + Duration::minutes(10),
            is_foreground: false,
        };
        let claimed = transaction.claim(import, &claim).await.unwrap();
        transaction.commit().await.unwrap();
        claimed.unwrap()
    }

    /// A stage of a run is at work, and so far.
    pub(crate) async fn advance(&self, import: ImportId, stage: Stage, stored: u64, of: u64) {
        let mut transaction = self.archive.begin().await.unwrap();
        transaction
            .start_stage(import, stage, self.now())
            .await
            .unwrap();
        let advance = StageAdvance {
            stage,
            stored_before: 0,
            stored,
            expected: Some(of),
            transfer: None,
        };
        transaction.advance_stage(import, &advance).await.unwrap();
        transaction.commit().await.unwrap();
    }

    pub(crate) async fn add_gap(&self, import: ImportId, object: &str, url: Option<&str>) {
        let mut transaction = self.archive.begin().await.unwrap();
        let gap = Gap {
            stage: Stage::PullRequestComments,
            object: object.to_owned(),
            reason: GapReason::NotPermitted,
            detail: "403 <i>Forbidden</i>".to_owned(),
            url: url.map(ToOwned::to_owned),
        };
        transaction.add_gap(import, &gap).await.unwrap();
        transaction.commit().await.unwrap();
    }

    /// A run ends.
    pub(crate) async fn release(&self, claimed: &Claimed, event: ImportEvent, error: Option<&str>) {
        let mut transaction = self.archive.begin().await.unwrap();
        let release = Release {
            event,
            error,
            wait_until: (event == ImportEvent::WaitBegan).then(|| self.now() + Duration::hours(1)),
            counts: false,
            now: self.now(),
        };
        let state = transaction.release(&claimed.lease, &release).await;
        assert!(state.unwrap().is_some());
        transaction.commit().await.unwrap();
    }
}
