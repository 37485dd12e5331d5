//! A large first clone comes in segments, so that an interruption costs one of
//! them and not all.
//!
//! | module | does |
//! |---|---|
//! | `options` | into how many |
//! | `survey` | a look at the history: commits without their files |
//! | `cuts` | where it is cut |
//! | `saved` | how far it is, on the disk |
//!
//! Each segment is a fetch of its own whose pack is put in place like any other.
//! They bring objects and no ref of the remote; the update that follows finds
//! nothing left to fetch but what changed meanwhile, has the whole checked, and
//! writes all refs at once.

mod cuts;
mod options;
pub(super) mod saved;
mod survey;

use std::collections::{BTreeMap, HashSet};

use bucketload_model::{GitPhase, GitSegment};
use git2::{Oid, Repository};
use gix_object::bstr::BString;

use super::carrier::{Carrier, Extent};
use super::check::is_whole;
use super::error::MirrorError;
use super::listing::Listing;
use super::plan::{archive_folder, is_archived};
use super::reach;
use super::refs::{Refs, Target};
use super::sweep::sweep;
use super::update::{ATTEMPTS, Update};
use super::version::GitVersion;

use cuts::{Cuts, Tip, by_line, by_tips};
pub use options::Segments;
use survey::Survey;

/// Cuts can be where a tag is; with fewer tags for each segment than this, they
/// would be far from where they should be.
const TAGS_PER_SEGMENT: usize = 2;

/// What the segments of one update brought.
#[derive(Debug, Default)]
pub(super) struct Brought {
    pub(super) segments: u64,
    pub(super) bytes: u64,
    pub(super) objects: u64,
    pub(super) one_piece_because: Option<&'static str>,
    /// Whether the server was found to refuse commits that no ref points to.
    refuses_hashes: bool,
}

