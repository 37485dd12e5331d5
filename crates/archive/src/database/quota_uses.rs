//! What rate buckets were used for, over time.

use std::collections::BTreeMap;

use bucketload_model::{ImportId, RateBucket, RepositoryName, Taken};
use chrono::{DateTime, Duration, Utc};

use super::imports::inconsistent;
use super::sql::{Session, statement};
use super::{Archive, DatabaseError, unsigned};

/// How long is kept what a bucket was used for.
const KEPT: Duration = Duration::days(7);

/// What a bucket was used for in five minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaUse {
    /// When they began.
    pub began_at: DateTime<Utc>,
    /// Requests of imports.
    pub imports: u64,
    /// Of people who waited for a page.
    pub people: u64,
    /// Of others, as far as Bitbucket told.
    pub others: u64,
}

impl QuotaUse {
    /// The five minutes.
    pub const SLOT: Duration = Duration::minutes(5);

    /// When those began that a time is in.
    pub fn slot_of(time: DateTime<Utc>) -> DateTime<Utc> {
        let within = time
            .timestamp_millis()
            .rem_euclid(Self::SLOT.num_milliseconds());
        time - Duration::milliseconds(within)
            - Duration::nanoseconds(i64::from(time.timestamp_subsec_nanos() % 1_000_000))
    }
}

/// An import, and the requests that it took in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportRequests {
    /// The import.
    pub import: ImportId,
    /// Of what.
    pub name: RepositoryName,
    /// How many.
    pub requests: u64,
}

/// Notes what a change of a bucket took, in the transaction that changes it: one row that
/// there is, mostly.
pub(super) async fn note(
    session: &mut Session,
    bucket: &str,
    before: &RateBucket,
    after: &RateBucket,
) -> Result<(), DatabaseError> {
    let taken = after.taken().since(before.taken());
    let Some(at) = after.latest().filter(|_| taken != Taken::default()) else {
        return Ok(());
    };
    let slot = QuotaUse::slot_of(at);
    let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let of_slot = |sql| {
        statement(sql)
            .bind(bucket)
            .bind(slot.timestamp_millis())
            .bind(signed(taken.imports))
            .bind(signed(taken.people))
            .bind(signed(taken.others))
    };
    let added = of_slot(
        "update quota_uses set imports = imports + $3, people = people + $4,
             others = others + $5
         where bucket = $1 and began_at_ms = $2",
    )
    .execute(&mut *session)
    .await?;
    if added > 0 {
        return Ok(());
    }
    of_slot(
        "insert into quota_uses (bucket, began_at_ms, imports, people, others)
         values ($1, $2, $3, $4, $5)",
    )
    .execute(&mut *session)
    .await?;
    statement("delete from quota_uses where began_at_ms < $1")
        .bind((slot - KEPT).timestamp_millis())
        .execute(&mut *session)
        .await?;
    Ok(())
}

impl Archive {
    /// What buckets were used for since a time, by bucket, the earliest first.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn quota_uses(
        &self,
        since: DateTime<Utc>,
    ) -> Result<BTreeMap<String, Vec<QuotaUse>>, DatabaseError> {
        let rows: Vec<(String, i64, i64, i64, i64)> = statement(
            "select bucket, began_at_ms, imports, people, others from quota_uses
             where began_at_ms >= $1 order by began_at_ms",
        )
        .bind((since - Duration::hours(1) - QuotaUse::SLOT).timestamp_millis())
        .fetch_all(&self.reader)
        .await?;
        let mut uses: BTreeMap<String, Vec<QuotaUse>> = BTreeMap::new();
        for (bucket, began_at_ms, imports, people, others) in rows {
            uses.entry(bucket).or_default().push(QuotaUse {
                began_at: DateTime::from_timestamp_millis(began_at_ms).unwrap_or_default(),
                imports: unsigned(imports),
                people: unsigned(people),
                others: unsigned(others),
            });
        }
        Ok(uses)
    }

    /// The imports that began or ended since a time and took most requests, those first.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn most_requests(
        &self,
        since: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<ImportRequests>, DatabaseError> {
        let rows: Vec<(String, String, String, i64)> = statement(
            "select i.id, i.workspace, i.slug, cast(sum(r.requests) as bigint) as requests
             from imports i join import_requests r on r.import_id = i.id
             where i.started_at_ms >= $1 or i.finished_at_ms >= $1
             group by i.id, i.workspace, i.slug
             order by requests desc, i.id limit $2",
        )
        .bind(since.timestamp_millis())
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        let read = |(id, workspace, slug, requests): (String, String, String, i64)| {
            let wrong = |column, value: &str| inconsistent("imports", column, value);
            Ok(ImportRequests {
                import: id.parse().map_err(|_| wrong("id", &id))?,
                name: RepositoryName {
                    workspace: workspace
                        .parse()
                        .map_err(|_| wrong("workspace", &workspace))?,
                    slug: slug.parse().map_err(|_| wrong("slug", &slug))?,
                },
                requests: unsigned(requests),
            })
        };
        rows.into_iter().map(read).collect()
    }
}
