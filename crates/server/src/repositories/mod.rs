//! What the archive holds: the list of repositories, one of them, and what people bring
//! along for it.

pub(crate) mod list;
pub(crate) mod one;
pub(crate) mod upload;
