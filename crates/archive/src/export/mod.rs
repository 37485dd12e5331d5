//! The archive as plain files.

mod compact;
mod diffs;
mod jsonl;
mod names;
mod read;
mod rows;
mod settings;
mod writer;

pub use jsonl::{ExportError, export_jsonl};
pub use read::{ExportFolder, ExportedLine, ReadExportError, find_exports};
pub(crate) use rows::{BLOBS, KINDS, SETTINGS};
pub use writer::{ExportedFile, Manifest};
pub(crate) use writer::{LineDigest, hash_file};
