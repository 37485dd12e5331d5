//! Asking for imports on the dashboard: what there is to choose from, a look at what the choice
//! takes, and the beginning.

mod form;
pub(crate) mod plan;
pub(crate) mod review;
pub(crate) mod show;
pub(crate) mod start;

pub(crate) use form::{Choice, Place, Repositories};
