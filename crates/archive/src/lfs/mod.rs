//! Large files of git's history (git LFS): their pointers, and where they lie.

pub(crate) mod pointer;
mod store;

pub use store::{LfsStore, LfsStoreError, LfsWriter};
