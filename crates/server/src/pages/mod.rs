//! What pages look like: one file per page. Everything that is shown is escaped by the
//! templates; nothing here takes prepared HTML but the icons of this house.

pub(crate) mod account;
pub(crate) mod audit;
pub(crate) mod home;
pub(crate) mod icons;
pub(crate) mod layout;
pub(crate) mod parts;
pub(crate) mod pending;
pub(crate) mod problem;
pub(crate) mod setup;
pub(crate) mod sign_in;
pub(crate) mod switches;
pub(crate) mod users;
