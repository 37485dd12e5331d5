//! What the database says of the whole queue and of every rate bucket: a few queries that
//! indexes answer.

use std::sync::atomic::AtomicU64;

use bucketload_archive::{Archive, DatabaseError};
use bucketload_bitbucket::QuotaSettings;
use bucketload_model::{ChannelKind, DeliveryState, ImportState, RateBucket, Verdict};
use chrono::{DateTime, Utc};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::PREFIX;

type Count = Gauge<u64, AtomicU64>;

/// All of it, as of now.
pub(super) async fn read(
    archive: &Archive,
    quota: &QuotaSettings,
    now: DateTime<Utc>,
) -> Result<Registry, DatabaseError> {
    let mut registry = Registry::with_prefix(PREFIX);
    imports(&mut registry, archive, now).await?;
    notices(&mut registry, archive).await?;
    let buckets = archive.rate_buckets().await?;
    quotas(&mut registry, buckets, quota, now);
    Ok(registry)
}

async fn imports(
    registry: &mut Registry,
    archive: &Archive,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    let by_state: Family<[(&'static str, &'static str); 1], Count> = Family::default();
    // A state that no import has is a 0 and no hole in a graph.
    for state in ImportState::ALL {
        by_state.get_or_create(&[("state", state.name())]).set(0);
    }
    for (state, count) in archive.count_imports().await? {
        by_state
            .get_or_create(&[("state", state.name())])
            .set(count);
    }
    registry.register("imports", "Imports by state", by_state);

    let leases = archive.leases().await?.into_iter();
    let kept = leases.filter(|lease| lease.until >= now).count();
    let leased = Count::default();
    leased.set(kept as u64);
    registry.register(
        "imports_leased",
        "Imports that some process runs right now",
        leased,
    );

    let (ready, _) = archive.queue_depth(now).await?;
    let depth = Count::default();
    depth.set(ready);
    registry.register(
        "queue_ready_imports",
        "Imports that could be begun now, were there places",
        depth,
    );
    Ok(())
}

async fn notices(registry: &mut Registry, archive: &Archive) -> Result<(), DatabaseError> {
    let told: Family<[(&'static str, &'static str); 2], Count> = Family::default();
    let label = |channel: ChannelKind, state: DeliveryState| {
        [("channel", channel.name()), ("state", state.name())]
    };
    for channel in ChannelKind::ALL {
        for state in DeliveryState::ALL {
            told.get_or_create(&label(*channel, *state)).set(0);
        }
    }
    for (channel, state, count) in archive.count_deliveries().await? {
        told.get_or_create(&label(channel, state)).set(count);
    }
    registry.register(
        "notices",
        "Notices of the last weeks, by how they stand on each channel",
        told,
    );
    Ok(())
}

fn quotas(
    registry: &mut Registry,
    buckets: Vec<(String, RateBucket)>,
    quota: &QuotaSettings,
    now: DateTime<Utc>,
) {
    let used: Family<[(&'static str, String); 1], Count> = Family::default();
    let left: Family<[(&'static str, String); 1], Count> = Family::default();
    let wait: Family<[(&'static str, String); 1], Gauge<f64, AtomicU64>> = Family::default();
    for (name, mut bucket) in buckets {
        let Some(rule) = quota.rule(&name) else {
            continue;
        };
        let state = bucket.state(&rule, now);
        let label = [("bucket", name)];
        used.get_or_create(&label).set(u64::from(state.used));
        let remaining = state.limit.saturating_sub(state.used);
        left.get_or_create(&label).set(u64::from(remaining));
        // Asked of a copy: nothing is taken from the account.
        let until = match bucket.take(&rule, now, false) {
            Verdict::Go | Verdict::Probe => now,
            Verdict::SpentUntil(until) | Verdict::StoppedUntil(until) => until,
        };
        let seconds = (until - now).to_std().unwrap_or_default().as_secs_f64();
        wait.get_or_create(&label).set(seconds);
    }
    registry.register(
        "quota_used_requests",
        "Requests in the window that ends now",
        used,
    );
    registry.register(
        "quota_remaining_requests",
        "Requests that the window has left, those kept for people included",
        left,
    );
    registry.register_with_unit(
        "quota_wait",
        "How long until imports may send the next request; 0 for now",
        Unit::Seconds,
        wait,
    );
}
