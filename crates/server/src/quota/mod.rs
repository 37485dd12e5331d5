//! The quota: how much of each bucket is used, by whom, and when more is to be had.

pub(crate) mod curve;
pub(crate) mod look;
pub(crate) mod show;
