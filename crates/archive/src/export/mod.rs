//! The archive as plain files.

mod compact;
mod jsonl;
mod rows;
mod writer;

pub use jsonl::{ExportError, export_jsonl};
pub use writer::{ExportedFile, Manifest};
