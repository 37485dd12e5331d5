//! Objects, from the remote to the disk.

use std::collections::HashSet;
use std::fs;

use bucketload_model::GitPhase;
use git2::{Oid, Repository};

use super::carrier::{Carrier, Received, Request};
use super::durable::install_packs;
use super::error::MirrorError;
use super::listing::Listing;
use super::reach;
use super::refs::Refs;
use super::sweep::INCOMING;
use super::update::Update;

impl Update<'_> {
    /// Fetches what is missing of `targets` and puts it on the disk. `own` are the
    /// refs of the mirror: what can be reached from them is here.
    pub(super) fn bring(
        &self,
        carrier: &mut dyn Carrier,
        repository: &Repository,
        listing: &Listing,
        own: &Refs,
        targets: &[Oid],
    ) -> Result<Received, MirrorError> {
        let tips: HashSet<Oid> = own.by_name.values().map(|target| target.id).collect();
        let known = reach::known(repository, targets.iter().copied(), &tips)
            .map_err(MirrorError::corrupt(self.path))?;
        let mut seen = known;
        let wants = targets.iter().copied().filter(|id| seen.insert(*id));
        let wants: Vec<Oid> = wants.collect();
        if wants.is_empty() {
            return Ok(Received::default());
        }
        let (shared, own) = commits(repository, own, listing);
        // Of this process alone: a `git` that outlived a killed parent must
        // not find it.
        let root = self.path.join(INCOMING);
        let incoming = root.join(std::process::id().to_string());
        let packs = incoming.join("pack");
        fs::create_dir_all(&packs).map_err(MirrorError::io("create", &packs))?;
        let result = carrier.fetch(&Request {
            wants: &wants,
            shared: &shared,
            own: &own,
            incoming: &incoming,
        });
        let mut received = result.inspect_err(|_| {
            // What is left of it is swept by the next update.
            let _ = fs::remove_dir_all(&root);
        })?;
        self.meter.set(|transfer| {
            transfer.phase = GitPhase::Finishing;
            // A small pack comes between two looks at the counters.
            transfer.received_objects = transfer.received_objects.max(received.objects);
            transfer.total_objects = Some(transfer.received_objects);
            if let Some(total) = transfer.total_deltas {
                transfer.resolved_deltas = total;
            }
        });
        let size = install_packs(&packs, &self.path.join("objects/pack"))?;
        received.bytes.get_or_insert(size);
        fs::remove_dir_all(&root).map_err(MirrorError::io("remove", &root))?;
        self.check_targets(targets)?;
        Ok(received)
    }

    /// No ref points to what is not here, whatever the carrier believes.
    fn check_targets(&self, targets: &[Oid]) -> Result<(), MirrorError> {
        let repository = self.open()?;
        let database = repository.odb().map_err(MirrorError::corrupt(self.path))?;
        if targets.iter().all(|id| database.exists(*id)) {
            Ok(())
        } else {
            Err(MirrorError::Moving)
        }
    }
}

/// The commits at the mirror's refs: those that the remote shows as well, and
/// those that it may or may not have.
fn commits(repository: &Repository, own: &Refs, listing: &Listing) -> (Vec<Oid>, Vec<Oid>) {
    let shown: HashSet<Oid> = listing.refs.values().copied().collect();
    let mut seen = HashSet::new();
    let (mut shared, mut others) = (Vec::new(), Vec::new());
    for target in own.by_name.values() {
        let commit = repository
            .find_object(target.id, None)
            .and_then(|object| object.peel_to_commit());
        // A ref to a tree or a blob has nothing to negotiate with.
        let Ok(commit) = commit else { continue };
        if seen.insert(commit.id()) {
            if shown.contains(&target.id) {
                shared.push(commit.id());
            } else {
                others.push(commit.id());
            }
        }
    }
    (shared, others)
}
