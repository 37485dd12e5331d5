//! What the imports that somebody chose would take.

use bucketload_archive::mirror::TransportKind;
use bucketload_bitbucket::Client;
use bucketload_model::{NullSink, RepositoryName};
use bucketload_worker::{Importer, LeaseTimes, RepositoryPlan, Selection};
use chrono::Duration;
use futures::future::join_all;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

use crate::bitbucket::credentials::Usable;
use crate::bitbucket::trouble::Trouble;
use crate::service::Service;

/// Repositories that are looked at: each takes up to ten requests, and somebody waits.
const LOOKED_AT: usize = 3;

/// The look ends after so long, with what is known by then.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// What the choice takes, by a look at some of it.
#[derive(Debug, Default)]
pub(crate) struct Estimate {
    pub(crate) plans: Vec<RepositoryPlan>,
    /// What could not be looked at.
    pub(crate) failed: Vec<(RepositoryName, Trouble)>,
    /// Repositories that were chosen.
    pub(crate) of: usize,
    /// Requests of an hour.
    pub(crate) hourly_quota: Option<u32>,
}

/// REST requests in all, at least and at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Total {
    pub(crate) min: u64,
    pub(crate) max: u64,
    /// Whether each was looked at.
    pub(crate) is_exact: bool,
}

impl Estimate {
    /// What all take, if those that were looked at are like the others.
    pub(crate) fn total(&self) -> Option<Total> {
        let looked_at = self.plans.len() as u64;
        if looked_at == 0 {
            return None;
        }
        let of = (self.of - self.failed.len().min(self.of)) as u64;
        let scaled = |sum: u64| (sum * of).div_ceil(looked_at);
        Some(Total {
            min: scaled(self.plans.iter().map(|plan| plan.requests_min).sum()),
            max: scaled(self.plans.iter().map(|plan| plan.requests_max).sum()),
            is_exact: looked_at == of,
        })
    }

    /// How long the most takes at the quota, where there is one and it does not suffice at once.
    pub(crate) fn longest(&self) -> Option<Duration> {
        let (total, quota) = (self.total()?, u64::from(self.hourly_quota?));
        let minutes = (total.max * 60).checked_div(quota)?;
        (total.max > quota).then(|| Duration::minutes(minutes.try_into().unwrap_or(i64::MAX)))
    }
}

impl Service {
    /// Looks at a few of the repositories: the first, the last, and one between.
    pub(crate) async fn estimate(
        &self,
        credential: &Usable,
        names: &[RepositoryName],
        selection: &Selection,
    ) -> Result<Estimate, Trouble> {
        let client = self.client_with(credential).await?;
        let mut estimate = Estimate {
            of: names.len(),
            hourly_quota: client.hourly_quota(),
            ..Estimate::default()
        };
        let planner = self.planner(client);
        let looks = sample(names).into_iter().map(|name| {
            let planner = &planner;
            async move {
                let plan = planner.plan(name, selection);
                let plan = match tokio::time::timeout(PATIENCE, plan).await {
                    Ok(plan) => plan.map_err(|error| Trouble::of_plan(&error, credential)),
                    Err(_) => Err(Trouble::too_slow()),
                };
                (name.clone(), plan)
            }
        });
        for (name, plan) in join_all(looks).await {
            match plan {
                Ok(plan) => estimate.plans.push(plan),
                Err(trouble) => estimate.failed.push((name, trouble)),
            }
        }
        Ok(estimate)
    }

    /// What plans and never imports: how imports are run is a worker's business.
    fn planner(&self, client: Client) -> Importer {
        Importer {
            archive: self.archive.clone(),
            data_dir: self.health.data_dir.clone(),
            client,
            web_url: self.bitbucket.web_url.clone(),
            whole_lists: false,
            max_blob_bytes: self.uploads.blob_bytes,
            image_hosts: Vec::new(),
            transport: TransportKind::Auto,
            segment_above_bytes: 0,
            sink: Arc::new(NullSink),
            clock: Arc::clone(&self.clock),
            asked_by: None,
            times: LeaseTimes::default(),
            cancel: CancellationToken::new(),
        }
    }
}

/// A few that stand far from each other: lists are sorted, and neighbours are alike.
fn sample(names: &[RepositoryName]) -> Vec<&RepositoryName> {
    if names.len() <= LOOKED_AT {
        return names.iter().collect();
    }
    let last = names.len() - 1;
    let places = (0..LOOKED_AT).map(|place| place * last / (LOOKED_AT - 1));
    places.map(|place| &names[place]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(requests_min: u64, requests_max: u64) -> RepositoryPlan {
        RepositoryPlan {
            source: "teapots/kettle".to_owned(),
            resumes: false,
            stages: Vec::new(),
            requests_min,
            requests_max,
            hours_max: None,
        }
    }

    #[test]
    fn what_was_looked_at_stands_for_the_others() {
        let mut estimate = Estimate {
            plans: vec![plan(10, 20), plan(20, 41)],
            failed: Vec::new(),
            of: 2,
            hourly_quota: Some(1_000),
        };
        let total = |min, max, is_exact| Some(Total { min, max, is_exact });
        assert_eq!(estimate.total(), total(30, 61, true));
        assert_eq!(estimate.longest(), None);
        estimate.of = 100;
        assert_eq!(estimate.total(), total(1_500, 3_050, false));
        assert_eq!(estimate.longest(), Some(Duration::minutes(183)));
        estimate.plans.clear();
        assert_eq!(estimate.total(), None);
    }

    #[test]
    fn samples_stand_far_from_each_other() {
        let names: Vec<RepositoryName> = (0..9)
            .map(|number| format!("tea/cup-{number}").parse().unwrap())
            .collect();
        let slugs = |names: Vec<&RepositoryName>| -> Vec<String> {
            names.iter().map(|name| name.slug.to_string()).collect()
        };
        assert_eq!(slugs(sample(&names)), ["cup-0", "cup-4", "cup-8"]);
        assert_eq!(slugs(sample(&names[..2])), ["cup-0", "cup-1"]);
    }
}
