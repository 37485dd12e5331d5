//! The handle by which tests steer a running simulator.

use crate::announcement::Announcement;
use crate::credentials::Credential;
use crate::error::{Result, SimulatorError};
use crate::fault::Fault;
use crate::log::{LoggedRequest, RequestKind};
use crate::oauth::{OAuthConsumer, OAuthGrant, OAuthOptions};
use crate::rate_limit::RateLimit;
use crate::state::State;
use crate::world::{Mutated, Mutation};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Steers a running simulator; cheap to clone.
#[derive(Debug, Clone)]
pub struct Control(pub(crate) Arc<State>);

impl Control {
    /// Lets every answer wait this long.
    pub fn set_latency(&self, latency: Duration) {
        self.0.steering().latency = latency;
    }

    /// Sets the quota, or none, and fills every bucket.
    pub fn set_rate_limit(&self, limit: Option<RateLimit>) {
        self.0.steering().buckets.set(limit);
    }

    /// Adds a fault behind those that are there; the first that matches a request happens to it.
    pub fn add_fault(&self, fault: Fault) {
        self.0.steering().faults.push(fault);
    }

    /// Removes every fault.
    pub fn clear_faults(&self) {
        self.0.steering().faults.clear();
    }

    /// Lets an endpoint say in every answer that it will be removed, errors included.
    pub fn announce(&self, announcement: Announcement) {
        self.0.steering().announcements.push(announcement);
    }

    /// Takes back every announcement.
    pub fn clear_announcements(&self) {
        self.0.steering().announcements.clear();
    }

    /// REST and git requests since the last reset, in the order they came.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.0.log.requests()
    }

    /// How many requests came to each endpoint since the last reset; git and pages count as
    /// `git` and `web`, REST paths that do not exist as `unknown`, requests for tokens by their
    /// type: `/site/oauth2/access_token refresh_token`.
    pub fn request_counts(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for request in self.requests() {
            let name = match (request.kind, request.endpoint) {
                (RequestKind::Git, _) => "git".to_owned(),
                (RequestKind::Web, endpoint) => match (endpoint, request.grant_type) {
                    (Some(endpoint), Some(grant_type)) => format!("{endpoint} {grant_type}"),
                    (Some(endpoint), None) => endpoint,
                    (None, _) => "web".to_owned(),
                },
                (RequestKind::Lfs, _) => "lfs".to_owned(),
                (RequestKind::Storage, _) => "storage".to_owned(),
                (RequestKind::Rest, endpoint) => endpoint.unwrap_or_else(|| "unknown".to_owned()),
            };
            *counts.entry(name).or_default() += 1;
        }
        counts
    }

    /// The most requests that were being answered at the same time since the last reset.
    pub fn peak_in_flight(&self) -> usize {
        self.0.log.peak()
    }

    /// Empties the log; the next request is number 1.
    pub fn reset_log(&self) {
        self.0.log.reset();
    }

    /// Resolves when the `number`-th request since the last reset has come in, which is before
    /// it is answered.
    pub async fn wait_for_request(&self, number: u64) {
        self.0.log.wait_for(number).await;
    }

    /// Makes another token known.
    pub fn add_credential(&self, credential: Credential) {
        self.0.steering().credentials.push(credential);
    }

    /// Adds an OAuth consumer, or replaces the one of the same key.
    pub fn add_consumer(&self, consumer: OAuthConsumer) {
        self.0.steering().oauth.add_consumer(consumer);
    }

    /// How OAuth grants live from now on, and who consents.
    pub fn oauth_options(&self) -> OAuthOptions {
        self.0.steering().oauth.options.clone()
    }

    /// Sets that; tokens that are out keep what they were given.
    pub fn set_oauth_options(&self, options: OAuthOptions) {
        self.0.steering().oauth.options = options;
    }

    /// What people have consented to, in the order they did.
    pub fn grants(&self) -> Vec<OAuthGrant> {
        self.0.steering().oauth.grants.list()
    }

    /// Takes consent back, as a person can in Bitbucket's settings: all tokens of the grant are
    /// dead at once.
    ///
    /// # Errors
    ///
    /// When there is no such grant.
    pub fn revoke_grant(&self, id: u64) -> Result<()> {
        if self.0.steering().oauth.grants.revoke(id) {
            return Ok(());
        }
        Err(SimulatorError::Unknown {
            kind: "grant",
            name: id.to_string(),
        })
    }

    /// Every access token that OAuth gave out is dead before its time; refresh tokens live on.
    pub fn expire_access_tokens(&self) {
        self.0.steering().oauth.grants.expire_access_tokens();
    }

    /// Moves the simulator's clock forward: tokens and codes expire, rate windows end.
    pub fn advance_clock(&self, by: Duration) {
        self.0.steering().clock.advance(by);
    }

    /// How many LFS objects may be asked for at once; more are 413.
    pub fn set_lfs_batch(&self, most: usize) {
        self.0.steering().lfs_batch = Some(most);
    }

    /// Whether an LFS object can be asked for from its middle on.
    pub fn set_lfs_ranges(&self, are_served: bool) {
        self.0.steering().lfs_without_ranges = !are_served;
    }

    /// Gives a repository (`workspace/slug`) an LFS object. Returns the pointer to it, as it
    /// stands in git's history.
    ///
    /// # Errors
    ///
    /// When there is no such repository, or the object cannot be written.
    pub fn put_lfs_object(&self, repository: &str, content: &[u8]) -> Result<String> {
        let folder = self.lfs_folder(repository)?;
        let oid = crate::lfs::put_object(&folder, content)?;
        Ok(crate::lfs::pointer(&oid, content.len()))
    }

    /// Where the LFS objects of a repository lie, each under its SHA-256.
    ///
    /// # Errors
    ///
    /// When there is no such repository.
    pub fn lfs_folder(&self, repository: &str) -> Result<PathBuf> {
        let world = self.0.world();
        let found = repository.split_once('/').and_then(|(workspace, slug)| {
            let (workspace, repository) = world.find(workspace, slug)?;
            Some(crate::lfs::folder(
                &world,
                &workspace.slug,
                &repository.slug,
            ))
        });
        found.ok_or_else(|| SimulatorError::Unknown {
            kind: "repository",
            name: repository.to_owned(),
        })
    }

    /// How many requests for tokens of this grant type came since the last reset, answered or not.
    pub fn token_requests(&self, grant_type: &str) -> u64 {
        let requests = self.requests();
        let of_type = requests
            .iter()
            .filter(|request| request.grant_type.as_deref() == Some(grant_type));
        crate::seeded::dice::count(of_type.count())
    }

    /// Changes the world, or a credential.
    ///
    /// # Errors
    ///
    /// When the mutation names something that is not there.
    pub fn mutate(&self, mutation: Mutation) -> Result<Mutated> {
        let unknown = || SimulatorError::Unknown {
            kind: "credential",
            name: "that token".to_owned(),
        };
        let mut steering = self.0.steering();
        match &mutation {
            Mutation::RemoveScope { token, scope } => {
                let credential = steering
                    .credentials
                    .iter_mut()
                    .find(|known| known.token == *token);
                credential
                    .ok_or_else(unknown)?
                    .scopes
                    .retain(|granted| granted != scope);
            }
            Mutation::RevokeToken { token } => {
                if !steering
                    .credentials
                    .iter()
                    .any(|known| known.token == *token)
                {
                    return Err(unknown());
                }
                steering.credentials.retain(|known| known.token != *token);
            }
            _ => {
                drop(steering);
                return self.0.world_mut().mutate(mutation, &self.0.links);
            }
        }
        Ok(Mutated { id: None })
    }
}
