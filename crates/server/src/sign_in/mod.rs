//! Coming in and going out.

pub(crate) mod begin;
pub(crate) mod callback;
pub(crate) mod code;
pub(crate) mod flow;
pub(crate) mod page;
pub(crate) mod profile;
pub(crate) mod sign_out;
pub(crate) mod words;
