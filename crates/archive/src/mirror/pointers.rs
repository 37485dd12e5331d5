//! Searches a mirror for pointers of git LFS.
//!
//! Not by walking the history, all of it at each update: a pointer is a small file, and the
//! packs say of each object how large it is. All refs lead into the packs, and a
//! pack never changes, so one that was searched need not be searched again. Few objects are
//! small enough to be read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use bucketload_model::LfsObject;
use git2::Oid;
use gix_hash::Kind;
use gix_object::Find as _;
use gix_pack::data::entry::Header;
use gix_pack::{data, index};

use super::Mirror;
use super::error::MirrorError;
use super::git_program::{Git, detail};
use crate::lfs::pointer;

/// Objects that are looked at before asking whether to stop.
const PIECE: usize = 4_096;

/// Hashes on one command line.
const AT_ONCE: usize = 500;

/// A pointer, and what it points to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pointer {
    /// The object.
    pub object: LfsObject,
    /// The hash of the pointer itself.
    pub id: Oid,
}

/// What a search found.
#[derive(Debug, Clone, Default)]
pub struct PointerSearch {
    /// Pointers, each object once.
    pub pointers: Vec<Pointer>,
    /// Every pack that the mirror has, searched now or before.
    pub packs: BTreeSet<String>,
    /// Objects that were looked at.
    pub objects: u64,
}

impl Mirror {
    /// Searches the packs that were not `searched` before for pointers.
    ///
    /// Objects outside of packs are not searched: a fetch brings packs, and nothing else.
    ///
    /// # Errors
    ///
    /// [`MirrorError::Corrupt`] if a pack cannot be read; [`MirrorError::Cancelled`].
    pub fn pointers(
        &self,
        searched: &BTreeSet<String>,
        cancel: &AtomicBool,
    ) -> Result<PointerSearch, MirrorError> {
        let mut search = PointerSearch {
            packs: packs(&self.path)?,
            ..PointerSearch::default()
        };
        let mut found = BTreeMap::new();
        for pack in search.packs.difference(searched) {
            search.objects += self.search_pack(pack, &mut found, cancel)?;
        }
        search.pointers = found
            .into_iter()
            .map(|(object, id)| Pointer { object, id })
            .collect();
        Ok(search)
    }

    fn search_pack(
        &self,
        name: &str,
        found: &mut BTreeMap<LfsObject, Oid>,
        cancel: &AtomicBool,
    ) -> Result<u64, MirrorError> {
        let corrupt = || MirrorError::corrupt(&self.path);
        let objects = self.path.join("objects");
        let path = objects.join("pack").join(name);
        let index = index::File::at(path.with_extension("idx"), Kind::Sha1).map_err(corrupt())?;
        let pack = data::File::at(&path, Kind::Sha1).map_err(corrupt())?;
        let database =
            gix_odb::at(&objects, Kind::Sha1).map_err(MirrorError::io("open", &objects))?;
        // In the order of the pack: what is near lies near on the disk, too.
        let mut positions: Vec<u32> = (0..index.num_objects()).collect();
        positions.sort_unstable_by_key(|position| index.pack_offset_at_index(*position));
        let mut buffer = Vec::new();
        for piece in positions.chunks(PIECE) {
            if cancel.load(Ordering::Relaxed) {
                return Err(MirrorError::Cancelled);
            }
            for position in piece {
                let offset = index.pack_offset_at_index(*position);
                if !may_be_pointer(&pack, &index, offset).map_err(corrupt())? {
                    continue;
                }
                let id = index.oid_at_index(*position);
                let content = database.try_find(id, &mut buffer);
                let content = content.map_err(corrupt())?;
                if let Some(object) = content.and_then(|content| pointer::parse(content.data)) {
                    let id =
                        Oid::from_bytes(id.as_bytes()).map_err(MirrorError::corrupt(&self.path))?;
                    found.entry(object).or_insert(id);
                }
            }
        }
        Ok(u64::from(index.num_objects()))
    }

    /// Where in the history these files stand, by hash: one path for each that is found.
    ///
    /// # Errors
    ///
    /// [`MirrorError::GitMissing`], [`MirrorError::Cancelled`].
    pub fn paths_of(
        &self,
        files: &[String],
        cancel: &AtomicBool,
    ) -> Result<BTreeMap<String, String>, MirrorError> {
        let mut paths = BTreeMap::new();
        for files in files.chunks(AT_ONCE) {
            let wanted = files.iter().map(|id| format!("--find-object={id}"));
            let output = Git::new(&self.path, "log")
                .args(["--all", "--raw", "--no-abbrev", "--no-renames", "-m"])
                .args(["--root", "--format=", "-z"])
                .args(wanted)
                .run(b"", None, cancel, &|_| {})?;
            if !output.status.success() {
                return Err(MirrorError::GitProgram {
                    command: "log",
                    detail: detail(output.status, &output.stderr),
                });
            }
            for (id, path) in raw_entries(&output.stdout) {
                if files.contains(&id) {
                    paths.entry(id).or_insert(path);
                }
            }
        }
        Ok(paths)
    }
}

/// The names of the packs that are whole.
fn packs(mirror: &Path) -> Result<BTreeSet<String>, MirrorError> {
    let folder = mirror.join("objects/pack");
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(&folder).map_err(MirrorError::io("list", &folder))? {
        let path = entry.map_err(MirrorError::io("list", &folder))?.path();
        let is_pack = path
            .extension()
            .is_some_and(|extension| extension == "pack");
        let is_whole = is_pack && path.with_extension("idx").exists();
        if let (true, Some(name)) = (is_whole, path.file_name().and_then(|name| name.to_str())) {
            names.insert(name.to_owned());
        }
    }
    Ok(names)
}

/// Whether what stands at `offset` is a file, and small enough. Of one that is kept as the
/// difference to another the size is not known yet; it is a file if the other one is.
fn may_be_pointer(
    pack: &data::File,
    index: &index::File,
    mut offset: u64,
) -> Result<bool, gix_error::Error> {
    let mut is_delta = false;
    // A chain that leads back to itself ends here, too.
    for _ in 0..=index.num_objects() {
        let entry = pack.entry(offset)?;
        offset = match entry.header {
            Header::Blob => {
                return Ok(is_delta || entry.decompressed_size <= pointer::LONGEST_BYTES);
            }
            Header::Commit | Header::Tree | Header::Tag => return Ok(false),
            Header::OfsDelta { base_distance } => {
                let Some(base) = entry.checked_base_pack_offset(base_distance) else {
                    return Ok(false);
                };
                base
            }
            Header::RefDelta { base_id } => match index.lookup(base_id) {
                Some(base) => index.pack_offset_at_index(base),
                // It stands in another pack, whatever it is.
                None => return Ok(true),
            },
        };
        is_delta = true;
    }
    Ok(false)
}

/// Reads `:<mode> <mode> <old> <new> <letter>` and the path behind it.
fn raw_entries(output: &[u8]) -> Vec<(String, String)> {
    let mut parts = output.split(|byte| *byte == 0);
    let mut entries = Vec::new();
    while let Some(part) = parts.next() {
        let text = String::from_utf8_lossy(part);
        let Some(colon) = text.find(':') else {
            continue;
        };
        let words: Vec<&str> = text[colon..].split_whitespace().collect();
        let Some(path) = parts.next() else { break };
        let path = String::from_utf8_lossy(path).into_owned();
        for id in words.into_iter().skip(2).take(2) {
            entries.push((id.to_owned(), path.clone()));
        }
    }
    entries
}
