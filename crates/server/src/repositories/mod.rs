//! What the archive holds: the list of repositories, and one of them.

pub(crate) mod list;
pub(crate) mod one;
