//! What the archive holds: the list of repositories, one of them with what people said in it
//! and the files that belong to it, and what people bring along for it.

pub(crate) mod downloads;
pub(crate) mod files;
pub(crate) mod filter;
mod found;
pub(crate) mod issue;
pub(crate) mod issues;
pub(crate) mod list;
pub(crate) mod one;
pub(crate) mod part;
pub(crate) mod pull_request;
pub(crate) mod pull_requests;
pub(crate) mod upload;
