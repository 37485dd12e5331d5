//! One update of a mirror, step by step.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bucketload_model::{GitPhase, GitTransfer, RequestGate};
use chrono::{DateTime, Utc};
use git2::Repository;
use gix_object::bstr::BString;
use secrecy::SecretString;
use tokio::sync::watch;
use url::Url;

use super::carrier::Carrier;
use super::error::MirrorError;
use super::gate::Turnstile;
use super::git_carrier::GitCarrier;
use super::gix_carrier::GixCarrier;
use super::http::HttpClient;
use super::listing::Listing;
use super::lock::RepositoryLock;
use super::maintain::{Join, join_packs};
use super::meter::{Meter, watched};
use super::plan::{ArchivedRef, Plan, is_archived};
use super::refs::{Refs, set_head};
use super::segments::{Brought, Segments, saved};
use super::sweep::sweep;
use super::{layout, reach};

/// A server that sends nothing for this long will not: git's servers send a
/// sign of life every five seconds while they gather objects.
const DEFAULT_STALL: Duration = Duration::from_mins(2);

/// How often the refs are listed anew when they moved during the fetch.
pub(super) const ATTEMPTS: usize = 3;

/// Where a mirror comes from.
#[derive(Debug, Clone)]
pub struct Remote {
    /// The address that `git` would use, without a user or password.
    pub url: Url,
    /// The whole value of the `Authorization` header, such as `Bearer …`.
    /// Sent to the origin of `url` alone and written nowhere.
    pub authorization: Option<SecretString>,
}

/// What a remote shows that a mirror has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RefsBehind {
    /// Refs that the remote shows and can be mirrored.
    pub listed: u64,
    /// Those that the mirror has not.
    pub created: u64,
    /// Those that point elsewhere.
    pub moved: u64,
    /// Refs of the mirror that the remote shows no longer.
    pub vanished: u64,
}

/// Who brings the objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TransportKind {
    /// gix, and the `git` program where gix and the server do not understand
    /// each other.
    #[default]
    Auto,
    /// gix alone.
    Gix,
    /// The `git` program alone.
    GitProgram,
}

/// How to update a mirror.
#[derive(Clone, Copy)]
pub struct UpdateOptions<'a> {
    /// Who brings the objects.
    pub transport: TransportKind,
    /// The time, for the names of archived refs.
    pub now: DateTime<Utc>,
    /// Told how far the transfer is, at most ten times a second, from another
    /// thread.
    pub progress: &'a (dyn Fn(GitTransfer) + Send + Sync),
    /// Set it to stop; the update ends within a second.
    pub cancel: &'a AtomicBool,
    /// The name of the default branch, without `refs/heads/`. Without it, or
    /// while the remote has no such branch, the remote's `HEAD` is asked.
    pub head: Option<&'a str>,
    /// How long to wait for a server that sends nothing.
    pub stall: Duration,
    /// Asked for leave before each request, as far as requests are known: those of
    /// gix all are, the `git` program tells nobody.
    pub gate: Option<&'a Arc<dyn RequestGate>>,
    /// How a first clone is cut; without it, it comes in one piece.
    pub segments: Option<Segments>,
    /// Told of each segment that has arrived and will not be fetched again.
    pub arrived: Option<&'a (dyn Fn() + Send + Sync)>,
    /// Whether `file://` addresses are allowed, which the `git` program carries.
    pub allow_file: bool,
}

impl<'a> UpdateOptions<'a> {
    /// The usual options.
    pub fn new(
        now: DateTime<Utc>,
        progress: &'a (dyn Fn(GitTransfer) + Send + Sync),
        cancel: &'a AtomicBool,
    ) -> Self {
        Self {
            transport: TransportKind::Auto,
            now,
            progress,
            cancel,
            head: None,
            stall: DEFAULT_STALL,
            gate: None,
            segments: None,
            arrived: None,
            allow_file: false,
        }
    }
}

impl fmt::Debug for UpdateOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateOptions")
            .field("transport", &self.transport)
            .field("now", &self.now)
            .field("head", &self.head)
            .field("stall", &self.stall)
            .field("segments", &self.segments)
            .finish_non_exhaustive()
    }
}

/// What an update did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MirrorUpdate {
    /// Refs that the remote shows and the mirror has.
    pub refs: u64,
    /// Refs that are new.
    pub created: u64,
    /// Refs that point elsewhere than before.
    pub changed: u64,
    /// Targets that the remote let go of, and where they are kept.
    pub archived: Vec<ArchivedRef>,
    /// Refs of the remote that are not mirrored, because their names are
    /// unsafe or in our own namespace. Each is worth a gap.
    pub skipped: Vec<BString>,
    /// Bytes received: over HTTP by gix, the size of the packs by `git`.
    pub bytes_received: u64,
    /// Objects received.
    pub objects_received: u64,
    /// Segments of a first clone that were received.
    pub segments: u64,
    /// Why a first clone came in one piece, if it should have come in segments.
    pub one_piece_because: Option<&'static str>,
    /// Who brought it: never [`TransportKind::Auto`].
    pub carried_by: TransportKind,
}

