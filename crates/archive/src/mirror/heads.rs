//! Commits that no ref of the remote leads to any more, such as those of declined pull
//! requests. Some servers still give them to who knows their hash.

use std::path::Path;

use git2::Oid;
use gix_object::bstr::BString;

use super::error::MirrorError;
use super::listing::PULL_PREFIX;
use super::lock::RepositoryLock;
use super::refs::{Refs, Target};
use super::sweep::sweep;
use super::update::{Remote, Update, UpdateOptions, by_carrier, check_url};

/// Brings a commit and keeps it as `refs/pull/<number>/head`. `false` where the remote does
/// not give it.
pub(super) fn bring(
    path: &Path,
    remote: &Remote,
    options: &UpdateOptions<'_>,
    number: i64,
    id: Oid,
) -> Result<bool, MirrorError> {
    check_url(&remote.url, options.allow_file)?;
    let _lock = RepositoryLock::acquire(path)?;
    sweep(path)?;
    let mut name = BString::from(PULL_PREFIX);
    name.extend_from_slice(format!("{number}/head").as_bytes());
    by_carrier(path, remote, options, |update| update.bring_head(&name, id))
}

impl Update<'_> {
    fn bring_head(&self, name: &BString, id: Oid) -> Result<bool, MirrorError> {
        self.meter.begin(0);
        self.check_cancel()?;
        let mut carrier = self.carrier()?;
        let listing = self.list(&mut *carrier)?;
        let repository = self.open()?;
        let mut own = Refs::read(&repository)?;
        match self.bring(&mut *carrier, &repository, &listing, &own, &[id]) {
            Ok(_) => {}
            // What was not listed is refused as what is gone would be.
            Err(MirrorError::Moving) => return Ok(false),
            Err(error) => return Err(error),
        }
        // Opened anew, to see the new pack.
        let repository = self.open()?;
        if repository.find_commit(id).is_err() {
            return Ok(false);
        }
        own.by_name.insert(name.clone(), Target::new(id));
        own.write(&repository)?;
        Ok(true)
    }
}
