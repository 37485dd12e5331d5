//! What all requests of one simulator share.

use crate::announcement::Announcement;
use crate::clock::Clock;
use crate::credentials::Credential;
use crate::fault::Fault;
use crate::log::Log;
use crate::oauth::OAuth;
use crate::rate_limit::Buckets;
use crate::world::World;
use crate::world::links::Links;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

/// The world, the log, and what tests have set.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) links: Links,
    pub(crate) log: Log,
    world: RwLock<World>,
    steering: Mutex<Steering>,
}

/// What tests set.
#[derive(Debug, Default)]
pub(crate) struct Steering {
    pub(crate) clock: Clock,
    pub(crate) credentials: Vec<Credential>,
    pub(crate) oauth: OAuth,
    pub(crate) latency: Duration,
    pub(crate) faults: Vec<Fault>,
    /// The most objects that are asked for at once, where it is not the usual.
    pub(crate) lfs_batch: Option<usize>,
    /// Whether LFS objects are given from their beginning only.
    pub(crate) lfs_without_ranges: bool,
    pub(crate) announcements: Vec<Announcement>,
    pub(crate) buckets: Buckets,
}

impl Steering {
    /// What this token allows, whether tests made it known or OAuth gave it out.
    pub(crate) fn credential(&self, token: &str) -> Option<Credential> {
        let known = self.credentials.iter().find(|known| known.token == token);
        known
            .or_else(|| self.oauth.grants.credential(token, self.clock.now()))
            .cloned()
    }
}

impl State {
    pub(crate) fn new(links: Links, world: World, steering: Steering) -> Self {
        Self {
            links,
            log: Log::new(),
            world: RwLock::new(world),
            steering: Mutex::new(steering),
        }
    }

    /// Nothing here is left half done by a panic, so a poisoned lock is as good as another.
    pub(crate) fn world(&self) -> RwLockReadGuard<'_, World> {
        self.world.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn world_mut(&self) -> RwLockWriteGuard<'_, World> {
        self.world.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn steering(&self) -> MutexGuard<'_, Steering> {
        self.steering.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
