//! What pages look like: one file per page. Everything that is shown is escaped by the
//! templates; nothing here takes prepared HTML but the icons of this house and what `text` made
//! of what people wrote.

pub(crate) mod account;
pub(crate) mod asks;
pub(crate) mod audit;
pub(crate) mod chart;
pub(crate) mod credentials;
pub(crate) mod discussion;
pub(crate) mod discussions;
pub(crate) mod downloads;
pub(crate) mod gaps;
pub(crate) mod icons;
pub(crate) mod import;
pub(crate) mod import_line;
pub(crate) mod import_log;
pub(crate) mod imports;
pub(crate) mod issue;
pub(crate) mod layout;
pub(crate) mod limits;
pub(crate) mod new_import;
pub(crate) mod notices;
pub(crate) mod parts;
pub(crate) mod pending;
pub(crate) mod problem;
pub(crate) mod pull_request;
pub(crate) mod quota;
pub(crate) mod refused;
pub(crate) mod repositories;
pub(crate) mod repository;
pub(crate) mod review;
pub(crate) mod setup;
pub(crate) mod sign_in;
pub(crate) mod stages;
pub(crate) mod switches;
pub(crate) mod taken;
pub(crate) mod trouble;
pub(crate) mod upload;
pub(crate) mod users;
