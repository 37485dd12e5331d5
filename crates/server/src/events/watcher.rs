//! Looks at the database while somebody listens, and tells what changed.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{Hash as _, Hasher as _};
use std::time::Duration;

use bucketload_archive::{DatabaseError, ImportFilter, ImportLine};
use bucketload_model::{ImportId, ImportState};
use chrono::{DateTime, Utc};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::pages::import_line;
use crate::service::App;

/// How often it looks. What happened reaches everybody half a second later at most.
const EVERY: Duration = Duration::from_millis(400);

/// What was written by clocks that are late, or committed late, is looked at once more.
/// Leases count on clocks that agree better than that.
const OVERLAP: chrono::Duration = chrono::Duration::seconds(10);

/// Looks until `stop`, whenever somebody listens.
pub(crate) async fn watch(app: App, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = app.events.wanted() => {}
        }
        if app.events.has_listeners() {
            tokio::select! {
                () = stop.cancelled() => return,
                () = while_somebody_listens(&app) => {}
            }
        }
    }
}

async fn while_somebody_listens(app: &App) {
    let mut watcher = Watcher::new(app.now());
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_out = false;
    while app.events.has_listeners() {
        tokio::select! {
            _ = ticks.tick() => {}
            () = app.events.wanted() => {}
        }
        match watcher.look(app).await {
            Ok(()) => is_out = false,
            Err(error) => {
                if !is_out {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "nobody can be told how imports go; tried again");
                }
                is_out = true;
            }
        }
    }
}

/// What was seen so far.
#[derive(Debug)]
struct Watcher {
    /// When it last looked.
    looked_at: DateTime<Utc>,
    /// Entries of the log that were told.
    told: HashSet<String>,
    /// What was last told of the imports that are run.
    running: HashMap<ImportId, u64>,
    counts: BTreeMap<&'static str, u64>,
}

impl Watcher {
    fn new(now: DateTime<Utc>) -> Self {
        Self {
            looked_at: now,
            told: HashSet::new(),
            running: HashMap::new(),
            counts: BTreeMap::new(),
        }
    }

    async fn look(&mut self, app: &App) -> Result<(), DatabaseError> {
        let now = app.now();
        let logged = app.archive.logged_since(self.looked_at - OVERLAP).await?;
        let leased = app.archive.leased_imports().await?;
        let news = logged
            .iter()
            .filter(|(entry, _)| !self.told.contains(entry));
        let changed: BTreeSet<ImportId> = news.map(|(_, import)| *import).collect();
        // Also those that were run a moment ago: their last word stands in the database.
        let ran = self.running.keys().copied();
        let ids: BTreeSet<ImportId> = leased
            .iter()
            .copied()
            .chain(ran)
            .chain(changed.iter().copied())
            .collect();
        if ids.is_empty() {
            self.looked_at = now;
            return Ok(());
        }
        let ids: Vec<ImportId> = ids.into_iter().collect();
        let lines = app.lines_by_id(&ids).await?;
        let counts = self.counts_now(app, &changed, &lines).await?;
        // All was read: from here on nothing fails, and nothing is told twice.
        let mut running = HashMap::new();
        for line in &lines {
            let id = line.summary.id;
            let data = import_line::event(line, now).to_string();
            let print = fingerprint(&data);
            if self.running.get(&id) != Some(&print) || changed.contains(&id) {
                app.events.tell("import", data);
            }
            if leased.contains(&id) {
                running.insert(id, print);
            }
        }
        if let Some(counts) = counts.filter(|counts| *counts != self.counts) {
            app.events.tell("counts", json!(counts).to_string());
            self.counts = counts;
        }
        self.told = logged.into_iter().map(|(entry, _)| entry).collect();
        self.running = running;
        self.looked_at = now;
        Ok(())
    }

    /// How many imports stand how, if that may have changed.
    async fn counts_now(
        &self,
        app: &App,
        changed: &BTreeSet<ImportId>,
        lines: &[ImportLine],
    ) -> Result<Option<BTreeMap<&'static str, u64>>, DatabaseError> {
        let is_lost = |line: &ImportLine| {
            line.summary.lease.is_some() && line.summary.state != ImportState::Running
        };
        if changed.is_empty() && !lines.iter().any(is_lost) {
            return Ok(None);
        }
        let everything = ImportFilter {
            only_latest: true,
            ..ImportFilter::default()
        };
        let counts = app.counts(&everything).await?;
        let all = ImportState::ALL.iter();
        let all = all.map(|state| (state.name(), counts.get(state).copied().unwrap_or_default()));
        Ok(Some(all.collect()))
    }
}

fn fingerprint(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
