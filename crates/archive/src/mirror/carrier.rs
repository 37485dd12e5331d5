//! The seam between what an update decides and how objects get here.

use std::path::Path;

use git2::Oid;

use super::error::MirrorError;
use super::listing::Listing;

/// Lists the refs of one remote and brings objects from it. Writes no ref.
pub(super) trait Carrier {
    /// Asks the remote for all its refs.
    fn list(&mut self) -> Result<Listing, MirrorError>;

    /// Brings what is missing of the wanted objects, as packs in
    /// [`Request::incoming`].
    fn fetch(&mut self, request: &Request<'_>) -> Result<Received, MirrorError>;

    /// Brings the wanted commits and tags and, unless they come alone, all
    /// commits behind them, but no trees and no files: a history to look at,
    /// not to keep. `false` where the carrier or the server cannot do that.
    ///
    /// The packs go to `pack` in `folder`, which is empty.
    fn survey(&mut self, wants: &[Oid], extent: Extent, folder: &Path)
    -> Result<bool, MirrorError>;
}

/// How much of a history is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// What is wanted alone.
    Tips,
    /// All that is behind it.
    History,
}

/// What to bring.
#[derive(Debug)]
pub(super) struct Request<'a> {
    /// Objects wanted. Each was listed, so the server lets it go; if it is
    /// gone meanwhile, the answer is [`MirrorError::Moving`].
    pub(super) wants: &'a [Oid],
    /// Commits of the mirror that the remote shows too.
    pub(super) shared: &'a [Oid],
    /// Commits of the mirror that the remote may or may not have.
    pub(super) own: &'a [Oid],
    /// The folder for the packs. Empty, and on the disk of the mirror.
    pub(super) incoming: &'a Path,
}

/// What came.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Received {
    /// Bytes over the network, as far as the carrier knows them.
    pub(super) bytes: Option<u64>,
    /// Objects in the pack.
    pub(super) objects: u64,
}
