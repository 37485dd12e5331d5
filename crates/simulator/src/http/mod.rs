//! What every endpoint of Bitbucket's API has in common: parameters, paging, `fields`, `q`, `sort`.

pub(crate) mod cursor;
pub(crate) mod fields;
pub(crate) mod filter;
pub(crate) mod list;
pub(crate) mod params;
pub(crate) mod reply;