pub(super) fn run(
    path: &Path,
    remote: &Remote,
    options: &UpdateOptions<'_>,
) -> Result<MirrorUpdate, MirrorError> {
    check_url(&remote.url, options.allow_file)?;
    layout::make(path)?;
    let _lock = RepositoryLock::acquire(path)?;
    sweep(path)?;
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method is one of a single lifetime, and any is wanted"
    )]
    by_carrier(path, remote, options, |update| update.run())
}

/// What an update would change now. Nothing is fetched.
pub(super) fn behind(
    path: &Path,
    remote: &Remote,
    options: &UpdateOptions<'_>,
) -> Result<RefsBehind, MirrorError> {
    check_url(&remote.url, options.allow_file)?;
    by_carrier(path, remote, options, |update| {
        let listing = update.list(&mut *update.carrier()?)?;
        let plan = Plan::new(&listing, &Refs::read(&update.open()?)?);
        Ok(RefsBehind {
            listed: listing.refs.len() as u64,
            created: plan.created.len() as u64,
            moved: plan.moved.len() as u64,
            vanished: plan.vanished.len() as u64,
        })
    })
}

/// Works with the carrier of the options, or with one after the other.
pub(super) fn by_carrier<T>(
    path: &Path,
    remote: &Remote,
    options: &UpdateOptions<'_>,
    work: impl Fn(&Update<'_>) -> Result<T, MirrorError>,
) -> Result<T, MirrorError> {
    let meter = Meter::default();
    watched(&meter, options.progress, options.cancel, |stop| {
        let run = |transport| {
            work(&Update {
                path,
                remote,
                options,
                meter: &meter,
                stop: stop.clone(),
                transport,
            })
        };
        match options.transport {
            _ if remote.url.scheme() == "file" => run(TransportKind::GitProgram),
            TransportKind::Auto => match run(TransportKind::Gix) {
                Err(error) if error.another_transport_may_help() => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "gix does not get on with this server; trying the git program"
                    );
                    match run(TransportKind::GitProgram) {
                        // Then the first error tells more.
                        Err(MirrorError::GitMissing { .. }) => Err(error),
                        result => result,
                    }
                }
                result => result,
            },
            transport => run(transport),
        }
    })
}

pub(super) fn check_url(url: &Url, allow_file: bool) -> Result<(), MirrorError> {
    let reason = match url.scheme() {
        "http" | "https" => None,
        "file" if allow_file => None,
        _ => Some("only http and https are spoken"),
    };
    let has_user = !url.username().is_empty() || url.password().is_some();
    let reason = reason.or(has_user.then_some("it must not hold a user or a password"));
    let has_tail = url.query().is_some() || url.fragment().is_some();
    let reason = reason.or(has_tail.then_some("it must not hold a query or a fragment"));
    reason.map_or(Ok(()), |reason| Err(MirrorError::Url { reason }))
}

/// An update by one carrier.
pub(super) struct Update<'a> {
    pub(super) path: &'a Path,
    pub(super) remote: &'a Remote,
    pub(super) options: &'a UpdateOptions<'a>,
    pub(super) meter: &'a Meter,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) transport: TransportKind,
}

