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
