//! The account of requests, shared by every process that uses the database.

use std::time::Duration;

use bucketload_model::{
    BucketChange, ErrorClass, LedgerError, LedgerFuture, QuotaLedger, RateBucket, Verdict,
};

use super::sql::statement;
use super::{Archive, DatabaseError, quota_uses};

/// A server of PostgreSQL that starts again is back within seconds.
const RETRY_AFTER: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(10),
];

impl Archive {
    /// The accounts of all rate buckets, by name. A name tells whose they are by a
    /// fingerprint, and holds no secret.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn rate_buckets(&self) -> Result<Vec<(String, RateBucket)>, DatabaseError> {
        let rows: Vec<(String, String)> =
            statement("select bucket, account from rate_buckets order by bucket")
                .fetch_all(&self.reader)
                .await?;
        let read = |(bucket, text): (String, String)| match serde_json::from_str(&text) {
            Ok(account) => Ok((bucket, account)),
            Err(_) => Err(inconsistent(&text)),
        };
        rows.into_iter().map(read).collect()
    }

    /// Changes a bucket with nobody in between, in this process or another.
    ///
    /// Where the connection is lost it is done again. Was it lost after all was written,
    /// a request is counted twice, which errs on the safe side.
    async fn change_bucket<T>(
        &self,
        bucket: &str,
        mut change: BucketChange<'_, T>,
    ) -> Result<T, DatabaseError> {
        for pause in RETRY_AFTER {
            match self.try_to_change_bucket(bucket, &mut change).await {
                Err(error) if error.class() == ErrorClass::Transient => {
                    tokio::time::sleep(pause).await;
                }
                result => return result,
            }
        }
        self.try_to_change_bucket(bucket, &mut change).await
    }

    async fn try_to_change_bucket<T>(
        &self,
        bucket: &str,
        change: &mut BucketChange<'_, T>,
    ) -> Result<T, DatabaseError> {
        let mut session = self.ledger.begin().await?;
        session.lock(&format!("rate bucket {bucket}")).await?;
        let stored: Option<String> =
            statement("select account from rate_buckets where bucket = $1")
                .bind(bucket)
                .fetch_optional_scalar(&mut session)
                .await?;
        let before: RateBucket = match &stored {
            Some(text) => serde_json::from_str(text).map_err(|_| inconsistent(text))?,
            None => RateBucket::default(),
        };
        let mut after = before.clone();
        let result = change(&mut after);
        if after != before {
            let text = serde_json::to_string(&after).map_err(|_| inconsistent(bucket))?;
            statement(
                "insert into rate_buckets (bucket, account) values ($1, $2)
                 on conflict (bucket) do update set account = excluded.account",
            )
            .bind(bucket)
            .bind(text)
            .execute(&mut session)
            .await?;
            quota_uses::note(&mut session, bucket, &before, &after).await?;
        }
        session.commit().await?;
        Ok(result)
    }
}

fn inconsistent(value: &str) -> DatabaseError {
    DatabaseError::Inconsistent {
        table: "rate_buckets",
        column: "account",
        value: value.to_owned(),
    }
}

impl QuotaLedger for Archive {
    fn decide<'a>(
        &'a self,
        bucket: &'a str,
        change: BucketChange<'a, Verdict>,
    ) -> LedgerFuture<'a, Verdict> {
        Box::pin(async move {
            let verdict = self.change_bucket(bucket, change).await;
            verdict.map_err(|error| LedgerError(Box::new(error)))
        })
    }

    fn update<'a>(&'a self, bucket: &'a str, change: BucketChange<'a, ()>) -> LedgerFuture<'a, ()> {
        Box::pin(async move {
            let done = self.change_bucket(bucket, change).await;
            done.map_err(|error| LedgerError(Box::new(error)))
        })
    }
}
