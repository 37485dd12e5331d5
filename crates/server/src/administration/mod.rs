//! What administrators see and decide.

pub(crate) mod audit;
pub(crate) mod credentials;
pub(crate) mod limits;
pub(crate) mod notices;
mod page;
pub(crate) mod sign_in;
pub(crate) mod users;
