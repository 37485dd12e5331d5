//! Those who do not watch are told: once, whoever tells them, and nothing is lost.

mod states;
mod telling;

use std::sync::Arc;

use bucketload_archive::{Archive, NoticeEntry};
use bucketload_model::{ManualClock, NoticeKind};
use bucketload_notify::{Channel, Webhook, WebhookOptions};
use bucketload_worker::{NoticeOptions, Selection, Teller};
use serde_json::Value;

use super::KIND;
use crate::receivers::Hooks;
use crate::support::{Local, NAME, Remote, remote, small};

/// Where the one repository is asked for.
const REPOSITORY: &str = "/repositories/seaside/lighthouse";

/// A simulator, an archive, somebody to be told, and a clock that is moved.
struct Bench {
    remote: Remote,
    local: Local,
    clock: Arc<ManualClock>,
    hooks: Hooks,
}

impl Bench {
    async fn new() -> Option<Self> {
        let remote = remote(small()).await;
        let mut local = Local::on(KIND, &remote).await?;
        let clock = Arc::new(ManualClock::new("2026-11-23T02:30:00Z".parse().unwrap()));
        local.importer.clock = clock.clone();
        let bench = Self {
            remote,
            local,
            clock,
            hooks: Hooks::start(),
        };
        // From now on.
        bench.round().await;
        Some(bench)
    }

    fn channel(&self) -> Channel {
        let webhook = Webhook::new(WebhookOptions {
            url: self.hooks.url().into(),
            secret: None,
            allow_insecure: false,
        });
        webhook.unwrap().into()
    }

    fn options(&self) -> NoticeOptions {
        NoticeOptions {
            channels: vec![self.channel()],
            dashboard: Some("https://loads.example.org/prefix/".parse().unwrap()),
            ..NoticeOptions::default()
        }
    }

    fn archive(&self) -> &Archive {
        &self.local.importer.archive
    }

    fn teller(&self, options: NoticeOptions) -> Teller {
        Teller::new(self.archive().clone(), self.clock.clone(), options)
    }

    async fn round(&self) {
        self.teller(self.options()).round().await.unwrap();
    }

    fn pass(&self, time: chrono::Duration) {
        self.clock.advance(time);
    }

    /// Kinds that were told, in order.
    fn told(&self) -> Vec<String> {
        let bodies = self.bodies();
        let kinds = bodies.iter().map(|body| body["kind"].as_str().unwrap());
        kinds.map(str::to_owned).collect()
    }

    fn bodies(&self) -> Vec<Value> {
        self.hooks.bodies()
    }

    async fn only_entry(&self) -> NoticeEntry {
        let mut entries = self.archive().notices(None, 10).await.unwrap();
        assert_eq!(entries.len(), 1, "{entries:?}");
        entries.remove(0)
    }

    /// An import that fails.
    async fn fail(&self) {
        let outcome = self.local.try_import(NAME, &Selection::default()).await;
        assert!(outcome.failure.is_some());
    }

    /// The one of a kind.
    async fn only_entry_of(&self, kind: NoticeKind) -> NoticeEntry {
        let entries = self.archive().notices(None, 10).await.unwrap();
        let mut of_kind = entries
            .into_iter()
            .filter(|entry| entry.notice.kind == kind);
        let only = of_kind.next().unwrap();
        assert!(of_kind.next().is_none());
        only
    }
}