impl Update<'_> {
    fn run(&self) -> Result<MirrorUpdate, MirrorError> {
        let mut before = Brought::default();
        let mut attempt = 1;
        loop {
            self.bring_segments(&mut before)?;
            match self.attempt(&before) {
                Err(MirrorError::Moving | MirrorError::NotWhole) if attempt < ATTEMPTS => {
                    tracing::debug!(attempt, "the remote changed since its refs were listed");
                    attempt += 1;
                    sweep(self.path)?;
                }
                result => return result,
            }
        }
    }

    pub(super) fn carrier(&self) -> Result<Box<dyn Carrier + '_>, MirrorError> {
        if self.transport == TransportKind::GitProgram {
            return Ok(Box::new(GitCarrier {
                repository: self.path,
                url: &self.remote.url,
                authorization: self.remote.authorization.as_ref(),
                stall: self.options.stall,
                turnstile: self.turnstile(),
                meter: self.meter,
                cancel: self.options.cancel,
            }));
        }
        Ok(Box::new(self.gix()?))
    }

    fn turnstile(&self) -> Turnstile {
        Turnstile {
            gate: self.options.gate.cloned(),
            stop: self.stop.clone(),
        }
    }

    fn gix(&self) -> Result<GixCarrier<'_>, MirrorError> {
        let url = &self.remote.url;
        let http = HttpClient::new(
            url,
            self.remote.authorization.as_ref(),
            self.options.stall,
            self.turnstile(),
        )?;
        GixCarrier::new(
            http,
            url.as_str(),
            self.path,
            self.meter,
            self.options.cancel,
        )
    }

    /// Lists the refs of the remote.
    ///
    /// To the `git` program an empty page is an empty repository of the old
    /// "dumb" protocol, so a proxy in a bad mood would make every ref vanish.
    /// gix takes nothing but git's own content type: it has to agree.
    pub(super) fn list(&self, carrier: &mut dyn Carrier) -> Result<Listing, MirrorError> {
        let listing = carrier.list()?;
        let is_empty = listing.refs.is_empty() && listing.skipped.is_empty();
        let over_http = self.remote.url.scheme() != "file";
        if is_empty && over_http && self.transport == TransportKind::GitProgram {
            return self.gix()?.list();
        }
        Ok(listing)
    }

    /// One update; `before` are the segments that went ahead of it.
    fn attempt(&self, before: &Brought) -> Result<MirrorUpdate, MirrorError> {
        self.meter.begin(before.bytes);
        self.check_cancel()?;
        let mut carrier = self.carrier()?;
        let listing = self.list(&mut *carrier)?;
        let repository = self.open()?;
        let mut own = Refs::read(&repository)?;
        let plan = Plan::new(&listing, &own);
        let mut update = MirrorUpdate {
            refs: listing.refs.len() as u64,
            created: plan.created.len() as u64,
            changed: plan.moved.len() as u64,
            skipped: listing.skipped.clone(),
            bytes_received: before.bytes,
            objects_received: before.objects,
            segments: before.segments,
            one_piece_because: before.one_piece_because,
            carried_by: self.transport,
            ..MirrorUpdate::default()
        };
        let has_segments = saved::has_segments(&own);
        if !plan.is_empty() || has_segments {
            let targets: Vec<_> = plan.targets().collect();
            let received = self.bring(&mut *carrier, &repository, &listing, &own, &targets)?;
            update.bytes_received += received.bytes.unwrap_or_default();
            update.objects_received += received.objects;
            self.meter
                .set(|transfer| transfer.phase = GitPhase::Finishing);
            // Opened anew, to see the new packs.
            let repository = self.open()?;
            self.check_cancel()?;
            let moves: Vec<_> = plan
                .moved
                .iter()
                .map(|(_, old, new)| (*old, *new))
                .collect();
            let lost = reach::lost(&repository, &moves).map_err(MirrorError::corrupt(self.path))?;
            update.archived = plan.apply(&mut own, &lost, self.options.now);
            if has_segments {
                self.check_whole(&listing)?;
                self.release_segments(&repository, &mut own)?;
            }
            own.write(&repository)?;
            self.compare(&listing)?;
            let when = if has_segments {
                Join::Segments
            } else {
                Join::TooMany
            };
            join_packs(self.path, when, self.options.cancel);
        }
        saved::forget_cuts(self.path)?;
        self.set_head(&listing)?;
        tracing::debug!(
            transport = ?self.transport,
            refs = update.refs,
            created = update.created,
            changed = update.changed,
            archived = update.archived.len(),
            bytes = update.bytes_received,
            objects = update.objects_received,
            "the mirror is up to date"
        );
        Ok(update)
    }

    pub(super) fn check_cancel(&self) -> Result<(), MirrorError> {
        if self.options.cancel.load(Ordering::Relaxed) {
            Err(MirrorError::Cancelled)
        } else {
            Ok(())
        }
    }

    pub(super) fn open(&self) -> Result<Repository, MirrorError> {
        super::open_repository(self.path)
    }

    /// Counts the mirror's refs, read anew, against the listing.
    fn compare(&self, listing: &Listing) -> Result<(), MirrorError> {
        let own = Refs::read(&self.open()?)?;
        let stored = own.by_name.keys().filter(|name| !is_archived(name)).count();
        let equal = listing
            .refs
            .iter()
            .filter(|(name, id)| own.by_name.get(*name).is_some_and(|own| own.id == **id))
            .count();
        if equal == listing.refs.len() && stored == equal {
            Ok(())
        } else {
            Err(MirrorError::RefsMismatch {
                listed: listing.refs.len() as u64,
                stored: equal as u64,
            })
        }
    }

    fn set_head(&self, listing: &Listing) -> Result<(), MirrorError> {
        let named = self
            .options
            .head
            .map(|branch| BString::from(format!("refs/heads/{branch}")));
        let candidates = [named, listing.head.clone()];
        let safe = || {
            let candidates = candidates.iter().flatten();
            candidates.filter(|name| super::listing::may_be_mirrored(name))
        };
        let branch = safe()
            .find(|name| listing.refs.contains_key(*name))
            .or_else(|| safe().next());
        if let Some(branch) = branch {
            set_head(self.path, branch)?;
        }
        Ok(())
    }
}
