//! The archive as plain files.

mod compact;
mod jsonl;
mod rows;
mod writer;

pub use jsonl::{ExportError, export_jsonl};
pub(crate) use rows::{BLOBS, KINDS};
pub use writer::{ExportedFile, Manifest};
pub(crate) use writer::{LineDigest, hash};