impl Update<'_> {
    /// Brings the segments of a first clone that are not here yet, if it is one
    /// that comes in segments.
    pub(super) fn bring_segments(&self, brought: &mut Brought) -> Result<(), MirrorError> {
        for attempt in 1..=ATTEMPTS {
            match self.try_segments(brought) {
                Err(MirrorError::Moving) => {
                    tracing::debug!(attempt, "the remote changed since the clone was cut");
                    sweep(self.path)?;
                    saved::forget_cuts(self.path)?;
                }
                result => return result,
            }
        }
        // What did arrive is kept; the rest comes in one piece.
        brought.one_piece_because = Some("its refs kept moving");
        Ok(())
    }

    fn try_segments(&self, brought: &mut Brought) -> Result<(), MirrorError> {
        let repository = self.open()?;
        self.forget_what_is_broken(&repository)?;
        let Some(segments) = self.options.segments else {
            return Ok(());
        };
        if !saved::is_first_clone(&Refs::read(&repository)?) {
            return Ok(());
        }
        self.meter.begin(brought.bytes);
        self.check_cancel()?;
        let mut carrier = self.carrier()?;
        let listing = self.list(&mut *carrier)?;
        if listing.refs.is_empty() {
            return Ok(());
        }
        let cuts = match saved::read_cuts(self.path) {
            Some(cuts) => Ok(cuts),
            None => self.cut(&mut *carrier, &listing, segments, brought)?,
        };
        match cuts {
            Ok(cuts) => self.bring_each(&mut *carrier, &listing, &cuts, brought),
            Err(reason) => {
                tracing::info!(reason, "a large first clone comes in one piece");
                brought.one_piece_because = Some(reason);
                Ok(())
            }
        }
    }

    /// Something else than us may have taken a pack away meanwhile.
    fn forget_what_is_broken(&self, repository: &Repository) -> Result<(), MirrorError> {
        let refs = Refs::read(repository)?;
        let database = repository.odb().map_err(MirrorError::corrupt(self.path))?;
        let mut segments = refs
            .by_name
            .iter()
            .filter(|(name, _)| saved::is_segment(name));
        if segments.all(|(_, target)| database.exists(target.id)) {
            return Ok(());
        }
        tracing::warn!("segments of a clone are gone; it begins anew");
        saved::forget(repository)
    }

    /// Decides where to cut, or tells why not.
    fn cut(
        &self,
        carrier: &mut dyn Carrier,
        listing: &Listing,
        segments: Segments,
        brought: &mut Brought,
    ) -> Result<Result<Cuts, &'static str>, MirrorError> {
        if GitVersion::installed().is_err() {
            return Ok(Err("there is no git program to check the whole"));
        }
        let count = segments.count;
        let mut tips = tips(listing);
        let tags = tips.iter().filter(|tip| tip.is_tag()).count();
        let before = self.meter.read().received_bytes;
        let mut cuts = None;
        if tags < count * TAGS_PER_SEGMENT && !brought.refuses_hashes {
            let line = self.main_line(carrier, listing)?;
            let ids = || tips.iter().map(|tip| tip.id).collect();
            cuts = line.map(|line| by_line(&line, ids(), count));
        }
        if cuts.is_none() {
            self.date(carrier, &mut tips)?;
            cuts = Some(by_tips(tips, count));
        }
        brought.bytes += self.meter.read().received_bytes.saturating_sub(before);
        let Some(cuts) = cuts.filter(|cuts| cuts.len() > 1) else {
            return Ok(Err(
                "it has one ref, and its server does not show or give the commits behind it",
            ));
        };
        saved::save_cuts(self.path, &cuts)?;
        Ok(Ok(cuts))
    }

    /// The main line of the default branch, oldest first.
    fn main_line(
        &self,
        carrier: &mut dyn Carrier,
        listing: &Listing,
    ) -> Result<Option<Vec<Oid>>, MirrorError> {
        let named = self.options.head;
        let named = named.map(|branch| BString::from(format!("refs/heads/{branch}")));
        let mut branches = [named.as_ref(), listing.head.as_ref()]
            .into_iter()
            .flatten();
        let Some(tip) = branches.find_map(|branch| listing.refs.get(branch)) else {
            return Ok(None);
        };
        let survey = Survey::ask(carrier, self.path, &[*tip], Extent::History)?;
        let line = survey.map(|survey| survey.first_parents(*tip));
        let line = line.transpose().map_err(MirrorError::corrupt(self.path))?;
        Ok(line.filter(|line| line.len() > 1))
    }

    /// Learns when the commits at `tips` were made, if the server can tell.
    fn date(&self, carrier: &mut dyn Carrier, tips: &mut [Tip]) -> Result<(), MirrorError> {
        let wants: Vec<Oid> = tips.iter().map(|tip| tip.id).collect();
        if let Some(survey) = Survey::ask(carrier, self.path, &wants, Extent::Tips)? {
            for tip in tips {
                tip.made_at = survey.made_at(tip.id);
            }
        }
        Ok(())
    }

    fn bring_each(
        &self,
        carrier: &mut dyn Carrier,
        listing: &Listing,
        cuts: &Cuts,
        brought: &mut Brought,
    ) -> Result<(), MirrorError> {
        for (index, targets) in cuts.iter().enumerate() {
            self.check_cancel()?;
            // Opened anew, to see the packs that came.
            let repository = self.open()?;
            let own = Refs::read(&repository)?;
            let held: HashSet<Oid> = own.by_name.values().map(|target| target.id).collect();
            if targets.iter().all(|id| held.contains(id)) {
                continue;
            }
            let segment = GitSegment {
                number: index + 1,
                of: cuts.len(),
            };
            self.meter.begin_segment(segment);
            let received = self
                .bring(carrier, &repository, listing, &own, targets)
                .inspect_err(|error| {
                    let is_shown = |id| listing.refs.values().any(|shown| shown == id);
                    if matches!(error, MirrorError::Moving) && !targets.iter().all(is_shown) {
                        brought.refuses_hashes = true;
                    }
                })?;
            saved::hold(&self.open()?, targets)?;
            if let Some(arrived) = self.options.arrived {
                arrived();
            }
            let bytes = received.bytes.unwrap_or_default();
            tracing::debug!(
                segment = segment.number,
                of = segment.of,
                bytes,
                objects = received.objects,
                "a segment is here"
            );
            brought.segments += 1;
            brought.bytes += bytes;
            brought.objects += received.objects;
        }
        Ok(())
    }

    /// Has git look whether everything behind the refs of the remote is here. Each
    /// segment was fetched in the belief that those before it are.
    pub(super) fn check_whole(&self, listing: &Listing) -> Result<(), MirrorError> {
        self.meter
            .set(|transfer| transfer.phase = GitPhase::Finishing);
        let targets: HashSet<Oid> = listing.refs.values().copied().collect();
        if is_whole(self.path, &targets, self.options.cancel)? {
            return Ok(());
        }
        tracing::warn!("the segments of a clone do not make a whole; it begins anew");
        saved::forget(&self.open()?)?;
        Err(MirrorError::NotWhole)
    }

    /// Takes the segments' refs out of `own`. What only they hold, because the
    /// remote let go of it during the clone, is kept like anything that was fetched.
    pub(super) fn release_segments(
        &self,
        repository: &Repository,
        own: &mut Refs,
    ) -> Result<(), MirrorError> {
        let held = saved::take_segments(own);
        let live = own.by_name.iter().filter(|(name, _)| !is_archived(name));
        let tips: HashSet<Oid> = live.map(|(_, target)| target.id).collect();
        let known = reach::known(repository, held.iter().copied(), &tips)
            .map_err(MirrorError::corrupt(self.path))?;
        let folder = archive_folder(own, self.options.now);
        for id in held.difference(&known) {
            let mut name = folder.clone();
            name.extend_from_slice(format!("segments/{id}").as_bytes());
            own.by_name.insert(name, Target::new(*id));
        }
        Ok(())
    }
}

/// What the refs point to, each once.
fn tips(listing: &Listing) -> Vec<Tip> {
    let mut tips: BTreeMap<Oid, Tip> = BTreeMap::new();
    // A tag's name tells more than a branch's.
    let names = listing.refs.iter();
    let (tags, others): (Vec<_>, Vec<_>) =
        names.partition(|(name, _)| name.starts_with(b"refs/tags/"));
    for (name, id) in tags.into_iter().chain(others) {
        tips.entry(*id).or_insert_with(|| Tip {
            id: *id,
            name: name.to_vec(),
            made_at: None,
        });
    }
    tips.into_values().collect()
}
